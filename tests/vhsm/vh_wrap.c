/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys on their way out and in, under the device key encryption key: check
 * value, type, OID, rights, encrypted components, CMAC over all of it.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "tests/vhsm/vh_card.h"
#include "tests/vhsm/vh_cvc.h"
#include "tests/vhsm/vh_gen.h"
#include "tests/vhsm/vh_import.h"
#include "tests/vhsm/vh_key.h"
#include "tests/vhsm/vh_wrap.h"

#define BLOCK	16
#define ALG_WRAP	0x92

static const uint8_t oid_aes[] = {
	0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01
};

bool
vh_wrap_kcv(const struct vh_dkek *d, uint8_t kcv[8])
{
	uint8_t md[SHA256_DIGEST_LENGTH];

	if (EVP_Q_digest(NULL, "SHA256", NULL, d->key, sizeof(d->key), md,
	    NULL) != 1)
		return false;
	memcpy(kcv, md, 8);
	return true;
}

/* SHA-256 of the DKEK and a number: 1 to encrypt, 2 for the MAC. */
static bool
derive(const struct vh_dkek *d, uint8_t number, uint8_t key[32])
{
	uint8_t in[sizeof(d->key) + 4] = { 0 };
	bool ok;

	memcpy(in, d->key, sizeof(d->key));
	in[sizeof(in) - 1] = number;
	ok = EVP_Q_digest(NULL, "SHA256", NULL, in, sizeof(in), key,
	    NULL) == 1;
	OPENSSL_cleanse(in, sizeof(in));
	return ok;
}

static bool
mac(const struct vh_dkek *d, struct span in, uint8_t tag[BLOCK])
{
	uint8_t key[32];
	size_t n = 0;
	bool ok;

	ok = derive(d, 2, key) && EVP_Q_mac(NULL, "CMAC", NULL,
	    "AES-256-CBC", NULL, key, sizeof(key), in.p, in.n, tag, BLOCK,
	    &n) != NULL && n == BLOCK;
	OPENSSL_cleanse(key, sizeof(key));
	return ok;
}

static bool
crypt(const struct vh_dkek *d, int encrypt, struct span in,
    struct vh_buf *out)
{
	static const uint8_t iv[BLOCK];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t key[32], *p;
	int n = 0;
	bool ok;

	ok = ctx != NULL && in.n % BLOCK == 0 && derive(d, 1, key) &&
	    EVP_CipherInit_ex2(ctx, EVP_aes_256_cbc(), key, iv, encrypt,
	    NULL) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	    (p = vh_buf_add(out, in.n)) != NULL &&
	    EVP_CipherUpdate(ctx, p, &n, in.p, (int)in.n) == 1 &&
	    (size_t)n == in.n;
	EVP_CIPHER_CTX_free(ctx);
	OPENSSL_cleanse(key, sizeof(key));
	return ok;
}

/* A 2-byte length, then the bytes. */
static void
put_string(struct vh_buf *b, struct span s)
{
	vh_buf_put_u16(b, (unsigned)s.n);
	vh_buf_put(b, s);
}

static bool
put_number(struct vh_buf *b, const EVP_PKEY *key, const char *param,
    size_t n)
{
	struct vh_buf v = { 0 };
	bool ok = vh_key_put_bn(key, param, n, &v);

	put_string(b, vh_buf_bytes(&v));
	vh_buf_free(&v);
	return ok;
}

static bool
put_rsa(struct vh_buf *b, const EVP_PKEY *key)
{
	size_t n = vh_key_size(key), half = n / 2;

	return put_number(b, key, OSSL_PKEY_PARAM_RSA_EXPONENT1, half) &&
	    put_number(b, key, OSSL_PKEY_PARAM_RSA_EXPONENT2, half) &&
	    put_number(b, key, OSSL_PKEY_PARAM_RSA_FACTOR1, half) &&
	    put_number(b, key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, half) &&
	    put_number(b, key, OSSL_PKEY_PARAM_RSA_FACTOR2, half) &&
	    put_number(b, key, OSSL_PKEY_PARAM_RSA_N, n) &&
	    put_number(b, key, OSSL_PKEY_PARAM_RSA_E, 0);
}

static bool
put_ec(struct vh_buf *b, const EVP_PKEY *key)
{
	const struct vh_curve *c = vh_curve_of(key);
	struct vh_buf q = { 0 };
	bool ok;

	ok = c != NULL && vh_curve_put_strings(c, b, "abpng") &&
	    put_number(b, key, OSSL_PKEY_PARAM_PRIV_KEY,
	    vh_curve_order_size(c)) && vh_key_put_point(key, &q);
	put_string(b, vh_buf_bytes(&q));
	vh_buf_free(&q);
	return ok;
}

static unsigned
bits_of(const struct vh_object *o)
{
	const struct vh_curve *c;

	if (o->key->pkey == NULL)
		return (unsigned)o->n * 8;
	if ((c = vh_curve_of(o->key->pkey)) != NULL)
		return c->bits;
	return (unsigned)EVP_PKEY_get_bits(o->key->pkey);
}

/* The encrypted part before encryption, padded to whole blocks. */
static bool
put_components(struct vh_buf *b, const struct vh_object *o)
{
	struct span aes = { o->p, o->n };
	uint8_t *salt = vh_buf_add(b, 8);
	bool ok = true;

	if (salt == NULL || RAND_bytes(salt, 8) != 1)
		return false;
	vh_buf_put_u16(b, bits_of(o));
	if (o->key->pkey == NULL)
		put_string(b, aes);
	else if (vh_key_is_rsa(o->key->pkey))
		ok = put_rsa(b, o->key->pkey);
	else
		ok = put_ec(b, o->key->pkey);
	vh_buf_put_u8(b, 0x80);
	while (!b->bad && b->n % BLOCK != 0)
		vh_buf_put_u8(b, 0);
	return ok && !b->bad;
}

static void
put_header(struct vh_buf *b, const struct vh_key *key)
{
	struct span algs = { key->algs, key->algs_n }, none = { NULL, 0 };
	struct span oid = { oid_aes, sizeof(oid_aes) };
	unsigned type = VH_BLOB_AES;

	if (key->pkey != NULL && vh_key_is_rsa(key->pkey)) {
		type = VH_BLOB_RSA_CRT;
		oid.p = vh_cvc_oid_rsa;
		oid.n = sizeof(vh_cvc_oid_rsa);
	} else if (key->pkey != NULL) {
		type = VH_BLOB_EC;
		oid.p = vh_cvc_oid_ec;
		oid.n = sizeof(vh_cvc_oid_ec);
	}
	vh_buf_put_u8(b, type);
	put_string(b, oid);
	put_string(b, algs);
	put_string(b, none);		/* access conditions */
	put_string(b, none);		/* key OID */
}

static uint16_t
dkek_ready(const struct vhsm *v)
{
	return v->st.dkek.on && v->st.dkek.missing == 0 ?
	    SW_OK : SW_CONDITIONS;
}

uint16_t
vh_wrap_key(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	struct vh_object *o = vh_store_find(&v->st, VH_FID_KEY | a->p1);
	struct vh_buf plain = { 0 };
	uint8_t *kcv, *tag, sum[BLOCK];
	uint16_t sw;

	if (a->p2 != 0x92)
		return SW_P1P2;
	if ((sw = dkek_ready(v)) != SW_OK)
		return sw;
	if (a->p1 == 0 || o == NULL || o->key == NULL)
		return SW_NOT_FOUND;
	if (o->key->algs_n != 0 &&
	    memchr(o->key->algs, ALG_WRAP, o->key->algs_n) == NULL)
		return SW_NOT_SUPPORTED;
	sw = SW_INTERNAL;
	if ((kcv = vh_buf_add(out, 8)) == NULL ||
	    !vh_wrap_kcv(&v->st.dkek, kcv))
		goto out;
	put_header(out, o->key);
	if (!put_components(&plain, o) ||
	    !crypt(&v->st.dkek, 1, vh_buf_bytes(&plain), out) ||
	    !mac(&v->st.dkek, vh_buf_bytes(out), sum) ||
	    (tag = vh_buf_add(out, BLOCK)) == NULL)
		goto out;
	memcpy(tag, sum, BLOCK);
	sw = SW_OK;
out:
	vh_buf_free(&plain);
	return sw;
}

static bool
take_string(struct span *in, struct span *s)
{
	struct span n;

	return vh_span_take(in, 2, &n) &&
	    vh_span_take(in, (size_t)n.p[0] << 8 | n.p[1], s);
}

/* Check value and MAC first: the rest is then by a holder of the DKEK. */
static bool
open_blob(const struct vh_dkek *d, struct span blob, struct vh_import *imp,
    struct vh_buf *plain)
{
	uint8_t kcv[8], sum[BLOCK];
	struct span in = blob, f, algs, skip;

	if (blob.n < BLOCK)
		return false;
	in.n -= BLOCK;
	if (!mac(d, in, sum) ||
	    CRYPTO_memcmp(sum, in.p + in.n, BLOCK) != 0 ||
	    !vh_wrap_kcv(d, kcv) || !vh_span_take(&in, 8, &f) ||
	    memcmp(f.p, kcv, 8) != 0 || !vh_span_take(&in, 1, &f))
		return false;
	imp->type = f.p[0];
	if (!take_string(&in, &skip) || !take_string(&in, &algs) ||
	    !take_string(&in, &skip) || !take_string(&in, &skip) ||
	    algs.n > VH_ALGS_MAX || in.n == 0 ||
	    !crypt(d, 0, in, plain))
		return false;
	imp->limits.algs_n = (uint8_t)algs.n;
	memcpy(imp->limits.algs, algs.p, algs.n);
	imp->components = vh_buf_bytes(plain);
	return true;
}

uint16_t
vh_wrap_unwrap(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	struct vh_object *staged = vh_store_find(&v->st, VH_FID_STAGING);
	struct vh_import imp = { 0 };
	struct vh_buf plain = { 0 };
	struct span blob = a->data;
	uint16_t sw;

	(void)out;
	if (a->p2 != 0x93)
		return SW_P1P2;
	if ((sw = dkek_ready(v)) != SW_OK ||
	    (sw = vh_gen_allowed(v, a->p1)) != SW_OK)
		return sw;
	if (blob.n == 0 && staged != NULL) {
		blob.p = staged->p;
		blob.n = staged->n;
	}
	if (!open_blob(&v->st.dkek, blob, &imp, &plain))
		sw = SW_DATA;
	else
		sw = vh_import_key(v, a->p1, &imp);
	vh_buf_free(&plain);
	if (sw == SW_OK && a->data.n == 0)
		vh_store_delete(&v->st, VH_FID_STAGING);
	return sw;
}

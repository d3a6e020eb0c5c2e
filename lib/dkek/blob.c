/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/secret.h"
#include "dkek/blob.h"
#include "dkek/private.h"
#include "ssh/wire.h"

#define BLOCK		16
#define SALT_BYTES	8

/* A length of two bytes, and as many bytes. */
static struct span
get_string(struct wire_r *r)
{
	const size_t high = wire_get_u8(r);

	return wire_get_raw(r, high << 8 | wire_get_u8(r));
}

static bool
is_kind(uint8_t kind)
{
	return kind == BLOB_RSA || kind == BLOB_RSA_CRT || kind == BLOB_EC ||
	    kind == BLOB_AES;
}

int
blob_parse(struct span in, struct blob *b, struct err *e)
{
	struct wire_r r;
	uint8_t kind;

	*b = (struct blob){ 0 };
	if (in.n < BLOCK)
		return err_set(e, ERR_FORMAT, 0, "too short for a key");
	b->signed_part = (struct span){ in.p, in.n - BLOCK };
	b->mac = (struct span){ in.p + in.n - BLOCK, BLOCK };
	wire_read(&r, b->signed_part);
	b->kcv = wire_get_raw(&r, DKEK_KCV_BYTES);
	kind = wire_get_u8(&r);
	(void)get_string(&r);		/* default algorithm */
	b->algs = get_string(&r);
	(void)get_string(&r);		/* access conditions */
	(void)get_string(&r);		/* key OID */
	b->sealed = wire_get_raw(&r, r.left);
	if (r.bad || b->sealed.n == 0 || b->sealed.n % BLOCK != 0)
		return err_set(e, ERR_FORMAT, 0, "no wrapped key, or one that "
		    "is cut off");
	if (!is_kind(kind))
		return err_set(e, ERR_FORMAT, 0, "a wrapped key of the "
		    "unknown kind %02x", kind);
	b->kind = (enum blob_kind)kind;
	return 0;
}

static void
put_hex(char hex[DKEK_KCV_LEN], const uint8_t *p)
{
	for (size_t i = 0; i < DKEK_KCV_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", p[i]);
}

void
blob_kcv_hex(const struct blob *b, char hex[DKEK_KCV_LEN])
{
	put_hex(hex, b->kcv.p);
}

/* The salt, and what of the key is never short. */
static size_t
least(const struct blob *b, const struct blob_public *p)
{
	switch (b->kind) {
	case BLOB_RSA:			/* n, d */
	case BLOB_RSA_CRT:		/* n, p, q, and three of their size */
		return SALT_BYTES + 2 * p->n.n;
	case BLOB_EC:			/* p, order, generator, d */
		return SALT_BYTES + 5 * (p->q.n / 2) - BLOCK;
	case BLOB_AES:
		break;
	}
	return 0;
}

int
blob_fits(const struct blob *b, const struct blob_public *p, struct err *e)
{
	const bool rsa = b->kind == BLOB_RSA || b->kind == BLOB_RSA_CRT;

	if ((rsa && p->n.n == 0) || (b->kind == BLOB_EC && p->q.n == 0) ||
	    b->kind == BLOB_AES)
		return err_set(e, ERR_FORMAT, 0, "the wrapped key is of "
		    "another kind than its public key");
	if (b->sealed.n < least(b, p))
		return err_set(e, ERR_FORMAT, 0, "the wrapped key is too "
		    "short for its public key");
	return 0;
}

static int
check_dkek(const struct blob *b, const struct dkek *d, struct err *e)
{
	char its[DKEK_KCV_LEN], ours[DKEK_KCV_LEN];

	blob_kcv_hex(b, its);
	put_hex(ours, dkek_kcv(d));
	if (memcmp(b->kcv.p, dkek_kcv(d), DKEK_KCV_BYTES) == 0)
		return 0;
	return err_set(e, ERR_DENIED, 0, "it is under the DKEK with the key "
	    "check value %s; the shares make one with %s", its, ours);
}

static int
check_mac(const struct blob *b, const struct dkek *d, struct err *e)
{
	uint8_t tag[BLOCK];
	size_t n = 0;

	if (EVP_Q_mac(NULL, "CMAC", NULL, "AES-256-CBC", NULL,
	    dkek_mac_key(d), DKEK_BYTES, b->signed_part.p, b->signed_part.n,
	    tag, sizeof(tag), &n) == NULL || n != sizeof(tag))
		return err_set(e, ERR_NOMEM, 0, "libcrypto made no MAC");
	if (CRYPTO_memcmp(tag, b->mac.p, sizeof(tag)) == 0)
		return 0;
	return err_set(e, ERR_DENIED, 0, "it was altered since it left the "
	    "token: its MAC is wrong");
}

static int
decrypt(struct span in, const uint8_t *key, uint8_t *out, struct err *e)
{
	static const uint8_t iv[BLOCK];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool ok;

	ok = ctx != NULL && EVP_DecryptInit_ex2(ctx, EVP_aes_256_cbc(), key,
	    iv, NULL) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	    EVP_DecryptUpdate(ctx, out, &n, in.p, (int)in.n) == 1 &&
	    (size_t)n == in.n;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : err_set(e, ERR_NOMEM, 0, "libcrypto did not decrypt");
}

/* The components, in the order of their kind. */
static bool
get_components(struct span plain, struct span *v, size_t n)
{
	struct wire_r r;

	wire_read(&r, plain);
	(void)wire_get_raw(&r, SALT_BYTES);
	(void)wire_get_raw(&r, 2);	/* its size in bits */
	for (size_t i = 0; i < n; i++) {
		v[i] = get_string(&r);
		if (v[i].n > PRIVATE_NUMBER_MAX)
			return false;
	}
	return !r.bad;
}

static int
prove_rsa(bool crt, struct span plain, const struct blob_public *p,
    struct err *e)
{
	struct private_rsa k = { 0 };
	struct span v[7];

	if (!get_components(plain, v, crt ? 7 : 3))
		return err_set(e, ERR_FORMAT, 0, "the wrapped key has not all "
		    "its parts");
	if (crt)
		k = (struct private_rsa){ .dp = v[0], .dq = v[1], .p = v[2],
		    .qinv = v[3], .q = v[4], .n = v[5], .e = v[6] };
	else
		k = (struct private_rsa){ .d = v[0], .n = v[1], .e = v[2] };
	if (p != NULL && (!span_eq(span_strip_zeros(k.n),
	    span_strip_zeros(p->n)) || !span_eq(span_strip_zeros(k.e),
	    span_strip_zeros(p->e))))
		return err_set(e, ERR_DENIED, 0, "the wrapped key is not that "
		    "of its public key");
	return private_prove_rsa(&k, e);
}

static int
prove_ec(struct span plain, const struct blob_public *p, struct err *e)
{
	struct private_ec k;
	struct span v[7];

	if (!get_components(plain, v, 7))
		return err_set(e, ERR_FORMAT, 0, "the wrapped key has not all "
		    "its parts");
	k = (struct private_ec){ .a = v[0], .b = v[1], .prime = v[2],
	    .order = v[3], .g = v[4], .d = v[5],
	    .q = p != NULL ? p->q : v[6] };
	if (p != NULL && v[6].n > 0 && !span_eq(v[6], p->q))
		return err_set(e, ERR_DENIED, 0, "the wrapped key is not that "
		    "of its public key");
	return private_prove_ec(&k, e);
}

static int
prove_aes(struct span plain, struct err *e)
{
	struct span key;

	if (!get_components(plain, &key, 1) ||
	    (key.n != 16 && key.n != 24 && key.n != 32))
		return err_set(e, ERR_FORMAT, 0, "the wrapped key is no AES "
		    "key");
	return 0;
}

static int
prove(const struct blob *b, struct span plain, const struct blob_public *p,
    struct err *e)
{
	switch (b->kind) {
	case BLOB_RSA:
	case BLOB_RSA_CRT:
		return prove_rsa(b->kind == BLOB_RSA_CRT, plain, p, e);
	case BLOB_EC:
		return prove_ec(plain, p, e);
	case BLOB_AES:
		break;
	}
	return prove_aes(plain, e);
}

int
blob_prove(const struct blob *b, const struct dkek *d,
    const struct blob_public *p, struct err *e)
{
	uint8_t *plain;
	int r;

	if ((r = check_dkek(b, d, e)) != 0 ||
	    (r = check_mac(b, d, e)) != 0 ||
	    (p != NULL && (r = blob_fits(b, p, e)) != 0))
		return r;
	if ((plain = secret_page_new(b->sealed.n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "wrapped key");
	if ((r = decrypt(b->sealed, dkek_enc_key(d), plain, e)) == 0)
		r = prove(b, (struct span){ plain, b->sealed.n }, p, e);
	secret_page_free(plain, b->sealed.n);
	return r;
}

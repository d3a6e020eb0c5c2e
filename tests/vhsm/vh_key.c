/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/vhsm/vh_key.h"

/* Of the usual exponent: the file is named by the number of bits. */
static EVP_PKEY *
rsa_made_before(unsigned bits, struct span e)
{
	static const uint8_t f4[] = { 1, 0, 1 };
	const char *dir = getenv("VHSM_RSA_KEYS");
	char path[PATH_MAX];
	EVP_PKEY *key;
	FILE *f;

	if (dir == NULL || !span_eq(e, (struct span){ f4, sizeof(f4) }) ||
	    snprintf(path, sizeof(path), "%s/%u", dir, bits) >= PATH_MAX ||
	    (f = fopen(path, "re")) == NULL)
		return NULL;
	key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	return key;
}

EVP_PKEY *
vh_key_new_rsa(unsigned bits, struct span e)
{
	EVP_PKEY *key = rsa_made_before(bits, e);
	EVP_PKEY_CTX *ctx;
	BIGNUM *bn;

	if (key != NULL)
		return key;
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	bn = BN_bin2bn(e.p, (int)e.n, NULL);
	if (ctx != NULL && bn != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) == 1 &&
	    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, bn) == 1 &&
	    EVP_PKEY_generate(ctx, &key) != 1)
		key = NULL;
	BN_free(bn);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

EVP_PKEY *
vh_key_new_ec(const struct vh_curve *c)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	if (ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_group_name(ctx, c->group) == 1 &&
	    EVP_PKEY_generate(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

bool
vh_key_is_rsa(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "RSA") == 1;
}

size_t
vh_key_size(const EVP_PKEY *key)
{
	const struct vh_curve *c;

	if (vh_key_is_rsa(key))
		return ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
	return (c = vh_curve_of(key)) != NULL ? (c->bits + 7) / 8 : 0;
}

bool
vh_key_put_bn(const EVP_PKEY *key, const char *param, size_t n,
    struct vh_buf *out)
{
	BIGNUM *bn = NULL;
	uint8_t *p;
	bool ok = false;

	if (EVP_PKEY_get_bn_param(key, param, &bn) != 1)
		return false;
	if (n == 0)
		n = (size_t)BN_num_bytes(bn);
	if ((p = vh_buf_add(out, n)) != NULL)
		ok = BN_bn2binpad(bn, p, (int)n) == (int)n;
	BN_clear_free(bn);
	return ok;
}

bool
vh_key_put_point(const EVP_PKEY *key, struct vh_buf *out)
{
	size_t n = vh_key_size(key);

	vh_buf_put_u8(out, 0x04);
	return n != 0 && vh_key_put_bn(key, OSSL_PKEY_PARAM_EC_PUB_X, n, out) &&
	    vh_key_put_bn(key, OSSL_PKEY_PARAM_EC_PUB_Y, n, out);
}

bool
vh_key_put_pkcs8(const EVP_PKEY *key, struct vh_buf *out)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	uint8_t *p;
	int n = -1;

	if (info != NULL &&
	    (n = i2d_PKCS8_PRIV_KEY_INFO(info, NULL)) > 0) {
		if ((p = vh_buf_add(out, (size_t)n)) != NULL)
			i2d_PKCS8_PRIV_KEY_INFO(info, &p);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	return n > 0 && !out->bad;
}

static bool
set_scheme(EVP_PKEY_CTX *ctx, const struct vh_scheme *s)
{
	if (s->pad == 0)
		return true;
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, s->pad) != 1)
		return false;
	return s->pad != RSA_PKCS1_PSS_PADDING ||
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool
vh_key_sign_hash(EVP_PKEY *key, const struct vh_scheme *s, struct span hash,
    struct vh_buf *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t start = out->n, n = (size_t)EVP_PKEY_get_size(key);
	const EVP_MD *md = s->md != NULL ? EVP_get_digestbyname(s->md) : NULL;
	uint8_t *p;
	bool ok = false;

	if (ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
	    set_scheme(ctx, s) && (md == NULL ||
	    EVP_PKEY_CTX_set_signature_md(ctx, md) == 1) &&
	    (p = vh_buf_add(out, n)) != NULL &&
	    EVP_PKEY_sign(ctx, p, &n, hash.p, hash.n) == 1) {
		out->n = start + n;
		ok = true;
	}
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

bool
vh_key_sign_message(EVP_PKEY *key, const struct vh_scheme *s,
    struct span msg, struct vh_buf *out)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	struct span hash = { md, 0 };

	return EVP_Q_digest(NULL, s->md, NULL, msg.p, msg.n, md,
	    &hash.n) == 1 && vh_key_sign_hash(key, s, hash, out);
}

/* An ECDSA signature from DER to its two numbers side by side. */
static bool
put_plain(const struct vh_curve *c, struct span der, struct vh_buf *out)
{
	const uint8_t *in = der.p;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &in, (long)der.n);
	size_t n = vh_curve_order_size(c);
	uint8_t *p;
	bool ok = false;

	if (sig != NULL && (p = vh_buf_add(out, 2 * n)) != NULL)
		ok = BN_bn2binpad(ECDSA_SIG_get0_r(sig), p, (int)n) > 0 &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(sig), p + n, (int)n) > 0;
	ECDSA_SIG_free(sig);
	return ok;
}

bool
vh_key_sign_cvc(EVP_PKEY *key, struct span msg, struct vh_buf *out)
{
	bool rsa = vh_key_is_rsa(key);
	struct vh_scheme s = { "SHA256", rsa ? RSA_PKCS1_PADDING : 0 };
	const struct vh_curve *c;
	struct vh_buf der = { 0 };
	bool ok;

	if (rsa)
		return vh_key_sign_message(key, &s, msg, out);
	ok = (c = vh_curve_of(key)) != NULL &&
	    vh_key_sign_message(key, &s, msg, &der) &&
	    put_plain(c, vh_buf_bytes(&der), out);
	vh_buf_free(&der);
	return ok;
}

bool
vh_key_decrypt_raw(EVP_PKEY *key, struct span in, struct vh_buf *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t n = vh_key_size(key);
	uint8_t *p;
	bool ok;

	ok = ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
	    (p = vh_buf_add(out, n)) != NULL &&
	    EVP_PKEY_decrypt(ctx, p, &n, in.p, in.n) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

bool
vh_key_ecdh(EVP_PKEY *key, struct span point, struct vh_buf *out)
{
	const struct vh_curve *c = vh_curve_of(key);
	EC_GROUP *g = c != NULL ? EC_GROUP_new_by_curve_name(c->nid) : NULL;
	EC_POINT *q = g != NULL ? EC_POINT_new(g) : NULL;
	BIGNUM *d = NULL;
	size_t n = 1 + 2 * vh_key_size(key);
	uint8_t *p;
	bool ok;

	ok = q != NULL && point.n == n && point.p[0] == 0x04 &&
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1 &&
	    EC_POINT_oct2point(g, q, point.p, point.n, NULL) == 1 &&
	    EC_POINT_mul(g, q, NULL, q, d, NULL) == 1 &&
	    (p = vh_buf_add(out, n)) != NULL &&
	    EC_POINT_point2oct(g, q, POINT_CONVERSION_UNCOMPRESSED, p, n,
	    NULL) == n;
	BN_clear_free(d);
	EC_POINT_free(q);
	EC_GROUP_free(g);
	ERR_clear_error();
	return ok;
}

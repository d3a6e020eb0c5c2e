/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "tests/vhsm/vh_gen.h"
#include "tests/vhsm/vh_import.h"
#include "tests/vhsm/vh_key.h"

#define STRINGS_MAX	7

static bool
take_strings(struct span *in, struct span *s, size_t n)
{
	struct span len;

	for (size_t i = 0; i < n; i++)
		if (!vh_span_take(in, 2, &len) || !vh_span_take(in,
		    (size_t)len.p[0] << 8 | len.p[1], &s[i]))
			return false;
	return in->n >= 1 && in->p[0] == 0x80;
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params != NULL && ctx != NULL &&
	    EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key,
	    EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

/* The numbers of an RSA key, each by its OSSL_PKEY_PARAM name. */
enum { N, E, D, P, Q, DP, DQ, QI, RSA_NUMBERS };

static EVP_PKEY *
rsa_from(BIGNUM *const bn[RSA_NUMBERS], size_t count)
{
	static const char *const names[RSA_NUMBERS] = {
		OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E,
		OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1,
		OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
		OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	bool ok = bld != NULL;

	for (size_t i = 0; ok && i < count; i++)
		ok = OSSL_PARAM_BLD_push_BN(bld, names[i], bn[i]) == 1;
	if (ok)
		key = from_params("RSA", bld);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

/* d = 1 / e mod (p - 1)(q - 1); the factors must make up n. */
static bool
find_d(BIGNUM *bn[RSA_NUMBERS])
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p1 = BN_dup(bn[P]), *q1 = BN_dup(bn[Q]), *phi = BN_new();
	bool ok;

	ok = ctx != NULL && p1 != NULL && q1 != NULL && phi != NULL &&
	    BN_mul(phi, p1, q1, ctx) == 1 && BN_cmp(phi, bn[N]) == 0 &&
	    BN_sub_word(p1, 1) == 1 && BN_sub_word(q1, 1) == 1 &&
	    BN_mul(phi, p1, q1, ctx) == 1 &&
	    BN_mod_inverse(bn[D], bn[E], phi, ctx) != NULL;
	BN_clear_free(p1);
	BN_clear_free(q1);
	BN_clear_free(phi);
	BN_CTX_free(ctx);
	return ok;
}

static EVP_PKEY *
rsa_key(struct span in, bool crt)
{
	static const int order_crt[] = { DP, DQ, P, QI, Q, N, E };
	static const int order[] = { D, N, E };
	struct span s[STRINGS_MAX];
	BIGNUM *bn[RSA_NUMBERS] = { NULL };
	EVP_PKEY *key = NULL;
	size_t n = crt ? 7 : 3;

	if (!take_strings(&in, s, n))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		int which = crt ? order_crt[i] : order[i];

		if (s[i].n == 0 || s[i].n > 512 || (bn[which] =
		    BN_bin2bn(s[i].p, (int)s[i].n, NULL)) == NULL)
			goto out;
	}
	if (!BN_is_odd(bn[N]) || BN_num_bits(bn[N]) < 1024)
		goto out;
	if (crt && ((bn[D] = BN_secure_new()) == NULL || !find_d(bn)))
		goto out;
	key = rsa_from(bn, crt ? RSA_NUMBERS : 3);
out:
	for (size_t i = 0; i < RSA_NUMBERS; i++)
		BN_clear_free(bn[i]);
	return key;
}

static EVP_PKEY *
ec_from(const struct vh_curve *c, struct span d, struct span q)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *bn = BN_bin2bn(d.p, (int)d.n, NULL);
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = NULL;

	if (bld == NULL || bn == NULL || OSSL_PARAM_BLD_push_utf8_string(bld,
	    OSSL_PKEY_PARAM_GROUP_NAME, c->group, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
	    q.p, q.n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, bn) != 1)
		goto out;
	key = from_params("EC", bld);
	ctx = key != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	if (ctx == NULL || EVP_PKEY_pairwise_check(ctx) != 1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
out:
	EVP_PKEY_CTX_free(ctx);
	BN_clear_free(bn);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

static EVP_PKEY *
ec_key(const struct vhsm *v, struct span in)
{
	enum { A, B, FIELD, ORDER, G, PRIV, PUB };
	struct span s[STRINGS_MAX];
	struct vh_params pr = { 0 };
	const struct vh_curve *c;

	if (!take_strings(&in, s, 7) || s[PRIV].n == 0 || s[PRIV].n > 66)
		return NULL;
	pr.a = s[A];
	pr.b = s[B];
	pr.p = s[FIELD];
	pr.n = s[ORDER];
	pr.g = s[G];
	if ((c = vh_curve_by_params(&pr)) == NULL ||
	    c->since > v->opt.major)
		return NULL;
	return ec_from(c, s[PRIV], s[PUB]);
}

static uint16_t
import_aes(struct vhsm *v, uint8_t id, struct span in,
    const struct vh_key *limits)
{
	struct vh_key *k;
	struct span s;

	if (!take_strings(&in, &s, 1) || (s.n != 16 && s.n != 24 &&
	    s.n != 32))
		return SW_DATA;
	if ((k = malloc(sizeof(*k))) == NULL)
		return SW_INTERNAL;
	*k = *limits;
	if (vh_store_put(&v->st, VH_FID_KEY | id, s, k))
		return SW_OK;
	vh_store_free_key(k);
	return SW_SPACE;
}

uint16_t
vh_import_key(struct vhsm *v, uint8_t id, const struct vh_import *imp)
{
	struct span in = imp->components, skip;
	EVP_PKEY *key = NULL;
	uint16_t sw = SW_DATA;

	if (!vh_span_take(&in, 10, &skip))
		return SW_DATA;
	switch (imp->type) {
	case VH_BLOB_AES:
		return import_aes(v, id, in, &imp->limits);
	case VH_BLOB_RSA:
		key = rsa_key(in, false);
		break;
	case VH_BLOB_RSA_CRT:
		key = rsa_key(in, true);
		break;
	case VH_BLOB_EC:
		key = ec_key(v, in);
		break;
	}
	if (key != NULL && (imp->type == VH_BLOB_EC || vh_gen_is_rsa_size(v,
	    (unsigned)EVP_PKEY_get_bits(key))))
		sw = vh_gen_keep(v, id, key, &imp->limits);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return sw;
}

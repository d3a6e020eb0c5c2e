/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include "dkek/private.h"

/* NULL for what is too long, too, and so for a number that is missing. */
static BIGNUM *
number(struct span s)
{
	BIGNUM *bn;

	if (s.n == 0 || s.n > PRIVATE_NUMBER_MAX || (bn = BN_secure_new()) ==
	    NULL)
		return NULL;
	BN_set_flags(bn, BN_FLG_CONSTTIME);
	return BN_bin2bn(s.p, (int)s.n, bn);
}

static int
is_not(struct err *e)
{
	ERR_clear_error();
	return err_set(e, ERR_DENIED, 0,
	    "the wrapped key is not that of its public key");
}

/* a * b mod m is 1. */
static bool
are_inverse(const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, BN_CTX *ctx)
{
	BIGNUM *one = BN_secure_new();
	bool yes;

	yes = one != NULL && BN_mod_mul(one, a, b, m, ctx) == 1 &&
	    BN_is_one(one);
	BN_clear_free(one);
	return yes;
}

/* d of a prime p undoes e: e * d mod (p - 1) is 1. */
static bool
is_exponent(struct span d, const BIGNUM *e, const BIGNUM *p, BN_CTX *ctx)
{
	BIGNUM *dp = number(d), *less = BN_dup(p);
	bool yes;

	yes = dp != NULL && less != NULL && BN_sub_word(less, 1) == 1 &&
	    !BN_is_zero(less) && are_inverse(dp, e, less, ctx);
	BN_clear_free(dp);
	BN_clear_free(less);
	return yes;
}

static bool
are_primes_of(const struct private_rsa *k, const BIGNUM *n, const BIGNUM *e,
    BN_CTX *ctx)
{
	BIGNUM *p = number(k->p), *q = number(k->q), *qinv = number(k->qinv);
	BIGNUM *product = BN_secure_new();
	bool yes;

	yes = p != NULL && q != NULL && qinv != NULL && product != NULL &&
	    BN_mul(product, p, q, ctx) == 1 && BN_cmp(product, n) == 0 &&
	    !BN_is_one(p) && !BN_is_one(q) &&
	    is_exponent(k->dp, e, p, ctx) && is_exponent(k->dq, e, q, ctx) &&
	    are_inverse(qinv, q, p, ctx);
	BN_clear_free(p);
	BN_clear_free(q);
	BN_clear_free(qinv);
	BN_clear_free(product);
	return yes;
}

/* What d signs e brings back: 2 is as good as any number. */
static bool
undoes(struct span d, const BIGNUM *n, const BIGNUM *e, BN_CTX *ctx)
{
	BIGNUM *secret = number(d), *two = BN_new(), *back = BN_new();
	bool yes;

	yes = secret != NULL && two != NULL && back != NULL && BN_is_odd(n) &&
	    BN_set_word(two, 2) == 1 && BN_mod_exp_mont_consttime(back, two,
	    secret, n, ctx, NULL) == 1 &&
	    BN_mod_exp(back, back, e, n, ctx) == 1 && BN_cmp(back, two) == 0;
	BN_clear_free(secret);
	BN_free(two);
	BN_free(back);
	return yes;
}

int
private_prove_rsa(const struct private_rsa *k, struct err *e)
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *n = number(k->n), *pub = number(k->e);
	bool yes;

	yes = ctx != NULL && n != NULL && pub != NULL && (k->d.n > 0 ?
	    undoes(k->d, n, pub, ctx) : are_primes_of(k, n, pub, ctx));
	BN_free(n);
	BN_free(pub);
	BN_CTX_free(ctx);
	return yes ? 0 : is_not(e);
}

static EC_POINT *
point(const EC_GROUP *group, struct span s, BN_CTX *ctx)
{
	EC_POINT *p = EC_POINT_new(group);

	if (p != NULL && EC_POINT_oct2point(group, p, s.p, s.n, ctx) == 1)
		return p;
	EC_POINT_free(p);
	return NULL;
}

/* The curve by its numbers, if that is one which has a name. */
static EC_GROUP *
curve(const struct private_ec *k, BN_CTX *ctx)
{
	BIGNUM *p = number(k->prime), *a = number(k->a), *b = number(k->b);
	BIGNUM *order = number(k->order);
	EC_GROUP *group = NULL;
	EC_POINT *g = NULL;
	bool ok;

	ok = p != NULL && a != NULL && b != NULL && order != NULL &&
	    (group = EC_GROUP_new_curve_GFp(p, a, b, ctx)) != NULL &&
	    (g = point(group, k->g, ctx)) != NULL &&
	    EC_GROUP_set_generator(group, g, order, BN_value_one()) == 1 &&
	    EC_GROUP_check_named_curve(group, 0, ctx) != NID_undef;
	EC_POINT_free(g);
	BN_free(p);
	BN_free(a);
	BN_free(b);
	BN_free(order);
	if (ok)
		return group;
	EC_GROUP_free(group);
	return NULL;
}

int
private_prove_ec(const struct private_ec *k, struct err *e)
{
	BN_CTX *ctx = BN_CTX_secure_new();
	EC_GROUP *group = ctx != NULL ? curve(k, ctx) : NULL;
	EC_POINT *q = NULL, *product = NULL;
	BIGNUM *d = number(k->d);
	bool yes;

	yes = group != NULL && d != NULL && !BN_is_zero(d) &&
	    (q = point(group, k->q, ctx)) != NULL &&
	    (product = EC_POINT_new(group)) != NULL &&
	    EC_POINT_mul(group, product, d, NULL, NULL, ctx) == 1 &&
	    EC_POINT_cmp(group, product, q, ctx) == 0;
	EC_POINT_free(product);
	EC_POINT_free(q);
	BN_clear_free(d);
	BN_CTX_free(ctx);
	if (group == NULL) {
		ERR_clear_error();
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "the wrapped key is on a curve that is not known here");
	}
	EC_GROUP_free(group);
	return yes ? 0 : is_not(e);
}

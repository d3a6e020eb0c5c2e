/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <strings.h>

#include <openssl/bn.h>
#include <openssl/obj_mac.h>

#include "tests/vhsm/vh_curve.h"

static const struct vh_curve curves[] = {
	{ "p192", "prime192v1", NID_X9_62_prime192v1, 192, 1 },
	{ "p256", "prime256v1", NID_X9_62_prime256v1, 256, 1 },
	{ "p384", "secp384r1", NID_secp384r1, 384, 3 },
	{ "p521", "secp521r1", NID_secp521r1, 521, 3 },
	{ "secp256k1", "secp256k1", NID_secp256k1, 256, 3 },
	{ "brainpoolP192r1", "brainpoolP192r1", NID_brainpoolP192r1,
	    192, 1 },
	{ "brainpoolP224r1", "brainpoolP224r1", NID_brainpoolP224r1,
	    224, 1 },
	{ "brainpoolP256r1", "brainpoolP256r1", NID_brainpoolP256r1,
	    256, 1 },
	{ "brainpoolP320r1", "brainpoolP320r1", NID_brainpoolP320r1,
	    320, 1 },
	{ "brainpoolP384r1", "brainpoolP384r1", NID_brainpoolP384r1,
	    384, 3 },
	{ "brainpoolP512r1", "brainpoolP512r1", NID_brainpoolP512r1,
	    512, 3 },
};
#define NCURVES (sizeof(curves) / sizeof(curves[0]))

/* Big-endian values of one curve, in the order of their tags 81 to 85. */
struct values {
	uint8_t	 v[5][1 + 2 * 66];
	size_t	 n[5];
};

static bool
take_bn(struct values *to, int i, const BIGNUM *bn, size_t n)
{
	to->n[i] = n;
	return BN_bn2binpad(bn, to->v[i], (int)n) == (int)n;
}

static bool
values_of(struct values *to, const struct vh_curve *c)
{
	EC_GROUP *g = EC_GROUP_new_by_curve_name(c->nid);
	BIGNUM *p = BN_new(), *a = BN_new(), *b = BN_new();
	size_t n = (c->bits + 7) / 8;
	bool ok = false;

	if (g == NULL || p == NULL || a == NULL || b == NULL ||
	    EC_GROUP_get_curve(g, p, a, b, NULL) != 1)
		goto out;
	to->n[3] = EC_POINT_point2oct(g, EC_GROUP_get0_generator(g),
	    POINT_CONVERSION_UNCOMPRESSED, to->v[3], sizeof(to->v[3]), NULL);
	ok = to->n[3] != 0 && take_bn(to, 0, p, n) && take_bn(to, 1, a, n) &&
	    take_bn(to, 2, b, n) && take_bn(to, 4, EC_GROUP_get0_order(g),
	    (size_t)BN_num_bytes(EC_GROUP_get0_order(g)));
out:
	BN_free(p);
	BN_free(a);
	BN_free(b);
	EC_GROUP_free(g);
	return ok;
}

const struct vh_curve *
vh_curve_by_name(const char *name)
{
	for (size_t i = 0; i < NCURVES; i++)
		if (strcasecmp(curves[i].name, name) == 0 ||
		    strcasecmp(curves[i].group, name) == 0)
			return &curves[i];
	return NULL;
}

const struct vh_curve *
vh_curve_of(const EVP_PKEY *key)
{
	char group[64];

	if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return NULL;
	return vh_curve_by_name(group);
}

const struct vh_curve *
vh_curve_by_params(const struct vh_params *params)
{
	const struct span given[5] = {
		params->p, params->a, params->b, params->g, params->n
	};
	struct values v;
	size_t i, k;

	for (i = 0; i < NCURVES; i++) {
		if (!values_of(&v, &curves[i]))
			continue;
		for (k = 0; k < 5; k++) {
			struct span mine = { v.v[k], v.n[k] };

			if (!span_eq(span_strip_zeros(given[k]),
			    span_strip_zeros(mine)))
				break;
		}
		if (k == 5)
			return &curves[i];
	}
	return NULL;
}

bool
vh_curve_put_params(const struct vh_curve *c, struct vh_buf *b)
{
	struct values v;

	if (!values_of(&v, c))
		return false;
	for (unsigned i = 0; i < 5; i++) {
		struct span s = { v.v[i], v.n[i] };

		vh_buf_put_tlv(b, 0x81 + i, s);
	}
	return true;
}

bool
vh_curve_put_strings(const struct vh_curve *c, struct vh_buf *b,
    const char *which)
{
	static const char names[] = "pabgn";
	struct values v;

	if (!values_of(&v, c))
		return false;
	for (; *which != '\0'; which++) {
		size_t i = (size_t)(strchr(names, *which) - names);
		struct span s = { v.v[i], v.n[i] };

		vh_buf_put_u16(b, (unsigned)s.n);
		vh_buf_put(b, s);
	}
	return true;
}

size_t
vh_curve_order_size(const struct vh_curve *c)
{
	return (c->bits + 7) / 8;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "ssh/curveparams.h"

static bool
take(uint8_t *out, size_t n, const BIGNUM *v)
{
	return n <= CURVEPARAMS_FIELD_MAX &&
	    BN_bn2binpad(v, out, (int)n) == (int)n;
}

static bool
take_all(const EC_GROUP *group, BIGNUM *p, BIGNUM *a, BIGNUM *b,
    struct curveparams *out)
{
	const BIGNUM *order = EC_GROUP_get0_order(group);

	if (EC_GROUP_get_curve(group, p, a, b, NULL) != 1)
		return false;
	out->field_n = (size_t)BN_num_bytes(p);
	out->order_n = (size_t)BN_num_bytes(order);
	return take(out->p, out->field_n, p) &&
	    take(out->a, out->field_n, a) && take(out->b, out->field_n, b) &&
	    take(out->n, out->order_n, order) &&
	    EC_POINT_point2oct(group, EC_GROUP_get0_generator(group),
	    POINT_CONVERSION_UNCOMPRESSED, out->g, sizeof(out->g),
	    NULL) == 1 + 2 * out->field_n;
}

int
curveparams_get(const char *name, struct curveparams *out, struct err *e)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(OBJ_sn2nid(name));
	BIGNUM *p = BN_new(), *a = BN_new(), *b = BN_new();
	int r = 0;

	*out = (struct curveparams){ 0 };
	if (group == NULL)
		r = err_set(e, ERR_UNSUPPORTED, 0,
		    "libcrypto does not know the curve %s", name);
	else if (p == NULL || a == NULL || b == NULL ||
	    !take_all(group, p, a, b, out))
		r = err_set(e, ERR_NOMEM, 0, "parameters of curve %s", name);
	BN_free(p);
	BN_free(a);
	BN_free(b);
	EC_GROUP_free(group);
	ERR_clear_error();
	return r;
}

size_t
curveparams_oid(const char *group, uint8_t *out, size_t len)
{
	ASN1_OBJECT *o = OBJ_nid2obj(OBJ_sn2nid(group));	/* not ours */
	const int n = o != NULL ? i2d_ASN1_OBJECT(o, NULL) : 0;

	if (n <= 0 || (size_t)n > len)
		return 0;
	return (size_t)i2d_ASN1_OBJECT(o, &out);
}

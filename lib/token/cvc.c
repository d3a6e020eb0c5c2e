/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/cvc.h"
#include "token/tlv.h"

/* Tags of TR-03110-3 D.2 and of the public-key template, 7F49. */
enum {
	TAG_OID = 0x06,
	TAG_CAR = 0x42,
	TAG_AUTHENTICATION = 0x67,
	TAG_PRIME_OR_MODULUS = 0x81,
	TAG_A_OR_EXPONENT = 0x82,
	TAG_B = 0x83,
	TAG_GENERATOR = 0x84,
	TAG_ORDER = 0x85,
	TAG_POINT = 0x86,
	TAG_HOLDER = 0x5f20,
	TAG_PROFILE = 0x5f29,
	TAG_CERTIFICATE = 0x7f21,
	TAG_PUBLIC_KEY = 0x7f49,
	TAG_BODY = 0x7f4e,
};

/* id-TA-RSA and id-TA-ECDSA; one more byte names the hash. */
static const uint8_t oid_rsa[] =
    { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x02, 0x01 };
static const uint8_t oid_ecdsa[] =
    { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x02, 0x02 };

static bool
starts_with(struct span s, const uint8_t *p, size_t n)
{
	return s.n >= n && memcmp(s.p, p, n) == 0;
}

static int
parse_rsa(struct tlv_r *r, struct cvc *c, struct err *e)
{
	c->key = CVC_RSA;
	c->n = tlv_get(r, TAG_PRIME_OR_MODULUS);
	c->e = tlv_get(r, TAG_A_OR_EXPONENT);
	if (r->bad)
		return err_set(e, ERR_FORMAT, 0,
		    "RSA key without modulus or exponent");
	return 0;
}

static int
parse_ec(struct tlv_r *r, struct cvc *c, struct err *e)
{
	c->key = CVC_EC;
	c->prime = tlv_get_opt(r, TAG_PRIME_OR_MODULUS);
	(void)tlv_get_opt(r, TAG_A_OR_EXPONENT);
	(void)tlv_get_opt(r, TAG_B);
	(void)tlv_get_opt(r, TAG_GENERATOR);
	(void)tlv_get_opt(r, TAG_ORDER);
	c->q = tlv_get(r, TAG_POINT);
	if (r->bad)
		return err_set(e, ERR_FORMAT, 0, "EC key without a point");
	return 0;
}

static int
parse_public_key(struct span in, struct cvc *c, struct err *e)
{
	struct tlv_r r;
	struct span oid;

	tlv_read(&r, in);
	oid = tlv_get(&r, TAG_OID);
	if (starts_with(oid, oid_rsa, sizeof(oid_rsa)))
		return parse_rsa(&r, c, e);
	if (starts_with(oid, oid_ecdsa, sizeof(oid_ecdsa)))
		return parse_ec(&r, c, e);
	if (r.bad)
		return err_set(e, ERR_FORMAT, 0, "public key without an OID");
	return err_set(e, ERR_UNSUPPORTED, 0, "public key of an unknown kind");
}

int
cvc_parse(struct span in, struct cvc *c, struct err *e)
{
	struct span body, key;
	struct tlv_r r;

	*c = (struct cvc){ 0 };
	tlv_read(&r, in);
	if (tlv_peek(&r) == TAG_AUTHENTICATION)
		tlv_read(&r, tlv_get(&r, TAG_AUTHENTICATION));
	tlv_read(&r, tlv_get(&r, TAG_CERTIFICATE));
	body = tlv_get(&r, TAG_BODY);
	if (r.bad || body.n == 0)
		return err_set(e, ERR_FORMAT, 0,
		    "not a card-verifiable certificate, or cut off");
	tlv_read(&r, body);
	(void)tlv_get(&r, TAG_PROFILE);
	(void)tlv_get_opt(&r, TAG_CAR);
	key = tlv_get(&r, TAG_PUBLIC_KEY);
	c->holder = tlv_get(&r, TAG_HOLDER);
	if (r.bad)
		return err_set(e, ERR_FORMAT, 0,
		    "card-verifiable certificate without key or holder");
	return parse_public_key(key, c, e);
}

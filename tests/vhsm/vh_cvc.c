/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>

#include "tests/vhsm/vh_cvc.h"
#include "tests/vhsm/vh_key.h"

const uint8_t vh_cvc_oid_rsa[10] = {
	0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x02, 0x01, 0x02
};
const uint8_t vh_cvc_oid_ec[10] = {
	0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x02, 0x02, 0x03
};

/* 1.3.6.1.4.1.24991.3.1.1, the holder's role in a SmartCard-HSM PKI. */
static const uint8_t oid_role[] = {
	0x2b, 0x06, 0x01, 0x04, 0x01, 0x81, 0xc3, 0x1f, 0x03, 0x01, 0x01
};

enum { ROLE_DEVICE = 0x00, ROLE_CA = 0x80 };

/* Close an inner template into out. */
static void
put_closed(struct vh_buf *out, unsigned tag, struct vh_buf *inner)
{
	vh_buf_put_tlv(out, tag, vh_buf_bytes(inner));
	out->bad |= inner->bad;
	vh_buf_free(inner);
}

static bool
put_rsa(struct vh_buf *b, const EVP_PKEY *key)
{
	struct span oid = { vh_cvc_oid_rsa, sizeof(vh_cvc_oid_rsa) };
	struct vh_buf n = { 0 }, e = { 0 };
	bool ok;

	vh_buf_put_tlv(b, 0x06, oid);
	ok = vh_key_put_bn(key, OSSL_PKEY_PARAM_RSA_N, 0, &n) &&
	    vh_key_put_bn(key, OSSL_PKEY_PARAM_RSA_E, 0, &e);
	put_closed(b, 0x81, &n);
	put_closed(b, 0x82, &e);
	return ok;
}

static bool
put_ec(struct vh_buf *b, const EVP_PKEY *key, bool params)
{
	struct span oid = { vh_cvc_oid_ec, sizeof(vh_cvc_oid_ec) };
	const struct vh_curve *c = vh_curve_of(key);
	uint8_t cofactor = 1;
	struct span h = { &cofactor, 1 };
	struct vh_buf q = { 0 };
	bool ok;

	vh_buf_put_tlv(b, 0x06, oid);
	ok = c != NULL && (!params || vh_curve_put_params(c, b)) &&
	    vh_key_put_point(key, &q);
	put_closed(b, 0x86, &q);
	if (params)
		vh_buf_put_tlv(b, 0x87, h);
	return ok;
}

static bool
put_public_key(struct vh_buf *out, const EVP_PKEY *key, bool params)
{
	struct vh_buf b = { 0 };
	bool ok;

	ok = vh_key_is_rsa(key) ? put_rsa(&b, key) : put_ec(&b, key, params);
	put_closed(out, 0x7f49, &b);
	return ok;
}

static void
put_version(struct vh_buf *b)
{
	uint8_t zero = 0;
	struct span cpi = { &zero, 1 };

	vh_buf_put_tlv(b, 0x5f29, cpi);
}

/* Append 7F21 { 7F4E body, 5F37 signature over the body }. */
static bool
put_signed(struct vh_buf *out, struct vh_buf *body, EVP_PKEY *signer)
{
	struct vh_buf cvc = { 0 }, sig = { 0 };
	bool ok;

	put_closed(&cvc, 0x7f4e, body);
	ok = vh_key_sign_cvc(signer, vh_buf_bytes(&cvc), &sig);
	put_closed(&cvc, 0x5f37, &sig);
	put_closed(out, 0x7f21, &cvc);
	return ok && !out->bad;
}

bool
vh_cvc_put_request(struct vh_buf *out, EVP_PKEY *key,
    const struct vh_request *r, EVP_PKEY *device)
{
	struct vh_buf body = { 0 }, outer = { 0 }, sig = { 0 };
	bool ok;

	put_version(&body);
	if (r->car.n != 0)
		vh_buf_put_tlv(&body, 0x42, r->car);
	ok = put_public_key(&body, key, true);
	vh_buf_put_tlv(&body, 0x5f20, r->chr);
	ok = put_signed(&outer, &body, key) && ok;
	vh_buf_put_tlv(&outer, 0x42, r->outer_car);
	ok = vh_key_sign_cvc(device, vh_buf_bytes(&outer), &sig) && ok;
	put_closed(&outer, 0x5f37, &sig);
	put_closed(out, 0x67, &outer);
	return ok && !out->bad;
}

struct holder {
	const char	*car, *chr;
	uint8_t		 role;
	EVP_PKEY	*key, *signer;
};

static bool
put_certificate(struct vh_buf *out, const struct holder *h)
{
	static const uint8_t from[6] = { 2, 0, 0, 1, 0, 1 };
	static const uint8_t until[6] = { 4, 9, 1, 2, 3, 1 };
	struct span role_oid = { oid_role, sizeof(oid_role) };
	struct span role = { &h->role, 1 };
	struct span from_s = { from, 6 }, until_s = { until, 6 };
	struct vh_buf body = { 0 }, chat = { 0 };
	bool ok;

	put_version(&body);
	vh_buf_put_tlv(&body, 0x42, span_cstr(h->car));
	ok = put_public_key(&body, h->key, h->role != ROLE_DEVICE);
	vh_buf_put_tlv(&body, 0x5f20, span_cstr(h->chr));
	vh_buf_put_tlv(&chat, 0x06, role_oid);
	vh_buf_put_tlv(&chat, 0x53, role);
	put_closed(&body, 0x7f4c, &chat);
	vh_buf_put_tlv(&body, 0x5f25, from_s);
	vh_buf_put_tlv(&body, 0x5f24, until_s);
	return put_signed(out, &body, h->signer) && ok;
}

static bool
keep_device(struct vh_store *st, EVP_PKEY *key, struct vh_buf *certs)
{
	struct vh_key *k = calloc(1, sizeof(*k));
	struct vh_buf der = { 0 };
	bool ok;

	ok = k != NULL && vh_key_put_pkcs8(key, &der) &&
	    vh_store_put(st, VH_FID_DEVCERT, vh_buf_bytes(certs), NULL) &&
	    vh_store_put(st, VH_FID_DEVKEY, vh_buf_bytes(&der), k);
	if (ok && EVP_PKEY_up_ref(key) == 1)
		k->pkey = key;
	else if (!ok)
		free(k);
	vh_buf_free(&der);
	return ok;
}

bool
vh_cvc_make_device(struct vh_store *st)
{
	const struct vh_curve *c = vh_curve_by_name("brainpoolP256r1");
	EVP_PKEY *root = vh_key_new_ec(c), *ca = vh_key_new_ec(c);
	EVP_PKEY *key = vh_key_new_ec(c);
	struct vh_buf certs = { 0 };
	char chr[sizeof(st->serial) + 5];
	bool ok;

	snprintf(chr, sizeof(chr), "%s00000", st->serial);
	ok = root != NULL && ca != NULL && key != NULL &&
	    put_certificate(&certs, &(struct holder){ "VHDICA00001", chr,
	    ROLE_DEVICE, key, ca }) &&
	    put_certificate(&certs, &(struct holder){ "VHSRCACC00001",
	    "VHDICA00001", ROLE_CA, ca, root }) &&
	    keep_device(st, key, &certs);
	vh_buf_free(&certs);
	EVP_PKEY_free(root);
	EVP_PKEY_free(ca);
	EVP_PKEY_free(key);
	return ok;
}

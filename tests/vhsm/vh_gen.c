/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "tests/vhsm/vh_cvc.h"
#include "tests/vhsm/vh_gen.h"
#include "tests/vhsm/vh_key.h"

uint16_t
vh_gen_allowed(const struct vhsm *v, uint8_t id)
{
	if (id == 0)
		return SW_P1P2;
	if (v->st.dkek.on && v->st.dkek.missing != 0)
		return SW_CONDITIONS;
	return SW_OK;
}

static uint16_t
keep(struct vhsm *v, uint8_t id, struct span content, EVP_PKEY *key,
    const struct vh_key *limits)
{
	struct vh_key *k = malloc(sizeof(*k));

	if (k == NULL || (key != NULL && EVP_PKEY_up_ref(key) != 1)) {
		free(k);
		return SW_INTERNAL;
	}
	*k = *limits;
	k->pkey = key;
	if (vh_store_put(&v->st, VH_FID_KEY | id, content, k))
		return SW_OK;
	vh_store_free_key(k);
	return SW_SPACE;
}

uint16_t
vh_gen_keep(struct vhsm *v, uint8_t id, EVP_PKEY *key,
    const struct vh_key *limits)
{
	struct vh_buf der = { 0 };
	uint16_t sw = SW_INTERNAL;

	if (vh_key_put_pkcs8(key, &der))
		sw = keep(v, id, vh_buf_bytes(&der), key, limits);
	vh_buf_free(&der);
	return sw;
}

bool
vh_gen_is_rsa_size(const struct vhsm *v, unsigned bits)
{
	switch (bits) {
	case 1024: case 1536: case 2048:
		return true;
	case 3072: case 4096:
		return v->opt.major >= 3;
	}
	return false;
}

/* Odd and of at most 4 bytes, lest a key takes forever to find. */
static bool
is_exponent(struct span e)
{
	e = span_strip_zeros(e);
	return e.n >= 1 && e.n <= 4 && (e.p[e.n - 1] & 1) != 0 &&
	    (e.n > 1 || e.p[0] >= 3);
}

uint16_t
vh_gen_make_pair(struct vhsm *v, uint8_t id, const struct vh_gen *g,
    struct vh_buf *out)
{
	struct vh_request r = { g->car, g->chr, g->outer_car };
	struct vh_object *device = vh_store_find(&v->st, VH_FID_DEVKEY);
	EVP_PKEY *key = NULL;
	uint16_t sw = SW_DATA;

	if (v->opt.major < 2)
		r.car.n = 0;
	if (g->curve != NULL) {
		if (g->curve->since <= v->opt.major)
			key = vh_key_new_ec(g->curve);
	} else if (vh_gen_is_rsa_size(v, g->bits) && is_exponent(g->e)) {
		key = vh_key_new_rsa(g->bits, g->e);
	}
	if (key == NULL)
		goto out;
	sw = SW_INTERNAL;
	if (device == NULL || device->key == NULL ||
	    !vh_cvc_put_request(out, key, &r, device->key->pkey))
		goto out;
	if ((sw = vh_gen_keep(v, id, key, &g->limits)) != SW_OK)
		goto out;
	if (!vh_store_put(&v->st, VH_FID_CERT | id, vh_buf_bytes(out),
	    NULL)) {
		vh_store_delete(&v->st, VH_FID_KEY | id);
		sw = SW_SPACE;
	}
out:
	EVP_PKEY_free(key);
	return sw;
}

uint16_t
vh_gen_make_aes(struct vhsm *v, uint8_t id, size_t n,
    const struct vh_key *limits)
{
	uint8_t key[32];
	struct span s = { key, n };
	uint16_t sw = SW_INTERNAL;

	if (v->opt.major < 3)
		return SW_INS;
	if (n <= sizeof(key) && RAND_bytes(key, (int)n) == 1)
		sw = keep(v, id, s, NULL, limits);
	OPENSSL_cleanse(key, sizeof(key));
	return sw;
}

static bool
has_oid(struct span s, const uint8_t *oid, size_t n)
{
	return s.n == n && memcmp(s.p, oid, n) == 0;
}

static uint16_t
parse_public(struct vh_gen *g, struct span in)
{
	struct vh_params pr = { 0 };
	struct span *const slot[] = {
		&pr.p, &pr.a, &pr.b, &pr.g, &pr.n, NULL, &pr.h
	};
	struct span f, oid = { 0 }, bits = { 0 };
	unsigned tag;

	while (in.n != 0) {
		if (!vh_tlv_next(&in, &tag, &f))
			return SW_DATA;
		if (tag == 0x06)
			oid = f;
		else if (tag == 0x02)
			bits = f;
		else if (tag >= 0x81 && tag <= 0x87 && tag != 0x86)
			*slot[tag - 0x81] = f;
		else
			return SW_DATA;
	}
	if (has_oid(oid, vh_cvc_oid_ec, sizeof(vh_cvc_oid_ec))) {
		g->curve = vh_curve_by_params(&pr);
		return g->curve != NULL ? SW_OK : SW_DATA;
	}
	if (!has_oid(oid, vh_cvc_oid_rsa, sizeof(vh_cvc_oid_rsa)) ||
	    bits.n != 2)
		return SW_DATA;
	g->bits = (unsigned)bits.p[0] << 8 | bits.p[1];
	g->e = pr.a;
	return SW_OK;
}

static bool
parse_algs(struct vh_key *k, struct span f)
{
	if (f.n > VH_ALGS_MAX)
		return false;
	k->algs_n = (uint8_t)f.n;
	if (f.n != 0)
		memcpy(k->algs, f.p, f.n);
	return true;
}

static bool
parse_counter(struct vh_key *k, struct span f)
{
	if (f.n != 4)
		return false;
	k->counted = true;
	k->uses = (uint32_t)f.p[0] << 24 | (uint32_t)f.p[1] << 16 |
	    (uint32_t)f.p[2] << 8 | f.p[3];
	return true;
}

static bool
parse_field(struct vh_gen *g, unsigned tag, struct span f, bool *have_key)
{
	switch (tag) {
	case 0x5f29:
		return f.n == 1 && f.p[0] == 0;
	case 0x42:
		g->car = f;
		return f.n >= 1 && f.n <= 16;
	case 0x5f20:
		g->chr = f;
		return f.n >= 1 && f.n <= 16;
	case 0x45:
		g->outer_car = f;
		return f.n >= 1 && f.n <= 16;
	case 0x7f49:
		*have_key = true;
		return parse_public(g, f) == SW_OK;
	case 0x90:
		return parse_counter(&g->limits, f);
	case 0x91:
		return parse_algs(&g->limits, f);
	case 0x92:			/* key domain: there is only one */
		return f.n == 1 && f.p[0] == 0;
	}
	return false;
}

/* The device's own CHR signs the outside, unless told otherwise. */
static void
device_chr(const struct vhsm *v, char chr[17])
{
	size_t n = strlen(v->st.serial);

	memcpy(chr, v->st.serial, n);
	memcpy(chr + n, "00000", 6);
}

uint16_t
vh_gen_pair(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	struct vh_gen g = { 0 };
	struct span in = a->data, f;
	bool have_key = false;
	char chr[17];
	unsigned tag;
	uint16_t sw;

	if (a->p2 != 0)
		return SW_P1P2;
	if ((sw = vh_gen_allowed(v, a->p1)) != SW_OK)
		return sw;
	device_chr(v, chr);
	g.outer_car.p = (const uint8_t *)chr;
	g.outer_car.n = strlen(chr);
	while (in.n != 0)
		if (!vh_tlv_next(&in, &tag, &f) ||
		    !parse_field(&g, tag, f, &have_key))
			return SW_DATA;
	if (!have_key || g.chr.n == 0 || g.car.n == 0)
		return SW_DATA;
	return vh_gen_make_pair(v, a->p1, &g, out);
}

uint16_t
vh_gen_secret(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	static const struct vh_key defaults = {
		.algs = { 0x10, 0x11, 0x18, 0x99 }, .algs_n = 4
	};
	struct vh_key limits = defaults;
	struct span in = a->data, f;
	unsigned tag;
	uint16_t sw;

	(void)out;
	if (a->p2 < 0xb0 || a->p2 > 0xb2)
		return SW_P1P2;
	if ((sw = vh_gen_allowed(v, a->p1)) != SW_OK)
		return sw;
	if (in.n != 0 && (!vh_tlv_next(&in, &tag, &f) || tag != 0x91 ||
	    in.n != 0 || !parse_algs(&limits, f)))
		return SW_DATA;
	return vh_gen_make_aes(v, a->p1, 16 + 8 * (size_t)(a->p2 - 0xb0),
	    &limits);
}

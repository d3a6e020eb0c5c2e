/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>

#include <openssl/evp.h>

#include "ssh/krl.h"
#include "ssh/krl_part.h"
#include "ssh/krl_view.h"

static int
check_list(struct span part, struct err *e)
{
	struct wire_r r;

	wire_read(&r, part);
	while (!r.bad && r.left > 0)
		if (wire_get_u64(&r) == 0)
			r.bad = true;
	return wire_end(&r) ? 0 : err_set(e, ERR_FORMAT, 0,
	    "malformed list of serial numbers in a revocation list");
}

static int
check_range(struct span part, struct err *e)
{
	struct wire_r r;
	uint64_t lo, hi;

	wire_read(&r, part);
	lo = wire_get_u64(&r);
	hi = wire_get_u64(&r);
	return wire_end(&r) && lo > 0 && lo <= hi ? 0 :
	    err_set(e, ERR_FORMAT, 0,
	    "malformed range of serial numbers in a revocation list");
}

static int
check_bitmap(struct span part, struct err *e)
{
	struct span bits;
	uint64_t offset, last = 0;

	if (!krl_part_get_bitmap(part, &offset, &bits) ||
	    (offset == 0 && krl_part_has_bit(bits, 0)))
		goto bad;
	if (bits.n > 0)
		last = 8 * (uint64_t)bits.n - 1;
	while (last > 0 && !krl_part_has_bit(bits, last))
		last--;
	if (last <= UINT64_MAX - offset)
		return 0;
bad:
	return err_set(e, ERR_FORMAT, 0,
	    "malformed bitmap of serial numbers in a revocation list");
}

static int
check_key_ids(struct span part, struct err *e)
{
	struct span id;
	struct wire_r r;

	wire_read(&r, part);
	while (r.left > 0)
		if (!krl_part_get_text(&r, &id))
			return err_set(e, ERR_FORMAT, 0,
			    "malformed key ID in a revocation list");
	return 0;
}

static int
check_extension(struct span data, struct err *e)
{
	struct span name;
	struct wire_r r;
	bool well, critical;

	wire_read(&r, data);
	well = krl_part_get_text(&r, &name);
	critical = wire_get_u8(&r) != 0;
	wire_get_string(&r);
	if (!well || !wire_end(&r))
		return err_set(e, ERR_FORMAT, 0,
		    "malformed extension in a revocation list");
	if (critical)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "revocation list with a critical extension");
	return 0;
}

static int
check_part(uint8_t type, struct span data, struct err *e)
{
	switch (type) {
	case KRL_SERIAL_LIST:
		return check_list(data, e);
	case KRL_SERIAL_RANGE:
		return check_range(data, e);
	case KRL_SERIAL_BITMAP:
		return check_bitmap(data, e);
	case KRL_KEY_IDS:
		return check_key_ids(data, e);
	case KRL_PART_EXTENSION:
		return check_extension(data, e);
	default:
		return err_set(e, ERR_UNSUPPORTED, 0, "revocation list with "
		    "certificates of an unknown kind, 0x%02x", type);
	}
}

static int
check_certificates(struct span section, struct err *e)
{
	struct wire_r r, key;
	struct span ca, data;
	uint8_t type;
	int x = 0;

	wire_read(&r, section);
	ca = krl_part_get_ca(&r);
	wire_read(&key, ca);
	if (ca.n > 0 && wire_get_string(&key).n == 0)
		return err_set(e, ERR_FORMAT, 0,
		    "malformed CA key in a revocation list");
	while (x == 0 && krl_part_next(&r, &type, &data))
		x = check_part(type, data, e);
	if (x == 0 && !wire_end(&r))
		return err_set(e, ERR_FORMAT, 0,
		    "malformed certificates in a revocation list");
	return x;
}

/* Strings of that length; 0: of any. */
static int
check_blobs(struct span section, size_t n, struct err *e)
{
	struct wire_r r;

	wire_read(&r, section);
	while (r.left > 0) {
		const struct span s = wire_get_string(&r);

		if (r.bad || (n != 0 && s.n != n))
			return err_set(e, ERR_FORMAT, 0, "malformed %s in a "
			    "revocation list", n == 0 ? "key" : "hash");
	}
	return 0;
}

static int
check_section(uint8_t type, struct span data, struct err *e)
{
	switch (type) {
	case KRL_CERTIFICATES:
		return check_certificates(data, e);
	case KRL_KEYS:
		return check_blobs(data, 0, e);
	case KRL_SHA1:
		return check_blobs(data, KRL_SHA1_BYTES, e);
	case KRL_SHA256:
		return check_blobs(data, KRL_SHA256_BYTES, e);
	case KRL_EXTENSION:
		return check_extension(data, e);
	case KRL_SIGNATURE:
		return err_set(e, ERR_UNSUPPORTED, 0, "revocation list with "
		    "a signature in it, which sshd no longer reads");
	default:
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "revocation list with an unknown section, %u", type);
	}
}

static int
get_header(struct wire_r *r, struct krl_view *v, struct err *e)
{
	uint64_t magic = wire_get_u64(r);
	uint32_t format;
	bool well;

	if (r->bad || magic != KRL_MAGIC)
		return err_set(e, ERR_FORMAT, 0, "not a key revocation list");
	format = wire_get_u32(r);
	v->version = wire_get_u64(r);
	v->date = wire_get_u64(r);
	v->flags = wire_get_u64(r);
	wire_get_string(r);		/* reserved */
	well = krl_part_get_text(r, &v->comment);
	if (!r->bad && format != KRL_FORMAT)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "key revocation list of format %" PRIu32, format);
	return well ? 0 : err_set(e, ERR_FORMAT, 0,
	    "malformed head of a revocation list");
}

int
krl_view_parse(struct krl_view *v, struct span in, struct err *e)
{
	struct span data;
	struct wire_r r;
	uint8_t type;
	int x;

	*v = (struct krl_view){ 0 };
	if (in.n > KRL_MAX)
		return err_set(e, ERR_LIMIT, 0,
		    "revocation list of more than %d bytes", KRL_MAX);
	wire_read(&r, in);
	if ((x = get_header(&r, v, e)) != 0)
		return x;
	v->sections = (struct span){ r.p, r.left };
	while (x == 0 && krl_part_next(&r, &type, &data))
		x = check_section(type, data, e);
	if (x == 0 && !wire_end(&r))
		return err_set(e, ERR_FORMAT, 0,
		    "revocation list ends too early");
	return x;
}

/* A key in the forms that a list may have it in. */
struct marks {
	struct span	 plain;
	uint8_t		 sha1[KRL_SHA1_BYTES], sha256[KRL_SHA256_BYTES];
};

static bool
has_string(struct span section, struct span s)
{
	struct wire_r r;

	wire_read(&r, section);
	while (r.left > 0)
		if (span_eq(wire_get_string(&r), s))
			return true;
	return false;
}

static enum krl_by
find_key(const struct krl_view *v, const struct marks *m)
{
	const struct span sha1 = { m->sha1, sizeof(m->sha1) };
	const struct span sha256 = { m->sha256, sizeof(m->sha256) };
	struct span data;
	struct wire_r r;
	uint8_t type;

	wire_read(&r, v->sections);
	while (krl_part_next(&r, &type, &data))
		if (type == KRL_KEYS && has_string(data, m->plain))
			return KRL_BY_KEY;
		else if (type == KRL_SHA1 && has_string(data, sha1))
			return KRL_BY_SHA1;
		else if (type == KRL_SHA256 && has_string(data, sha256))
			return KRL_BY_SHA256;
	return KRL_BY_NOTHING;
}

static int
ask_key(const struct krl_view *v, struct span plain, enum krl_by *by,
    struct err *e)
{
	struct marks m = { .plain = plain };

	if (EVP_Digest(plain.p, plain.n, m.sha1, NULL, EVP_sha1(),
	    NULL) != 1 ||
	    EVP_Digest(plain.p, plain.n, m.sha256, NULL, EVP_sha256(),
	    NULL) != 1)
		return err_set(e, ERR_SYS, 0, "libcrypto cannot hash a key");
	*by = find_key(v, &m);
	return 0;
}

static bool
has_serial(uint8_t type, struct span part, uint64_t serial)
{
	struct span bits;
	struct wire_r r;
	uint64_t n;

	if (type == KRL_SERIAL_BITMAP)
		return krl_part_get_bitmap(part, &n, &bits) && serial >= n &&
		    krl_part_has_bit(bits, serial - n);
	wire_read(&r, part);
	if (type == KRL_SERIAL_RANGE)
		return serial >= wire_get_u64(&r) &&
		    serial <= wire_get_u64(&r);
	while (type == KRL_SERIAL_LIST && r.left > 0)
		if (wire_get_u64(&r) == serial)
			return true;
	return false;
}

static bool
has_key_id(struct span part, struct span id)
{
	struct wire_r r;
	struct span s;

	if (id.n > 0 && id.p[id.n - 1] == '\0')
		id.n--;			/* as krl_part_get_text() */
	wire_read(&r, part);
	while (r.left > 0 && krl_part_get_text(&r, &s))
		if (span_eq(s, id))
			return true;
	return false;
}

/* In one section; serial 0 is none, whatever a range says. */
static enum krl_by
find_in_section(struct span section, const struct cert *c)
{
	struct span ca, data;
	struct wire_r r;
	uint8_t type;

	wire_read(&r, section);
	ca = krl_part_get_ca(&r);
	if (ca.n > 0 && !span_eq(ca, c->ca))
		return KRL_BY_NOTHING;
	while (krl_part_next(&r, &type, &data))
		if (type == KRL_KEY_IDS && has_key_id(data, c->key_id))
			return KRL_BY_KEY_ID;
		else if (c->serial != 0 && has_serial(type, data, c->serial))
			return KRL_BY_SERIAL;
	return KRL_BY_NOTHING;
}

static enum krl_by
find_cert(const struct krl_view *v, const struct cert *c)
{
	enum krl_by by = KRL_BY_NOTHING;
	struct span data;
	struct wire_r r;
	uint8_t type;

	wire_read(&r, v->sections);
	while (by == KRL_BY_NOTHING && krl_part_next(&r, &type, &data))
		if (type == KRL_CERTIFICATES)
			by = find_in_section(data, c);
	return by;
}

int
krl_view_ask_cert(const struct krl_view *v, const struct cert *c,
    struct krl_verdict *out, struct err *e)
{
	struct wire_w w;
	int r;

	*out = (struct krl_verdict){ KRL_BY_NOTHING, false };
	if (!wire_write(&w, KRL_MAX))
		return err_set(e, ERR_NOMEM, 0, "key of a certificate");
	cert_put_subject(c, &w);
	if (w.bad)
		r = err_set(e, ERR_NOMEM, 0, "key of a certificate");
	else
		r = ask_key(v, wire_bytes(&w), &out->by, e);
	wire_free(&w);
	if (r != 0 || out->by != KRL_BY_NOTHING)
		return r;
	out->by = find_cert(v, c);
	if (out->by != KRL_BY_NOTHING)
		return 0;
	r = ask_key(v, c->ca, &out->by, e);
	out->of_ca = out->by != KRL_BY_NOTHING;
	return r;
}

int
krl_view_ask_blob(const struct krl_view *v, struct span blob,
    struct krl_verdict *out, struct err *e)
{
	struct cert c;
	int r;

	*out = (struct krl_verdict){ KRL_BY_NOTHING, false };
	if (!cert_is_meant(blob))
		return ask_key(v, blob, &out->by, e);
	if ((r = cert_parse(blob, &c, e)) != 0)
		return r;
	return krl_view_ask_cert(v, &c, out, e);
}

const char *
krl_view_words(const struct krl_verdict *v)
{
	switch (v->by) {
	case KRL_BY_NOTHING:
		return "it is not revoked";
	case KRL_BY_SERIAL:
		return "its serial number is revoked";
	case KRL_BY_KEY_ID:
		return "its key ID is revoked";
	case KRL_BY_KEY:
		return v->of_ca ? "its CA's key is revoked" :
		    "its key is revoked";
	case KRL_BY_SHA1:
		return v->of_ca ?
		    "its CA's key is revoked by its SHA-1 hash" :
		    "its key is revoked by its SHA-1 hash";
	case KRL_BY_SHA256:
		return v->of_ca ?
		    "its CA's key is revoked by its SHA-256 hash" :
		    "its key is revoked by its SHA-256 hash";
	}
	return "it is revoked";
}

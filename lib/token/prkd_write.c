/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/prkd_write.h"
#include "token/tlv.h"

enum {
	TAG_BITS = 0x03,
	TAG_OCTETS = 0x04,
	TAG_UTF8 = 0x0c,
	TAG_SEQUENCE = 0x30,
	TAG_EC_KEY = 0xa0,
	TAG_TYPE = 0xa1,
};

/*
 * BIT STRINGs: private and modifiable; decrypt, sign, sign with recovery;
 * sign, sign with recovery, derive.  The PIN's id is 1.
 */
static const uint8_t flags[] = { 0x06, 0xc0 };
static const uint8_t auth_id[] = { 0x01 };
static const uint8_t usage_rsa[] = { 0x04, 0x70 };
static const uint8_t usage_ec[] = { 0x07, 0x30, 0x80 };

static struct span
bytes(const uint8_t *p, size_t n)
{
	return (struct span){ p, n };
}

typedef void fill_fn(struct wire_w *w, const struct prkd_spec *s);

/* One element with what `fill` puts into it. */
static void
put_with(struct wire_w *w, uint16_t tag, fill_fn *fill,
    const struct prkd_spec *s)
{
	struct wire_w in;

	if (!wire_write(&in, PRKD_MAX)) {
		w->bad = true;
		return;
	}
	fill(&in, s);
	w->bad |= in.bad;
	tlv_put(w, tag, wire_bytes(&in));
	wire_free(&in);
}

static void
fill_common(struct wire_w *w, const struct prkd_spec *s)
{
	if (s->label[0] != '\0')
		tlv_put(w, TAG_UTF8, span_cstr(s->label));
	tlv_put(w, TAG_BITS, bytes(flags, sizeof(flags)));
	tlv_put(w, TAG_OCTETS, bytes(auth_id, sizeof(auth_id)));
}

static void
fill_key(struct wire_w *w, const struct prkd_spec *s)
{
	tlv_put(w, TAG_OCTETS, s->id);
	tlv_put(w, TAG_BITS, s->kind == PRKD_EC ?
	    bytes(usage_ec, sizeof(usage_ec)) :
	    bytes(usage_rsa, sizeof(usage_rsa)));
	tlv_put_uint(w, s->ref);
}

/* An empty path, and the size. */
static void
fill_type(struct wire_w *w, const struct prkd_spec *s)
{
	static const uint8_t no_path[] = { TAG_OCTETS, 0 };

	tlv_put(w, TAG_SEQUENCE, bytes(no_path, sizeof(no_path)));
	tlv_put_uint(w, s->bits);
}

static void
fill_type_attributes(struct wire_w *w, const struct prkd_spec *s)
{
	put_with(w, TAG_SEQUENCE, fill_type, s);
}

static void
fill_description(struct wire_w *w, const struct prkd_spec *s)
{
	put_with(w, TAG_SEQUENCE, fill_common, s);
	put_with(w, TAG_SEQUENCE, fill_key, s);
	put_with(w, TAG_TYPE, fill_type_attributes, s);
}

void
prkd_put(struct wire_w *w, const struct prkd_spec *s)
{
	put_with(w, s->kind == PRKD_EC ? TAG_EC_KEY : TAG_SEQUENCE,
	    fill_description, s);
}

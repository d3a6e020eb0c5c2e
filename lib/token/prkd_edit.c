/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ssh/wire.h"
#include "token/prkd_edit.h"
#include "token/tlv.h"

enum {
	TAG_INTEGER = 0x02,
	TAG_OCTETS = 0x04,
	TAG_UTF8 = 0x0c,
	TAG_SEQUENCE = 0x30,
};

static struct span
left_of(const struct tlv_r *r)
{
	return (struct span){ r->p, r->left };
}

static void
put_common(struct wire_w *w, struct span common, const char *label)
{
	struct tlv_r r;

	tlv_read(&r, common);
	if (label != NULL) {
		(void)tlv_get_opt(&r, TAG_UTF8);
		tlv_put(w, TAG_UTF8, span_cstr(label));
	}
	wire_put_raw(w, left_of(&r));
}

/* The reference is the one plain INTEGER among the attributes. */
static void
put_key(struct wire_w *w, struct span key, const struct prkd_change *c)
{
	struct tlv_r r;
	struct span v;
	uint16_t tag;

	tlv_read(&r, key);
	if (c->id.n > 0) {
		(void)tlv_get_opt(&r, TAG_OCTETS);
		tlv_put(w, TAG_OCTETS, c->id);
	}
	while ((tag = tlv_peek(&r)) != 0) {
		v = tlv_get(&r, tag);
		if (tag == TAG_INTEGER && c->ref != 0)
			tlv_put_uint(w, c->ref);
		else
			tlv_put(w, tag, v);
	}
	wire_put_raw(w, left_of(&r));
}

/* An element whose value is in *inner, which it empties. */
static void
put_inner(struct wire_w *w, uint16_t tag, struct wire_w *inner)
{
	w->bad |= inner->bad;
	tlv_put(w, tag, wire_bytes(inner));
	wire_free(inner);
	(void)wire_write(inner, inner->max);
}

int
prkd_edit(struct span in, const struct prkd_change *c, uint8_t *out,
    size_t *n, struct err *e)
{
	struct wire_w w, body, part;
	struct span common, key;
	struct tlv_r r;
	uint16_t tag;

	tlv_read(&r, in);
	tag = tlv_peek(&r);
	tlv_read(&r, tlv_get(&r, tag));
	common = tlv_get(&r, TAG_SEQUENCE);
	key = tlv_get(&r, TAG_SEQUENCE);
	if (tag == 0 || r.bad)
		return err_set(e, ERR_FORMAT, 0, "not a key description");
	/* A writer without memory is one that is full. */
	(void)wire_write(&w, *n);
	(void)wire_write(&body, *n);
	(void)wire_write(&part, *n);
	put_common(&part, common, c->label);
	put_inner(&body, TAG_SEQUENCE, &part);
	put_key(&part, key, c);
	put_inner(&body, TAG_SEQUENCE, &part);
	wire_put_raw(&body, left_of(&r));
	put_inner(&w, tag, &body);
	*n = wire_bytes(&w).n;
	if (*n > 0)
		memcpy(out, wire_bytes(&w).p, *n);
	wire_free(&part);
	wire_free(&body);
	wire_free(&w);
	return *n > 0 ? 0 : err_set(e, ERR_LIMIT, 0,
	    "the key description is too long");
}

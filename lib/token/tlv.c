/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/tlv.h"

struct head {
	uint16_t	 tag;
	size_t		 header, value;		/* lengths in bytes */
};

static bool
parse_head(const uint8_t *p, size_t n, struct head *h)
{
	size_t i = 0, octets;

	if (n < 2)
		return false;
	h->tag = p[i++];
	if ((h->tag & 0x1f) == 0x1f) {
		if ((p[i] & 0x80) != 0)		/* a third tag byte */
			return false;
		h->tag = (uint16_t)(h->tag << 8 | p[i++]);
	}
	if (i >= n)
		return false;
	h->value = p[i++];
	if (h->value >= 0x80) {
		octets = h->value & 0x7f;
		if (octets == 0 || octets > 3 || octets > n - i)
			return false;
		h->value = 0;
		while (octets-- > 0)
			h->value = h->value << 8 | p[i++];
	}
	h->header = i;
	return true;
}

static struct span
take(struct tlv_r *r, const struct head *h)
{
	struct span v = { r->p + h->header, h->value };

	r->p += h->header + h->value;
	r->left -= h->header + h->value;
	return v;
}

/* The head of the next element, if all of the element is there. */
static bool
next_head(const struct tlv_r *r, struct head *h)
{
	return !r->bad && parse_head(r->p, r->left, h) &&
	    h->value <= r->left - h->header;
}

void
tlv_read(struct tlv_r *r, struct span in)
{
	r->p = in.p;
	r->left = in.n;
	r->bad = false;
}

uint16_t
tlv_peek(const struct tlv_r *r)
{
	struct head h;

	return next_head(r, &h) ? h.tag : 0;
}

struct span
tlv_get(struct tlv_r *r, uint16_t tag)
{
	struct head h;

	if (!next_head(r, &h) || h.tag != tag) {
		r->bad = true;
		return (struct span){ 0 };
	}
	return take(r, &h);
}

struct span
tlv_get_opt(struct tlv_r *r, uint16_t tag)
{
	if (tlv_peek(r) != tag)
		return (struct span){ 0 };
	return tlv_get(r, tag);
}

void
tlv_skip(struct tlv_r *r)
{
	struct head h;

	if (!next_head(r, &h)) {
		r->bad = true;
		return;
	}
	(void)take(r, &h);
}

bool
tlv_end(const struct tlv_r *r)
{
	return !r->bad && r->left == 0;
}

size_t
tlv_size(struct span in)
{
	struct head h;

	return parse_head(in.p, in.n, &h) ? h.header + h.value : 0;
}

void
tlv_put(struct wire_w *w, uint16_t tag, struct span value)
{
	if (value.n > 0xffff) {
		w->bad = true;
		return;
	}
	if (tag > 0xff)
		wire_put_u8(w, (uint8_t)(tag >> 8));
	wire_put_u8(w, (uint8_t)tag);
	if (value.n > 0xff)
		wire_put_u8(w, 0x82);
	else if (value.n > 0x7f)
		wire_put_u8(w, 0x81);
	if (value.n > 0xff)
		wire_put_u8(w, (uint8_t)(value.n >> 8));
	wire_put_u8(w, (uint8_t)value.n);
	wire_put_raw(w, value);
}

void
tlv_put_uint(struct wire_w *w, uint32_t v)
{
	const uint8_t be[] = { 0, (uint8_t)(v >> 24), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 8), (uint8_t)v };
	struct span s = { be, sizeof(be) };

	while (s.n > 1 && s.p[0] == 0 && (s.p[1] & 0x80) == 0) {
		s.p++;
		s.n--;
	}
	tlv_put(w, 0x02, s);
}

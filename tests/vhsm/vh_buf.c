/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tests/vhsm/vh_buf.h"

uint8_t *
vh_buf_add(struct vh_buf *b, size_t n)
{
	size_t cap = b->cap != 0 ? b->cap : 64;
	uint8_t *p;

	if (b->bad || n > SIZE_MAX / 4 - b->n) {
		b->bad = true;
		return NULL;
	}
	while (cap - b->n < n)
		cap *= 2;
	if (cap != b->cap) {
		if ((p = malloc(cap)) == NULL) {
			b->bad = true;
			return NULL;
		}
		if (b->n != 0)
			memcpy(p, b->p, b->n);
		OPENSSL_cleanse(b->p, b->n);
		free(b->p);
		b->p = p;
		b->cap = cap;
	}
	p = b->p + b->n;
	b->n += n;
	return p;
}

void
vh_buf_put(struct vh_buf *b, struct span s)
{
	uint8_t *p = vh_buf_add(b, s.n);

	if (p != NULL && s.n != 0)
		memcpy(p, s.p, s.n);
}

void
vh_buf_put_u8(struct vh_buf *b, unsigned v)
{
	uint8_t *p = vh_buf_add(b, 1);

	if (p != NULL)
		*p = (uint8_t)v;
}

void
vh_buf_put_u16(struct vh_buf *b, unsigned v)
{
	vh_buf_put_u8(b, v >> 8);
	vh_buf_put_u8(b, v);
}

void
vh_buf_put_u32(struct vh_buf *b, uint32_t v)
{
	vh_buf_put_u16(b, v >> 16);
	vh_buf_put_u16(b, v);
}

void
vh_buf_put_tlv(struct vh_buf *b, unsigned tag, struct span v)
{
	if (tag > 0xff)
		vh_buf_put_u16(b, tag);
	else
		vh_buf_put_u8(b, tag);
	if (v.n > 0xffff) {
		b->bad = true;
		return;
	}
	if (v.n > 0xff) {
		vh_buf_put_u8(b, 0x82);
		vh_buf_put_u16(b, (unsigned)v.n);
	} else {
		if (v.n > 0x7f)
			vh_buf_put_u8(b, 0x81);
		vh_buf_put_u8(b, (unsigned)v.n);
	}
	vh_buf_put(b, v);
}

struct span
vh_buf_bytes(const struct vh_buf *b)
{
	struct span s = { b->p, b->bad ? 0 : b->n };

	return s;
}

void
vh_buf_free(struct vh_buf *b)
{
	struct vh_buf empty = { 0 };

	OPENSSL_cleanse(b->p, b->n);
	free(b->p);
	*b = empty;
}

bool
vh_span_take(struct span *in, size_t n, struct span *out)
{
	if (n > in->n)
		return false;
	out->p = in->p;
	out->n = n;
	in->p = n != 0 ? in->p + n : in->p;
	in->n -= n;
	return true;
}

bool
vh_tlv_next(struct span *in, unsigned *tag, struct span *v)
{
	struct span b;
	size_t n = 0, more;

	if (!vh_span_take(in, 1, &b))
		return false;
	*tag = b.p[0];
	if ((*tag & 0x1f) == 0x1f) {
		if (!vh_span_take(in, 1, &b) || (b.p[0] & 0x80) != 0)
			return false;
		*tag = *tag << 8 | b.p[0];
	}
	if (!vh_span_take(in, 1, &b))
		return false;
	if (b.p[0] < 0x80)
		return vh_span_take(in, b.p[0], v);
	more = b.p[0] & 0x7f;
	if (more < 1 || more > 2 || !vh_span_take(in, more, &b))
		return false;
	for (size_t i = 0; i < more; i++)
		n = n << 8 | b.p[i];
	return vh_span_take(in, n, v);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <libssh/libssh.h>

#include "ssh/wire.h"

void
wire_read(struct wire_r *r, struct span in)
{
	r->p = in.p;
	r->left = in.n;
	r->bad = false;
}

/* The one place that moves the reader: every get goes through here. */
static const uint8_t *
take(struct wire_r *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->left -= n;
	return p;
}

static uint64_t
get_be(struct wire_r *r, size_t n)
{
	const uint8_t *p = take(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p != NULL && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t
wire_get_u8(struct wire_r *r)
{
	return (uint8_t)get_be(r, 1);
}

uint32_t
wire_get_u32(struct wire_r *r)
{
	return (uint32_t)get_be(r, 4);
}

uint64_t
wire_get_u64(struct wire_r *r)
{
	return get_be(r, 8);
}

struct span
wire_get_raw(struct wire_r *r, size_t n)
{
	const uint8_t *p = take(r, n);

	return (struct span){ p, p == NULL ? 0 : n };
}

struct span
wire_get_string(struct wire_r *r)
{
	return wire_get_raw(r, wire_get_u32(r));
}

struct span
wire_get_mpint(struct wire_r *r)
{
	struct span s = wire_get_string(r);
	const bool sign_byte = s.n > 1 && s.p[0] == 0;

	if (r->bad || s.n == 0 || (s.p[0] & 0x80) != 0 ||
	    (s.p[0] == 0 && !(sign_byte && (s.p[1] & 0x80) != 0))) {
		r->bad = true;
		return (struct span){ 0 };
	}
	return (struct span){ s.p + sign_byte, s.n - sign_byte };
}

bool
wire_end(const struct wire_r *r)
{
	return !r->bad && r->left == 0;
}

bool
wire_write(struct wire_w *w, size_t max)
{
	w->b = ssh_buffer_new();
	w->max = max;
	w->bad = w->b == NULL;
	return !w->bad;
}

static void
put(struct wire_w *w, const void *p, size_t n)
{
	if (w->bad || n > w->max - ssh_buffer_get_len(w->b) ||
	    (n > 0 && ssh_buffer_add_data(w->b, p, (uint32_t)n) != 0))
		w->bad = true;
}

void
wire_put_u8(struct wire_w *w, uint8_t v)
{
	put(w, &v, 1);
}

void
wire_put_u32(struct wire_w *w, uint32_t v)
{
	const uint8_t be[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 8), (uint8_t)v };

	put(w, be, sizeof(be));
}

void
wire_put_u64(struct wire_w *w, uint64_t v)
{
	wire_put_u32(w, (uint32_t)(v >> 32));
	wire_put_u32(w, (uint32_t)v);
}

void
wire_put_raw(struct wire_w *w, struct span s)
{
	put(w, s.p, s.n);
}

void
wire_put_string(struct wire_w *w, struct span s)
{
	if (s.n > UINT32_MAX) {
		w->bad = true;
		return;
	}
	wire_put_u32(w, (uint32_t)s.n);
	put(w, s.p, s.n);
}

void
wire_put_cstring(struct wire_w *w, const char *s)
{
	wire_put_string(w, span_cstr(s));
}

void
wire_put_mpint(struct wire_w *w, struct span s)
{
	s = span_strip_zeros(s);
	if (s.n > 0 && (s.p[0] & 0x80) != 0) {
		if (s.n >= UINT32_MAX) {
			w->bad = true;
			return;
		}
		wire_put_u32(w, (uint32_t)s.n + 1);
		wire_put_u8(w, 0);
		wire_put_raw(w, s);
		return;
	}
	wire_put_string(w, s);
}

struct span
wire_bytes(const struct wire_w *w)
{
	if (w->bad)
		return (struct span){ 0 };
	return (struct span){ ssh_buffer_get(w->b), ssh_buffer_get_len(w->b) };
}

void
wire_free(struct wire_w *w)
{
	ssh_buffer_free(w->b);
	w->b = NULL;
}

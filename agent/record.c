/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "agent/record.h"

void
record_put(const struct record *r, struct wire_w *out)
{
	wire_put_u8(out, (uint8_t)r->kind);
	wire_put_u64(out, r->id);
	wire_put_string(out, r->ca);
	wire_put_string(out, r->bytes);
	wire_put_u64(out, r->rule.rate);
	wire_put_u64(out, (uint64_t)r->rule.per);
	wire_put_u8(out, r->rule.once);
	wire_put_u32(out, r->who.uid);
	wire_put_u32(out, r->who.pid);
	wire_put_string(out, r->who.program);
	wire_put_string(out, r->who.where);
	wire_put_string(out, r->note);
	wire_put_u64(out, r->n);
}

static bool
is_kind(uint8_t kind)
{
	return kind >= RECORD_CHECK && kind <= RECORD_CHECKPOINT;
}

bool
record_parse(struct span in, struct record *r)
{
	uint8_t kind, once;
	struct wire_r w;

	*r = (struct record){ 0 };
	wire_read(&w, in);
	kind = wire_get_u8(&w);
	r->id = wire_get_u64(&w);
	r->ca = wire_get_string(&w);
	r->bytes = wire_get_string(&w);
	r->rule.rate = wire_get_u64(&w);
	r->rule.per = (int64_t)wire_get_u64(&w);
	once = wire_get_u8(&w);
	r->who.uid = wire_get_u32(&w);
	r->who.pid = wire_get_u32(&w);
	r->who.program = wire_get_string(&w);
	r->who.where = wire_get_string(&w);
	r->note = wire_get_string(&w);
	r->n = wire_get_u64(&w);
	r->kind = (enum record_kind)kind;
	r->rule.once = once == 1;
	return wire_end(&w) && is_kind(kind) && once <= 1;
}

void
record_answer_put(const struct record_answer *a, struct wire_w *out)
{
	wire_put_u8(out, (uint8_t)a->kind);
	wire_put_u64(out, a->id);
	wire_put_u32(out, (uint32_t)a->r);
	wire_put_u32(out, (uint32_t)a->err.detail);
	wire_put_cstring(out, a->r != 0 ? a->err.msg : "");
	wire_put_u64(out, a->serial);
	wire_put_cstring(out, a->checkpoint);
	wire_put_u64(out, a->seq);
}

static bool
get_text(struct wire_r *w, char *out, size_t len)
{
	const struct span s = wire_get_string(w);

	snprintf(out, len, "%.*s", (int)(s.n < len ? s.n : len), s.n > 0 ?
	    (const char *)s.p : "");
	return strlen(out) == s.n;
}

bool
record_answer_parse(struct span in, struct record_answer *a)
{
	uint32_t code;
	struct wire_r w;
	uint8_t kind;
	bool ok;

	*a = (struct record_answer){ 0 };
	wire_read(&w, in);
	kind = wire_get_u8(&w);
	a->id = wire_get_u64(&w);
	code = wire_get_u32(&w);
	a->err.detail = (int)wire_get_u32(&w);
	ok = get_text(&w, a->err.msg, sizeof(a->err.msg));
	a->serial = wire_get_u64(&w);
	ok &= get_text(&w, a->checkpoint, sizeof(a->checkpoint));
	a->seq = wire_get_u64(&w);
	a->kind = (enum record_kind)kind;
	a->err.code = (enum err_code)code;
	a->r = (int)code;
	return wire_end(&w) && ok && is_kind(kind) && code <= ERR_TOKEN;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/keytext.h"
#include "token/modproto.h"

#define COUNT_MAX	1000	/* of tries and shares; those tokens have 255 */

/* --- what is asked --- */

void
mod_request_put(const struct mod_request *q, struct wire_w *out)
{
	wire_put_u8(out, (uint8_t)q->kind);
	wire_put_u64(out, q->slot);
	wire_put_u32(out, q->parts);
	wire_put_string(out, q->stamp);
	wire_put_u8(out, q->pin);
	wire_put_string(out, q->ref);
	wire_put_string(out, q->id);
	wire_put_string(out, q->label);
	wire_put_u8(out, q->named);
	wire_put_string(out, q->type);
	wire_put_string(out, q->blob);
	wire_put_u32(out, (uint32_t)q->alg);
	wire_put_string(out, q->data);
}

static bool
get_bool(struct wire_r *w)
{
	const uint8_t v = wire_get_u8(w);

	w->bad |= v > 1;
	return v == 1;
}

/* A number of ours from 0 to max. */
static int
get_number(struct wire_r *w, uint32_t max)
{
	const uint32_t v = wire_get_u32(w);

	w->bad |= v > max;
	return w->bad ? 0 : (int)v;
}

static enum mod_kind
get_kind(struct wire_r *w)
{
	const uint8_t v = wire_get_u8(w);

	w->bad |= v < MOD_SLOTS || v > MOD_SET_LABEL;
	return (enum mod_kind)v;
}

bool
mod_request_parse(struct span in, struct mod_request *q)
{
	struct wire_r w;

	*q = (struct mod_request){ 0 };
	wire_read(&w, in);
	q->kind = get_kind(&w);
	q->slot = wire_get_u64(&w);
	q->parts = (uint32_t)get_number(&w, TOKEN_INFO_ALL);
	q->stamp = wire_get_string(&w);
	q->pin = get_bool(&w);
	q->ref = wire_get_string(&w);
	q->id = wire_get_string(&w);
	q->label = wire_get_string(&w);
	q->named = get_bool(&w);
	q->type = wire_get_string(&w);
	q->blob = wire_get_string(&w);
	q->alg = (enum sig_alg)get_number(&w, SIG_ALG_LAST);
	q->data = wire_get_string(&w);
	return wire_end(&w);
}

/* --- what is answered --- */

/* 0 and up, or -1: it is not known. */
static void
put_count(struct wire_w *out, long v)
{
	wire_put_u64(out, v < 0 ? 0 : (uint64_t)v + 1);
}

static long
get_count(struct wire_r *w, long max)
{
	const uint64_t v = wire_get_u64(w);

	w->bad |= v > (uint64_t)max;
	return w->bad ? -1 : (long)v - 1;
}

static void
get_text(struct wire_r *w, char *out, size_t len)
{
	keytext_clean(out, len, wire_get_string(w));
}

static void
put_slots(const struct p11_slots *s, struct wire_w *out)
{
	wire_put_u32(out, (uint32_t)s->n);
	for (size_t i = 0; i < s->n; i++) {
		wire_put_u64(out, s->v[i].id);
		wire_put_u8(out, s->v[i].present);
		wire_put_cstring(out, s->v[i].name);
		wire_put_cstring(out, s->v[i].label);
		wire_put_cstring(out, s->v[i].serial);
		wire_put_cstring(out, s->v[i].model);
		wire_put_cstring(out, s->v[i].maker);
	}
}

static void
get_slots(struct wire_r *w, struct p11_slots *s)
{
	const size_t n = (size_t)get_number(w, MODPROTO_SLOTS_MAX);
	struct p11_slot *v;

	if (n == 0 || (s->v = calloc(n, sizeof(*s->v))) == NULL) {
		w->bad |= n > 0;
		return;
	}
	for (; s->n < n && !w->bad; s->n++) {
		v = &s->v[s->n];
		v->id = wire_get_u64(w);
		v->present = get_bool(w);
		get_text(w, v->name, sizeof(v->name));
		get_text(w, v->label, sizeof(v->label));
		get_text(w, v->serial, sizeof(v->serial));
		get_text(w, v->model, sizeof(v->model));
		get_text(w, v->maker, sizeof(v->maker));
	}
}

static void
put_info(const struct token_info *i, struct wire_w *out)
{
	wire_put_u32(out, i->known);
	wire_put_cstring(out, i->serial);
	wire_put_cstring(out, i->label);
	wire_put_cstring(out, i->model);
	wire_put_cstring(out, i->firmware);
	wire_put_u32(out, (uint32_t)i->pin);
	put_count(out, i->pin_tries);
	wire_put_u32(out, (uint32_t)i->so);
	put_count(out, i->so_tries);
	put_count(out, i->dkek_shares);
	put_count(out, i->dkek_missing);
	wire_put_cstring(out, i->dkek_kcv);
	put_count(out, i->memory_free);
}

static enum token_pin_state
get_pin_state(struct wire_r *w)
{
	return (enum token_pin_state)get_number(w, TOKEN_PIN_UNSET);
}

static void
get_info(struct wire_r *w, struct token_info *i)
{
	i->known = (unsigned int)get_number(w, TOKEN_INFO_ALL);
	get_text(w, i->serial, sizeof(i->serial));
	get_text(w, i->label, sizeof(i->label));
	get_text(w, i->model, sizeof(i->model));
	get_text(w, i->firmware, sizeof(i->firmware));
	i->pin = get_pin_state(w);
	i->pin_tries = (int)get_count(w, COUNT_MAX);
	i->so = get_pin_state(w);
	i->so_tries = (int)get_count(w, COUNT_MAX);
	i->dkek_shares = (int)get_count(w, COUNT_MAX);
	i->dkek_missing = (int)get_count(w, COUNT_MAX);
	get_text(w, i->dkek_kcv, sizeof(i->dkek_kcv));
	i->memory_free = get_count(w, LONG_MAX - 1);
}

static void
put_keys(const struct token_keys *k, struct wire_w *out)
{
	wire_put_raw(out, (struct span){ k->stamp, sizeof(k->stamp) });
	wire_put_u32(out, (uint32_t)k->n);
	for (size_t i = 0; i < k->n; i++) {
		wire_put_cstring(out, k->v[i].ref);
		wire_put_cstring(out, k->v[i].id);
		wire_put_cstring(out, k->v[i].label);
		wire_put_cstring(out, k->v[i].algo);
		wire_put_cstring(out, k->v[i].unusable);
		wire_put_string(out, (struct span){ k->v[i].blob,
		    k->v[i].blob_n });
	}
}

/* One that SSH can use has a blob that it can read. */
static void
get_key(struct wire_r *w, struct token_key *k)
{
	struct span blob;
	struct key key;
	struct err e;

	get_text(w, k->ref, sizeof(k->ref));
	get_text(w, k->id, sizeof(k->id));
	get_text(w, k->label, sizeof(k->label));
	get_text(w, k->algo, sizeof(k->algo));
	get_text(w, k->unusable, sizeof(k->unusable));
	blob = wire_get_string(w);
	if (w->bad || blob.n == 0)
		return;
	if (blob.n > KEY_BLOB_MAX || key_parse(blob, &key, &e) != 0 ||
	    (k->blob = malloc(blob.n)) == NULL) {
		w->bad = true;
		return;
	}
	memcpy(k->blob, blob.p, blob.n);
	k->blob_n = blob.n;
}

static void
get_keys(struct wire_r *w, struct token_keys *k)
{
	const struct span stamp = wire_get_raw(w, sizeof(k->stamp));
	const size_t n = (size_t)get_number(w, MODPROTO_KEYS_MAX);

	if (w->bad)
		return;
	memcpy(k->stamp, stamp.p, sizeof(k->stamp));
	if (n == 0 || (k->v = calloc(n, sizeof(*k->v))) == NULL) {
		w->bad |= n > 0;
		return;
	}
	while (k->n < n && !w->bad)
		get_key(w, &k->v[k->n++]);
}

static void
put_result(const struct mod_answer *a, struct wire_w *out)
{
	switch (a->kind) {
	case MOD_SLOTS:
		put_slots(&a->slots, out);
		break;
	case MOD_INFO:
		put_info(&a->info, out);
		break;
	case MOD_PIN_STATE:
		wire_put_u32(out, (uint32_t)a->pin);
		put_count(out, a->tries);
		break;
	case MOD_LIST:
		wire_put_u8(out, a->same);
		put_keys(&a->keys, out);
		break;
	case MOD_GENERATE:
		put_keys(&a->keys, out);
		break;
	case MOD_SIGN:
		wire_put_string(out, a->sig);
		break;
	case MOD_WAIT:
	case MOD_OPEN:
	case MOD_BEGIN:
	case MOD_END:
	case MOD_LOGIN:
	case MOD_LOGOUT:
	case MOD_REMOVE:
	case MOD_SET_LABEL:
		break;
	}
}

static void
get_result(struct wire_r *w, struct mod_answer *a)
{
	switch (a->kind) {
	case MOD_SLOTS:
		get_slots(w, &a->slots);
		break;
	case MOD_INFO:
		get_info(w, &a->info);
		break;
	case MOD_PIN_STATE:
		a->pin = get_pin_state(w);
		a->tries = (int)get_count(w, COUNT_MAX);
		break;
	case MOD_LIST:
		a->same = get_bool(w);
		get_keys(w, &a->keys);
		break;
	case MOD_GENERATE:
		get_keys(w, &a->keys);
		w->bad |= a->keys.n != 1;
		break;
	case MOD_SIGN:
		a->sig = wire_get_string(w);
		break;
	case MOD_WAIT:
	case MOD_OPEN:
	case MOD_BEGIN:
	case MOD_END:
	case MOD_LOGIN:
	case MOD_LOGOUT:
	case MOD_REMOVE:
	case MOD_SET_LABEL:
		break;
	}
}

void
mod_answer_put(const struct mod_answer *a, struct wire_w *out)
{
	wire_put_u8(out, (uint8_t)a->kind);
	wire_put_u32(out, (uint32_t)a->r);
	wire_put_u32(out, (uint32_t)a->err.detail);
	wire_put_cstring(out, a->r != 0 ? a->err.msg : "");
	wire_put_cstring(out, a->serial);
	wire_put_u8(out, a->has_pad);
	wire_put_u8(out, a->had_login);
	put_count(out, a->pin_doubt);
	wire_put_u32(out, a->can);
	if (a->r == 0)
		put_result(a, out);
}

bool
mod_answer_parse(struct span in, struct mod_answer *a)
{
	struct wire_r w;

	*a = (struct mod_answer){ 0 };
	wire_read(&w, in);
	a->kind = get_kind(&w);
	a->r = get_number(&w, ERR_TOKEN);
	a->err.code = (enum err_code)a->r;
	a->err.detail = (int)wire_get_u32(&w);
	get_text(&w, a->err.msg, sizeof(a->err.msg));
	get_text(&w, a->serial, sizeof(a->serial));
	a->has_pad = get_bool(&w);
	a->had_login = get_bool(&w);
	a->pin_doubt = (int)get_count(&w, COUNT_MAX);
	a->can = (uint32_t)get_number(&w, MOD_CAN_GENERATE | MOD_CAN_REMOVE |
	    MOD_CAN_SET_LABEL);
	if (a->r == 0)
		get_result(&w, a);
	if (wire_end(&w))
		return true;
	mod_answer_free(a);
	*a = (struct mod_answer){ 0 };
	return false;
}

void
mod_answer_free(struct mod_answer *a)
{
	p11_slots_free(&a->slots);
	token_keys_free(&a->keys);
}

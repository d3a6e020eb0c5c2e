/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ssh/krl.h"
#include "ssh/krl_part.h"
#include "ssh/krl_walk.h"
#include "tests/fuzz/law.h"

/* A certificate of a key that no list here names. */
static struct krl_verdict
ask(const struct krl_view *v, struct span ca, uint64_t serial, struct span id)
{
	const struct cert c = { .plain_name = "nobody", .serial = serial,
	    .key_id = id, .ca = ca };
	struct krl_verdict x;
	struct err e;

	must(krl_view_ask_cert(v, &c, &x, &e) == 0);
	return x;
}

/*
 * Each entry revokes what it says, and all its neighbours are judged alike.
 * What `v` says by a SHA-1 hash, and for any CA, the writer cannot say.
 */
static void
compare(const struct krl_view *v, const struct krl_view *again,
    const struct krl_entry *x)
{
	static const struct span none = { 0 };
	const uint64_t near[] = { x->lo, x->hi, x->lo - 1, x->hi + 1,
	    x->lo + (x->hi - x->lo) / 2 };

	if (x->by == KRL_BY_KEY_ID) {
		must(ask(v, x->ca, 0, x->bytes).by != KRL_BY_NOTHING);
		must(ask(again, x->ca, 0, x->bytes).by ==
		    ask(v, x->ca, 0, x->bytes).by);
	}
	if (x->by != KRL_BY_SERIAL)
		return;
	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
		const struct krl_verdict a = ask(v, x->ca, near[i], none);
		const struct krl_verdict b = ask(again, x->ca, near[i],
		    none);

		must((a.by == KRL_BY_NOTHING) == (b.by == KRL_BY_NOTHING));
		must(i > 1 || a.by != KRL_BY_NOTHING);
	}
}

/* False when it is of a kind that the writer refuses, or writes not. */
static bool
add(struct krl *k, const struct krl_entry *x)
{
	struct err e;

	switch (x->by) {
	case KRL_BY_SERIAL:
		return krl_add_serial(k, x->ca, x->lo, x->hi, &e) == 0;
	case KRL_BY_KEY_ID:
		return krl_add_key_id(k, x->ca, x->bytes, &e) == 0;
	case KRL_BY_KEY:
		return krl_add_key(k, x->bytes, &e) == 0;
	case KRL_BY_SHA256:
		return krl_add_sha256(k, x->bytes, &e) == 0;
	case KRL_BY_SHA1:
	case KRL_BY_NOTHING:
		break;
	}
	return false;
}

/* Written by us, a list says the same. */
static void
rewrite(const struct krl_view *v)
{
	struct krl *k = krl_new(v->version, v->date, NULL);
	struct krl_view again;
	struct krl_entry x;
	struct krl_walk at;
	struct wire_w w;
	bool all = true;
	struct err e;

	must(k != NULL && wire_write(&w, KRL_MAX));
	krl_walk_start(&at, v);
	while (krl_walk_next(&at, &x))
		all = add(k, &x) && all;
	must(krl_write(k, &w, &e) == 0);
	must(krl_view_parse(&again, wire_bytes(&w), &e) == 0);
	must(again.version == v->version && again.date == v->date);
	krl_walk_start(&at, v);
	while (all && krl_walk_next(&at, &x))
		compare(v, &again, &x);
	krl_walk_start(&at, &again);
	while (all && krl_walk_next(&at, &x))
		compare(&again, v, &x);
	krl_free(k);
	wire_free(&w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span in = { p, n };
	struct krl_verdict x;
	struct krl_view v;
	struct err e;

	if (krl_view_parse(&v, in, &e) != 0) {
		must(e.code == ERR_FORMAT || e.code == ERR_UNSUPPORTED);
		return 0;
	}
	must(krl_view_ask_blob(&v, in, &x, &e) == 0);
	must(krl_view_words(&x) != NULL);
	rewrite(&v);
	return 0;
}

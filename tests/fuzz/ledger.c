/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca/ledger_entry.h"
#include "ca/ledger_head.h"
#include "ca/ledger_tail.h"
#include "tests/fuzz/law.h"

/* There is one way to write an entry, and so one hash of it. */
static void
use_entry(struct span in, const struct ledger_entry *en)
{
	struct wire_w w;

	must(en->kind >= LEDGER_CERTIFICATE && en->kind <= LEDGER_RESUMPTION);
	must((en->kind == LEDGER_REVOCATION) == (en->how != 0));
	must(wire_write(&w, LEDGER_ENTRY_MAX));
	ledger_entry_put(en, &w);
	must(w.bad ? in.n > LEDGER_ENTRY_MAX : span_eq(in, wire_bytes(&w)));
	wire_free(&w);
}

/* And one of a head; what is none is all zero. */
static void
use_head(struct span in)
{
	struct ledger_head h;
	char text[LEDGER_HEAD_MAX];

	if (ledger_head_parse(in, &h)) {
		must(in.n < LEDGER_HEAD_MAX);
		must(span_eq(in, (struct span){ (const uint8_t *)text,
		    ledger_head_put(&h, text) }));
	} else {
		must(h.seq == 0 && h.serial == 0 && h.krl == 0 &&
		    h.grants == 0 && h.base == 0);
	}
}

static enum ledger_tail_got
read_span(void *arg, uint8_t *buf, size_t n, uint64_t at)
{
	const struct span *s = arg;

	if (at >= s->n || n > s->n - at)
		return LEDGER_TAIL_SHORT;
	memcpy(buf, s->p + at, n);
	return LEDGER_TAIL_ALL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span in = { p, n };
	struct err e = { .msg = "" };
	struct ledger_entry en;
	uint64_t low, high, key;

	if (ledger_entry_parse(in, &en, &e) == 0)
		use_entry(in, &en);
	else
		must(e.msg[0] != '\0');
	if (ledger_serials_of(in, &low, &high))
		must(n == 16 && low > 0 && low <= high);
	use_head(in);
	if (!ledger_tail_find(read_span, &in, 2, &key))
		must(n >= 100);	/* a header */
	return 0;
}

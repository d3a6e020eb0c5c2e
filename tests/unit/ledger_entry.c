/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/ledger_entry.h"
#include "ca/ledger_head.h"
#include "tests/unit/data.h"

static const struct ledger_entry revocation = {
	.seq = 258, .prev = { 1, 2, [31] = 3 }, .time = 1800000000,
	.kind = LEDGER_REVOCATION, .how = LEDGER_KEY_ID,
	.who = { .uid = 1000, .pid = 4711,
	    .program = { (const uint8_t *)"/usr/bin/ssh-keygen", 19 },
	    .where = { (const uint8_t *)"bastion", 7 } },
	.ca = { (const uint8_t *)"the CA", 6 },
	.what = { (const uint8_t *)"alice", 5 },
	.note = { (const uint8_t *)"left us", 7 },
};

static struct data
put(const struct ledger_entry *en)
{
	struct wire_w w;
	struct data d;

	assert_true(wire_write(&w, LEDGER_ENTRY_MAX));
	ledger_entry_put(en, &w);
	assert_false(w.bad);
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	return d;
}

static void
an_entry_is_read_as_it_was_written(void **state)
{
	struct data d = put(&revocation);
	struct ledger_entry en;
	struct err e;

	(void)state;
	assert_int_equal(ledger_entry_parse(data_span(&d), &en, &e), 0);
	assert_int_equal(en.seq, 258);
	assert_memory_equal(en.prev, revocation.prev, LEDGER_HASH);
	assert_int_equal(en.time, 1800000000);
	assert_int_equal(en.kind, LEDGER_REVOCATION);
	assert_int_equal(en.how, LEDGER_KEY_ID);
	assert_int_equal(en.who.uid, 1000);
	assert_int_equal(en.who.pid, 4711);
	assert_true(span_is(en.who.program, "/usr/bin/ssh-keygen"));
	assert_true(span_is(en.who.where, "bastion"));
	assert_true(span_is(en.ca, "the CA"));
	assert_true(span_is(en.what, "alice"));
	assert_true(span_is(en.note, "left us"));
	data_free(&d);
}

/* The bytes are for ever: this is what hashes were made of. */
static void
an_entry_has_these_bytes(void **state)
{
	const struct ledger_entry en = { .seq = 1, .time = 2,
	    .kind = LEDGER_CHECKPOINT, .ca = { (const uint8_t *)"CA", 2 } };
	struct data d = put(&en), want = data_hex("00000016"
	    "68736d2d7373682d6167656e74206c65646765722031"
	    "0000000000000001"
	    "00000000000000000000000000000000"
	    "00000000000000000000000000000000"
	    "0000000000000002" "03" "00" "00000000" "00000000"
	    "00000000" "00000000" "00000002" "4341" "00000000" "00000000");

	(void)state;
	assert_int_equal(d.n, want.n);
	assert_memory_equal(d.p, want.p, d.n);
	data_free(&d);
	data_free(&want);
}

static void
expect_no_entry(struct span cut, void *arg)
{
	struct ledger_entry en;
	struct err e;

	(void)arg;
	assert_int_equal(ledger_entry_parse(cut, &en, &e), ERR_FORMAT);
}

static void
an_entry_that_was_cut_is_none(void **state)
{
	struct data d = put(&revocation), more;

	(void)state;
	data_each_cut(data_span(&d), expect_no_entry, NULL);
	more = data_copy((struct span){ d.p, d.n });
	assert_non_null(more.p = realloc(more.p, ++more.n));
	more.p[d.n] = 0;
	expect_no_entry(data_span(&more), NULL);
	data_free(&more);
	data_free(&d);
}

static void
only_kinds_that_there_are_are_entries(void **state)
{
	struct ledger_entry en = revocation, out;
	struct data d;
	struct err e;
	size_t good = 0;

	(void)state;
	for (int kind = 0; kind < 256; kind++) {
		for (int how = 0; how < 256; how++) {
			en.kind = (enum ledger_kind)kind;
			en.how = (enum ledger_revoked)how;
			d = put(&en);
			good += ledger_entry_parse(data_span(&d), &out,
			    &e) == 0;
			data_free(&d);
		}
	}
	assert_int_equal(good, 3 + 4);
}

static void
long_texts_are_cut(void **state)
{
	uint8_t much[LEDGER_TEXT_MAX + 1] = { 0 };
	struct ledger_entry en = revocation, out;
	struct data d;
	struct err e;

	(void)state;
	en.note = en.who.program = en.who.where = (struct span){ much,
	    sizeof(much) };
	d = put(&en);
	assert_int_equal(ledger_entry_parse(data_span(&d), &out, &e), 0);
	assert_int_equal(out.note.n, LEDGER_TEXT_MAX);
	assert_int_equal(out.who.program.n, LEDGER_TEXT_MAX);
	assert_int_equal(out.who.where.n, LEDGER_TEXT_MAX);
	data_free(&d);
}

/* --- the head --- */

static const struct ledger_head head = { .seq = 12, .hash = { 0xab, [31] =
	    0xcd }, .serial = UINT64_MAX, .krl = 3, .grants = 4,
	    .base = 5 };

static void
a_head_is_read_as_it_was_written(void **state)
{
	struct ledger_head h;
	char text[LEDGER_HEAD_MAX];
	const size_t n = ledger_head_put(&head, text);

	(void)state;
	assert_in_range(n, 1, LEDGER_HEAD_MAX - 1);
	assert_int_equal(text[n - 1], '\n');
	assert_true(ledger_head_parse((struct span){ (uint8_t *)text, n },
	    &h));
	assert_memory_equal(&h, &head, sizeof(h));
}

static void
expect_no_head(struct span cut, void *arg)
{
	const struct ledger_head none = { 0 };
	struct ledger_head h;

	(void)arg;
	assert_false(ledger_head_parse(cut, &h));
	assert_memory_equal(&h, &none, sizeof(h));
}

static void
a_head_that_was_cut_or_changed_is_none(void **state)
{
	char text[LEDGER_HEAD_MAX];
	const size_t n = ledger_head_put(&head, text);
	const struct span all = { (uint8_t *)text, n };

	(void)state;
	data_each_cut(all, expect_no_head, NULL);
	text[n] = '\n';
	expect_no_head((struct span){ (uint8_t *)text, n + 1 }, NULL);
	for (size_t i = 0; i < n; i++) {
		const char was = text[i];

		text[i] = was == '\n' ? ' ' : was == ' ' ? '0' : 'A';
		expect_no_head(all, NULL);
		text[i] = was;
	}
}

static void
a_number_of_a_head_has_64_bits(void **state)
{
	char text[LEDGER_HEAD_MAX], *max;
	const size_t n = ledger_head_put(&head, text);

	(void)state;
	assert_non_null(max = strstr(text, "18446744073709551615"));
	max[19]++;
	expect_no_head((struct span){ (uint8_t *)text, n }, NULL);
	max[19]--;
	max[0]++;
	expect_no_head((struct span){ (uint8_t *)text, n }, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_read_as_it_was_written),
		cmocka_unit_test(an_entry_has_these_bytes),
		cmocka_unit_test(an_entry_that_was_cut_is_none),
		cmocka_unit_test(only_kinds_that_there_are_are_entries),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(a_head_is_read_as_it_was_written),
		cmocka_unit_test(a_head_that_was_cut_or_changed_is_none),
		cmocka_unit_test(a_number_of_a_head_has_64_bits),
	};

	return cmocka_run_group_tests_name("ledger_entry", tests, NULL,
	    NULL);
}

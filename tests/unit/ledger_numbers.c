/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/ledgerdir.h"

/* The clock of this program, in place of the C library's. */
static time_t clock_now;

time_t
time(time_t *t)
{
	if (t != NULL)
		*t = clock_now;
	return clock_now;
}

#define START	1800000000

static int
set_up(void **state)
{
	clock_now = START;
	return ledgerdir_set_up(state);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, set_up, \
		    ledgerdir_tear_down)

/* --- serial numbers --- */

static void
serial_numbers_begin_with_one_and_go_up(void **state)
{
	struct ledgerdir *p = *state;
	uint64_t first;

	assert_int_equal(ledgerdir_take(p, 1), 1);
	assert_int_equal(ledgerdir_take(p, 1000), 2);
	assert_int_equal(ledgerdir_take(p, 1), 1002);
	assert_int_equal(ledger_serials(p->l, data_span(&p->other.blob), 1,
	    &first, &p->e), 0);
	assert_int_equal(first, 1);
	ledgerdir_reopen(p);
	assert_int_equal(ledgerdir_take(p, LEDGER_SERIALS_MAX), 1003);
	ledgerdir_reopen(p);
	assert_int_equal(ledgerdir_take(p, 1), 1003 + LEDGER_SERIALS_MAX);
}

static void
serial_numbers_that_were_used_are_passed_over(void **state)
{
	struct ledgerdir *p = *state;

	ledgerdir_add_serials(p, 2, 4);
	ledgerdir_add_serials(p, 9, 9);
	ledgerdir_add(p, &(struct ledgercert){ .serial = 5,
	    .ca = &p->other });
	ledgerdir_add(p, &(struct ledgercert){ .serial = UINT64_MAX });
	assert_int_equal(ledgerdir_take(p, 1), 1);
	assert_int_equal(ledgerdir_take(p, 1), 5);
	assert_int_equal(ledgerdir_take(p, 4), 10);
	assert_int_equal(ledgerdir_take(p, 1), 14);
}

static void
there_is_an_end_to_serial_numbers(void **state)
{
	struct ledgerdir *p = *state;
	const struct span ca = data_span(&p->ca.blob);
	uint64_t first;

	assert_int_equal(ledger_serials(p->l, ca, 0, &first, &p->e),
	    ERR_LIMIT);
	assert_int_equal(ledger_serials(p->l, ca, LEDGER_SERIALS_MAX + 1,
	    &first, &p->e), ERR_LIMIT);
	assert_int_equal(ledgerdir_take(p, 1), 1);
	ledgerdir_sql(p, "UPDATE ca SET "
	    "serial = 9223372036854775805, grants = grants + 1");
	assert_int_equal(ledger_serials(p->l, ca, 2, &first, &p->e),
	    ERR_LIMIT);
	assert_non_null(strstr(p->e.msg, "no serial numbers left"));
	assert_int_equal(ledgerdir_take(p, 1), INT64_MAX - 1);
	assert_int_equal(ledger_serials(p->l, ca, 1, &first, &p->e),
	    ERR_LIMIT);
}

static void
versions_of_a_krl_go_up(void **state)
{
	struct ledgerdir *p = *state;
	const struct hostkey *keys[] = { &p->ca, &p->ca, &p->other, &p->ca };
	static const uint64_t versions[] = { 1, 2, 1, 3 };
	uint64_t version;

	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(ledger_krl_version(p->l,
		    data_span(&keys[i]->blob), &version, &p->e), 0);
		assert_int_equal(version, versions[i]);
		ledgerdir_reopen(p);
	}
}

/* --- rate and clock --- */

static void
a_ca_signs_no_more_than_its_rate(void **state)
{
	const struct ledger_rule rule = { .rate = 3, .per = 600 };
	struct ledgerdir *p = *state;
	struct ledgercert c = { .serial = 0 };

	for (int i = 0; i < 3; i++) {
		assert_int_equal(ledgerdir_add_to(p, p->l, &c, &rule), 0);
		clock_now += 100;
	}
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, &rule), ERR_LIMIT);
	assert_non_null(strstr(p->e.msg, "3 certificates in 10 m"));
	c.ca = &p->other;
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, &rule), 0);
	c.ca = NULL;
	clock_now = START + 599;
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, &rule), ERR_LIMIT);
	clock_now = START + 600;
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, &rule), 0);
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, &rule), ERR_LIMIT);
	assert_int_equal(ledgerdir_verify(p), 5);
}

static void
a_clock_that_was_set_back_is_no_fault_and_no_way_round(void **state)
{
	const struct ledger_rule rule = { .rate = 3, .per = 600 };
	struct ledgerdir *p = *state;

	ledgerdir_add_serials(p, 1, 3);
	clock_now = START - 86400;
	assert_int_equal(ledgerdir_add_to(p, p->l, &(struct ledgercert){
	    .serial = 4 }, &rule), ERR_LIMIT);
	ledgerdir_add_serials(p, 4, 4);
	ledgerdir_checkpoint(p);
	clock_now = 0;
	ledgerdir_add_serials(p, 5, 5);
	assert_int_equal(ledgerdir_take(p, 1), 6);
	assert_int_equal(ledgerdir_add_to(p, p->l, &(struct ledgercert){
	    .serial = 1 }, NULL), ERR_DENIED);
	ledgerdir_reopen(p);
	assert_int_equal(ledgerdir_verify(p), 5);
}

/* --- revocations --- */

struct revoked {
	size_t		 n;
	enum ledger_revoked how;	/* of the last one */
	char		 what[100], note[100];
};

static int
note_revoked(void *arg, const struct ledger_entry *en, const struct cert *c,
    struct err *e)
{
	struct revoked *v = arg;

	(void)e;
	assert_null(c);
	assert_int_equal(en->kind, LEDGER_REVOCATION);
	v->n++;
	v->how = en->how;
	snprintf(v->what, sizeof(v->what), "%.*s", (int)en->what.n,
	    (const char *)en->what.p);
	snprintf(v->note, sizeof(v->note), "%.*s", (int)en->note.n,
	    (const char *)en->note.p);
	return 0;
}

static void
revocations_are_told_of_each_ca_and_of_all(void **state)
{
	const struct ledger_who who = { 0 };
	struct ledgerdir *p = *state;
	struct revoked of_one = { 0 }, of_all = { 0 }, of_other = { 0 };

	assert_int_equal(ledger_add_revocation(p->l,
	    data_span(&p->other.blob), LEDGER_KEY, span_cstr("any key"), &who,
	    span_cstr("sold"), &p->e), 0);
	ledgerdir_revoke(p, 7);
	assert_int_equal(ledger_add_revocation(p->l, data_span(&p->ca.blob),
	    LEDGER_KEY_ID, span_cstr("alice"), &who, span_cstr("left us"),
	    &p->e), 0);
	ledgerdir_reopen(p);
	assert_int_equal(ledger_revoked(p->l, data_span(&p->ca.blob),
	    note_revoked, &of_one, &p->e), 0);
	assert_int_equal(of_one.n, 2);
	assert_int_equal(of_one.how, LEDGER_KEY_ID);
	assert_string_equal(of_one.what, "alice");
	assert_string_equal(of_one.note, "left us");
	assert_int_equal(ledger_revoked(p->l, (struct span){ 0 },
	    note_revoked, &of_all, &p->e), 0);
	assert_int_equal(of_all.n, 3);
	assert_int_equal(ledger_revoked(p->l, data_span(&p->other.blob),
	    note_revoked, &of_other, &p->e), 0);
	assert_int_equal(of_other.n, 1);
	assert_int_equal(of_other.how, LEDGER_KEY);
	ledgerdir_verify(p);
}

static void
nothing_cannot_be_revoked(void **state)
{
	static const uint8_t backwards[16] = { [7] = 9, [15] = 8 },
	    zero[16] = { [15] = 8 };
	const struct ledger_who who = { 0 };
	struct ledgerdir *p = *state;
	const struct {
		enum ledger_revoked	how;
		struct span		what;
	} bad[] = {
		{ LEDGER_SERIALS, { backwards, 16 } },
		{ LEDGER_SERIALS, { zero, 16 } },
		{ LEDGER_SERIALS, { backwards, 15 } },
		{ LEDGER_SERIALS, { NULL, 0 } },
		{ LEDGER_KEY_ID, { NULL, 0 } },
		{ LEDGER_PRINCIPAL, { NULL, 0 } },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(ledger_add_revocation(p->l,
		    data_span(&p->ca.blob), bad[i].how, bad[i].what, &who,
		    span_cstr(""), &p->e), ERR_USAGE);
}

static void
an_entry_that_is_too_long_is_refused(void **state)
{
	const struct ledger_who who = { 0 };
	struct ledgerdir *p = *state;
	uint8_t *much = calloc(1, LEDGER_ENTRY_MAX);

	assert_non_null(much);
	assert_int_equal(ledger_add_revocation(p->l, data_span(&p->ca.blob),
	    LEDGER_KEY, (struct span){ much, LEDGER_ENTRY_MAX }, &who,
	    (struct span){ much, LEDGER_ENTRY_MAX }, &p->e), ERR_LIMIT);
	assert_int_equal(ledger_add_revocation(p->l, data_span(&p->ca.blob),
	    LEDGER_KEY, (struct span){ much, LEDGER_ENTRY_MAX / 2 }, &who,
	    (struct span){ much, LEDGER_ENTRY_MAX }, &p->e), 0);
	ledgerdir_verify(p);
	free(much);
}

/* --- checkpoints --- */

static uint64_t
count_unsigned(struct ledgerdir *p)
{
	struct ledger_unsigned u;

	assert_int_equal(ledger_unsigned(p->l, data_span(&p->ca.blob), &u,
	    &p->e), 0);
	return u.n;
}

static void
certificates_since_the_last_checkpoint_are_counted(void **state)
{
	struct ledgerdir *p = *state;
	struct ledger_unsigned u;

	ledgerdir_add_serials(p, 1, 3);
	ledgerdir_add(p, &(struct ledgercert){ .ca = &p->other });
	assert_int_equal(count_unsigned(p), 3);
	clock_now += 50;
	ledgerdir_checkpoint(p);
	assert_int_equal(count_unsigned(p), 0);
	ledgerdir_add_serials(p, 4, 5);
	ledgerdir_reopen(p);
	assert_int_equal(ledger_unsigned(p->l, data_span(&p->ca.blob), &u,
	    &p->e), 0);
	assert_int_equal(u.n, 2);
	assert_int_equal(u.since, START + 50);
	assert_int_equal(ledger_unsigned(p->l, data_span(&p->other.blob), &u,
	    &p->e), 0);
	assert_int_equal(u.n, 1);
	assert_int_equal(u.since, 0);
	ledgerdir_verify(p);
}

static void
there_is_no_checkpoint_of_what_is_not_there(void **state)
{
	struct ledgerdir *p = *state;
	char text[LEDGER_CHECKPOINT_MAX], again[LEDGER_CHECKPOINT_MAX];

	ledgerdir_add_serials(p, 1, 1);
	assert_int_equal(ledger_checkpoint_text(p->l, 0, text, &p->e),
	    ERR_NOTFOUND);
	assert_int_equal(ledger_checkpoint_text(p->l, 2, text, &p->e),
	    ERR_NOTFOUND);
	assert_int_equal(ledger_add_checkpoint(p->l, data_span(&p->ca.blob),
	    2, span_cstr("signature"), &p->e), ERR_NOTFOUND);
	assert_int_equal(ledger_checkpoint_text(p->l, 1, text, &p->e), 0);
	assert_non_null(strstr(text, "entry 1 has the hash "));
	ledgerdir_add_serials(p, 2, 2);
	assert_int_equal(ledger_checkpoint_text(p->l, 1, again, &p->e), 0);
	assert_string_equal(text, again);
}

static int
count_ca(void *arg, struct span ca, struct err *e)
{
	(void)e;
	++*(size_t *)arg;
	return ca.n > 0 ? 0 : ERR_FORMAT;
}

static void
the_cas_are_known_that_have_done_something(void **state)
{
	struct ledgerdir *p = *state;
	size_t n = 0;

	ledgerdir_take(p, 1);
	ledgerdir_add(p, &(struct ledgercert){ .ca = &p->other });
	assert_int_equal(ledger_cas(p->l, count_ca, &n, &p->e), 0);
	assert_int_equal(n, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(serial_numbers_begin_with_one_and_go_up),
		TEST(serial_numbers_that_were_used_are_passed_over),
		TEST(there_is_an_end_to_serial_numbers),
		TEST(versions_of_a_krl_go_up),
		TEST(a_ca_signs_no_more_than_its_rate),
		TEST(a_clock_that_was_set_back_is_no_fault_and_no_way_round),
		TEST(revocations_are_told_of_each_ca_and_of_all),
		TEST(nothing_cannot_be_revoked),
		TEST(an_entry_that_is_too_long_is_refused),
		TEST(certificates_since_the_last_checkpoint_are_counted),
		TEST(there_is_no_checkpoint_of_what_is_not_there),
		TEST(the_cas_are_known_that_have_done_something),
	};

	return cmocka_run_group_tests_name("ledger_numbers", tests, NULL,
	    NULL);
}

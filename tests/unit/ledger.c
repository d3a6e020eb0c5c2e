/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/certbody.h"
#include "tests/unit/ledgerdir.h"

/* --- finding --- */

struct found {
	char	 text[400];		/* "1 2 3", serial numbers */
	size_t	 n;
};

static int
note_one(void *arg, const struct ledger_entry *en, const struct cert *c,
    struct err *e)
{
	struct found *f = arg;
	const size_t n = strlen(f->text);

	(void)e;
	assert_int_equal(en->kind, LEDGER_CERTIFICATE);
	assert_true(span_is(en->note, "a test"));
	assert_int_equal(en->who.pid, 4711);
	snprintf(f->text + n, sizeof(f->text) - n, "%s%" PRIu64,
	    f->n++ > 0 ? " " : "", c->serial);
	return 0;
}

static void
expect(struct ledgerdir *p, const struct ledger_query *q, const char *serials)
{
	struct found f = { 0 };

	assert_int_equal(ledger_find(p->l, q, note_one, &f, &p->e), 0);
	assert_string_equal(f.text, serials);
}

#define SOON	(CERTBODY_NOW + 100)

static const struct ledgercert some[] = {
	{ 1, "alice", "alice", "u_ed25519", "nonce 1", SOON, NULL },
	{ 2, "alice", "alice|root", "u_ecdsa", "nonce 2", SOON + 1, NULL },
	{ 3, "bob", "bob|root", "u_ed25519", "nonce 3", SOON + 2, NULL },
	{ 0, "bob", "bob", "u_ed25519", "nonce 4", CERT_FOREVER, NULL },
	{ UINT64_MAX, "", "", "u_ed25519", "", UINT64_MAX - 1, NULL },
	{ UINT64_C(1) << 63, "alice", "root|root", "u_ed25519", "nonce 5",
	    UINT64_C(1) << 63, NULL },
};

/* All of them by the one CA, and the first once more by the other. */
static void
add_some(struct ledgerdir *p)
{
	struct ledgercert first = some[0];

	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++)
		ledgerdir_add(p, &some[i]);
	first.ca = &p->other;
	ledgerdir_add(p, &first);
}

#define MAX	"18446744073709551615"
#define HIGH	"9223372036854775808"

static void
a_certificate_is_found_by_each_of_its_fields(void **state)
{
	struct ledgerdir *p = *state;
	struct data key = data_pub("u_ecdsa"), none = data_pub("p521");

	add_some(p);
	expect(p, &(struct ledger_query){ 0 }, "1 2 3 0 " MAX " " HIGH " 1");
	expect(p, &(struct ledger_query){ .ca = data_span(&p->ca.blob) },
	    "1 2 3 0 " MAX " " HIGH);
	expect(p, &(struct ledger_query){ .ca = data_span(&p->other.blob) },
	    "1");
	expect(p, &(struct ledger_query){ .serial = 1 }, "1 1");
	expect(p, &(struct ledger_query){ .serial = 4 }, "");
	expect(p, &(struct ledger_query){ .serial = UINT64_MAX }, MAX);
	expect(p, &(struct ledger_query){ .key_id = span_cstr("alice") },
	    "1 2 " HIGH " 1");
	expect(p, &(struct ledger_query){ .key_id = span_cstr("alic") }, "");
	expect(p, &(struct ledger_query){ .principal = span_cstr("root") },
	    "2 3 " HIGH);
	expect(p, &(struct ledger_query){ .principal = span_cstr("al") }, "");
	expect(p, &(struct ledger_query){ .subject = data_span(&key) }, "2");
	expect(p, &(struct ledger_query){ .subject = data_span(&none) }, "");
	data_free(&key);
	data_free(&none);
}

static void
a_certificate_is_found_by_when_it_ends(void **state)
{
	struct ledgerdir *p = *state;

	add_some(p);
	expect(p, &(struct ledger_query){ .ends_after = SOON }, "2 3 0 " MAX
	    " " HIGH);
	expect(p, &(struct ledger_query){ .ends_before = SOON }, "1 1");
	expect(p, &(struct ledger_query){ .ends_after = SOON,
	    .ends_before = SOON + 2 }, "2 3");
	expect(p, &(struct ledger_query){ .ends_after = SOON + 2,
	    .ends_before = INT64_MAX - 1 }, "");
	expect(p, &(struct ledger_query){ .ends_after = SOON + 2,
	    .ends_before = UINT64_MAX }, "0 " MAX " " HIGH);
}

static void
the_last_ones_are_found_in_their_order(void **state)
{
	struct ledgerdir *p = *state;

	add_some(p);
	expect(p, &(struct ledger_query){ .last = 2 }, HIGH " 1");
	expect(p, &(struct ledger_query){ .last = 100 }, "1 2 3 0 " MAX " "
	    HIGH " 1");
	expect(p, &(struct ledger_query){ .last = SIZE_MAX, .until = 2 },
	    "1 2");
	expect(p, &(struct ledger_query){ .last = 1, .until = 2 }, "2");
	expect(p, &(struct ledger_query){ .until = UINT64_MAX,
	    .ca = data_span(&p->other.blob) }, "1");
	expect(p, &(struct ledger_query){ .last = 2,
	    .principal = span_cstr("root") }, "3 " HIGH);
	expect(p, &(struct ledger_query){ .last = 1, .until = 4,
	    .ends_after = SOON }, "0");
}

static void
nothing_is_found_of_a_ca_that_is_not_known(void **state)
{
	struct ledgerdir *p = *state;
	struct ledger_unsigned u;

	ledgerdir_add(p, &some[0]);
	expect(p, &(struct ledger_query){ .ca = data_span(&p->other.blob) },
	    "");
	assert_int_equal(ledger_unsigned(p->l, data_span(&p->other.blob), &u,
	    &p->e), 0);
	assert_int_equal(u.n, 0);
}

/* What each bit of a number asks for, the straight way. */
static bool
is_meant(unsigned int bits, const struct ledgercert *c, size_t i, size_t n)
{
	const char *names = c->principals;

	return ((bits & 1) == 0 || i + 1 < n) &&
	    ((bits & 2) == 0 || c->serial == 1) &&
	    ((bits & 4) == 0 || strcmp(c->key_id, "alice") == 0) &&
	    ((bits & 8) == 0 || strstr(names, "root") != NULL) &&
	    ((bits & 16) == 0 || strcmp(c->subject, "u_ed25519") == 0) &&
	    ((bits & 32) == 0 || c->before > SOON) &&
	    ((bits & 64) == 0 || c->before <= SOON + 1) &&
	    ((bits & 128) == 0 || i < 5);
}

static void
set_query(struct ledger_query *q, unsigned int bits,
    const struct ledgerdir *p, const struct data *subject)
{
	if ((bits & 1) != 0)
		q->ca = data_span(&p->ca.blob);
	if ((bits & 2) != 0)
		q->serial = 1;
	if ((bits & 4) != 0)
		q->key_id = span_cstr("alice");
	if ((bits & 8) != 0)
		q->principal = span_cstr("root");
	if ((bits & 16) != 0)
		q->subject = data_span(subject);
	if ((bits & 32) != 0)
		q->ends_after = SOON;
	if ((bits & 64) != 0)
		q->ends_before = SOON + 1;
	if ((bits & 128) != 0)
		q->until = 5;
	if ((bits & 256) != 0)
		q->last = 100;
}

static void
all_conditions_can_be_asked_for_together(void **state)
{
	struct ledgerdir *p = *state;
	struct data subject = data_pub("u_ed25519");
	const size_t n = sizeof(some) / sizeof(*some) + 1;

	add_some(p);
	for (unsigned int bits = 0; bits < 512; bits++) {
		struct ledger_query q = { 0 };
		struct found f = { 0 };
		size_t meant = 0;

		set_query(&q, bits, p, &subject);
		assert_int_equal(ledger_find(p->l, &q, note_one, &f, &p->e),
		    0);
		for (size_t i = 0; i < n; i++)
			meant += is_meant(bits, &some[i % (n - 1)], i, n);
		assert_int_equal(f.n, meant);
	}
	data_free(&subject);
}

static int
stop_at_two(void *arg, const struct ledger_entry *en, const struct cert *c,
    struct err *e)
{
	(void)en;
	(void)c;
	return ++*(int *)arg < 2 ? 0 :
	    err_set(e, ERR_CANCELLED, 0, "enough");
}

static void
an_error_ends_the_search(void **state)
{
	struct ledgerdir *p = *state;
	int n = 0;

	add_some(p);
	assert_int_equal(ledger_find(p->l, &(struct ledger_query){ 0 },
	    stop_at_two, &n, &p->e), ERR_CANCELLED);
	assert_int_equal(n, 2);
	assert_string_equal(p->e.msg, "enough");
}

static void
what_is_added_is_there_after_it_was_closed(void **state)
{
	struct ledgerdir *p = *state;
	uint64_t end;

	add_some(p);
	assert_int_equal(ledgerdir_try_open(p, LEDGER_READ), 0);
	expect(p, &(struct ledger_query){ .ca = data_span(&p->ca.blob) },
	    "1 2 3 0 " MAX " " HIGH);
	assert_int_equal(ledger_end(p->l, &end, &p->e), 0);
	assert_int_equal(end, 7);
	assert_int_equal(ledgerdir_verify(p), 7);
	assert_int_equal(ledgerdir_add_to(p, p->l, &some[0], NULL),
	    ERR_USAGE);
}

/* --- what is signed once --- */

static void
a_serial_number_is_used_once_by_a_ca(void **state)
{
	const struct ledger_rule none = { 0 };
	struct ledgerdir *p = *state;
	struct ledgercert c = { .serial = 7, .key_id = "the first" };
	struct data d = ledgerdir_certify(p, &c);
	struct cert cert;

	ledgerdir_add(p, &c);
	c.key_id = "the second";
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, NULL), ERR_DENIED);
	assert_non_null(strstr(p->e.msg, "serial number 7 was used"));
	assert_non_null(strstr(p->e.msg, "\"the first\""));
	assert_int_equal(cert_parse(data_span(&d), &cert, &p->e), 0);
	assert_int_equal(ledger_check(p->l, &cert, &none, &p->e),
	    ERR_DENIED);
	cert.serial = 8;
	assert_int_equal(ledger_check(p->l, &cert, &none, &p->e), 0);
	c.ca = &p->other;
	ledgerdir_add(p, &c);
	assert_int_equal(ledgerdir_verify(p), 2);
	data_free(&d);
}

static void
each_end_of_the_serial_numbers_is_used_once(void **state)
{
	static const uint64_t ends[] = { 1, INT64_MAX,
	    (uint64_t)INT64_MAX + 1, UINT64_MAX };
	struct ledgerdir *p = *state;

	for (size_t i = 0; i < 4; i++) {
		const struct ledgercert c = { .serial = ends[i] };

		ledgerdir_add(p, &c);
		assert_int_equal(ledgerdir_add_to(p, p->l, &c, NULL),
		    ERR_DENIED);
	}
	ledgerdir_reopen(p);
	assert_int_equal(ledgerdir_verify(p), 4);
}

static void
serial_number_zero_is_none_and_may_be_used_again(void **state)
{
	struct ledgerdir *p = *state;

	ledgerdir_add_serials(p, 0, 0);
	ledgerdir_add_serials(p, 0, 0);
	assert_int_equal(ledgerdir_verify(p), 2);
}

static void
two_that_have_it_open_share_the_numbers(void **state)
{
	struct ledgerdir *p = *state;
	struct ledger *l;
	uint64_t first;

	assert_int_equal(ledger_open(&l, p->path, LEDGER_WRITE, &p->e), 0);
	for (uint64_t i = 1; i < 9; i += 2) {
		assert_int_equal(ledgerdir_take(p, 1), i);
		assert_int_equal(ledger_serials(l, data_span(&p->ca.blob), 1,
		    &first, &p->e), 0);
		assert_int_equal(first, i + 1);
	}
	ledgerdir_add_serials(p, 20, 20);
	assert_int_equal(ledgerdir_add_to(p, l, &(struct ledgercert){
	    .serial = 20 }, NULL), ERR_DENIED);
	assert_int_equal(ledgerdir_add_to(p, l, &(struct ledgercert){
	    .serial = 21 }, NULL), 0);
	assert_int_equal(ledgerdir_add_to(p, p->l, &(struct ledgercert){
	    .serial = 21 }, NULL), ERR_DENIED);
	ledger_close(l);
	assert_int_equal(ledgerdir_verify(p), 2);
}

#define ROUNDS	40

/* Take a number, and use it; try numbers that the other tries, too. */
static int
use_numbers(struct ledgerdir *p, int i)
{
	struct ledgercert c = { .key_id = i == 0 ? "even" : "odd" };
	int r, got = 0;

	if (ledger_open(&p->l, p->path, LEDGER_WRITE, &p->e) != 0)
		return 1;
	for (uint64_t n = 0; n < ROUNDS; n++) {
		if (ledger_serials(p->l, data_span(&p->ca.blob), 1,
		    &c.serial, &p->e) != 0 ||
		    ledgerdir_add_to(p, p->l, &c, NULL) != 0)
			return 2;
		c.serial = 1000000 + n;
		if ((r = ledgerdir_add_to(p, p->l, &c, NULL)) == 0)
			got++;
		else if (r != ERR_DENIED)
			return 3;
	}
	ledger_close(p->l);
	return 0;
}

static void
two_processes_never_use_one_number(void **state)
{
	struct ledgerdir *p = *state;

	ledgerdir_fork_two(p, use_numbers);
	assert_int_equal(ledgerdir_verify(p), 3 * ROUNDS);
	assert_int_equal(ledgerdir_ask(p, "SELECT count(DISTINCT serial) "
	    "FROM certificate"), 3 * ROUNDS);
	assert_int_equal(ledgerdir_take(p, 1), 2 * ROUNDS + 1);
}

static int
make_it(struct ledgerdir *p, int i)
{
	int r;

	(void)i;
	if (ledger_open(&p->l, p->path, LEDGER_WRITE, &p->e) != 0)
		return 1;
	r = ledgerdir_add_to(p, p->l, &(struct ledgercert){ 0 }, NULL);
	ledger_close(p->l);
	return r != 0;
}

static void
two_processes_make_one_ledger(void **state)
{
	struct ledgerdir *p = *state;

	for (uint64_t i = 0; i < 10; i++) {
		ledgerdir_close(p);
		remove(p->path);
		remove(p->head);
		remove(p->wal);
		ledgerdir_fork_two(p, make_it);
		assert_int_equal(ledgerdir_verify(p), 2);
	}
}

static void
a_nonce_is_used_once_where_that_is_the_rule(void **state)
{
	const struct ledger_rule once = { .once = true };
	struct ledgerdir *p = *state;
	struct ledgercert c = { .serial = 1, .nonce = "0123456789abcdef",
	    .key_id = "approved" };

	assert_int_equal(ledgerdir_add_to(p, p->l, &c, &once), 0);
	c.serial = 2;
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, &once), ERR_LIMIT);
	assert_non_null(strstr(p->e.msg, "\"approved\""));
	c.ca = &p->other;
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, &once), ERR_LIMIT);
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, NULL), 0);
	c.nonce = "0123456789abcdeg";
	c.serial = 3;
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, &once), 0);
	assert_int_equal(ledgerdir_verify(p), 3);
}

static void
what_is_no_certificate_is_not_added(void **state)
{
	const struct ledger_rule none = { 0 };
	const struct ledger_who who = { 0 };
	struct ledgerdir *p = *state;
	struct data d = ledgerdir_certify(p, &(struct ledgercert){ 0 });
	uint64_t end;

	for (size_t n = 0; n < d.n; n++)
		assert_int_not_equal(ledger_add_certificate(p->l,
		    (struct span){ d.p, n }, &none, &who, span_cstr(""),
		    &p->e), 0);
	assert_int_equal(ledger_end(p->l, &end, &p->e), 0);
	assert_int_equal(end, 0);
	data_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LEDGERDIR_TEST(a_certificate_is_found_by_each_of_its_fields),
		LEDGERDIR_TEST(a_certificate_is_found_by_when_it_ends),
		LEDGERDIR_TEST(the_last_ones_are_found_in_their_order),
		LEDGERDIR_TEST(nothing_is_found_of_a_ca_that_is_not_known),
		LEDGERDIR_TEST(all_conditions_can_be_asked_for_together),
		LEDGERDIR_TEST(an_error_ends_the_search),
		LEDGERDIR_TEST(what_is_added_is_there_after_it_was_closed),
		LEDGERDIR_TEST(a_serial_number_is_used_once_by_a_ca),
		LEDGERDIR_TEST(each_end_of_the_serial_numbers_is_used_once),
		LEDGERDIR_TEST(
		    serial_number_zero_is_none_and_may_be_used_again),
		LEDGERDIR_TEST(two_that_have_it_open_share_the_numbers),
		LEDGERDIR_TEST(two_processes_never_use_one_number),
		LEDGERDIR_TEST(two_processes_make_one_ledger),
		LEDGERDIR_TEST(a_nonce_is_used_once_where_that_is_the_rule),
		LEDGERDIR_TEST(what_is_no_certificate_is_not_added),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}

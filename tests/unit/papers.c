/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/papers.h"
#include "tests/unit/signedby.h"

#define NOW	INT64_C(1000000)

/* Who asks, who approves, and whose rule that is. */
struct people {
	struct hostkey	 asks, approves, ca;
	struct signedby_name name;
	char		*list[1];
	struct approval_rule rule;
	struct papers	 papers;
};

static int
set_up(void **state)
{
	struct people *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	hostkey_make(&p->asks, HOSTKEY_ED25519);
	hostkey_make(&p->approves, HOSTKEY_P256);
	hostkey_make(&p->ca, HOSTKEY_P384);
	p->name = signedby_name(&p->approves);
	p->list[0] = p->name.s;
	p->rule = (struct approval_rule){ .needed = 1,
	    .approvers = { .v = p->list, .n = 1 } };
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct people *p = *state;

	papers_clear(&p->papers);
	hostkey_free(&p->asks);
	hostkey_free(&p->approves);
	hostkey_free(&p->ca);
	free(p);
	return 0;
}

static char nonces[][33] = {
	"nonce 0 of the papers that come.", "nonce 1 of the papers that come.",
	"nonce 2 of the papers that come.", "nonce 3 of the papers that come.",
	"nonce 4 of the papers that come.", "nonce 5 of the papers that come.",
	"nonce 6 of the papers that come.", "nonce 7 of the papers that come.",
	"nonce 8 of the papers that come.",
};

static void
make_body(const struct people *p, size_t i, struct certbody *b)
{
	certbody_make(b);
	certbody_set_ca(b, data_span(&p->ca.blob));
	b->nonce = span_cstr(nonces[i]);
}

/* The i-th request, with or without an approval. */
static struct data
papers_of(const struct people *p, size_t i, size_t approvals)
{
	struct data text, asked, approved, all;
	struct certbody b;

	make_body(p, i, &b);
	text = signedby_request(&b);
	asked = signedby(&p->asks, APPROVAL_NS_REQUEST, data_span(&text));
	approved = signedby(&p->approves, APPROVAL_NS_APPROVE,
	    data_span(&text));
	all = signedby_papers(data_span(&text), data_span(&asked), &approved,
	    approvals);
	data_free(&text);
	data_free(&asked);
	data_free(&approved);
	certbody_free(&b);
	return all;
}

static void
bring(struct people *p, size_t i, size_t approvals, int64_t now)
{
	struct data d = papers_of(p, i, approvals);
	struct err e;

	if (papers_add(&p->papers, data_span(&d), now, &e) != 0)
		fail_msg("%s", e.msg);
	data_free(&d);
}

/* May the i-th be signed?  NULL: yes, else what stands against it. */
static const char *
check(struct people *p, size_t i, int64_t now, struct err *e)
{
	struct approval_names who;
	struct certbody b;
	struct data d;
	struct cert c;
	int r;

	make_body(p, i, &b);
	b.serial = 7;
	d = certbody_bytes(&b);
	assert_int_equal(cert_parse_tbs(data_span(&d), &c, e), 0);
	r = papers_check(&p->papers, &p->rule, &c, now, &who, e);
	data_free(&d);
	certbody_free(&b);
	if (r == 0) {
		assert_int_equal(who.n, 1);
		assert_string_equal(who.approver[0], p->name.s);
	}
	return r == 0 ? NULL : e->msg;
}

static void
check_nobody(struct people *p, size_t i, int64_t now)
{
	struct err e;
	const char *why = check(p, i, now, &e);

	assert_non_null(why);
	assert_non_null(strstr(why, "no client has brought that"));
	assert_int_equal(e.code, ERR_DENIED);
}

static void
test_what_was_brought_counts_for_its_own_body(void **state)
{
	struct people *p = *state;
	struct err e;

	check_nobody(p, 0, NOW);
	bring(p, 0, 1, NOW);
	bring(p, 1, 1, NOW);
	assert_null(check(p, 0, NOW, &e));
	assert_null(check(p, 1, NOW, &e));
	assert_null(check(p, 0, NOW, &e));
	check_nobody(p, 2, NOW);
}

static void
test_newer_papers_of_a_request_take_the_place_of_older_ones(void **state)
{
	struct people *p = *state;
	struct err e;

	bring(p, 0, 0, NOW);
	assert_non_null(strstr(check(p, 0, NOW, &e), "0 of 1 approvals"));
	bring(p, 0, 1, NOW + 1);
	assert_null(check(p, 0, NOW + 1, &e));
	bring(p, 0, 0, NOW + 2);
	assert_non_null(check(p, 0, NOW + 2, &e));
}

static void
test_they_are_forgotten_in_time(void **state)
{
	struct people *p = *state;
	struct err e;

	bring(p, 0, 1, NOW);
	assert_null(check(p, 0, NOW + PAPERS_MS - 1, &e));
	check_nobody(p, 0, NOW + PAPERS_MS);
}

static void
test_the_oldest_make_room(void **state)
{
	struct people *p = *state;
	struct err e;

	for (size_t i = 0; i < PAPERS_KEPT; i++)
		bring(p, i, 1, NOW + (int64_t)(i == 3 ? 0 : i + 1));
	bring(p, PAPERS_KEPT, 1, NOW + 100);
	check_nobody(p, 3, NOW + 100);
	for (size_t i = 0; i <= PAPERS_KEPT; i++)
		if (i != 3)
			assert_null(check(p, i, NOW + 100, &e));
}

static void
test_what_is_cut_off_is_refused(void **state)
{
	struct people *p = *state;
	struct data d = papers_of(p, 0, 1), more;
	struct err e;

	for (size_t n = 0; n < d.n; n++) {
		struct data cut = data_copy((struct span){ d.p, n });

		assert_int_not_equal(papers_add(&p->papers, data_span(&cut),
		    NOW, &e), 0);
		data_free(&cut);
	}
	more = papers_of(p, 0, 1);
	more.p = realloc(more.p, more.n + 1);
	assert_non_null(more.p);
	more.p[more.n++] = 0;
	assert_int_equal(papers_add(&p->papers, data_span(&more), NOW, &e),
	    ERR_FORMAT);
	check_nobody(p, 0, NOW);
	data_free(&d);
	data_free(&more);
}

static void
test_more_approvals_than_count_are_refused(void **state)
{
	struct people *p = *state;
	struct data none[APPROVAL_MAX + 1] = { { 0 } }, d;
	struct err e;

	d = signedby_papers(span_cstr("x"), span_cstr("y"), none,
	    APPROVAL_MAX + 1);
	assert_int_equal(papers_add(&p->papers, data_span(&d), NOW, &e),
	    ERR_LIMIT);
	assert_non_null(strstr(e.msg, "17 approvals of one request"));
	data_free(&d);
}

#define PAPERS_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PAPERS_TEST(test_what_was_brought_counts_for_its_own_body),
		PAPERS_TEST(
		    test_newer_papers_of_a_request_take_the_place_of_older_ones
		    ),
		PAPERS_TEST(test_they_are_forgotten_in_time),
		PAPERS_TEST(test_the_oldest_make_room),
		PAPERS_TEST(test_what_is_cut_off_is_refused),
		PAPERS_TEST(test_more_approvals_than_count_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

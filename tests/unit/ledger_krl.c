/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ca/ledger_krl.h"
#include "tests/unit/ledgerdir.h"

/* ssh-keygen and sshd are asked by tests/e2e/caledger.sh. */

static const struct ledger_who somebody = { .uid = 1000 };

static const struct ledgercert some[] = {
	{ 1, "alice", "alice|ops", "u_ed25519", NULL, 0, NULL },
	{ 2, "alice", "alice", "u_ecdsa", NULL, 0, NULL },
	{ 3, "bob", "bob|ops", "p384", NULL, 0, NULL },
	{ 0, "bare", "ops", "p521", NULL, 0, NULL },
	{ 5, "bare", "eve", "rsa2048", NULL, 0, NULL },
};

static void
add_some(struct ledgerdir *p)
{
	struct ledgercert other;

	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
		ledgerdir_add(p, &some[i]);
		other = some[i];
		other.ca = &p->other;
		ledgerdir_add(p, &other);
	}
}

static void
revoke(struct ledgerdir *p, enum ledger_revoked how, struct span what)
{
	assert_int_equal(ledger_add_revocation(p->l, data_span(&p->ca.blob),
	    how, what, &somebody, span_cstr("a test"), &p->e), 0);
}

struct asking {
	const struct krl_view *view;
	char		 text[200];
};

/* "1:alice/2": entry, key ID and serial number. */
static int
ask_one(void *arg, const struct ledger_entry *en, const struct cert *c,
    struct err *e)
{
	struct asking *a = arg;
	struct krl_verdict v;
	const size_t n = strlen(a->text);

	assert_int_equal(krl_view_ask_cert(a->view, c, &v, e), 0);
	if (v.by != KRL_BY_NOTHING)
		snprintf(a->text + n, sizeof(a->text) - n, "%s%d:%.*s/%d",
		    n > 0 ? " " : "", (int)en->seq, (int)c->key_id.n,
		    (const char *)c->key_id.p, (int)c->serial);
	return 0;
}

/* The list of `of` (empty: all) revokes of the certificates by `by` these. */
static void
revoked(struct ledgerdir *p, struct span of, const struct hostkey *by,
    const char *want)
{
	const struct ledger_query q = { .ca = data_span(&by->blob) };
	const struct ledger_krl_head head = { .version = 7, .date = 8,
	    .comment = "a list" };
	struct ledger_krl krl;
	struct asking a = { .view = &krl.view };

	if (ledger_krl_make(p->l, of, &head, &krl, &p->e) != 0)
		fail_msg("%s", p->e.msg);
	assert_int_equal(krl.view.version, 7);
	assert_int_equal(krl.view.date, 8);
	assert_true(span_is(krl.view.comment, "a list"));
	assert_int_equal(ledger_find(p->l, &q, ask_one, &a, &p->e), 0);
	assert_string_equal(a.text, want);
	ledger_krl_free(&krl);
}

static const struct span all;

static void
with_nothing_revoked_there_is_a_list_without_anything(void **state)
{
	struct ledgerdir *p = *state;

	revoked(p, all, &p->ca, "");
	add_some(p);
	revoked(p, data_span(&p->ca.blob), &p->ca, "");
}

static void
a_serial_number_is_revoked_for_one_ca(void **state)
{
	struct ledgerdir *p = *state;

	add_some(p);
	ledgerdir_revoke(p, 2);
	revoked(p, data_span(&p->ca.blob), &p->ca, "3:alice/2");
	revoked(p, all, &p->ca, "3:alice/2");
	revoked(p, all, &p->other, "");
	revoked(p, data_span(&p->other.blob), &p->ca, "");
}

static void
a_key_id_is_revoked_for_one_ca(void **state)
{
	struct ledgerdir *p = *state;

	add_some(p);
	revoke(p, LEDGER_KEY_ID, span_cstr("bare"));
	revoked(p, data_span(&p->ca.blob), &p->ca, "7:bare/0 9:bare/5");
	revoked(p, all, &p->other, "");
}

static void
a_key_is_revoked_in_the_list_of_each_ca(void **state)
{
	struct ledgerdir *p = *state;
	struct data key = data_pub("p384");

	add_some(p);
	revoke(p, LEDGER_KEY, data_span(&key));
	revoked(p, data_span(&p->ca.blob), &p->ca, "5:bob/3");
	revoked(p, data_span(&p->other.blob), &p->other, "6:bob/3");
	revoked(p, all, &p->other, "6:bob/3");
	data_free(&key);
}

static void
the_key_of_a_ca_is_all_that_it_has_signed(void **state)
{
	struct ledgerdir *p = *state;

	add_some(p);
	revoke(p, LEDGER_KEY, data_span(&p->other.blob));
	revoked(p, all, &p->ca, "");
	revoked(p, all, &p->other,
	    "2:alice/1 4:alice/2 6:bob/3 8:bare/0 10:bare/5");
}

static void
a_principal_is_what_was_there_until_then(void **state)
{
	struct ledgerdir *p = *state;

	add_some(p);
	revoke(p, LEDGER_PRINCIPAL, span_cstr("alice"));
	ledgerdir_add(p, &(struct ledgercert){ .serial = 9,
	    .principals = "alice", .key_id = "later" });
	revoked(p, all, &p->ca, "1:alice/1 3:alice/2");
	revoked(p, all, &p->other, "");
}

static void
a_principal_without_serial_number_is_its_key_id(void **state)
{
	struct ledgerdir *p = *state;

	add_some(p);
	revoke(p, LEDGER_PRINCIPAL, span_cstr("ops"));
	revoked(p, all, &p->ca, "1:alice/1 5:bob/3 7:bare/0 9:bare/5");
}

static void
what_is_no_key_makes_no_list(void **state)
{
	struct ledgerdir *p = *state;
	const struct ledger_krl_head head = { 0 };
	struct ledger_krl krl;

	add_some(p);
	revoke(p, LEDGER_KEY, span_cstr("no key"));
	assert_int_equal(ledger_krl_make(p->l, all, &head, &krl, &p->e),
	    ERR_FORMAT);
	assert_non_null(strstr(p->e.msg, "entry 11"));
	ledger_krl_free(&krl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LEDGERDIR_TEST(
		    with_nothing_revoked_there_is_a_list_without_anything),
		LEDGERDIR_TEST(a_serial_number_is_revoked_for_one_ca),
		LEDGERDIR_TEST(a_key_id_is_revoked_for_one_ca),
		LEDGERDIR_TEST(a_key_is_revoked_in_the_list_of_each_ca),
		LEDGERDIR_TEST(the_key_of_a_ca_is_all_that_it_has_signed),
		LEDGERDIR_TEST(a_principal_is_what_was_there_until_then),
		LEDGERDIR_TEST(a_principal_without_serial_number_is_its_key_id),
		LEDGERDIR_TEST(what_is_no_key_makes_no_list),
	};

	return cmocka_run_group_tests_name("ledger_krl", tests, NULL, NULL);
}

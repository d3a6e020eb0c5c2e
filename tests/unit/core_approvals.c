/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/holder.h"
#include "tests/unit/signedby.h"

#define SESSION	"11111111111111111111111111111111"

/* By their letters: Alice, who asks, Bob, Carol; Mallory and the Subject. */
#define LETTERS	"abcms"

/* A CA, the holder's key "ec", that signs what two of "bc" approve of. */
struct office {
	struct fixture	 f;
	struct hostkey	 key[sizeof(LETTERS) - 1];
	struct certbody	 body;
	struct data	 request;
};

static const struct hostkey *
key_of(const struct office *o, char letter)
{
	return &o->key[strchr(LETTERS, letter) - LETTERS];
}

static void
open_office(struct office *o, const char *more)
{
	char conf[1024];

	for (size_t i = 0; i < sizeof(LETTERS) - 1; i++)
		hostkey_make(&o->key[i], i == 1 ? HOSTKEY_P256 :
		    HOSTKEY_ED25519);
	snprintf(conf, sizeof(conf), "CA ec\nRequireApprovals 2\n"
	    "Approvers %s %s %s %s\n%s", signedby_name(key_of(o, 'a')).s,
	    signedby_name(key_of(o, 'b')).s, signedby_name(key_of(o, 'c')).s,
	    signedby_name(key_of(o, 's')).s, more);
	holder_setup(&o->f, conf);
	certbody_make(&o->body);
	certbody_set_ca(&o->body, holder_blob_of(&o->f, 0));
	certbody_set_subject_blob(&o->body,
	    data_span(&key_of(o, 's')->blob));
	o->body.principals = span_cstr("alice");
	o->body.after = (uint64_t)time(NULL);
	o->body.before = o->body.after + CERTBODY_HOUR;
	o->request = signedby_request(&o->body);
}

static void
close_office(struct office *o)
{
	for (size_t i = 0; i < sizeof(LETTERS) - 1; i++)
		hostkey_free(&o->key[i]);
	certbody_free(&o->body);
	data_free(&o->request);
	holder_teardown(&o->f);
}

/* The papers with a signature of each letter in `approve`. */
static struct data
papers_by(const struct office *o, char asks, const char *approve,
    const char *ns)
{
	const struct span text = data_span(&o->request);
	struct data v[APPROVAL_MAX], asked, all;
	size_t n = strlen(approve);

	assert_true(n <= APPROVAL_MAX);
	for (size_t i = 0; i < n; i++)
		v[i] = signedby(key_of(o, approve[i]), ns, text);
	asked = signedby(key_of(o, asks), APPROVAL_NS_REQUEST, text);
	all = signedby_papers(text, data_span(&asked), v, n);
	data_free(&asked);
	while (n > 0)
		data_free(&v[--n]);
	return all;
}

static uint8_t
send(struct office *o, struct span papers)
{
	struct wire_w w;

	assert_true(wire_write(&w, AGENT_MAX_MSG));
	wire_put_u8(&w, MSG_EXTENSION);
	wire_put_cstring(&w, AGENT_EXT_APPROVALS);
	wire_put_raw(&w, papers);
	return holder_put(&o->f, HOLDER_OTHER, &w);
}

static void
bring(struct office *o, char asks, const char *approve)
{
	struct data d = papers_by(o, asks, approve, APPROVAL_NS_APPROVE);

	assert_int_equal(send(o, data_span(&d)), MSG_SUCCESS);
	data_free(&d);
}

/* Ask for what is in o->body: true when it was signed. */
static bool
certifies(struct office *o)
{
	struct data d = certbody_bytes(&o->body);

	holder_ask_sign(&o->f, 0, data_span(&d), 0);
	data_free(&d);
	if (o->f.sign_request == 0) {
		holder_check_reply(&o->f, MSG_FAILURE);
		return false;
	}
	holder_signed(&o->f, MSG_SIGN_RESPONSE);
	return true;
}

static void
check_refused(struct office *o, const char *why)
{
	if (certifies(o))
		fail_msg("signed, in spite of: %s", why);
	if (!holder_told(&o->f, why))
		fail_msg("not told: %s", why);
}

static void
test_a_client_brings_what_another_has_signed_for(void **state)
{
	struct office o;
	char note[256];

	(void)state;
	open_office(&o, "");
	check_refused(&o, "signs what 2 others have approved of");
	check_refused(&o, "hsm-keyutil ca request");
	bring(&o, 'a', "b");
	check_refused(&o, "1 of 2 approvals");
	bring(&o, 'a', "bc");
	assert_true(certifies(&o));
	/* The ledger knows who, and signs it no more. */
	snprintf(note, sizeof(note), "asked for by %s, approved by %s %s",
	    signedby_name(key_of(&o, 'a')).s,
	    signedby_name(key_of(&o, 'b')).s,
	    signedby_name(key_of(&o, 'c')).s);
	assert_string_equal(o.f.note, note);
	assert_true(o.f.rule.once);
	close_office(&o);
}

static void
test_only_so_many_others_count(void **state)
{
	static const struct {
		const char	*approve, *why;
	} t[] = {
		{ "", "0 of 2 approvals" },
		{ "bb", "it has approved already" },
		{ "ba", "nobody approves his own request" },
		{ "bs", "it is the key to be certified" },
		{ "bm", "does not have it among its approvers" },
	};
	struct office o;

	(void)state;
	open_office(&o, "");
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		bring(&o, 'a', t[i].approve);
		check_refused(&o, t[i].why);
	}
	/* What does not count does no harm. */
	bring(&o, 'a', "mabbsc");
	assert_true(certifies(&o));
	close_office(&o);
}

static void
test_a_signature_for_another_purpose_is_no_approval(void **state)
{
	struct office o;
	struct data d;

	(void)state;
	open_office(&o, "");
	d = papers_by(&o, 'a', "bc", APPROVAL_NS_REQUEST);
	assert_int_equal(send(&o, data_span(&d)), MSG_SUCCESS);
	check_refused(&o, "0 of 2 approvals");
	data_free(&d);
	close_office(&o);
}

static void
test_requesters_are_those_who_may_ask(void **state)
{
	struct office o;
	char line[100];

	(void)state;
	open_office(&o, "");
	bring(&o, 'm', "bc");
	assert_true(certifies(&o));
	close_office(&o);
	/* The keys of an office are new each time, so this is nobody's. */
	snprintf(line, sizeof(line), "Requesters SHA256:%043d\n", 0);
	open_office(&o, line);
	bring(&o, 'a', "bc");
	check_refused(&o, "may not ask for certificates of this CA");
	close_office(&o);
}

static void
test_nothing_else_is_signed_than_was_approved_of(void **state)
{
	struct office o;

	(void)state;
	open_office(&o, "");
	bring(&o, 'a', "bc");
	o.body.principals = span_cstr("alice|root");
	check_refused(&o, "its principals are different");
	o.body.principals = span_cstr("alice");
	o.body.before++;
	check_refused(&o, "its end is different");
	o.body.before--;
	o.body.nonce = span_cstr("a nonce that nobody has approved of");
	check_refused(&o, "no client has brought that");
	close_office(&o);
}

static void
test_the_rules_of_the_CA_hold_as_well(void **state)
{
	struct office o;

	(void)state;
	open_office(&o, "Principals ops\n");
	bring(&o, 'a', "bc");
	check_refused(&o, "principal \"alice\" is not allowed");
	close_office(&o);
	open_office(&o, "Observe yes\n");
	assert_true(certifies(&o));
	assert_non_null(strstr(o.f.note, "Observe: this CA signs what 2"));
	close_office(&o);
}

/* They are the business of those who sit here. */
static void
test_papers_are_not_taken_from_anywhere(void **state)
{
	struct hostkey host;
	struct office o;
	struct data d;

	(void)state;
	open_office(&o, "");
	d = papers_by(&o, 'a', "bc", APPROVAL_NS_APPROVE);
	assert_int_equal(send(&o, (struct span){ d.p, d.n - 1 }),
	    MSG_FAILURE);
	assert_int_equal(send(&o, span_cstr("no papers")), MSG_FAILURE);
	hostkey_make(&host, HOSTKEY_ED25519);
	assert_int_equal(holder_bind(&o.f, HOLDER_OTHER,
	    &(struct holder_bind){ .key = &host,
	    .session = span_cstr(SESSION), .forwarding = true }),
	    MSG_SUCCESS);
	hostkey_free(&host);
	assert_int_equal(send(&o, data_span(&d)), MSG_FAILURE);
	assert_false(certifies(&o));
	data_free(&d);
	close_office(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_client_brings_what_another_has_signed_for),
		cmocka_unit_test(test_only_so_many_others_count),
		cmocka_unit_test(
		    test_a_signature_for_another_purpose_is_no_approval),
		cmocka_unit_test(test_requesters_are_those_who_may_ask),
		cmocka_unit_test(
		    test_nothing_else_is_signed_than_was_approved_of),
		cmocka_unit_test(test_the_rules_of_the_CA_hold_as_well),
		cmocka_unit_test(test_papers_are_not_taken_from_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

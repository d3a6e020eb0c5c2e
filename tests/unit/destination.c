/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/destination.h"
#include "tests/unit/hostkey.h"

#define NOW	1000000

/* As strings of RFC 4251. */
static const struct span star_org = {
	(const uint8_t *)"\0\0\0\005other\0\0\0\005*.org", 18
};

/* Hosts with a key each, and a CA; sessions are named by a digit. */
struct fixture {
	struct hostkey	 a, b, ca;
	struct bind	 bind;
	struct hop_key	 key_a, key_b, key_ca;
	struct destination way[2];	/* to a, and from there to b */
};

static struct hop
hop(const char *user, const char *host, struct hop_key *key)
{
	return (struct hop){ .user = span_cstr(user),
	    .hostname = span_cstr(host), .keys = key,
	    .n_keys = key != NULL };
}

static struct destination
to(const char *user, const char *host, struct hop_key *key)
{
	return (struct destination){ .to = hop(user, host, key) };
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	hostkey_make(&f->a, HOSTKEY_ED25519);
	hostkey_make(&f->b, HOSTKEY_ED25519);
	hostkey_make(&f->ca, HOSTKEY_P256);
	f->key_a.blob = data_span(&f->a.blob);
	f->key_b.blob = data_span(&f->b.blob);
	f->key_ca.blob = data_span(&f->ca.blob);
	f->key_ca.is_ca = true;
	f->way[0] = to("", "hosta", &f->key_a);
	f->way[1] = to("", "hostb", &f->key_b);
	f->way[1].from = hop("", "hosta", &f->key_a);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	bind_clear(&f->bind);
	hostkey_free(&f->a);
	hostkey_free(&f->b);
	hostkey_free(&f->ca);
	free(f);
	return 0;
}

/* A session id of 32 bytes, all of that digit, 1 to 3. */
static struct span
session(char digit)
{
	static const char all[] = "11111111111111111111111111111111"
	    "22222222222222222222222222222222"
	    "33333333333333333333333333333333";

	return (struct span){ (const uint8_t *)all + (digit - '1') * 32, 32 };
}

static int
bind_key(struct bind *b, struct span key, const struct hostkey *signer,
    char digit, bool forwarding)
{
	struct data d = hostkey_bind(key, signer, session(digit), forwarding);
	struct err e;
	const int r = bind_add(b, data_span(&d), &e);

	data_free(&d);
	return r;
}

static void
bound(struct fixture *f, const struct hostkey *k, char digit,
    bool forwarding)
{
	assert_int_equal(bind_key(&f->bind, data_span(&k->blob), k, digit,
	    forwarding), 0);
}

/* Through host a, session 1, for a login at host b, session 2. */
static void
bound_to_both(struct fixture *f)
{
	bound(f, &f->a, '1', true);
	bound(f, &f->b, '2', false);
}

static bool
lists(const struct fixture *f, struct destination *v, size_t n)
{
	return destination_lists(&(struct destinations){ v, n }, &f->bind,
	    NOW);
}

static int
signs(const struct fixture *f, struct destination *v, size_t n,
    const struct request *req)
{
	struct err e;
	const int r = destination_signs(&(struct destinations){ v, n },
	    &f->bind, req, NOW, &e);

	assert_true(r == 0 || (r == ERR_DENIED && e.msg[0] != '\0'));
	return r;
}

static struct request
login(const char *user, char digit)
{
	return (struct request){ .kind = REQUEST_USERAUTH,
	    .session_id = session(digit), .user = span_cstr(user) };
}

static struct request
hostbound(const char *user, char digit, const struct hostkey *host)
{
	struct request req = login(user, digit);

	req.kind = REQUEST_USERAUTH_HOSTBOUND;
	req.host_key = data_span(&host->blob);
	return req;
}

/* What ssh-add and ssh sent, to a server that existed. */
static void
real(const char *bind, const char *login_data, const char *broken)
{
	struct data c = data_file("agent/constraints"), d = data_file(bind);
	struct data login = data_file(login_data);
	struct constraints con;
	struct bind b = { 0 };
	struct request req;
	struct err e;

	assert_int_equal(constraints_parse(data_span(&c),
	    CONSTRAINT_NO_CERTS, &con, &e), 0);
	assert_int_equal(bind_add(&b, data_span(&d), &e), 0);
	request_parse(data_span(&login), data_login_key(data_span(&login)),
	    &req);
	assert_int_equal(req.kind, REQUEST_USERAUTH_HOSTBOUND);
	assert_int_equal(destination_lists(&con.destinations, &b,
	    1700000000), broken == NULL);
	assert_int_equal(destination_signs(&con.destinations, &b, &req,
	    1700000000, &e), broken == NULL ? 0 : ERR_DENIED);
	if (broken != NULL)
		assert_non_null(strstr(e.msg, broken));
	constraints_free(&con);
	bind_clear(&b);
	data_free(&login);
	data_free(&d);
	data_free(&c);
}

static void
test_a_real_login_is_allowed_where_ssh_add_said(void **state)
{
	(void)state;
	real("agent/bind-ed25519-login", "agent/login-ed25519", NULL);
	real("agent/bind-cert-login", "agent/login-cert", NULL);
	real("agent/bind-ecdsa-login", "agent/login-ed25519",
	    "another session");
}

static void
test_a_key_without_constraints_is_free(void **state)
{
	const struct request unknown = { .kind = REQUEST_UNKNOWN };
	struct fixture *f = *state;

	assert_true(lists(f, NULL, 0));
	assert_int_equal(signs(f, NULL, 0, &unknown), 0);
	assert_int_not_equal(bind_key(&f->bind, f->key_a.blob, &f->b, '1',
	    true), 0);
	assert_true(lists(f, NULL, 0));
	assert_int_equal(signs(f, NULL, 0, &unknown), 0);
}

/* Refused for a reason with these words in it. */
static void
assert_why(const struct fixture *f, struct destination *d,
    const struct request *req, const char *words)
{
	struct err e;

	assert_int_equal(destination_signs(&(struct destinations){ d, 1 },
	    &f->bind, req, NOW, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, words));
}

/* Rule 1. */
static void
test_without_a_bind_a_key_is_seen_and_does_not_sign(void **state)
{
	const struct request req = login("alice", '1');
	struct fixture *f = *state;

	assert_true(lists(f, f->way, 1));
	assert_why(f, f->way, &req, "no session-bind");
}

/* 2b rule 6. */
static void
test_after_a_failed_bind_a_key_is_hidden(void **state)
{
	const struct request req = login("alice", '1');
	struct fixture *f = *state;

	assert_int_not_equal(bind_key(&f->bind, f->key_a.blob, &f->b, '1',
	    false), 0);
	assert_false(lists(f, f->way, 1));
	assert_why(f, f->way, &req, "session-bind failed");
}

/* Rule 2, for one hop. */
static void
test_a_key_signs_at_its_host_only(void **state)
{
	const struct request req = login("alice", '1');
	struct fixture *f = *state;
	struct destination d[] = { to("", "hosta", &f->key_a),
	    to("", "hostb", &f->key_b) };

	bound(f, &f->a, '1', false);
	assert_true(lists(f, d, 2) && lists(f, d, 1));
	assert_int_equal(signs(f, d, 2, &req), 0);
	assert_int_equal(signs(f, d, 1, &req), 0);
	assert_false(lists(f, d + 1, 1));
	assert_int_equal(signs(f, d + 1, 1, &req), ERR_DENIED);
}

static void
test_any_key_of_a_host_will_do(void **state)
{
	struct fixture *f = *state;
	struct hop_key keys[] = { f->key_ca, f->key_b, f->key_a };
	struct destination d = to("", "hosta", keys);
	const struct request req = login("alice", '1');

	d.to.n_keys = 3;
	bound(f, &f->a, '1', false);
	assert_true(lists(f, &d, 1));
	assert_int_equal(signs(f, &d, 1, &req), 0);
}

/* Rule 2. */
static void
test_a_host_behind_another_needs_both_steps(void **state)
{
	struct fixture *f = *state;
	const struct request req = hostbound("alice", '2', &f->b);

	bound_to_both(f);
	assert_true(lists(f, f->way, 2));
	assert_int_equal(signs(f, f->way, 2, &req), 0);
	assert_false(lists(f, f->way, 1) || lists(f, f->way + 1, 1));
	assert_int_equal(signs(f, f->way, 1, &req), ERR_DENIED);
	assert_int_equal(signs(f, f->way + 1, 1, &req), ERR_DENIED);
}

/* Rule 2: from here is not from there. */
static void
test_a_step_from_elsewhere_does_not_count_from_here(void **state)
{
	const struct request req = login("alice", '1');
	struct fixture *f = *state;

	bound(f, &f->b, '1', false);
	assert_false(lists(f, f->way + 1, 1));
	assert_int_equal(signs(f, f->way + 1, 1, &req), ERR_DENIED);
}

/* Rule 2: hops that are not as bind_add() would have left them. */
static void
test_no_host_is_reached_through_a_login(void **state)
{
	struct fixture *f = *state;
	const struct request req = hostbound("alice", '2', &f->b);

	bound_to_both(f);
	f->bind.hops[0].forwarding = false;
	assert_false(lists(f, f->way, 2));
	assert_int_equal(signs(f, f->way, 2, &req), ERR_DENIED);
}

/* Rule 2. */
static void
test_where_the_agent_was_only_forwarded_it_does_not_sign(void **state)
{
	struct fixture *f = *state;
	const struct request req = hostbound("alice", '1', &f->a);

	bound(f, &f->a, '1', true);
	assert_int_equal(signs(f, f->way, 1, &req), ERR_DENIED);
}

/* Rule 3. */
static void
test_the_user_counts_where_it_signs(void **state)
{
	struct fixture *f = *state;
	const struct request alice = hostbound("alice", '2', &f->b);
	const struct request bob = hostbound("bob", '2', &f->b);

	f->way[0].to.user = span_cstr("carol");
	f->way[1].to.user = span_cstr("al*e");
	bound_to_both(f);
	assert_true(lists(f, f->way, 2));
	assert_int_equal(signs(f, f->way, 2, &alice), 0);
	assert_int_equal(signs(f, f->way, 2, &bob), ERR_DENIED);
}

static bool
user_matches(struct fixture *f, const char *pattern, struct span user)
{
	struct request req = login("", '1');

	f->way[0].to.user = span_cstr(pattern);
	req.user = user;
	return signs(f, f->way, 1, &req) == 0;
}

/* Rule 3. */
static void
test_user_patterns_have_two_wildcards_and_no_more(void **state)
{
	static const struct {
		const char	*pattern, *user;
		bool		 match;
	} rows[] = {
		{ "", "anyone", true }, { "*", "", true },
		{ "*", "root", true }, { "r?ot", "root", true },
		{ "r?ot", "rot", false }, { "?", "", false },
		{ "root", "root2", false }, { "root2", "root", false },
		{ "*ot", "otoot", true }, { "r*o*t", "root", true },
		{ "r*x*t", "root", false }, { "ro**", "ro", true },
		{ "a*b*c", "aXbXbXc", true }, { "a*b*c", "aXbXbX", false },
		{ "[a-z]", "a", false }, { "[a-z]", "[a-z]", true },
		{ "\\*", "*", false }, { "!root", "bob", false },
		{ "a,b", "a", false }, { "Root", "root", false },
	};
	struct fixture *f = *state;

	bound(f, &f->a, '1', false);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(user_matches(f, rows[i].pattern,
		    span_cstr(rows[i].user)), rows[i].match);
	assert_false(user_matches(f, "root",
	    (struct span){ (const uint8_t *)"root\0x", 6 }));
}

/* Backtracking into every '*' would take years. */
static void
test_a_pattern_of_stars_takes_no_time(void **state)
{
	char pattern[257] = "", user[4096];
	struct fixture *f = *state;

	for (int i = 0; i < 127; i++)
		memcpy(pattern + 2 * i, "*a", 3);
	memcpy(pattern + 254, "*b", 3);
	memset(user, 'a', sizeof(user));
	bound(f, &f->a, '1', false);
	assert_false(user_matches(f, pattern,
	    (struct span){ (const uint8_t *)user, sizeof(user) }));
}

/* Rule 4. */
static void
test_a_plain_key_is_none_of_a_ca(void **state)
{
	const struct request req = login("alice", '1');
	struct fixture *f = *state;
	struct hop_key as_ca = { f->key_a.blob, true };
	struct destination d = to("", "hosta", &as_ca);

	bound(f, &f->a, '1', false);
	assert_false(lists(f, &d, 1));
	assert_int_equal(signs(f, &d, 1, &req), ERR_DENIED);
}

/* At host.org, with a certificate of host a, whether it may sign. */
static int
signs_certified(struct fixture *f, const struct hostkey_cert *what,
    struct hop_key *key)
{
	struct data cert = hostkey_certify(&f->a, &f->ca, what);
	struct destination d = to("", "host.org", key);
	struct request req = login("alice", '1');
	int r;

	req.kind = REQUEST_USERAUTH_HOSTBOUND;
	req.host_key = data_span(&cert);
	assert_int_equal(bind_key(&f->bind, data_span(&cert), &f->a, '1',
	    false), 0);
	r = signs(f, &d, 1, &req);
	assert_int_equal(lists(f, &d, 1), r == 0);
	bind_clear(&f->bind);
	data_free(&cert);
	return r;
}

static struct hostkey_cert
host_cert(void)
{
	return (struct hostkey_cert){ .type = CERT_HOST,
	    .principals = star_org, .after = NOW, .before = NOW + 1 };
}

/* Rule 4. */
static void
test_a_host_certificate_counts_by_its_ca(void **state)
{
	const struct hostkey_cert what = host_cert();
	struct fixture *f = *state;
	struct hop_key plain_ca = { f->key_ca.blob, false };
	struct hop_key subject_ca = { f->key_a.blob, true };

	assert_int_equal(signs_certified(f, &what, &f->key_ca), 0);
	assert_int_equal(signs_certified(f, &what, &plain_ca), ERR_DENIED);
	assert_int_equal(signs_certified(f, &what, &f->key_a), ERR_DENIED);
	assert_int_equal(signs_certified(f, &what, &subject_ca), ERR_DENIED);
}

/* Rule 4. */
static void
test_a_certificate_has_to_hold_for_that_host_and_now(void **state)
{
	static const uint8_t option[] = "\0\0\0\001x\0\0\0";
	struct hostkey_cert what = host_cert();
	struct fixture *f = *state;

	what.type = CERT_USER;
	assert_int_equal(signs_certified(f, &what, &f->key_ca), ERR_DENIED);
	what = host_cert();
	what.before = NOW;
	assert_int_equal(signs_certified(f, &what, &f->key_ca), ERR_DENIED);
	what = host_cert();
	what.after = NOW + 1;
	what.before = CERT_FOREVER;
	assert_int_equal(signs_certified(f, &what, &f->key_ca), ERR_DENIED);
	what.after = 0;
	assert_int_equal(signs_certified(f, &what, &f->key_ca), 0);
	what.principals.n = 9;			/* "other" alone */
	assert_int_equal(signs_certified(f, &what, &f->key_ca), ERR_DENIED);
	what.principals.n = 0;			/* as OpenSSH 10.3 */
	assert_int_equal(signs_certified(f, &what, &f->key_ca), ERR_DENIED);
	what = host_cert();
	what.critical = (struct span){ option, sizeof(option) };
	assert_int_equal(signs_certified(f, &what, &f->key_ca), ERR_DENIED);
}

/* Rule 4. */
static void
test_a_certificate_that_was_not_checked_is_worthless(void **state)
{
	const struct hostkey_cert what = host_cert();
	struct fixture *f = *state;
	struct data cert = hostkey_certify(&f->a, &f->ca, &what);
	struct destination d = to("", "host.org", &f->key_ca);

	assert_int_equal(bind_key(&f->bind, data_span(&cert), &f->a, '1',
	    false), 0);
	assert_true(lists(f, &d, 1));
	f->bind.hops[0].certified = false;
	assert_false(lists(f, &d, 1));
	data_free(&cert);
}

/* Rule 5. */
static void
test_at_the_end_of_a_forwarding_it_is_seen_if_it_leads_on(void **state)
{
	struct fixture *f = *state;

	f->way[1].to.user = span_cstr("x");
	bound(f, &f->a, '1', true);
	assert_false(lists(f, f->way, 1));
	assert_true(lists(f, f->way, 2));
	bound(f, &f->b, '2', true);
	assert_false(lists(f, f->way, 2));
}

/* Rule 6. */
static void
test_only_logins_in_the_last_session_are_signed(void **state)
{
	static const enum request_kind others[] = { REQUEST_UNKNOWN,
	    REQUEST_SSHSIG, REQUEST_CERT, REQUEST_HOST_KEX,
	    REQUEST_HOSTKEYS_PROVE, REQUEST_PAM };
	struct fixture *f = *state;
	struct request req = hostbound("alice", '1', &f->a);

	bound(f, &f->a, '1', false);
	assert_int_equal(signs(f, f->way, 1, &req), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		req.kind = others[i];
		assert_int_equal(signs(f, f->way, 1, &req), ERR_DENIED);
	}
	req = hostbound("alice", '2', &f->a);
	assert_int_equal(signs(f, f->way, 1, &req), ERR_DENIED);
	req = login("alice", '2');
	assert_int_equal(signs(f, f->way, 1, &req), ERR_DENIED);
}

/* Rule 6. */
static void
test_a_login_names_the_host_it_is_bound_to(void **state)
{
	struct fixture *f = *state;
	const struct request right = hostbound("alice", '1', &f->a);
	const struct request wrong = hostbound("alice", '1', &f->b);

	bound(f, &f->a, '1', false);
	assert_int_equal(signs(f, f->way, 1, &right), 0);
	assert_int_equal(signs(f, f->way, 1, &wrong), ERR_DENIED);
}

/* Rule 6. */
static void
test_a_login_through_another_host_has_to_name_its_host(void **state)
{
	struct fixture *f = *state;
	const struct request plain = login("alice", '2');
	const struct request named = hostbound("alice", '2', &f->b);
	const struct request first = hostbound("alice", '1', &f->a);

	bound_to_both(f);
	assert_int_equal(signs(f, f->way, 2, &plain), ERR_DENIED);
	assert_int_equal(signs(f, f->way, 2, &named), 0);
	assert_int_equal(signs(f, f->way, 2, &first), ERR_DENIED);
}

#define WITH(fn)	cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_real_login_is_allowed_where_ssh_add_said),
		WITH(test_a_key_without_constraints_is_free),
		WITH(test_without_a_bind_a_key_is_seen_and_does_not_sign),
		WITH(test_after_a_failed_bind_a_key_is_hidden),
		WITH(test_a_key_signs_at_its_host_only),
		WITH(test_any_key_of_a_host_will_do),
		WITH(test_a_host_behind_another_needs_both_steps),
		WITH(test_a_step_from_elsewhere_does_not_count_from_here),
		WITH(test_no_host_is_reached_through_a_login),
		WITH(test_where_the_agent_was_only_forwarded_it_does_not_sign),
		WITH(test_the_user_counts_where_it_signs),
		WITH(test_user_patterns_have_two_wildcards_and_no_more),
		WITH(test_a_pattern_of_stars_takes_no_time),
		WITH(test_a_plain_key_is_none_of_a_ca),
		WITH(test_a_host_certificate_counts_by_its_ca),
		WITH(test_a_certificate_has_to_hold_for_that_host_and_now),
		WITH(test_a_certificate_that_was_not_checked_is_worthless),
		WITH(test_at_the_end_of_a_forwarding_it_is_seen_if_it_leads_on),
		WITH(test_only_logins_in_the_last_session_are_signed),
		WITH(test_a_login_names_the_host_it_is_bound_to),
		WITH(test_a_login_through_another_host_has_to_name_its_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

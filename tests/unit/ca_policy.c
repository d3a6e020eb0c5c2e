/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ca/policy.h"
#include "tests/unit/certbody.h"
#include "tests/unit/configured.h"

#define NOW	CERTBODY_NOW
#define HOUR	CERTBODY_HOUR

/* A change of the good body and of who asks for it. */
struct story {
	struct certbody	 body;
	struct ca_request who;
};

static void
as_it_is(struct story *s)
{
	(void)s;
}

static void
for_root(struct story *s)
{
	s->body.principals = span_cstr("alice|root");
}

static void
for_a_host(struct story *s)
{
	s->body.kind = CERT_HOST;
	s->body.principals = span_cstr("web1.example.org");
	s->body.critical = s->body.extensions = (struct span){ 0 };
}

static void
without_options(struct story *s)
{
	s->body.critical = s->body.extensions = (struct span){ 0 };
}

static void
with_touch(struct story *s)
{
	s->body.extensions = span_cstr("no-touch-required;permit-pty");
}

static void
with_an_account(struct story *s)
{
	s->body.extensions = span_cstr("login@example.org=bob");
}

static void
with_verify(struct story *s)
{
	s->body.critical = span_cstr("verify-required");
}

static void
unnumbered(struct story *s)
{
	s->body.serial = 0;
}

static void
with_another_id(struct story *s)
{
	s->body.key_id = span_cstr("bob");
}

static void
for_a_day(struct story *s)
{
	s->body.before = s->body.after + 24 * HOUR;
}

static void
for_a_second_more(struct story *s)
{
	s->body.before++;
}

static void
for_two_years(struct story *s)
{
	s->body.before = s->body.after + 2 * 365 * 24 * HOUR;
}

static void
from_the_epoch(struct story *s)
{
	s->body.after = 0;
}

static void
in_an_hour(struct story *s)
{
	s->body.after += HOUR;
	s->body.before += HOUR;
}

static void
in_two_days(struct story *s)
{
	s->body.after += 48 * HOUR;
	s->body.before += 48 * HOUR;
}

static void
since_a_minute(struct story *s)
{
	s->body.after -= 60;
	s->body.before -= 60;
}

static void
begun_a_minute_ago(struct story *s)
{
	s->body.after -= 60;
}

static void
long_over(struct story *s)
{
	s->body.after -= 24 * HOUR;
	s->body.before -= 24 * HOUR;
}

static void
of_rsa(struct story *s)
{
	certbody_set_subject(&s->body, "rsa2048");
}

static void
of_p384(struct story *s)
{
	certbody_set_subject(&s->body, "p384");
}

static void
of_sk(struct story *s)
{
	certbody_set_subject(&s->body, "sk_ecdsa");
}

static void
by_user_1000(struct story *s)
{
	s->who.uid = 1000;
}

static void
by_a_program(struct story *s)
{
	s->who.program = "/usr/bin/ssh-keygen";
}

static const struct {
	const char	*conf;
	void		(*change)(struct story *);
	const char	*words;		/* NULL: it passes */
} rules[] = {
	{ "", as_it_is, NULL },
	{ "", for_a_host, "signs no host certificates" },
	{ "CertificateTypes host", for_a_host, NULL },
	{ "CertificateTypes host", as_it_is, "signs no user certificates" },
	{ "CertificateTypes user host", for_a_host, NULL },
	{ "CertificateTypes User Host", as_it_is, NULL },
	{ "Principals alice ops", as_it_is, NULL },
	{ "Principals alice", as_it_is, "principal \"ops\" is not allowed" },
	{ "Principals *", for_root, NULL },
	{ "Principals *l* o?s", as_it_is, NULL },
	{ "Principals alice\nPrincipals ops", as_it_is, NULL },
	{ "Principals lice ops", as_it_is, "\"alice\" is not allowed" },
	{ "Principals Alice ops", as_it_is, "\"alice\" is not allowed" },
	{ "DenyPrincipals root", as_it_is, NULL },
	{ "DenyPrincipals root", for_root, "\"root\" is denied" },
	{ "Principals *\nDenyPrincipals r*t", for_root, "is denied" },
	{ "CertificateTypes host\nPrincipals *.example.org", for_a_host,
	    NULL },
	{ "CertificateTypes host\nPrincipals *.example.com", for_a_host,
	    "\"web1.example.org\" is not allowed" },
	{ "KeyId \"alice *\"", as_it_is, NULL },
	{ "KeyId \"alice *\" b*", with_another_id, NULL },
	{ "KeyId \"alice *\"", with_another_id, "key id \"bob\" is not" },
	{ "RequireSerial yes", as_it_is, NULL },
	{ "RequireSerial yes", unnumbered, "without a serial number" },
	{ "RequireSerial no", unnumbered, NULL },
	{ "MaxValidity 1h", as_it_is, NULL },
	{ "MaxValidity 1h", for_a_second_more,
	    "valid for 3601 seconds, and this CA signs for at most 1 h" },
	{ "MaxValidity 8h", for_a_day, "at most 8 h" },
	{ "", for_two_years, "at most 366 d" },
	{ "MaxValidity 1h", begun_a_minute_ago, NULL },
	{ "MaxValidity 59m", begun_a_minute_ago, "valid for 3600 seconds" },
	{ "MaxValidity 1", long_over, NULL },
	{ "MaxValidity 1h", in_an_hour, NULL },
	{ "MaxValidity 59m", in_an_hour, "valid for 3600 seconds" },
	{ "", from_the_epoch, "at most 1 d" },
	{ "LatestStart 0", as_it_is, NULL },
	{ "LatestStart 1h", in_an_hour, NULL },
	{ "LatestStart 59m", in_an_hour, "begins 3600 seconds from now, and "
	    "this CA signs for at most 59 m" },
	{ "", in_two_days, "at most 1 d" },
	{ "EarliestStart 60", since_a_minute, NULL },
	{ "EarliestStart 59", since_a_minute, "began 60 seconds ago" },
	{ "SubjectKeys ed25519", as_it_is, NULL },
	{ "SubjectKeys ecdsa rsa", as_it_is, "of type \"ssh-ed25519\"" },
	{ "SubjectKeys ecdsa", of_p384, NULL },
	{ "SubjectKeys ecdsa-p256", of_p384, "ecdsa-sha2-nistp384" },
	{ "SubjectKeys ecdsa-p256 ecdsa", of_sk, "sk-ecdsa-sha2-nistp256" },
	{ "SubjectKeys ecdsa-sk", of_sk, NULL },
	{ "SubjectKeys rsa", of_rsa, NULL },
	{ "SubjectKeys rsa:3072 ed25519", of_rsa, "bits, and this CA wants "
	    "3072" },
	{ "SubjectKeys rsa:3072 ed25519", as_it_is, NULL },
	{ "", with_touch, "extension \"no-touch-required\" is not allowed" },
	{ "", with_an_account, "extension \"login@example.org\" is not" },
	{ "Extensions permit-pty", as_it_is, "\"permit-X11-forwarding\" is" },
	{ "Extensions none", as_it_is, "is not allowed for this CA" },
	{ "Extensions none", without_options, NULL },
	{ "Extensions permit-* *@example.org", with_an_account, NULL },
	{ "Extensions permit-pty\nExtensions no-touch-required", with_touch,
	    NULL },
	{ "CriticalOptions none", as_it_is, "critical option "
	    "\"force-command\" is not allowed" },
	{ "CriticalOptions none", without_options, NULL },
	{ "CriticalOptions force-command source-address", as_it_is, NULL },
	{ "CriticalOptions source-address", with_verify, "verify-required" },
	{ "RequireOptions source-address", as_it_is, NULL },
	{ "RequireOptions source-address force-command", as_it_is, NULL },
	{ "RequireOptions source-address", with_verify, "without the critical "
	    "option \"source-address\"" },
	{ "RequireOptions verify-required", with_verify, NULL },
	{ "CertificateTypes host\nRequireOptions force-command", for_a_host,
	    NULL },
	{ "AskerUser 0", as_it_is, NULL },
	{ "AskerUser root", as_it_is, NULL },
	{ "AskerUser root", by_user_1000, "user 1000 may not ask" },
	{ "AskerUser 0 1000", by_user_1000, NULL },
	{ "AskerProgram /usr/bin/ssh-keygen", by_a_program, NULL },
	{ "AskerProgram /a\nAskerProgram /usr/bin/ssh-keygen", by_a_program,
	    NULL },
	{ "AskerProgram /usr/bin/*", by_a_program,
	    "program \"/usr/bin/ssh-keygen\" is not one that may ask" },
	{ "AskerProgram /usr/bin/ssh-keygen", as_it_is, "nobody knows which "
	    "program" },
	/* To observe is the business of who asks this module. */
	{ "Observe yes\nCertificateTypes host", as_it_is, "signs no user" },
};

static struct ca_policy *
configure(struct options *o, const char *text)
{
	char conf[400];
	struct err e;

	snprintf(conf, sizeof(conf), "CA x\n%s", text);
	if (configured_options(o, conf, &e) != 0)
		fail_msg("%s: %s", text, e.msg);
	return &o->ca.cas[0].policy;
}

static int
judge(const struct ca_policy *p, const struct story *s, struct err *e)
{
	struct data d = certbody_bytes(&s->body);
	struct cert c;
	int r;

	assert_int_equal(cert_parse_tbs(data_span(&d), &c, e), 0);
	r = ca_policy_check(p, &c, &s->who, (time_t)NOW, e);
	data_free(&d);
	return r;
}

static void
begin(struct story *s)
{
	*s = (struct story){ .who = { .program = "" } };
	certbody_make(&s->body);
}

static void
test_each_rule_refuses_what_it_is_about_and_nothing_else(void **state)
{
	struct err e = { .msg = "" };
	struct options o;
	struct story s;

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		const char *words = rules[i].words;
		int r;

		begin(&s);
		rules[i].change(&s);
		r = judge(configure(&o, rules[i].conf), &s, &e);
		if (words == NULL ? r != 0 : r != ERR_DENIED ||
		    strstr(e.msg, words) == NULL)
			fail_msg("%s: %d %s", rules[i].conf, r, e.msg);
		options_free(&o);
		certbody_free(&s.body);
	}
}

/* Whatever the policy. */
static void
test_the_form_is_judged_before_the_policy(void **state)
{
	struct options o;
	struct story s;
	struct err e;

	(void)state;
	begin(&s);
	s.body.principals = span_cstr("a,b");
	assert_int_equal(judge(configure(&o, "CertificateTypes host"), &s,
	    &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "comma"));
	options_free(&o);
	certbody_free(&s.body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_each_rule_refuses_what_it_is_about_and_nothing_else),
		cmocka_unit_test(test_the_form_is_judged_before_the_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

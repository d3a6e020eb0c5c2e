/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "ca/when.h"
#include "keyutil/sshdconf.h"
#include "keyutil/when.h"
#include "tests/unit/data.h"

static const char text[] =
    "port 22\npubkeyauthentication yes\nrequiredrsasize 2048\n"
    "trustedusercakeys /etc/ssh/ca.pub\nrevokedkeys none\n"
    "authorizedprincipalsfile \"/etc/ssh/p %u\"\n"
    "casignaturealgorithms ssh-ed25519,rsa-sha2-512\n"
    "pubkeyacceptedalgorithms +ssh-rsa\nallowusers alice\n"
    "permitrootlogin no\nauthorizedprincipalscommand none\n";

static struct sshdconf
parse(const char *s)
{
	struct sshdconf c;
	struct err e;

	if (sshdconf_parse(span_cstr(s), &c, &e) != 0)
		fail_msg("%s: %s", s, e.msg);
	return c;
}

static void
test_settings_for_certificates_are_taken(void **state)
{
	struct sshdconf c = parse(text);

	(void)state;
	assert_string_equal(c.trusted, "/etc/ssh/ca.pub");
	assert_string_equal(c.principals, "/etc/ssh/p %u");
	assert_string_equal(c.ca_algorithms, "ssh-ed25519,rsa-sha2-512");
	assert_string_equal(c.key_algorithms, "+ssh-rsa");
	assert_null(c.revoked);
	assert_null(c.command);
	assert_int_equal(c.rsa_bits, 2048);
	assert_false(c.pubkey_off);
	assert_int_equal(c.n_unjudged, 2);
	assert_string_equal(c.unjudged[0], "AllowUsers");
	assert_string_equal(c.unjudged[1], "PermitRootLogin");
	assert_int_equal(c.match, 0);
	assert_int_equal(c.include, 0);
	sshdconf_free(&c);
}

static void
test_a_configuration_may_be_written_in_other_ways(void **state)
{
	struct sshdconf c = parse("# RevokedKeys /x\n\n  TrustedUserCAKeys\t"
	    "=  /a#b # c\r\nRevokedKeys=/r\nPubkeyAcceptedKeyTypes x\n"
	    "PubkeyAuthentication No\nPermitRootLogin yes\n"
	    "AuthenticationMethods any");

	(void)state;
	assert_string_equal(c.trusted, "/a#b");
	assert_string_equal(c.revoked, "/r");
	assert_string_equal(c.key_algorithms, "x");
	assert_true(c.pubkey_off);
	assert_int_equal(c.n_unjudged, 0);
	sshdconf_free(&c);
}

static void
test_the_first_line_counts(void **state)
{
	struct sshdconf c = parse("TrustedUserCAKeys none\n"
	    "trustedusercakeys /a\nPubkeyAuthentication yes\n"
	    "PubkeyAuthentication no\nRequiredRSASize 1\n"
	    "RequiredRSASize 2\nAllowUsers a\nallowusers b\n");

	(void)state;
	assert_null(c.trusted);
	assert_false(c.pubkey_off);
	assert_int_equal(c.rsa_bits, 1);
	assert_int_equal(c.n_unjudged, 1);
	sshdconf_free(&c);
}

static void
test_what_holds_for_some_is_not_taken(void **state)
{
	struct sshdconf c = parse("Include a\nInclude b\nRevokedKeys /r\n"
	    "match user alice\nTrustedUserCAKeys /a\nPubkeyAuthentication x");

	(void)state;
	assert_int_equal(c.include, 1);
	assert_int_equal(c.match, 4);
	assert_string_equal(c.revoked, "/r");
	assert_null(c.trusted);
	sshdconf_free(&c);
}

static void
test_lines_that_are_wrong_are_named(void **state)
{
	static const char *const bad[] = { "x\nTrustedUserCAKeys",
	    "\nRevokedKeys #x", "#\nRequiredRSASize 2k",
	    "#\nRequiredRSASize 99999999999999999999",
	    "\nPubkeyAuthentication maybe", "#\nRevokedKeys \"x",
	    "\nRevokedKeys \"\"" };
	struct sshdconf c;
	struct err e;

	(void)state;
	assert_int_equal(sshdconf_parse(span_cstr(bad[0]), &c, &e),
	    ERR_FORMAT);
	assert_string_equal(e.msg, "line 1 has no value");
	for (size_t i = 1; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(sshdconf_parse(span_cstr(bad[i]), &c, &e),
		    ERR_FORMAT);
		assert_non_null(strstr(e.msg, "line 2"));
	}
	assert_int_equal(sshdconf_parse((struct span){
	    (const uint8_t *)"a b\0c", 5 }, &c, &e), ERR_FORMAT);
}

static void
parse_cut(struct span cut, void *arg)
{
	struct sshdconf c;
	struct err e;
	int r;

	(void)arg;
	r = sshdconf_parse(cut, &c, &e);
	assert_true(r == 0 || r == ERR_FORMAT);
	if (r == 0)
		sshdconf_free(&c);
}

static void
test_a_configuration_may_end_anywhere(void **state)
{
	(void)state;
	data_each_cut(span_cstr(text), parse_cut, NULL);
}

static void
test_there_is_a_limit(void **state)
{
	char *big = calloc(1, SSHDCONF_MAX + 1);
	struct sshdconf c;
	struct err e;

	(void)state;
	assert_non_null(big);
	memset(big, '\n', SSHDCONF_MAX + 1);
	assert_int_equal(sshdconf_parse((struct span){ (uint8_t *)big,
	    SSHDCONF_MAX + 1 }, &c, &e), ERR_LIMIT);
	assert_int_equal(sshdconf_parse((struct span){ (uint8_t *)big,
	    SSHDCONF_MAX }, &c, &e), 0);
	sshdconf_free(&c);
	free(big);
}

/* --- ca/when, keyutil/when --- */

static void
test_times_are_those_of_the_place(void **state)
{
	(void)state;
	assert_int_equal(setenv("TZ", "XYZ-2", 1), 0);
	tzset();
	assert_string_equal(ca_when_date(1800000001).s,
	    "2027-01-15 10:00:01 XYZ");
	assert_string_equal(ca_when_date(UINT64_MAX - 1).s,
	    "second 18446744073709551614");
}

static void
test_spans_of_time_have_two_units(void **state)
{
	(void)state;
	assert_string_equal(when_span(0).s, "0 s");
	assert_string_equal(when_span(59).s, "59 s");
	assert_string_equal(when_span(60).s, "1 min");
	assert_string_equal(when_span(3725).s, "1 h 2 min");
	assert_string_equal(when_span(86400 + 59).s, "1 d");
	assert_string_equal(when_span(UINT64_MAX).s,
	    "213503982334601 d 7 h");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings_for_certificates_are_taken),
		cmocka_unit_test(
		    test_a_configuration_may_be_written_in_other_ways),
		cmocka_unit_test(test_the_first_line_counts),
		cmocka_unit_test(test_what_holds_for_some_is_not_taken),
		cmocka_unit_test(test_lines_that_are_wrong_are_named),
		cmocka_unit_test(test_a_configuration_may_end_anywhere),
		cmocka_unit_test(test_there_is_a_limit),
		cmocka_unit_test(test_times_are_those_of_the_place),
		cmocka_unit_test(test_spans_of_time_have_two_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

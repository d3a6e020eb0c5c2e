/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keyutil/names.h"

typedef int check_fn(const char *list, struct err *e);

static void
assert_all(check_fn *fn, const char *const *list, int want)
{
	struct err e = { 0 };

	for (; *list != NULL; list++)
		if (fn(*list, &e) != want)
			fail_msg("\"%s\": %s", *list, e.msg);
}

static void
test_names_that_people_use_are_accepted(void **state)
{
	static const char *const principals[] = { "alice", "a,b", "root",
	    "alice@example.org", "host.example.org", "ops-team_1",
	    "x=y", "a!b", "a#b", "a;b(c)", NULL };
	static const char *const patterns[] = { "*@example.org", "*", "a?",
	    "!mallory@example.org,*@example.org", "alice", NULL };
	static const char *const hosts[] = { "*.example.org", "[h]:2222",
	    "10.0.0.?", "fe80::1%eth0", "!bad.example.org,*.example.org",
	    "[*.example.org]:*", "h_1", NULL };
	static const char *const names[] = { "host", "host.example.org.",
	    "_ssh.h-1", NULL };

	(void)state;
	assert_all(names_check_principals, principals, 0);
	assert_all(names_check_patterns, patterns, 0);
	assert_all(names_check_hosts, hosts, 0);
	assert_all(names_check_hostname, names, 0);
}

static void
test_whatever_could_forge_a_line_is_refused(void **state)
{
	static const char *const forged[] = { "", ",", "a,", ",a", "a,,b",
	    "a b", " a", "a ", "a\tb", "a\nb", "a\rb", "a\vb", "a\"b", "\"",
	    "a\\", "a'b", "`id`", "#a", "a,#b", "a\177b", "a\033[0m", "!",
	    "!!a", "!#a", "\xc3\xa4", "\xff", NULL };

	(void)state;
	assert_all(names_check_principals, forged, ERR_USAGE);
	assert_all(names_check_patterns, forged, ERR_USAGE);
	assert_all(names_check_hosts, forged, ERR_USAGE);
	assert_all(names_check_hostname, forged, ERR_USAGE);
}

static void
test_wildcards_are_for_patterns_only(void **state)
{
	static const char *const wild[] = { "*", "a?", "!a", "*.h", NULL };

	(void)state;
	assert_all(names_check_principals, wild, ERR_USAGE);
	assert_all(names_check_hostname, wild, ERR_USAGE);
}

static void
test_host_cannot_be_marker_hash_or_comment(void **state)
{
	static const char *const bad[] = { "@revoked", "@cert-authority",
	    "|1|abc|def", "a@b", "a/24", "a;b", "a=b", NULL };

	(void)state;
	assert_all(names_check_hosts, bad, ERR_USAGE);
	assert_all(names_check_hostname, bad, ERR_USAGE);
}

static void
test_every_single_byte_is_judged(void **state)
{
	struct err e;
	char s[2] = "";

	(void)state;
	for (int c = 1; c < 256; c++) {
		s[0] = (char)c;
		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' ||
		    c == ',')
			assert_int_equal(names_check_patterns(s, &e),
			    ERR_USAGE);
	}
}

static void
test_host_name_is_one_and_not_too_long(void **state)
{
	char name[256];
	struct err e;

	(void)state;
	assert_int_equal(names_check_hostname("a,b", &e), ERR_USAGE);
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = 'a';
	name[254] = '\0';
	assert_int_equal(names_check_hostname(name, &e), ERR_USAGE);
	name[253] = '\0';
	assert_int_equal(names_check_hostname(name, &e), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_that_people_use_are_accepted),
		cmocka_unit_test(test_whatever_could_forge_a_line_is_refused),
		cmocka_unit_test(test_wildcards_are_for_patterns_only),
		cmocka_unit_test(test_host_cannot_be_marker_hash_or_comment),
		cmocka_unit_test(test_every_single_byte_is_judged),
		cmocka_unit_test(test_host_name_is_one_and_not_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keyutil/caplan.h"

static int
parse(const char *type, const char *principals, const char *validity)
{
	const struct caplan_options o = { .type = type,
	    .principals = principals, .max_validity = validity };
	struct caplan p;
	struct err e;
	int r = caplan_parse(&p, &o, &e);

	if (r == 0)
		assert_int_equal(caplan_is_whole(&p), type != NULL &&
		    principals != NULL && validity != NULL);
	return r;
}

static void
test_what_a_block_can_say_is_taken(void **state)
{
	(void)state;
	assert_int_equal(parse("user", "alice,dep*,ops@example.org", "12h"),
	    0);
	assert_int_equal(parse("host", "web?,*.example.org,fe80::1", "26w"),
	    0);
	assert_int_equal(parse(NULL, NULL, NULL), 0);
	assert_int_equal(parse("user", "*", NULL), 0);
	assert_int_equal(parse(NULL, "a", "366d"), 0);
}

static void
test_what_it_cannot_say_is_refused(void **state)
{
	static const char *const lists[] = { "", "a,", "a b", "a\"b",
	    "a\nb", "#a", "!a", "a,!b", "[a]:22", "\xc3\xa4" };
	static const char *const times[] = { "", "0", "0h", "x", "1y",
	    "367d", "-1", "11111111111111111111111111111111111s" };

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_int_equal(parse("user", lists[i], "1h"), ERR_USAGE);
		assert_int_equal(parse("host", lists[i], "1h"), ERR_USAGE);
	}
	assert_int_equal(parse("host", "a@b", "1h"), ERR_USAGE);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_int_equal(parse("user", "a", times[i]), ERR_USAGE);
	assert_int_equal(parse("", "a", "1h"), ERR_USAGE);
	assert_int_equal(parse("users", "a", "1h"), ERR_USAGE);
}

static void
test_a_list_has_its_longest(void **state)
{
	char list[CAPLAN_LIST_MAX + 2];
	const struct caplan_options o = { .principals = list };
	struct caplan p;
	struct err e;

	(void)state;
	memset(list, 'a', sizeof(list));
	list[CAPLAN_LIST_MAX + 1] = '\0';
	assert_int_equal(caplan_parse(&p, &o, &e), ERR_USAGE);
	list[CAPLAN_LIST_MAX] = '\0';
	assert_int_equal(caplan_parse(&p, &o, &e), 0);
	assert_string_equal(p.principals, list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_block_can_say_is_taken),
		cmocka_unit_test(test_what_it_cannot_say_is_refused),
		cmocka_unit_test(test_a_list_has_its_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

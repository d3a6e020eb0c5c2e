/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/renewing.h"

#define HOUR	UINT64_C(3600)

static void
test_a_short_one_is_due_with_a_third_of_it_left(void **state)
{
	(void)state;
	assert_int_equal(renewing_due(1000, 1000 + 9 * HOUR), 1000 + 6 * HOUR);
	assert_int_equal(renewing_due(0, 3), 2);
	assert_int_equal(renewing_due(5, 6), 6);
}

static void
test_a_long_one_and_one_that_never_holds_are_not_due(void **state)
{
	(void)state;
	assert_int_not_equal(renewing_due(7, 7 + RENEWING_LONGEST), 0);
	assert_int_equal(renewing_due(7, 8 + RENEWING_LONGEST), 0);
	assert_int_equal(renewing_due(0, UINT64_MAX), 0);
	assert_int_equal(renewing_due(7, 7), 0);
	assert_int_equal(renewing_due(8, 7), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_short_one_is_due_with_a_third_of_it_left),
		cmocka_unit_test(
		    test_a_long_one_and_one_that_never_holds_are_not_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

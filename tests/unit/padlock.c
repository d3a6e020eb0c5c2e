/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/padlock.h"

/* A password of that many bytes. */
static struct span
long_password(size_t n)
{
	static uint8_t bytes[SECRET_MAX + 1];

	assert_true(n <= sizeof(bytes));
	memset(bytes, 'p', sizeof(bytes));
	return (struct span){ bytes, n };
}

static int
opens(struct padlock *p, const char *password)
{
	struct err e = { 0 };
	const int r = padlock_open(p, span_cstr(password), &e);

	assert_true(r == 0 || e.msg[0] != '\0');
	return r;
}

static int
closes(struct padlock *p, const char *password)
{
	struct err e = { 0 };
	const int r = padlock_close(p, span_cstr(password), &e);

	assert_true(r == 0 || e.msg[0] != '\0');
	return r;
}

static void
test_only_its_password_opens_it(void **state)
{
	static const char *const wrong[] = { "", "passwor", "password1",
	    "Password", "passwore" };
	struct padlock p = { 0 };

	(void)state;
	assert_false(padlock_closed(&p));
	assert_int_equal(closes(&p, "password"), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(opens(&p, wrong[i]), ERR_DENIED);
		assert_true(padlock_closed(&p));
	}
	assert_int_equal(opens(&p, "password"), 0);
	assert_false(padlock_closed(&p));
	padlock_free(&p);
}

static void
test_it_is_closed_and_opened_once(void **state)
{
	struct padlock p = { 0 };

	(void)state;
	assert_int_equal(opens(&p, "x"), ERR_DENIED);
	assert_int_equal(closes(&p, "one"), 0);
	assert_int_equal(closes(&p, "two"), ERR_DENIED);
	assert_int_equal(opens(&p, "two"), ERR_DENIED);
	assert_int_equal(opens(&p, "one"), 0);
	assert_int_equal(opens(&p, "one"), ERR_DENIED);
	assert_int_equal(closes(&p, "two"), 0);
	assert_int_equal(opens(&p, "one"), ERR_DENIED);
	assert_int_equal(opens(&p, "two"), 0);
	padlock_free(&p);
}

static void
test_a_password_is_1_to_255_bytes(void **state)
{
	struct padlock p = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(closes(&p, ""), ERR_DENIED);
	assert_false(padlock_closed(&p));
	assert_int_equal(padlock_close(&p, long_password(SECRET_MAX + 1),
	    &e), ERR_LIMIT);
	assert_false(padlock_closed(&p));
	assert_int_equal(padlock_close(&p, long_password(SECRET_MAX), &e), 0);
	/* What does not fit must not pass for what does. */
	assert_int_not_equal(padlock_open(&p, long_password(SECRET_MAX + 1),
	    &e), 0);
	assert_int_not_equal(padlock_open(&p, long_password(SECRET_MAX - 1),
	    &e), 0);
	assert_true(padlock_closed(&p));
	assert_int_equal(padlock_open(&p, long_password(SECRET_MAX), &e), 0);
	padlock_free(&p);
}

static void
test_bytes_after_a_nul_count(void **state)
{
	static const struct span a = { (const uint8_t *)"a\0b", 3 };
	static const struct span b = { (const uint8_t *)"a\0c", 3 };
	struct padlock p = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(padlock_close(&p, a, &e), 0);
	assert_int_equal(padlock_open(&p, b, &e), ERR_DENIED);
	assert_int_equal(opens(&p, "a"), ERR_DENIED);
	assert_int_equal(padlock_open(&p, a, &e), 0);
	padlock_free(&p);
}

static void
test_each_wrong_password_is_answered_later(void **state)
{
	struct padlock p = { 0 };
	struct err e;
	unsigned int before;

	(void)state;
	assert_int_equal(padlock_delay(&p), 0);
	assert_int_equal(closes(&p, "right"), 0);
	assert_int_equal(padlock_delay(&p), 0);
	for (before = 0; before < 10000; before = padlock_delay(&p)) {
		assert_int_equal(opens(&p, "wrong"), ERR_DENIED);
		assert_true(padlock_delay(&p) > before);
	}
	/* But never without end, and one that is too long counts, too. */
	assert_int_equal(opens(&p, "wrong"), ERR_DENIED);
	assert_int_equal(padlock_delay(&p), 10000);
	assert_int_equal(opens(&p, "right"), 0);
	assert_int_equal(padlock_delay(&p), 0);
	assert_int_equal(closes(&p, "right"), 0);
	assert_int_not_equal(padlock_open(&p, long_password(SECRET_MAX + 1),
	    &e), 0);
	assert_true(padlock_delay(&p) > 0);
	padlock_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_its_password_opens_it),
		cmocka_unit_test(test_it_is_closed_and_opened_once),
		cmocka_unit_test(test_a_password_is_1_to_255_bytes),
		cmocka_unit_test(test_bytes_after_a_nul_count),
		cmocka_unit_test(test_each_wrong_password_is_answered_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

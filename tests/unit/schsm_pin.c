/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "token/schsm_pin.h"

#define STATUS	"\x00\x20\x00\x81"
#define SO	"\x00\x20\x00\x88"
#define VERIFY	"\x00\x20\x00\x81\x06" "123456"

/* A card that plays back a script and fails the test when it is left. */
struct step {
	const char	*cmd;
	size_t		 n;
	uint16_t	 sw;
};

struct script {
	const struct step *step;
	size_t		 n, at;
};

static int
play(void *ctx, struct span cmd, uint8_t *rsp, size_t *rsp_len,
    struct err *e)
{
	struct script *s = ctx;
	const struct step *step;

	(void)e;
	assert_true(s->at < s->n);
	step = &s->step[s->at++];
	assert_int_equal(cmd.n, step->n);
	assert_memory_equal(cmd.p, step->cmd, cmd.n);
	rsp[0] = (uint8_t)(step->sw >> 8);
	rsp[1] = (uint8_t)step->sw;
	*rsp_len = 2;
	return 0;
}

static int
verify(const char *text, const struct step *steps, size_t n, struct err *e)
{
	struct script s = { steps, n, 0 };
	struct schsm_card c = { .io = { .transmit = play, .ctx = &s } };
	struct secret *pin = secret_new();
	int r;

	assert_int_equal(secret_add(pin, text, strlen(text)), 0);
	r = schsm_pin_verify(&c, pin, e);
	assert_int_equal(s.at, n);		/* no APDU was left out */
	secret_free(pin);
	return r;
}

static void
test_right_pin(void **state)
{
	const struct step steps[] = { { STATUS, 4, 0x63c3 },
	    { VERIFY, 11, 0x9000 } };
	struct err e;

	(void)state;
	assert_int_equal(verify("123456", steps, 2, &e), 0);
}

static void
test_wrong_pin_says_tries_left(void **state)
{
	const struct step steps[] = { { STATUS, 4, 0x63c3 },
	    { VERIFY, 11, 0x63c2 } };
	struct err e;

	(void)state;
	assert_int_equal(verify("123456", steps, 2, &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 2);
	assert_string_equal(e.msg, "wrong PIN, 2 tries left");
}

static void
test_last_try_is_never_spent(void **state)
{
	const struct step steps[] = { { STATUS, 4, 0x63c1 } };
	struct err e;

	(void)state;
	assert_int_equal(verify("123456", steps, 1, &e), ERR_DENIED);
	assert_int_equal(e.detail, 1);
}

static void
test_no_tries_left_is_not_logged_in(void **state)
{
	const struct step steps[] = { { STATUS, 4, 0x63c0 } };
	struct err e;

	(void)state;
	assert_int_equal(verify("123456", steps, 1, &e), ERR_PIN_BLOCKED);
}

static void
test_a_pin_is_checked_though_somebody_is_logged_in(void **state)
{
	const struct step steps[] = { { STATUS, 4, 0x9000 },
	    { VERIFY, 11, 0x63c2 } };
	struct err e;

	(void)state;
	assert_int_equal(verify("123456", steps, 2, &e), ERR_PIN_WRONG);
}

static void
test_states_that_take_no_pin(void **state)
{
	static const struct {
		uint16_t sw;
		enum err_code code;
	} t[] = {
		{ 0x6983, ERR_PIN_BLOCKED }, { 0x6a88, ERR_PIN_BLOCKED },
		{ 0x6d00, ERR_UNSUPPORTED }, { 0x6e00, ERR_UNSUPPORTED },
		{ 0x6f00, ERR_UNSUPPORTED },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		const struct step steps[] = { { STATUS, 4, t[i].sw } };

		assert_int_equal(verify("123456", steps, 1, &e), t[i].code);
	}
}

static void
test_a_transport_pin_and_none_are_told_apart_by_the_so_pin(void **state)
{
	static const struct {
		uint16_t sw;
		const char *says;
	} t[] = {
		{ 0x63cf, "pin change" }, { 0x6983, "pin change" },
		{ 0x6a88, "init" }, { 0x6a86, "init" },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		const struct step steps[] = { { STATUS, 4, 0x6984 },
		    { SO, 4, t[i].sw } };

		assert_int_equal(verify("123456", steps, 2, &e),
		    ERR_PIN_BLOCKED);
		assert_non_null(strstr(e.msg, t[i].says));
	}
}

static void
test_impossible_lengths_are_not_sent(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(verify("", NULL, 0, &e), ERR_DENIED);
	assert_int_equal(verify("12345", NULL, 0, &e), ERR_DENIED);
	assert_int_equal(verify("12345678901234567", NULL, 0, &e),
	    ERR_DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right_pin),
		cmocka_unit_test(test_wrong_pin_says_tries_left),
		cmocka_unit_test(test_last_try_is_never_spent),
		cmocka_unit_test(test_no_tries_left_is_not_logged_in),
		cmocka_unit_test(
		    test_a_pin_is_checked_though_somebody_is_logged_in),
		cmocka_unit_test(test_states_that_take_no_pin),
		cmocka_unit_test(
		    test_a_transport_pin_and_none_are_told_apart_by_the_so_pin),
		cmocka_unit_test(test_impossible_lengths_are_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

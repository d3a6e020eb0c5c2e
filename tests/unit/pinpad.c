/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/use.h"
#include "token/pinpad.h"

/* What a reader with a pad says of itself: codes 06 and 07, and more. */
static const uint8_t features[] = { 0x12, 4, 0x42, 0x33, 0x00, 0x12,
    0x06, 4, 0x42, 0x33, 0x00, 0x06, 0x07, 4, 0x42, 0x33, 0x00, 0x07 };

static struct token *
setup(struct card *c)
{
	card_open(c, NULL);
	c->features = (struct span){ features, sizeof(features) };
	return use_open(c);
}

static int
login(struct token *t, struct err *e)
{
	int r;

	assert_int_equal(token_begin(t, e), 0);
	r = token_login(t, NULL, e);
	token_end(t);
	return r;
}

static void
test_a_reader_says_whether_it_has_a_pad(void **state)
{
	static const uint8_t none[] = { 0x0a, 4, 0x42, 0x33, 0x00, 0x0a },
	    lengths[] = { 0x06, 3, 0x42, 0x33, 0x00, 0x06, 0xff, 0x42, 0x33,
	    0x00, 0x06 };

	(void)state;
	assert_int_equal(pinpad_parse((struct span){ features,
	    sizeof(features) }), CARD_PAD_CODE);
	for (size_t n = 0; n < 12; n++)
		assert_int_equal(pinpad_parse((struct span){ features, n }),
		    0);
	assert_int_equal(pinpad_parse((struct span){ features, 12 }),
	    CARD_PAD_CODE);
	assert_int_equal(pinpad_parse((struct span){ none, sizeof(none) }),
	    0);
	assert_int_equal(pinpad_parse((struct span){ lengths,
	    sizeof(lengths) }), 0);
}

static void
test_the_pin_is_typed_at_the_reader(void **state)
{
	static const uint8_t command[] = { 0x00, 0x20, 0x00, 0x81, 0x00 };
	uint16_t digits;
	uint32_t length;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = setup(&c);
	assert_true(token_has_pad(t));
	(void)card_take_count(&c);
	c.typed = VHSM_PIN;
	assert_int_equal(login(t, &e), 0);
	/* Tries left, VERIFY. */
	assert_int_equal(card_take_count(&c), 2);
	assert_int_equal(c.pad_block_n, 24);
	assert_int_equal(c.pad_block[2], 0x82);
	memcpy(&digits, c.pad_block + 5, sizeof(digits));
	assert_int_equal(digits, 0x060f);
	memcpy(&length, c.pad_block + 15, sizeof(length));
	assert_int_equal(length, sizeof(command));
	assert_memory_equal(c.pad_block + 19, command, sizeof(command));
	token_close(t);
	card_close(&c);
}

static void
test_the_last_try_is_not_asked_for_at_the_reader(void **state)
{
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = setup(&c);
	c.typed = "000000";
	assert_int_equal(login(t, &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 2);
	assert_int_equal(login(t, &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 1);
	c.typed = VHSM_PIN;
	c.pad_block_n = 0;
	assert_int_equal(login(t, &e), ERR_DENIED);
	assert_int_equal(c.pad_block_n, 0);
	token_close(t);
	card_close(&c);
}

static void
test_what_the_reader_says_for_itself(void **state)
{
	static const struct {
		uint16_t sw;
		enum err_code code;
	} t[] = { { SW_PAD_TIMEOUT, ERR_CANCELLED },
	    { SW_PAD_CANCELLED, ERR_CANCELLED },
	    { SW_PAD_LENGTH, ERR_DENIED }, { 0x6983, ERR_PIN_WRONG },
	    { 0x6d00, ERR_TOKEN } };
	struct token *tok;
	struct card c;
	struct err e;

	(void)state;
	tok = setup(&c);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		c.pad_sw = t[i].sw;
		assert_int_equal(login(tok, &e), t[i].code);
	}
	assert_int_equal(c.verify_count, 0);
	token_close(tok);
	card_close(&c);
}

static void
test_without_a_pad_nothing_is_sent(void **state)
{
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	assert_false(token_has_pad(t));
	(void)card_take_count(&c);
	assert_int_equal(login(t, &e), ERR_UNSUPPORTED);
	assert_int_equal(card_take_count(&c), 0);
	token_close(t);
	card_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_reader_says_whether_it_has_a_pad),
		cmocka_unit_test(test_the_pin_is_typed_at_the_reader),
		cmocka_unit_test(
		    test_the_last_try_is_not_asked_for_at_the_reader),
		cmocka_unit_test(test_what_the_reader_says_for_itself),
		cmocka_unit_test(test_without_a_pad_nothing_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

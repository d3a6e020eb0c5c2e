/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dkek/dkek.h"
#include "dkek/share.h"
#include "tests/unit/card.h"
#include "tests/unit/use.h"
#include "token/manage.h"

static struct token *
set_up(struct card *c, int shares)
{
	struct secret *pin = secret_new(), *so = secret_new();
	const struct token_setup s = { .label = "desk", .pin = pin,
	    .so_pin = so, .tries = 3, .dkek_shares = shares };
	struct token *t;
	struct err e;

	card_open(c, NULL);
	t = use_open(c);
	assert_int_equal(secret_add(pin, "648219", 6), 0);
	assert_int_equal(secret_add(so, "57621880", 8), 0);
	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_setup(t, &s, &e), 0);
	token_end(t);
	secret_free(pin);
	secret_free(so);
	return t;
}

static int
import(struct token *t, const struct secret *share, struct err *e)
{
	int r;

	if ((r = token_begin(t, e)) == 0) {
		r = token_import_share(t, share, e);
		token_end(t);
	}
	return r;
}

static struct token_info
info(struct token *t)
{
	struct token_info i = { 0 };
	struct err e;

	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_get_info(t, TOKEN_INFO_ALL, &i, &e), 0);
	token_end(t);
	return i;
}

static void
test_all_shares_make_the_dkek_that_they_make_here(void **state)
{
	struct secret *share = secret_new();
	struct dkek *d = dkek_new();
	char kcv[DKEK_KCV_LEN];
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = set_up(&c, 3);
	for (int missing = 3; missing > 0; missing--) {
		assert_int_equal(info(t).dkek_missing, missing);
		assert_string_equal(info(t).dkek_kcv, "");
		assert_int_equal(share_make(share, &e), 0);
		assert_int_equal(dkek_add(d, share, &e), 0);
		assert_int_equal(import(t, share, &e), 0);
	}
	dkek_kcv_hex(d, kcv);
	assert_int_equal(info(t).dkek_missing, 0);
	assert_string_equal(info(t).dkek_kcv, kcv);
	assert_int_equal(import(t, share, &e), ERR_DENIED);
	assert_string_equal(info(t).dkek_kcv, kcv);
	dkek_free(d);
	secret_free(share);
	token_close(t);
	card_close(&c);
}

static void
test_a_token_that_wants_no_share_is_sent_none(void **state)
{
	struct secret *share = secret_new();
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	assert_int_equal(share_make(share, &e), 0);
	for (int shares = -1; shares <= 0; shares++) {
		t = set_up(&c, shares);
		(void)card_take_count(&c);
		assert_int_equal(import(t, share, &e), ERR_DENIED);
		assert_int_equal(card_take_count(&c), 2);
		token_close(t);
		card_close(&c);
	}
	secret_free(share);
}

static void
test_a_share_of_another_length_is_not_sent(void **state)
{
	struct secret *share = secret_new();
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	assert_int_equal(share_make(share, &e), 0);
	assert_int_equal(secret_add(share, "x", 1), 0);
	t = set_up(&c, 1);
	assert_int_equal(import(t, share, &e), ERR_FORMAT);
	assert_int_equal(info(t).dkek_missing, 1);
	secret_free(share);
	token_close(t);
	card_close(&c);
}

static void
test_a_share_that_the_card_refuses_is_not_sent_again(void **state)
{
	static const uint16_t sw[] = { 0x6985, 0x6c0a, 0x6f00 };
	struct secret *share = secret_new();
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	assert_int_equal(share_make(share, &e), 0);
	t = set_up(&c, 1);
	for (size_t i = 0; i < sizeof(sw) / sizeof(sw[0]); i++) {
		(void)card_take_count(&c);
		c.fail_at = 3;
		c.fail_sw = sw[i];
		assert_int_equal(import(t, share, &e),
		    sw[i] == 0x6985 ? ERR_DENIED : ERR_TOKEN);
		assert_int_equal(card_take_count(&c), 3);
		assert_int_equal(info(t).dkek_missing, 1);
	}
	assert_int_equal(import(t, share, &e), 0);
	assert_int_equal(info(t).dkek_missing, 0);
	secret_free(share);
	token_close(t);
	card_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_all_shares_make_the_dkek_that_they_make_here),
		cmocka_unit_test(
		    test_a_token_that_wants_no_share_is_sent_none),
		cmocka_unit_test(test_a_share_of_another_length_is_not_sent),
		cmocka_unit_test(
		    test_a_share_that_the_card_refuses_is_not_sent_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/card.h"
#include "tests/unit/use.h"
#include "token/manage.h"

#define SO		"57621880"		/* VHSM_SO_PIN */
#define OTHER_SO	"abcdefgh"
#define COMMANDS_MAX	40

static struct secret *
secret(const char *text)
{
	struct secret *s = secret_new();

	assert_non_null(s);
	assert_int_equal(secret_add(s, text, strlen(text)), 0);
	return s;
}

/* What a person may want to be different. */
struct wish {
	const char	*label, *pin, *so;
	int		 tries, shares;
	bool		 no_reset, last_too;
};

static const struct wish plain = { .label = "desk", .pin = "11223344",
    .so = SO, .tries = 10, .shares = -1 };

static int
setup(struct token *t, const struct wish *w, struct err *e)
{
	struct secret *pin = secret(w->pin), *so = secret(w->so);
	const struct token_setup s = { .label = w->label, .pin = pin,
	    .so_pin = so, .tries = w->tries, .dkek_shares = w->shares,
	    .pin_reset = !w->no_reset, .last_too = w->last_too };
	int r;

	if ((r = token_begin(t, e)) == 0) {
		r = token_setup(t, &s, e);
		token_end(t);
	}
	secret_free(pin);
	secret_free(so);
	return r;
}

typedef int	 change(struct token *t, const struct secret *proof,
		    const struct secret *new, bool last_too, struct err *e);

static int
do_change(struct token *t, change *fn, const char *proof, const char *new,
    bool last_too, struct err *e)
{
	struct secret *a = secret(proof), *b = secret(new);
	int r;

	if ((r = token_begin(t, e)) == 0) {
		r = fn(t, a, b, last_too, e);
		token_end(t);
	}
	secret_free(a);
	secret_free(b);
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

static size_t
keys(struct token *t)
{
	struct token_keys k = use_list(t, NULL);
	size_t n = k.n;

	token_keys_free(&k);
	return n;
}

static void
open_fresh(struct card *c, const char *firmware)
{
	struct vhsm_options o = { 0 };
	struct err e;

	assert_true(vhsm_parse_firmware(&o, firmware));
	*c = (struct card){ 0 };
	assert_int_equal(vhsm_open(&c->vhsm, &o, &e), 0);
}

static void
test_setting_up_leaves_what_was_asked_for_and_nothing_else(void **state)
{
	static const char *const old[] = { "p256:old" };
	struct wish w = plain;
	struct token_info i = { 0 };
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, old, 1);
	t = use_open(&c);
	w.shares = 2;
	assert_int_equal(setup(t, &w, &e), 0);
	i = info(t);
	assert_string_equal(i.label, "desk");
	/* Nobody is logged in. */
	assert_int_equal(i.pin, TOKEN_PIN_NEEDED);
	assert_int_equal(i.pin_tries, 10);
	assert_int_equal(i.so, TOKEN_PIN_NEEDED);
	assert_int_equal(i.so_tries, 15);
	assert_int_equal(i.dkek_shares, 2);
	assert_int_equal(i.dkek_missing, 2);
	assert_int_equal(keys(t), 0);
	assert_int_equal(use_login(t, VHSM_PIN, &e), ERR_PIN_WRONG);
	assert_int_equal(use_login(t, "11223344", &e), 0);
	token_close(t);
	card_close(&c);
}

static void
test_the_label_is_written_as_opensc_writes_it(void **state)
{
	/* sc-hsm-tool --label mytoken, 0.23 */
	static const uint8_t want[] = { 0x30, 0x10, 0x02, 0x01, 0x00, 0x80,
	    0x07, 'm', 'y', 't', 'o', 'k', 'e', 'n', 0x03, 0x02, 0x05, 0x20,
	    0x90, 0x00 };
	static const uint8_t read[] = { 0x00, 0xb1, 0x2f, 0x03, 0x04, 0x54,
	    0x02, 0x00, 0x00, 0x12 };
	struct wish w = plain;
	uint8_t rsp[64];
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	w.label = "mytoken";
	assert_int_equal(setup(t, &w, &e), 0);
	assert_int_equal(vhsm_apdu(c.vhsm, (struct span){ read,
	    sizeof(read) }, rsp, sizeof(rsp)), sizeof(want));
	assert_memory_equal(rsp, want, sizeof(want));
	token_close(t);
	card_close(&c);
}

static void
test_a_token_that_was_never_set_up_takes_any_so_pin(void **state)
{
	static const char *const firmware[] = { "1.2", "2.5", "3.5", "4.0",
	    "pico" };
	struct wish w = plain;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(firmware) / sizeof(*firmware); i++) {
		open_fresh(&c, firmware[i]);
		t = use_open(&c);
		assert_int_equal(info(t).pin, TOKEN_PIN_UNSET);
		assert_int_equal(info(t).so, TOKEN_PIN_UNSET);
		w.so = OTHER_SO;
		assert_int_equal(setup(t, &w, &e), 0);
		assert_int_equal(info(t).pin_tries, 10);
		assert_int_equal(use_login(t, "11223344", &e), 0);
		w.so = SO;
		assert_int_equal(setup(t, &w, &e), ERR_PIN_WRONG);
		assert_int_equal(e.detail, 14);
		token_close(t);
		card_close(&c);
	}
}

static void
test_a_wrong_so_pin_destroys_nothing(void **state)
{
	static const char *const old[] = { "p256:old" };
	struct wish w = plain;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, old, 1);
	t = use_open(&c);
	w.so = OTHER_SO;
	assert_int_equal(setup(t, &w, &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 14);
	assert_string_equal(e.msg, "wrong SO-PIN, 14 tries left");
	assert_int_equal(keys(t), 1);
	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	token_close(t);
	card_close(&c);
}

static void
test_the_last_so_try_is_spent_only_when_asked_to(void **state)
{
	struct wish w = plain;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	w.so = OTHER_SO;
	assert_int_equal(vhsm_set_so_tries(c.vhsm, 1, &e), 0);
	assert_int_equal(setup(t, &w, &e), ERR_DENIED);
	assert_int_equal(e.detail, 1);
	assert_int_equal(do_change(t, token_change_so, OTHER_SO, SO, false,
	    &e), ERR_DENIED);
	assert_int_equal(do_change(t, token_unblock, OTHER_SO, "111111",
	    false, &e), ERR_DENIED);
	assert_int_equal(vhsm_so_tries(c.vhsm), 1);
	w.last_too = true;
	assert_int_equal(setup(t, &w, &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 0);
	assert_int_equal(vhsm_so_tries(c.vhsm), 0);
	w.so = SO;
	assert_int_equal(setup(t, &w, &e), ERR_PIN_BLOCKED);
	assert_int_equal(do_change(t, token_change_so, SO, OTHER_SO, true,
	    &e), ERR_PIN_BLOCKED);
	assert_int_equal(do_change(t, token_unblock, SO, "111111", true, &e),
	    ERR_PIN_BLOCKED);
	token_close(t);
	card_close(&c);
}

static void
test_what_no_token_can_be_never_reaches_one(void **state)
{
	static const struct {
		struct wish w;
		bool fine;
	} t[] = {
		{ { "a", "123456", SO, 3, -1, false, false }, true },
		{ { "a", "1234567", SO, 5, 0, false, false }, true },
		{ { "a", "1234567890123456", SO, 10, 255, false, false },
		    true },
		{ { "", "123456", SO, 3, -1, false, false }, false },
		{ { "a\nb", "123456", SO, 3, -1, false, false }, false },
		{ { "\xff", "123456", SO, 3, -1, false, false }, false },
		{ { "0123456789012345678901234567890123456789012345678901234"
		    "567890123", "123456", SO, 3, -1, false, false }, false },
		{ { "a", "12345", SO, 3, -1, false, false }, false },
		{ { "a", "12345678901234567", SO, 3, -1, false, false },
		    false },
		{ { "a", "123456", "1234567", 3, -1, false, false }, false },
		{ { "a", "123456", "123456789", 3, -1, false, false },
		    false },
		{ { "a", "123456", SO, 1, -1, false, false }, false },
		{ { "a", "123456", SO, 4, -1, false, false }, false },
		{ { "a", "1234567", SO, 6, -1, false, false }, false },
		{ { "a", "12345678", SO, 11, -1, false, false }, false },
		{ { "a", "123456", SO, 3, -2, false, false }, false },
		{ { "a", "123456", SO, 3, 256, false, false }, false },
	};
	struct token *tok;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	tok = use_open(&c);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		assert_int_equal(vhsm_set_so_tries(c.vhsm, 7, &e), 0);
		assert_int_equal(setup(tok, &t[i].w, &e),
		    t[i].fine ? 0 : ERR_USAGE);
		assert_int_equal(vhsm_so_tries(c.vhsm), t[i].fine ? 15 : 7);
	}
	token_close(tok);
	card_close(&c);
}

/* Lose the token after each command: it can be set up again, and is used. */
static void
test_setting_up_may_be_cut_off_anywhere(void **state)
{
	static const char *const old[] = { "p256:old" };
	unsigned int n, whole = 0;
	struct token *t;
	struct card c;
	struct err e;
	int r;

	(void)state;
	for (n = 1; n < COMMANDS_MAX && whole == 0; n++) {
		card_open(&c, NULL);
		card_keys(&c, old, 1);
		t = use_open(&c);
		c.lose_at = n;
		r = setup(t, &plain, &e);
		if (c.lose_at > 0)
			whole = n;
		c.lose_at = 0;
		assert_int_equal(r, whole > 0 ? 0 : ERR_TOKEN_GONE);
		token_close(t);
		t = use_open(&c);
		if (keys(t) == 1)	/* nothing has happened yet */
			assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
		else
			assert_int_equal(use_login(t, "11223344", &e), 0);
		assert_int_equal(setup(t, &plain, &e), 0);
		assert_string_equal(info(t).label, "desk");
		assert_int_equal(info(t).so_tries, 15);
		assert_int_equal(info(t).pin_tries, 10);
		token_close(t);
		card_close(&c);
	}
	assert_true(whole > 5);
}

static void
test_a_pin_is_changed_by_the_old_one(void **state)
{
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	assert_int_equal(do_change(t, token_change_pin, "000000", "abcdefgh",
	    false, &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 2);
	assert_int_equal(do_change(t, token_change_pin, VHSM_PIN, "abcdefgh",
	    false, &e), 0);
	assert_int_equal(vhsm_tries(c.vhsm), 3);
	assert_int_equal(use_login(t, "abcdefgh", &e), 0);
	assert_int_equal(do_change(t, token_change_pin, "abcdefgh", "12345",
	    false, &e), ERR_DENIED);
	token_close(t);
	card_close(&c);
}

static void
test_a_short_old_pin_is_not_completed_by_the_new_one(void **state)
{
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	assert_int_equal(vhsm_change_pin(c.vhsm, "12345678", &e), 0);
	/* Together that would be the right PIN, and "abcdef" the new one. */
	assert_int_equal(do_change(t, token_change_pin, "123456", "78abcdef",
	    false, &e), ERR_PIN_WRONG);
	assert_int_equal(use_login(t, "12345678", &e), 0);
	token_close(t);
	card_close(&c);
}

static void
test_the_last_pin_try_is_spent_only_when_asked_to(void **state)
{
	struct secret *wrong = secret("000000"), *right = secret(VHSM_PIN);
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	assert_int_equal(vhsm_set_tries(c.vhsm, 1, &e), 0);
	assert_int_equal(do_change(t, token_change_pin, VHSM_PIN, "111111",
	    false, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "--last-try"));
	assert_int_equal(use_login(t, VHSM_PIN, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "unlock --last-try"));
	assert_int_equal(vhsm_pins(c.vhsm).sent, 0);
	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_login_last(t, right, &e), 0);
	token_end(t);
	card_logout(&c);
	assert_int_equal(vhsm_tries(c.vhsm), 3);
	assert_int_equal(vhsm_set_tries(c.vhsm, 1, &e), 0);
	assert_int_equal(do_change(t, token_change_pin, VHSM_PIN, "111111",
	    true, &e), 0);
	card_logout(&c);
	assert_int_equal(vhsm_set_tries(c.vhsm, 1, &e), 0);
	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_login_last(t, wrong, &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 0);
	assert_non_null(strstr(e.msg, "pin unblock"));
	assert_int_equal(token_login_last(t, wrong, &e), ERR_PIN_BLOCKED);
	assert_non_null(strstr(e.msg, "pin unblock"));
	token_end(t);
	assert_int_equal(do_change(t, token_change_pin, "111111", VHSM_PIN,
	    true, &e), ERR_PIN_BLOCKED);
	secret_free(wrong);
	secret_free(right);
	token_close(t);
	card_close(&c);
}

static void
test_a_transport_pin_is_changed_and_not_used(void **state)
{
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	assert_int_equal(vhsm_set_transport(c.vhsm, true, &e), 0);
	assert_int_equal(use_login(t, VHSM_PIN, &e), ERR_PIN_BLOCKED);
	assert_non_null(strstr(e.msg, "pin change"));
	assert_int_equal(vhsm_pins(c.vhsm).sent, 0);
	assert_int_equal(do_change(t, token_change_pin, "000000", "111111",
	    false, &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 2);
	assert_int_equal(do_change(t, token_change_pin, VHSM_PIN, "111111",
	    false, &e), 0);
	assert_int_equal(use_login(t, "111111", &e), 0);
	token_close(t);
	card_close(&c);
}

static void
test_a_blocked_pin_is_set_by_the_so_pin(void **state)
{
	struct wish w = plain;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	assert_int_equal(vhsm_set_tries(c.vhsm, 0, &e), 0);
	assert_int_equal(do_change(t, token_unblock, OTHER_SO, "111111",
	    false, &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 14);
	assert_int_equal(do_change(t, token_unblock, SO, "111111", false, &e),
	    0);
	assert_int_equal(use_login(t, "111111", &e), 0);
	assert_int_equal(vhsm_so_tries(c.vhsm), 15);
	w.no_reset = true;
	assert_int_equal(setup(t, &w, &e), 0);
	assert_int_equal(do_change(t, token_unblock, SO, "111111", false, &e),
	    ERR_DENIED);
	assert_non_null(strstr(e.msg, "hsm-keyutil init"));
	token_close(t);
	card_close(&c);
}

static void
test_a_so_pin_is_changed_by_the_old_one(void **state)
{
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	assert_int_equal(do_change(t, token_change_so, OTHER_SO, SO, false,
	    &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 14);
	assert_int_equal(do_change(t, token_change_so, SO, "short", false,
	    &e), ERR_DENIED);
	assert_int_equal(do_change(t, token_change_so, SO, OTHER_SO, false,
	    &e), 0);
	assert_int_equal(do_change(t, token_unblock, OTHER_SO, "111111",
	    false, &e), 0);
	token_close(t);
	card_close(&c);
}

static void
test_a_so_pin_that_tells_no_tries_is_not_sent(void **state)
{
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	c.fail_at = 2;		/* the state of the SO-PIN */
	c.fail_sw = 0x6a86;
	assert_int_equal(do_change(t, token_change_so, SO, OTHER_SO, false,
	    &e), ERR_DENIED);
	c.fail_at = 2;
	assert_int_equal(do_change(t, token_change_so, SO, OTHER_SO, true,
	    &e), 0);
	token_close(t);
	card_close(&c);
}

static void
test_nothing_is_sent_to_a_token_without_pins(void **state)
{
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	open_fresh(&c, "3.5");
	t = use_open(&c);
	assert_int_equal(do_change(t, token_change_pin, VHSM_PIN, "111111",
	    true, &e), ERR_PIN_BLOCKED);
	assert_non_null(strstr(e.msg, "hsm-keyutil init"));
	assert_int_equal(do_change(t, token_unblock, SO, "111111", true, &e),
	    ERR_PIN_BLOCKED);
	assert_non_null(strstr(e.msg, "hsm-keyutil init"));
	assert_int_equal(do_change(t, token_change_so, SO, OTHER_SO, true,
	    &e), ERR_PIN_BLOCKED);
	assert_int_equal(vhsm_pins(c.vhsm).sent, 0);
	token_close(t);
	card_close(&c);
}

static void
test_another_applet_gets_no_pin(void **state)
{
	static const uint8_t other[] = { 0x00, 0xa4, 0x04, 0x00, 0x06, 0xd2,
	    0x76, 0x00, 0x01, 0x24, 0x01, 0x00 };
	struct token *t;
	uint8_t rsp[256];
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	vhsm_set_quirk(c.vhsm, VHSM_QUIRK_OTHER_APPLET, true);
	t = use_open(&c);
	(void)vhsm_apdu(c.vhsm, (struct span){ other, sizeof(other) }, rsp,
	    sizeof(rsp));
	assert_int_equal(do_change(t, token_change_pin, VHSM_PIN, "111111",
	    false, &e), 0);
	assert_int_equal(vhsm_pins(c.vhsm).sent, 2);
	assert_int_equal(vhsm_pins(c.vhsm).strayed, 0);
	(void)vhsm_apdu(c.vhsm, (struct span){ other, sizeof(other) }, rsp,
	    sizeof(rsp));
	assert_int_equal(setup(t, &plain, &e), 0);
	assert_int_equal(vhsm_pins(c.vhsm).strayed, 0);
	token_close(t);
	card_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_setting_up_leaves_what_was_asked_for_and_nothing_else),
		cmocka_unit_test(
		    test_the_label_is_written_as_opensc_writes_it),
		cmocka_unit_test(
		    test_a_token_that_was_never_set_up_takes_any_so_pin),
		cmocka_unit_test(test_a_wrong_so_pin_destroys_nothing),
		cmocka_unit_test(
		    test_the_last_so_try_is_spent_only_when_asked_to),
		cmocka_unit_test(test_what_no_token_can_be_never_reaches_one),
		cmocka_unit_test(test_setting_up_may_be_cut_off_anywhere),
		cmocka_unit_test(test_a_pin_is_changed_by_the_old_one),
		cmocka_unit_test(
		    test_a_short_old_pin_is_not_completed_by_the_new_one),
		cmocka_unit_test(
		    test_the_last_pin_try_is_spent_only_when_asked_to),
		cmocka_unit_test(test_a_transport_pin_is_changed_and_not_used),
		cmocka_unit_test(test_a_blocked_pin_is_set_by_the_so_pin),
		cmocka_unit_test(test_a_so_pin_is_changed_by_the_old_one),
		cmocka_unit_test(
		    test_a_so_pin_that_tells_no_tries_is_not_sent),
		cmocka_unit_test(
		    test_nothing_is_sent_to_a_token_without_pins),
		cmocka_unit_test(test_another_applet_gets_no_pin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

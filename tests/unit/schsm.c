/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/card.h"
#include "tests/unit/use.h"
#include "token/schsm.h"

static void
test_another_key_in_the_place_of_one_is_stale(void **state)
{
	static const char *const keys[] = { "rsa1024", "p256", "p384" };
	static const char *const now[] = { "p256", "p521", "rsa1024" };
	static const enum sig_alg alg[] = { SIG_RSA_SHA256, SIG_ECDSA_P256,
	    SIG_ECDSA_P384 };
	struct token_keys k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 3);
	t = use_open(&c);
	k = use_list(t, NULL);
	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	/* The right kind of key, and yet the card refuses. */
	c.sign_sw = 0x6a81;
	assert_int_equal(use_sign(t, &k.v[0], alg[0], &e), ERR_TOKEN);
	c.sign_sw = 0;
	assert_int_equal(vhsm_initialise(c.vhsm, VHSM_PIN, VHSM_SO_PIN,
	    "unit", &e), 0);
	card_keys(&c, now, 3);
	card_logout(&c);
	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(use_sign(t, &k.v[i], alg[i], &e), ERR_STALE);
	token_keys_free(&k);
	token_close(t);
	card_close(&c);
}

static void
test_signs_with_every_kind_of_key_in_one_command(void **state)
{
	static const char *const keys[] = { "rsa1024", "rsa2048", "p256",
	    "p384", "p521" };
	static const struct {
		size_t key;
		enum sig_alg alg;
	} t[] = { { 0, SIG_RSA_SHA256 }, { 0, SIG_RSA_SHA512 },
	    { 1, SIG_RSA_SHA1 }, { 1, SIG_RSA_SHA256 },
	    { 1, SIG_RSA_SHA512 }, { 2, SIG_ECDSA_P256 },
	    { 3, SIG_ECDSA_P384 }, { 4, SIG_ECDSA_P521 } };
	struct token_keys k;
	struct token *tok;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 5);
	tok = use_open(&c);
	k = use_list(tok, NULL);
	assert_int_equal(use_login(tok, VHSM_PIN, &e), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		(void)card_take_count(&c);
		/* Short r or s turn up now and then: try a few. */
		for (int n = 0; n < 20; n++)
			assert_int_equal(use_sign(tok, &k.v[t[i].key], t[i].alg,
			    &e), 0);
		assert_int_equal(card_take_count(&c), 20);
	}
	assert_int_equal(use_sign(tok, &k.v[2], SIG_RSA_SHA256, &e),
	    ERR_UNSUPPORTED);
	token_keys_free(&k);
	token_close(tok);
	card_close(&c);
}

static void
test_a_wrong_signature_never_gets_out(void **state)
{
	static const char *const keys[] = { "rsa1024", "p256" };
	struct token_keys k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 2);
	t = use_open(&c);
	k = use_list(t, NULL);
	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	/* What was known is no point of the curve: a cache may say so. */
	k.v[1].blob[k.v[1].blob_n - 1] ^= 1;
	assert_int_equal(use_sign(t, &k.v[1], SIG_ECDSA_P256, &e), ERR_STALE);
	k.v[1].blob[k.v[1].blob_n - 1] ^= 1;
	c.spoil = 1;
	assert_int_equal(use_sign(t, &k.v[0], SIG_RSA_SHA256, &e), ERR_STALE);
	assert_int_equal(use_sign(t, &k.v[1], SIG_ECDSA_P256, &e), ERR_STALE);
	token_keys_free(&k);
	token_close(t);
	card_close(&c);
}

static void
test_signing_needs_the_login(void **state)
{
	static const char *const keys[] = { "p256" };
	struct token_keys k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 1);
	t = use_open(&c);
	k = use_list(t, NULL);
	assert_int_equal(use_sign(t, &k.v[0], SIG_ECDSA_P256, &e),
	    ERR_PIN_NEEDED);
	assert_int_equal(use_login(t, "000000", &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 2);
	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	assert_int_equal(use_sign(t, &k.v[0], SIG_ECDSA_P256, &e), 0);

	/* A reset is noticed, the applet selected again, the login gone. */
	vhsm_power(c.vhsm);
	c.reset = true;
	assert_int_equal(use_sign(t, &k.v[0], SIG_ECDSA_P256, &e),
	    ERR_PIN_NEEDED);
	/* So is another applet that somebody selected. */
	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	vhsm_power(c.vhsm);		/* SIGN is unknown to it */
	assert_int_equal(use_sign(t, &k.v[0], SIG_ECDSA_P256, &e),
	    ERR_PIN_NEEDED);
	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	assert_int_equal(use_sign(t, &k.v[0], SIG_ECDSA_P256, &e), 0);
	token_keys_free(&k);
	token_close(t);
	card_close(&c);
}

static void
test_why_a_card_refuses_to_sign(void **state)
{
	static const struct {
		uint16_t sw;
		enum err_code code;
		const char *says;
	} t[] = {
		{ 0x6984, ERR_TOKEN, "use counter" },
		{ 0x6a81, ERR_TOKEN, "allowed algorithms" },
		{ 0x6a88, ERR_STALE, "no longer" },
		{ 0x6700, ERR_TOKEN, "extended length" },
		{ 0x6f00, ERR_TOKEN, "6f00" },
		{ 0x9000, ERR_STALE, "" },
	};
	static const char *const keys[] = { "p256" };
	struct token_keys k;
	struct token *tok;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 1);
	tok = use_open(&c);
	k = use_list(tok, NULL);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		c.sign_sw = t[i].sw;
		assert_int_equal(use_sign(tok, &k.v[0], SIG_ECDSA_P256, &e),
		    t[i].code);
		assert_non_null(strstr(e.msg, t[i].says));
	}
	token_keys_free(&k);
	token_close(tok);
	card_close(&c);
}

static void
test_opening_never_logs_another_program_out(void **state)
{
	static const char *const keys[] = { "p256" };
	struct token *one, *two;
	struct token_keys k;
	struct token_info i = { 0 };
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 1);
	one = use_open(&c);
	k = use_list(one, NULL);
	assert_int_equal(use_login(one, VHSM_PIN, &e), 0);
	two = use_open(&c);
	assert_int_equal(token_begin(two, &e), 0);
	assert_int_equal(token_get_info(two, TOKEN_INFO_ALL, &i, &e), 0);
	token_end(two);
	assert_int_equal(i.pin, TOKEN_PIN_VERIFIED);
	assert_int_equal(use_sign(one, &k.v[0], SIG_ECDSA_P256, &e), 0);
	token_close(two);
	token_keys_free(&k);
	token_close(one);
	card_close(&c);
}

static void
test_info_tells_what_a_status_needs(void **state)
{
	struct token_info i = { 0 };
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_get_info(t, TOKEN_INFO_ALL, &i, &e), 0);
	token_end(t);
	assert_string_equal(i.serial, "DENK0100000");
	assert_string_equal(i.label, "unit");
	assert_string_equal(i.firmware, "3.5");
	assert_int_equal(i.pin, TOKEN_PIN_NEEDED);
	assert_int_equal(i.pin_tries, 3);
	assert_int_equal(i.so_tries, 15);
	assert_int_equal(i.dkek_shares, -1);
	assert_true(i.memory_free > 0);
	token_close(t);
	card_close(&c);
}

static void
test_a_foreign_card_is_left_alone(void **state)
{
	const struct vhsm_options o = { .foreign = true };
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, &o);
	assert_int_equal(schsm_open(card_io(&c), card_atr(&c), &t, &e),
	    ERR_UNSUPPORTED);
	assert_int_equal(card_take_count(&c), 1);
	assert_int_equal(c.closed, 1);
	assert_false(c.in_transaction);
	card_close(&c);
}

static void
test_alone_with_the_card_the_applet_is_selected_at_once(void **state)
{
	struct token *t;
	struct card c;

	(void)state;
	card_open(&c, NULL);
	c.alone = true;
	t = use_open(&c);
	assert_int_equal(card_take_count(&c), 2);
	assert_string_equal(t->serial, "DENK0100000");
	token_close(t);
	/* Somebody left it selected: it is asked first, and that is all. */
	c.alone = false;
	t = use_open(&c);
	assert_int_equal(card_take_count(&c), 1);
	token_close(t);
	card_close(&c);
}

static void
test_a_fault_at_opening_logs_nobody_out(void **state)
{
	static const char *const keys[] = { "p256" };
	struct token *one, *two;
	struct token_keys k;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 1);
	one = use_open(&c);
	k = use_list(one, NULL);
	assert_int_equal(use_login(one, VHSM_PIN, &e), 0);
	c.fail_at = 1;
	c.fail_sw = 0x6f00;
	assert_int_equal(schsm_open(card_io(&c), card_atr(&c), &two, &e),
	    ERR_TOKEN);
	assert_int_equal(use_sign(one, &k.v[0], SIG_ECDSA_P256, &e), 0);
	token_keys_free(&k);
	token_close(one);
	card_close(&c);
}

/* Not for a foreign card, which nobody would look at again. */
static void
test_one_odd_answer_does_not_make_a_card_foreign(void **state)
{
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	c.alone = true;
	c.fail_at = 1;			/* SELECT */
	c.fail_sw = 0x6f00;
	assert_int_equal(schsm_open(card_io(&c), card_atr(&c), &t, &e),
	    ERR_TOKEN);
	t = use_open(&c);
	token_close(t);
	card_close(&c);
}

/* Two cards, of which the second takes the first one's place. */
struct swapped {
	struct card	 c, other;
	struct vhsm	*mine;
	struct token	*t;
};

static void
swap_setup(struct swapped *s)
{
	const struct vhsm_options o = { .serial = "DENK0999999" };

	card_open(&s->c, NULL);
	card_open(&s->other, &o);
	s->t = use_open(&s->c);
	s->mine = s->c.vhsm;
	s->c.vhsm = s->other.vhsm;
}

static void
swap_teardown(struct swapped *s)
{
	assert_false(s->c.in_transaction);
	assert_int_equal(s->c.verify_count, 0);
	s->c.vhsm = s->mine;
	token_close(s->t);
	card_close(&s->other);
	card_close(&s->c);
}

static void
test_another_card_gets_no_pin(void **state)
{
	struct swapped s;
	struct err e;

	(void)state;
	swap_setup(&s);
	s.c.reset = true;
	assert_int_equal(token_begin(s.t, &e), ERR_TOKEN_GONE);
	assert_non_null(strstr(e.msg, "DENK0999999"));
	/* Nor when it is tried again. */
	assert_int_equal(token_begin(s.t, &e), ERR_TOKEN_GONE);
	swap_teardown(&s);
}

static void
test_another_card_that_nobody_noticed_gets_no_pin(void **state)
{
	struct swapped s;
	struct err e;

	(void)state;
	swap_setup(&s);
	assert_int_equal(use_login(s.t, VHSM_PIN, &e), ERR_TOKEN_GONE);
	assert_non_null(strstr(e.msg, "DENK0999999"));
	swap_teardown(&s);
}

static void
test_a_card_that_could_not_be_checked_stays_to_be_checked(void **state)
{
	struct swapped s;
	struct err e;

	(void)state;
	swap_setup(&s);
	s.c.unsure = true;
	s.c.fail_at = 2;			/* after SELECT */
	s.c.fail_sw = 0x6f00;
	assert_int_equal(token_begin(s.t, &e), ERR_TOKEN);
	/* A plain reset afterwards does not make it the right card. */
	s.c.reset = true;
	assert_int_equal(token_begin(s.t, &e), ERR_TOKEN_GONE);
	swap_teardown(&s);
}

static unsigned int
commands_to_begin(struct token *t, struct card *c)
{
	struct err e;

	(void)card_take_count(c);
	assert_int_equal(token_begin(t, &e), 0);
	token_end(t);
	return card_take_count(c);
}

static void
test_what_a_reset_costs(void **state)
{
	struct token *t;
	struct card c;

	(void)state;
	card_open(&c, NULL);
	c.reader = "Slot [CCID Interface] (DENK010) 00 00";
	t = use_open(&c);
	assert_int_equal(commands_to_begin(t, &c), 0);
	vhsm_power(c.vhsm);
	c.reset = true;
	/* SELECT, and the serial number. */
	assert_int_equal(commands_to_begin(t, &c), 2);
	assert_int_equal(commands_to_begin(t, &c), 0);
	token_close(t);
	card_close(&c);
}

static void
test_a_reset_while_the_card_is_taken_is_begun_anew(void **state)
{
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	vhsm_power(c.vhsm);
	c.reset = true;
	c.reset_amid = 2;		/* after SELECT */
	/* SELECT; SELECT, and the serial number. */
	assert_int_equal(commands_to_begin(t, &c), 3);
	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	c.reset_amid = 1;
	assert_int_equal(use_login(t, VHSM_PIN, &e), ERR_AGAIN);
	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	assert_int_equal(c.verify_count, 2);
	token_close(t);
	c.reset_amid = 1;
	t = use_open(&c);
	token_close(t);
	card_close(&c);
}

static void
test_a_stick_is_the_same_after_a_reset(void **state)
{
	struct token *t;
	struct card c;

	(void)state;
	card_open(&c, NULL);
	c.reader = "Nitrokey Nitrokey HSM (DENK01000000000         ) 00 00";
	t = use_open(&c);
	vhsm_power(c.vhsm);
	c.reset = true;
	/* SELECT. */
	assert_int_equal(commands_to_begin(t, &c), 1);
	vhsm_power(c.vhsm);
	c.unsure = true;
	assert_int_equal(commands_to_begin(t, &c), 2);
	assert_int_equal(commands_to_begin(t, &c), 0);
	token_close(t);
	card_close(&c);
}

/* "LoginScope transaction": nobody else can use the login between. */
static void
test_one_transaction_logs_in_signs_and_logs_out(void **state)
{
	static const char *const keys[] = { "p256" };
	struct secret *pin = secret_new();
	enum token_pin_state st;
	struct token_keys k;
	struct token *t;
	struct wire_w w;
	struct card c;
	struct err e;
	int tries;

	(void)state;
	assert_int_equal(secret_add(pin, VHSM_PIN, 6), 0);
	card_open(&c, NULL);
	card_keys(&c, keys, 1);
	t = use_open(&c);
	k = use_list(t, NULL);
	(void)card_take_count(&c);
	assert_true(wire_write(&w, SIG_BLOB_MAX));
	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_login(t, pin, &e), 0);
	assert_true(c.in_transaction);
	assert_int_equal(token_sign(t, &k.v[0], SIG_ECDSA_P256,
	    span_cstr("x"), &w, &e), 0);
	assert_true(c.in_transaction);
	assert_int_equal(token_logout(t, &e), 0);
	assert_true(c.in_transaction);
	/* Tries left, VERIFY, SIGN, SELECT. */
	assert_int_equal(card_take_count(&c), 4);
	assert_int_equal(token_pin_state(t, &st, &tries, &e), 0);
	assert_int_equal(st, TOKEN_PIN_NEEDED);
	token_end(t);
	wire_free(&w);
	token_keys_free(&k);
	token_close(t);
	card_close(&c);
	secret_free(pin);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_key_in_the_place_of_one_is_stale),
		cmocka_unit_test(
		    test_signs_with_every_kind_of_key_in_one_command),
		cmocka_unit_test(test_a_wrong_signature_never_gets_out),
		cmocka_unit_test(test_signing_needs_the_login),
		cmocka_unit_test(test_why_a_card_refuses_to_sign),
		cmocka_unit_test(test_opening_never_logs_another_program_out),
		cmocka_unit_test(test_info_tells_what_a_status_needs),
		cmocka_unit_test(test_a_foreign_card_is_left_alone),
		cmocka_unit_test(
		    test_one_odd_answer_does_not_make_a_card_foreign),
		cmocka_unit_test(
		    test_alone_with_the_card_the_applet_is_selected_at_once),
		cmocka_unit_test(test_a_fault_at_opening_logs_nobody_out),
		cmocka_unit_test(test_another_card_gets_no_pin),
		cmocka_unit_test(
		    test_another_card_that_nobody_noticed_gets_no_pin),
		cmocka_unit_test(
		    test_a_card_that_could_not_be_checked_stays_to_be_checked),
		cmocka_unit_test(test_what_a_reset_costs),
		cmocka_unit_test(
		    test_a_reset_while_the_card_is_taken_is_begun_anew),
		cmocka_unit_test(test_a_stick_is_the_same_after_a_reset),
		cmocka_unit_test(
		    test_one_transaction_logs_in_signs_and_logs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

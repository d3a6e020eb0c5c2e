/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/keytext.h"
#include "tests/unit/card.h"
#include "tests/unit/data.h"
#include "token/schsm.h"

static struct token *
open_token(struct card *c)
{
	struct token *t;
	struct err e;

	assert_int_equal(schsm_open(card_io(c), card_atr(c), &t, &e), 0);
	return t;
}

static struct token_keys
list(struct token *t)
{
	struct token_keys k;
	struct err e;

	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_list(t, &k, &e), 0);
	token_end(t);
	return k;
}

static int
login(struct token *t, const char *text, struct err *e)
{
	struct secret *pin = secret_new();
	int r;

	assert_int_equal(secret_add(pin, text, strlen(text)), 0);
	assert_int_equal(token_begin(t, e), 0);
	r = token_login(t, pin, e);
	token_end(t);
	secret_free(pin);
	return r;
}

static int
sign(struct token *t, const struct token_key *k, enum sig_alg alg,
    struct err *e)
{
	struct span data = span_cstr("to be signed");
	struct wire_w w;
	int r;

	assert_true(wire_write(&w, SIG_BLOB_MAX));
	assert_int_equal(token_begin(t, e), 0);
	r = token_sign(t, k, alg, data, &w, e);
	token_end(t);
	if (r == 0)
		assert_int_equal(sig_verify((struct span){ k->blob,
		    k->blob_n }, alg, data, wire_bytes(&w), e), 0);
	wire_free(&w);
	return r;
}

static void
test_cold_listing_costs_four_and_two_a_key(void **state)
{
	static const char *const keys[] = { "p256:a", "rsa2048:b", "p521:c" };
	struct token_keys k;
	struct token *t;
	struct card c;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 3);
	t = open_token(&c);
	k = list(t);
	assert_int_equal(k.n, 3);
	assert_int_equal(card_take_count(&c), 4 + 2 * 3);
	assert_string_equal(t->serial, "DENK0100000");
	token_keys_free(&k);
	token_close(t);
	assert_int_equal(c.closed, 1);
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
	tok = open_token(&c);
	k = list(tok);
	assert_int_equal(login(tok, VHSM_PIN, &e), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		(void)card_take_count(&c);
		/* Short r or s turn up now and then: try a few. */
		for (int n = 0; n < 20; n++)
			assert_int_equal(sign(tok, &k.v[t[i].key], t[i].alg,
			    &e), 0);
		assert_int_equal(card_take_count(&c), 20);
	}
	assert_int_equal(sign(tok, &k.v[2], SIG_RSA_SHA256, &e),
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
	t = open_token(&c);
	k = list(t);
	assert_int_equal(login(t, VHSM_PIN, &e), 0);
	c.spoil = 1;
	assert_int_equal(sign(t, &k.v[0], SIG_RSA_SHA256, &e), ERR_DENIED);
	assert_int_equal(sign(t, &k.v[1], SIG_ECDSA_P256, &e), ERR_DENIED);
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
	t = open_token(&c);
	k = list(t);
	assert_int_equal(sign(t, &k.v[0], SIG_ECDSA_P256, &e),
	    ERR_PIN_NEEDED);
	assert_int_equal(login(t, "000000", &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 2);
	assert_int_equal(login(t, VHSM_PIN, &e), 0);
	assert_int_equal(sign(t, &k.v[0], SIG_ECDSA_P256, &e), 0);

	/* A reset is noticed, the applet selected again, the login gone. */
	vhsm_power(c.vhsm);
	c.reset = true;
	assert_int_equal(sign(t, &k.v[0], SIG_ECDSA_P256, &e),
	    ERR_PIN_NEEDED);
	/* So is another applet that somebody selected. */
	assert_int_equal(login(t, VHSM_PIN, &e), 0);
	vhsm_power(c.vhsm);		/* SIGN is unknown to it */
	assert_int_equal(sign(t, &k.v[0], SIG_ECDSA_P256, &e),
	    ERR_PIN_NEEDED);
	assert_int_equal(login(t, VHSM_PIN, &e), 0);
	assert_int_equal(sign(t, &k.v[0], SIG_ECDSA_P256, &e), 0);
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
		{ 0x6a88, ERR_NOTFOUND, "no longer" },
		{ 0x6700, ERR_TOKEN, "extended length" },
		{ 0x6f00, ERR_TOKEN, "6f00" },
		{ 0x9000, ERR_FORMAT, "" },
	};
	static const char *const keys[] = { "p256" };
	struct token_keys k;
	struct token *tok;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 1);
	tok = open_token(&c);
	k = list(tok);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		c.sign_sw = t[i].sw;
		assert_int_equal(sign(tok, &k.v[0], SIG_ECDSA_P256, &e),
		    t[i].code);
		assert_non_null(strstr(e.msg, t[i].says));
	}
	token_keys_free(&k);
	token_close(tok);
	card_close(&c);
}

static void
test_odd_keys_disturb_no_other(void **state)
{
	static const char *const keys[] = { "p256:good", "brainpoolP256r1:bp",
	    "secp256k1:k1", "aes256:aes", "p384:nocert", "p384:nodesc",
	    "p256:broken", "p256:last" };
	struct token_keys k;
	struct token *t;
	struct card c;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 8);
	card_do(&c, "00E4020002CE05");
	card_do(&c, "00E4020002C406");
	card_do(&c, "00E4020002CE07");
	card_do(&c, "00D7CE07065402000053" "00");
	card_do(&c, "00D7CE070A540200005304" "67028001");
	t = open_token(&c);
	k = list(t);
	assert_int_equal(k.n, 8);
	assert_non_null(k.v[0].blob);
	assert_string_equal(k.v[0].label, "good");
	assert_string_equal(k.v[1].algo, "brainpoolP256r1");
	assert_string_equal(k.v[2].algo, "secp256k1");
	assert_non_null(strstr(k.v[3].algo, "AES"));
	assert_non_null(strstr(k.v[4].unusable, "not on the token"));
	for (size_t i = 1; i < 5; i++)
		assert_null(k.v[i].blob);
	assert_non_null(k.v[5].blob);
	assert_string_equal(k.v[5].label, "");
	assert_string_equal(k.v[5].id, "06");
	assert_null(k.v[6].blob);
	assert_string_not_equal(k.v[6].unusable, "");
	assert_non_null(k.v[7].blob);
	token_keys_free(&k);
	token_close(t);
	card_close(&c);
}

static void
test_a_short_reader_lists_the_same(void **state)
{
	static const char *const keys[] = { "rsa2048:a", "p521:b" };
	const struct vhsm_options o = { .short_only = true };
	struct token_keys k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, &o);
	card_keys(&c, keys, 2);
	t = open_token(&c);
	k = list(t);
	assert_int_equal(k.n, 2);
	assert_string_equal(k.v[0].algo, "RSA-2048");
	assert_string_equal(k.v[1].algo, "P-521");
	assert_int_equal(login(t, VHSM_PIN, &e), 0);
	assert_int_equal(sign(t, &k.v[1], SIG_ECDSA_P521, &e), 0);
	assert_int_equal(sign(t, &k.v[0], SIG_RSA_SHA256, &e), ERR_TOKEN);
	token_keys_free(&k);
	token_close(t);
	card_close(&c);
}

static void
test_opening_never_logs_another_program_out(void **state)
{
	static const char *const keys[] = { "p256" };
	struct token *one, *two;
	struct token_keys k;
	struct token_info i;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 1);
	one = open_token(&c);
	k = list(one);
	assert_int_equal(login(one, VHSM_PIN, &e), 0);
	two = open_token(&c);
	assert_int_equal(token_begin(two, &e), 0);
	assert_int_equal(token_get_info(two, &i, &e), 0);
	token_end(two);
	assert_int_equal(i.pin, TOKEN_PIN_VERIFIED);
	assert_int_equal(sign(one, &k.v[0], SIG_ECDSA_P256, &e), 0);
	token_close(two);
	token_keys_free(&k);
	token_close(one);
	card_close(&c);
}

static void
test_info_tells_what_a_status_needs(void **state)
{
	struct token_info i;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	t = open_token(&c);
	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_get_info(t, &i, &e), 0);
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
test_another_card_gets_no_pin(void **state)
{
	const struct vhsm_options other = { .serial = "DENK0999999" };
	struct card c, d;
	struct vhsm *mine;
	struct token *t;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_open(&d, &other);
	t = open_token(&c);
	mine = c.vhsm;
	c.vhsm = d.vhsm;		/* swapped while we looked away */
	c.reset = true;
	assert_int_equal(token_begin(t, &e), ERR_TOKEN_GONE);
	assert_non_null(strstr(e.msg, "DENK0999999"));
	assert_false(c.in_transaction);
	assert_int_equal(c.verify_count, 0);
	c.vhsm = mine;
	token_close(t);
	card_close(&d);
	card_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cold_listing_costs_four_and_two_a_key),
		cmocka_unit_test(
		    test_signs_with_every_kind_of_key_in_one_command),
		cmocka_unit_test(test_a_wrong_signature_never_gets_out),
		cmocka_unit_test(test_signing_needs_the_login),
		cmocka_unit_test(test_why_a_card_refuses_to_sign),
		cmocka_unit_test(test_odd_keys_disturb_no_other),
		cmocka_unit_test(test_a_short_reader_lists_the_same),
		cmocka_unit_test(test_opening_never_logs_another_program_out),
		cmocka_unit_test(test_info_tells_what_a_status_needs),
		cmocka_unit_test(test_a_foreign_card_is_left_alone),
		cmocka_unit_test(test_another_card_gets_no_pin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
	t = use_open(&c);
	k = use_list(t, NULL);
	assert_int_equal(k.n, 3);
	assert_int_equal(card_take_count(&c), 4 + 2 * 3);
	assert_string_equal(t->serial, "DENK0100000");
	token_keys_free(&k);
	token_close(t);
	assert_int_equal(c.closed, 1);
	card_close(&c);
}

static void
test_a_list_known_before_costs_four_from_the_start(void **state)
{
	static const char *const keys[] = { "p256:a", "rsa2048:b", "p521:c" };
	struct token_keys k, again;
	struct token *t;
	struct card c;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 3);
	c.alone = true;
	t = use_open(&c);
	k = use_list(t, NULL);
	assert_int_equal(card_take_count(&c), 3 + 2 * 3);
	token_close(t);
	vhsm_power(c.vhsm);
	t = use_open(&c);
	again = use_list(t, &k);
	assert_int_equal(card_take_count(&c), 4);
	assert_int_equal(again.n, 3);
	token_keys_free(&again);
	token_keys_free(&k);
	token_close(t);
	card_close(&c);
}

static void
test_a_list_finds_the_applet_again(void **state)
{
	static const char *const keys[] = { "p256:a" };
	struct token_keys k;
	struct token *t;
	struct card c;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 1);
	t = use_open(&c);
	vhsm_power(c.vhsm);
	k = use_list(t, NULL);
	assert_int_equal(k.n, 1);
	assert_non_null(k.v[0].blob);
	token_keys_free(&k);
	token_close(t);
	card_close(&c);
}

static bool
same_keys(const struct token_keys *a, const struct token_keys *b)
{
	const struct token_key *k, *l;
	bool same = a->n == b->n &&
	    memcmp(a->stamp, b->stamp, sizeof(a->stamp)) == 0;

	for (size_t i = 0; same && i < a->n; i++) {
		k = &a->v[i];
		l = &b->v[i];
		same = strcmp(k->ref, l->ref) == 0 &&
		    strcmp(k->id, l->id) == 0 &&
		    strcmp(k->label, l->label) == 0 &&
		    strcmp(k->algo, l->algo) == 0 &&
		    strcmp(k->unusable, l->unusable) == 0 &&
		    span_eq((struct span){ k->blob, k->blob_n },
		    (struct span){ l->blob, l->blob_n });
	}
	return same;
}

static void
test_unchanged_keys_are_listed_with_two_commands(void **state)
{
	static const char *const keys[] = { "p256:a", "aes256:b", "p521:c",
	    "secp256k1:d", "p384:e" };
	struct token_keys k, again;
	struct token *t;
	struct card c;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 5);
	t = use_open(&c);
	(void)card_take_count(&c);
	k = use_list(t, NULL);
	assert_int_equal(card_take_count(&c), 1 + 2 * 5);
	assert_true(token_keys_stamped(&k));
	again = use_list(t, &k);
	assert_int_equal(card_take_count(&c), 2);
	assert_true(same_keys(&k, &again));
	token_keys_free(&again);
	token_keys_free(&k);
	token_close(t);
	card_close(&c);
}

static void
test_an_empty_token_is_listed_with_one_command(void **state)
{
	static const char *const keys[] = { "p256:a" };
	struct token_keys k, again;
	struct token *t;
	struct card c;

	(void)state;
	card_open(&c, NULL);
	t = use_open(&c);
	k = use_list(t, NULL);
	(void)card_take_count(&c);
	again = use_list(t, &k);
	assert_int_equal(card_take_count(&c), 1);
	assert_int_equal(again.n, 0);
	card_keys(&c, keys, 1);
	again = use_list(t, &k);
	assert_int_equal(again.n, 1);
	token_keys_free(&again);
	token_keys_free(&k);
	token_close(t);
	card_close(&c);
}

/* Each change in turn, and the label of the first key after it. */
static void
test_every_change_of_the_keys_is_noticed(void **state)
{
	static const char *const keys[] = { "p256:a", "p256:b", "p256:c" };
	static const char *const x[] = { "p256:x" }, *const y[] = {
	    "rsa1024:y" };
	struct token_keys k[7];
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 3);
	t = use_open(&c);
	k[0] = use_list(t, NULL);
	card_do(&c, "00E4020002CC01");		/* deleted */
	k[1] = use_list(t, &k[0]);
	assert_string_equal(k[1].v[0].label, "b");
	card_do(&c, "00E4020002CE01");		/* and made again */
	card_do(&c, "00E4020002C401");
	card_keys(&c, x, 1);
	k[2] = use_list(t, &k[0]);
	assert_string_equal(k[2].v[0].label, "x");
	assert_int_equal(k[2].n, 3);
	card_do(&c, "00E4020002CC01");		/* the newest one */
	card_do(&c, "00E4020002CE01");
	card_do(&c, "00E4020002C401");
	card_keys(&c, y, 1);
	k[3] = use_list(t, &k[2]);
	assert_string_equal(k[3].v[0].label, "y");
	card_do(&c, "00E4020002C402");		/* another label, of an older */
	card_do(&c, "00D7C40206540200005300");
	k[6] = use_list(t, &k[3]);
	assert_string_equal(k[6].v[1].label, "");
	/* The token set up anew, with keys of the same kind in one order. */
	assert_int_equal(vhsm_initialise(c.vhsm, VHSM_PIN, VHSM_SO_PIN,
	    "unit", &e), 0);
	card_keys(&c, keys, 3);
	k[4] = use_list(t, &k[0]);
	assert_int_equal(k[4].n, 3);
	assert_false(same_keys(&k[0], &k[4]));
	k[5] = use_list(t, &k[4]);
	assert_true(same_keys(&k[4], &k[5]));
	for (size_t i = 0; i < 7; i++)
		token_keys_free(&k[i]);
	token_close(t);
	card_close(&c);
}

static void
test_a_list_with_a_file_unread_is_never_taken_for_whole(void **state)
{
	static const char *const keys[] = { "p256:a", "p256:b" };
	struct token_keys k, again;
	struct token *t;
	struct card c;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 2);
	t = use_open(&c);
	for (unsigned int n = 2; n <= 5; n++) {
		c.fail_at = n;
		c.fail_sw = 0x6f00;
		c.fail_more = 1;
		k = use_list(t, NULL);
		c.fail_at = c.fail_more = 0;
		assert_int_equal(k.n, 2);
		assert_false(token_keys_stamped(&k));
		again = use_list(t, &k);
		assert_non_null(again.v[0].blob);
		assert_non_null(again.v[1].blob);
		assert_string_equal(again.v[0].label, "a");
		assert_true(token_keys_stamped(&again));
		token_keys_free(&again);
		token_keys_free(&k);
	}
	token_close(t);
	card_close(&c);
}

static void
test_one_odd_answer_loses_no_key(void **state)
{
	static const char *const keys[] = { "p256:a", "p256:b" };
	struct token_keys k;
	struct token *t;
	struct card c;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 2);
	t = use_open(&c);
	for (unsigned int n = 2; n <= 5; n++) {
		c.fail_at = n;
		c.fail_sw = 0x6f00;
		k = use_list(t, NULL);
		assert_int_equal(k.n, 2);
		assert_non_null(k.v[0].blob);
		assert_non_null(k.v[1].blob);
		token_keys_free(&k);
	}
	token_close(t);
	card_close(&c);
}

static void
test_a_wrong_answer_is_not_taken_for_a_file(void **state)
{
	static const char *const keys[] = { "p256:a", "p256:b" };
	static const uint8_t wrong[] = { 0x30, 6, 2, 1, 1, 2, 1, 1 };
	struct token_keys k;
	struct token *t;
	struct card c;

	(void)state;
	card_open(&c, NULL);
	card_keys(&c, keys, 2);
	t = use_open(&c);
	c.fail_data = (struct span){ wrong, sizeof(wrong) };
	for (unsigned int n = 2; n <= 5; n++) {
		c.fail_at = n;
		c.fail_sw = SW_OK;
		k = use_list(t, NULL);
		assert_int_equal(k.n, 2);
		for (size_t i = 0; i < k.n; i++) {
			assert_non_null(k.v[i].blob);
			assert_string_not_equal(k.v[i].label, "");
		}
		assert_false(token_keys_stamped(&k));
		token_keys_free(&k);
	}
	token_close(t);
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
	t = use_open(&c);
	k = use_list(t, NULL);
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
	t = use_open(&c);
	k = use_list(t, NULL);
	assert_int_equal(k.n, 2);
	assert_string_equal(k.v[0].algo, "RSA-2048");
	assert_string_equal(k.v[1].algo, "P-521");
	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	assert_int_equal(use_sign(t, &k.v[1], SIG_ECDSA_P521, &e), 0);
	assert_int_equal(use_sign(t, &k.v[0], SIG_RSA_SHA256, &e), ERR_TOKEN);
	token_keys_free(&k);
	token_close(t);
	card_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cold_listing_costs_four_and_two_a_key),
		cmocka_unit_test(
		    test_a_list_known_before_costs_four_from_the_start),
		cmocka_unit_test(test_a_list_finds_the_applet_again),
		cmocka_unit_test(
		    test_unchanged_keys_are_listed_with_two_commands),
		cmocka_unit_test(
		    test_an_empty_token_is_listed_with_one_command),
		cmocka_unit_test(test_every_change_of_the_keys_is_noticed),
		cmocka_unit_test(
		    test_a_list_with_a_file_unread_is_never_taken_for_whole),
		cmocka_unit_test(test_one_odd_answer_loses_no_key),
		cmocka_unit_test(test_a_wrong_answer_is_not_taken_for_a_file),
		cmocka_unit_test(test_odd_keys_disturb_no_other),
		cmocka_unit_test(test_a_short_reader_lists_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

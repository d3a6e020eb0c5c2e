/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/card.h"
#include "tests/unit/data.h"
#include "tests/unit/use.h"
#include "token/manage.h"

/* Making and deleting keys on a SmartCard-HSM. */

static int
generate(struct token *t, const char *type, const char *label,
    struct token_key *k, struct err *e)
{
	const struct token_key_spec s = { .type = type, .label = label };
	int r;

	assert_int_equal(token_begin(t, e), 0);
	r = token_generate(t, &s, k, e);
	token_end(t);
	return r;
}

static int
remove_at(struct token *t, const char *ref, struct err *e)
{
	int r;

	assert_int_equal(token_begin(t, e), 0);
	r = token_remove(t, ref, e);
	token_end(t);
	return r;
}

static int
set_label(struct token *t, const char *ref, const char *label, struct err *e)
{
	int r;

	assert_int_equal(token_begin(t, e), 0);
	r = token_set_label(t, ref, label, e);
	token_end(t);
	return r;
}

static struct token_leftovers
leftovers(struct token *t)
{
	struct token_leftovers l;
	struct err e;

	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_leftovers(t, &l, &e), 0);
	token_end(t);
	return l;
}

static size_t
count_leftovers(struct token *t)
{
	struct token_leftovers l = leftovers(t);
	size_t n = l.n;

	token_leftovers_free(&l);
	return n;
}

static void
test_each_type_is_made_and_listed_as_told(void **state)
{
	static const struct {
		const char	*type, *algo;
		enum sig_alg	 alg;
		bool		 ssh;
	} rows[] = {
		{ "rsa2048", "RSA-2048", SIG_RSA_SHA256, true },
		{ "P-256", "P-256", SIG_ECDSA_P256, true },
		{ "nistp384", "P-384", SIG_ECDSA_P384, true },
		{ "secp521r1", "P-521", SIG_ECDSA_P521, true },
		{ "RSA1024", "RSA-1024", SIG_RSA_SHA256, true },
		{ "p192", "P-192", SIG_ECDSA_P256, false },
		{ "secp256k1", "secp256k1", SIG_ECDSA_P256, false },
		{ "brainpoolP320r1", "brainpoolP320r1", SIG_ECDSA_P256,
		    false },
	};
	struct token_key k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(generate(t, rows[i].type, rows[i].type, &k,
		    &e), 0);
		assert_string_equal(k.algo, rows[i].algo);
		assert_string_equal(k.label, rows[i].type);
		use_assert_listed(t, &k);
		assert_int_equal(k.blob != NULL, rows[i].ssh);
		if (rows[i].ssh)
			assert_int_equal(use_sign(t, &k, rows[i].alg, &e), 0);
		free(k.blob);
	}
	use_close(t, &c);
}

static void
test_a_key_costs_three_commands(void **state)
{
	struct token_key k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	(void)card_take_count(&c);
	assert_int_equal(generate(t, "p256", "a", &k, &e), 0);
	assert_int_equal(card_take_count(&c), 3);
	free(k.blob);
	use_close(t, &c);
}

static void
test_a_narrow_reader_makes_rsa_keys(void **state)
{
	const struct vhsm_options o = { .short_only = true };
	struct token_key k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, &o);
	assert_int_equal(generate(t, "rsa2048", "a", &k, &e), 0);
	use_assert_listed(t, &k);
	free(k.blob);
	assert_int_equal(generate(t, "p256", "b", &k, &e), ERR_UNSUPPORTED);
	assert_int_equal(count_leftovers(t), 0);
	use_close(t, &c);
}

static void
test_what_cannot_be_is_not_sent(void **state)
{
	static const uint8_t bytes[TOKEN_ID_MAX + 1];
	struct token_key_spec s = { .type = "p256", .label = "a" };
	struct token_key k;
	struct token *t;
	struct card c;
	struct err e;
	char long_label[200];

	(void)state;
	memset(long_label, 'x', sizeof(long_label) - 1);
	long_label[sizeof(long_label) - 1] = '\0';
	t = use_open_login(&c, NULL);
	(void)card_take_count(&c);
	assert_int_equal(generate(t, "dsa", "a", &k, &e), ERR_USAGE);
	assert_int_equal(generate(t, "p256", "", &k, &e), ERR_USAGE);
	assert_int_equal(generate(t, "p256", "a\nb", &k, &e), ERR_USAGE);
	assert_int_equal(generate(t, "p256", "\xff", &k, &e), ERR_USAGE);
	assert_int_equal(generate(t, "p256", long_label, &k, &e), ERR_USAGE);
	assert_int_equal(token_begin(t, &e), 0);
	s.id = (struct span){ bytes, sizeof(bytes) };
	assert_int_equal(token_generate(t, &s, &k, &e), ERR_USAGE);
	s.id = (struct span){ 0 };
	s.algs = (struct span){ bytes, TOKEN_ALGS_MAX + 1 };
	assert_int_equal(token_generate(t, &s, &k, &e), ERR_USAGE);
	token_end(t);
	assert_int_equal(card_take_count(&c), 0);
	use_close(t, &c);
}

static void
test_limits_are_the_cards(void **state)
{
	static const uint8_t sign[] = { 0x70 }, derive[] = { 0x80 };
	struct token_key_spec s = { .type = "p256", .label = "a", .uses = 2,
	    .algs = { sign, 1 } };
	struct token_key k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_generate(t, &s, &k, &e), 0);
	token_end(t);
	assert_int_equal(use_sign(t, &k, SIG_ECDSA_P256, &e), 0);
	assert_int_equal(use_sign(t, &k, SIG_ECDSA_P256, &e), 0);
	assert_int_equal(use_sign(t, &k, SIG_ECDSA_P256, &e), ERR_TOKEN);
	assert_int_equal(e.detail, 0x6984);
	free(k.blob);
	s = (struct token_key_spec){ .type = "p256", .label = "b",
	    .algs = { derive, 1 } };
	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_generate(t, &s, &k, &e), 0);
	token_end(t);
	assert_int_equal(use_sign(t, &k, SIG_ECDSA_P256, &e), ERR_TOKEN);
	assert_int_equal(e.detail, 0x6a81);
	free(k.blob);
	use_close(t, &c);
}

static void
test_a_card_that_wants_the_key_first_has_its_way(void **state)
{
	struct token_key k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	vhsm_set_quirk(c.vhsm, VHSM_QUIRK_KEY_FIRST, true);
	assert_int_equal(generate(t, "p256", "a", &k, &e), 0);
	assert_string_equal(k.label, "a");
	use_assert_listed(t, &k);
	free(k.blob);
	assert_int_equal(count_leftovers(t), 0);
	use_close(t, &c);
}

/* The answer to each command in turn is lost with the token. */
static void
test_cut_off_anywhere_it_leaves_nothing_half_made(void **state)
{
	struct token_keys keys;
	struct token_key k;
	struct token *t;
	struct card c;
	struct err e;
	unsigned int at = 1;
	int r;

	(void)state;
	for (r = ERR_TOKEN_GONE; r != 0; at++) {
		t = use_open_login(&c, NULL);
		c.lose_at = at;
		if ((r = generate(t, "p256", "a", &k, &e)) == 0)
			free(k.blob);
		else
			assert_int_equal(r, ERR_TOKEN_GONE);
		token_close(t);
		c.gone = false;
		c.lose_at = 0;
		t = use_open(&c);
		keys = use_list(t, NULL);
		for (size_t i = 0; i < keys.n; i++)
			assert_string_equal(keys.v[i].label, "a");
		assert_int_equal(count_leftovers(t) + keys.n, at == 1 ? 0 : 1);
		token_keys_free(&keys);
		assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
		assert_int_equal(generate(t, "p256", "b", &k, &e), 0);
		use_assert_listed(t, &k);
		assert_int_equal(count_leftovers(t), 0);
		free(k.blob);
		use_close(t, &c);
	}
	assert_int_equal(at, 5);
}

static void
test_what_the_card_refuses_leaves_nothing(void **state)
{
	static const struct {
		unsigned int	 at;
		uint16_t	 sw;
		int		 want;
	} rows[] = {
		{ 2, 0x6a84, ERR_LIMIT },
		{ 3, 0x6a84, ERR_LIMIT },
		{ 3, 0x6985, ERR_DENIED },
		{ 3, 0x6a80, ERR_UNSUPPORTED },
		{ 3, 0x6f00, ERR_TOKEN },
		{ 3, 0x6982, ERR_PIN_NEEDED },
	};
	struct token_key k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t = use_open_login(&c, NULL);
		c.fail_at = rows[i].at;
		c.fail_sw = rows[i].sw;
		assert_int_equal(generate(t, "p256", "a", &k, &e),
		    rows[i].want);
		assert_null(k.blob);
		assert_int_equal(count_leftovers(t), 0);
		use_close(t, &c);
	}
}

/* Odd bytes with 9000 are no reason to lose a key that is there. */
static void
test_an_odd_answer_is_read_again(void **state)
{
	static const uint8_t odd[] = { 0x67, 0x00 };
	struct token_key k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	card_keys(&c, (const char *const[]){ "p256:old" }, 1);
	card_do(&c, "00E4020002CC01");
	card_do(&c, "00E4020002C401");
	c.fail_at = 4;		/* its certificate is removed first */
	c.fail_sw = 0x9000;
	c.fail_data = (struct span){ odd, sizeof(odd) };
	assert_int_equal(generate(t, "p256", "a", &k, &e), ERR_NOTFOUND);
	assert_null(k.blob);
	assert_int_equal(count_leftovers(t), 0);
	use_close(t, &c);
}

static void
test_a_place_with_leftovers_is_used(void **state)
{
	struct token_key k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	card_keys(&c, (const char *const[]){ "p256:one", "p384:two" }, 2);
	card_do(&c, "00E4020002CC01");
	assert_int_equal(count_leftovers(t), 1);
	assert_int_equal(generate(t, "p256", "new", &k, &e), 0);
	assert_string_equal(k.ref, "01");
	use_assert_listed(t, &k);
	free(k.blob);
	assert_int_equal(count_leftovers(t), 0);
	use_close(t, &c);
}

static void
test_leftovers_tell_what_they_are(void **state)
{
	struct token_leftovers l;
	struct token *t;
	struct card c;

	(void)state;
	t = use_open_login(&c, NULL);
	card_keys(&c, (const char *const[]){ "p256:one", "p256:two",
	    "p256:three" }, 3);
	card_do(&c, "00E4020002CC01");
	card_do(&c, "00E4020002CC02");
	card_do(&c, "00E4020002CE02");
	card_do(&c, "00E4020002CC03");
	card_do(&c, "00E4020002C403");
	l = leftovers(t);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0].ref, "01");
	assert_string_equal(l.v[0].label, "one");
	assert_string_equal(l.v[0].what, "description and certificate");
	assert_string_equal(l.v[1].what, "description");
	assert_string_equal(l.v[2].what, "certificate");
	assert_string_equal(l.v[2].label, "");
	token_leftovers_free(&l);
	use_close(t, &c);
}

static void
test_a_deleted_key_leaves_nothing(void **state)
{
	struct token_keys keys;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	card_keys(&c, (const char *const[]){ "p256:one", "p256:two" }, 2);
	(void)card_take_count(&c);
	assert_int_equal(remove_at(t, "01", &e), 0);
	assert_int_equal(card_take_count(&c), 3);
	assert_int_equal(count_leftovers(t), 0);
	keys = use_list(t, NULL);
	assert_int_equal(keys.n, 1);
	assert_string_equal(keys.v[0].label, "two");
	token_keys_free(&keys);
	assert_int_equal(remove_at(t, "01", &e), ERR_NOTFOUND);
	use_close(t, &c);
}

static void
test_the_devices_own_key_is_no_key(void **state)
{
	static const char *const refs[] = { "00", "", "1", "0x", "001",
	    "-1", " 1", "g1" };
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	(void)card_take_count(&c);
	for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++) {
		assert_int_equal(remove_at(t, refs[i], &e), ERR_NOTFOUND);
		assert_int_equal(set_label(t, refs[i], "a", &e),
		    ERR_NOTFOUND);
	}
	assert_int_equal(card_take_count(&c), 0);
	use_close(t, &c);
}

static void
test_cut_off_anywhere_a_key_is_whole_or_gone(void **state)
{
	struct token_keys keys;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	for (unsigned int at = 1; at <= 3; at++) {
		t = use_open_login(&c, NULL);
		card_keys(&c, (const char *const[]){ "p256:one" }, 1);
		c.lose_at = at;
		assert_int_equal(remove_at(t, "01", &e), ERR_TOKEN_GONE);
		token_close(t);
		c.gone = false;
		t = use_open(&c);
		keys = use_list(t, NULL);
		assert_int_equal(keys.n, 0);
		token_keys_free(&keys);
		assert_int_equal(count_leftovers(t), at < 3 ? 1 : 0);
		assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
		assert_int_equal(remove_at(t, "01", &e),
		    at < 3 ? 0 : ERR_NOTFOUND);
		assert_int_equal(count_leftovers(t), 0);
		use_close(t, &c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_type_is_made_and_listed_as_told),
		cmocka_unit_test(test_a_key_costs_three_commands),
		cmocka_unit_test(test_a_narrow_reader_makes_rsa_keys),
		cmocka_unit_test(test_what_cannot_be_is_not_sent),
		cmocka_unit_test(test_limits_are_the_cards),
		cmocka_unit_test(
		    test_a_card_that_wants_the_key_first_has_its_way),
		cmocka_unit_test(
		    test_cut_off_anywhere_it_leaves_nothing_half_made),
		cmocka_unit_test(test_what_the_card_refuses_leaves_nothing),
		cmocka_unit_test(test_an_odd_answer_is_read_again),
		cmocka_unit_test(test_a_place_with_leftovers_is_used),
		cmocka_unit_test(test_leftovers_tell_what_they_are),
		cmocka_unit_test(test_a_deleted_key_leaves_nothing),
		cmocka_unit_test(test_the_devices_own_key_is_no_key),
		cmocka_unit_test(test_cut_off_anywhere_a_key_is_whole_or_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

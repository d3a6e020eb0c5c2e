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
#include "tests/unit/use.h"
#include "token/manage.h"

#define EIGHT(byte)	byte byte byte byte byte byte byte byte
#define SHARE(byte)	"8052000020" EIGHT(byte) EIGHT(byte) EIGHT(byte) \
    EIGHT(byte) "00"
#define SHARE_A		SHARE("01")
#define SHARE_B		SHARE("02")

/* Initialised anew, with one DKEK share. */
static void
open_with(struct card *c, const char *share)
{
	card_open(c, NULL);
	card_do(c, "805000001C80020001" "8106363438323139"
	    "82083537363231383830" "910103" "920101");
	if (share != NULL)
		card_do(c, share);
}

static struct token *
open_in(struct card *c)
{
	struct token *t = use_open(c);
	struct err e;

	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	return t;
}

static int
wrap(struct token *t, const char *ref, struct token_wrapped *w,
    struct err *e)
{
	int r;

	assert_int_equal(token_begin(t, e), 0);
	r = token_wrap(t, ref, w, e);
	token_end(t);
	return r;
}

static int
unwrap(struct token *t, const struct token_wrapped *w, char ref[8],
    struct err *e)
{
	int r;

	assert_int_equal(token_begin(t, e), 0);
	r = token_unwrap(t, w, ref, e);
	token_end(t);
	return r;
}

static struct token_wrapped
wrapped_key(const char *key, struct token_key *k)
{
	static struct token_wrapped w;
	struct token_keys keys;
	struct token *t;
	struct card c;
	struct err e;

	open_with(&c, SHARE_A);
	card_keys(&c, &key, 1);
	t = open_in(&c);
	assert_int_equal(wrap(t, "01", &w, &e), 0);
	if (k != NULL) {
		keys = use_list(t, NULL);
		assert_int_equal(keys.n, 1);
		*k = keys.v[0];
		free(keys.v);
	}
	token_close(t);
	card_close(&c);
	return w;
}

static size_t
count_files(struct card *c)
{
	static const uint8_t enumerate[] = { 0x80, 0x58, 0, 0, 0 };
	uint8_t rsp[512];

	return vhsm_apdu_privileged(c->vhsm, (struct span){ enumerate,
	    sizeof(enumerate) }, rsp, sizeof(rsp)) / 2 - 1;
}

/* It signs, and its description names its place. */
static void
is_whole(struct token *t, const char *ref, const struct token_key *was)
{
	struct token_keys keys = use_list(t, NULL);
	const struct token_key *k = NULL;
	struct err e;

	for (size_t i = 0; i < keys.n; i++)
		if (strcmp(keys.v[i].ref, ref) == 0)
			k = &keys.v[i];
	assert_non_null(k);
	assert_string_equal(k->label, was->label);
	assert_string_equal(k->id, was->id);
	assert_string_equal(k->algo, was->algo);
	assert_int_equal(k->blob_n, was->blob_n);
	assert_memory_equal(k->blob, was->blob, k->blob_n);
	assert_int_equal(use_sign(t, k, k->algo[0] == 'R' ? SIG_RSA_SHA256 :
	    SIG_ECDSA_P256, &e), 0);
	token_keys_free(&keys);
}

/* In another place, by both ways in, and in a reader of short commands. */
static void
test_a_key_moves_whole_to_another_token(void **state)
{
	static const char *const keys[] = { "rsa2048:a", "rsa3072:b",
	    "p256:c" }, *const others[] = { "p256:other", "p384:another" };
	char ref[8];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct token_key k;
		const struct token_wrapped w = wrapped_key(keys[i % 3], &k);
		struct token *t;
		struct card c;
		struct err e;
		size_t files;

		open_with(&c, SHARE_A);
		card_keys(&c, others, 2);
		vhsm_set_quirk(c.vhsm, VHSM_QUIRK_SHORT, i >= 3);
		files = count_files(&c);
		t = open_in(&c);
		assert_int_equal(unwrap(t, &w, ref, &e), 0);
		assert_string_equal(ref, "03");
		assert_int_equal(count_files(&c), files + 3);
		vhsm_set_quirk(c.vhsm, VHSM_QUIRK_SHORT, false);
		is_whole(t, ref, &k);
		free(k.blob);
		token_close(t);
		card_close(&c);
	}
}

static void
test_the_description_names_the_new_place(void **state)
{
	static const char *const others[] = { "p256", "p256" };
	struct token_wrapped w = wrapped_key("p256:key", NULL), again;
	struct token *t;
	struct card c;
	struct err e;
	char ref[8];

	(void)state;
	open_with(&c, SHARE_A);
	card_keys(&c, others, 2);
	t = open_in(&c);
	assert_int_equal(unwrap(t, &w, ref, &e), 0);
	assert_int_equal(wrap(t, ref, &again, &e), 0);
	assert_int_equal(again.certificate_n, w.certificate_n);
	assert_memory_equal(again.certificate, w.certificate,
	    w.certificate_n);
	assert_int_equal(again.description_n, w.description_n);
	/* ... 02 01 REF, the only difference. */
	for (size_t i = 0, other = 0; i < w.description_n; i++)
		if (again.description[i] != w.description[i]) {
			assert_int_equal(other++, 0);
			assert_int_equal(w.description[i], 1);
			assert_int_equal(again.description[i], 3);
			assert_int_equal(w.description[i - 2], 2);
		}
	token_close(t);
	card_close(&c);
}

static void
test_without_the_dkek_nothing_moves_and_nothing_is_left(void **state)
{
	static const char *const key = "p256:here";
	struct token_wrapped w = wrapped_key("p256:key", NULL), out;
	struct token *t;
	struct card c;
	struct err e;
	size_t files;
	char ref[8];

	(void)state;
	open_with(&c, SHARE_B);
	card_keys(&c, &key, 1);
	files = count_files(&c);
	t = open_in(&c);
	assert_int_equal(unwrap(t, &w, ref, &e), ERR_DENIED);
	assert_int_equal(count_files(&c), files);
	token_close(t);
	card_close(&c);

	open_with(&c, NULL);			/* a share is missing */
	files = count_files(&c);
	t = open_in(&c);
	assert_int_equal(unwrap(t, &w, ref, &e), ERR_UNSUPPORTED);
	assert_int_equal(count_files(&c), files);
	token_close(t);
	card_close(&c);

	card_open(&c, NULL);			/* and no DKEK at all */
	card_keys(&c, &key, 1);
	files = count_files(&c);
	t = open_in(&c);
	assert_int_equal(unwrap(t, &w, ref, &e), ERR_UNSUPPORTED);
	assert_int_equal(wrap(t, "01", &out, &e), ERR_UNSUPPORTED);
	assert_int_equal(count_files(&c), files);
	token_close(t);
	card_close(&c);
}

static void
test_a_key_that_may_not_leave_says_so(void **state)
{
	static const char *const key = "p256:here";
	static const uint8_t algs[] = { 0x70, 0x73 };
	struct token_wrapped w;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	open_with(&c, SHARE_A);
	card_keys(&c, &key, 1);
	assert_int_equal(vhsm_limit_algs(c.vhsm, 1, (struct span){ algs,
	    sizeof(algs) }, &e), 0);
	t = open_in(&c);
	assert_int_equal(wrap(t, "01", &w, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "allowed algorithms"));
	assert_int_equal(wrap(t, "02", &w, &e), ERR_NOTFOUND);
	token_close(t);
	card_close(&c);
}

static void
altered(struct token_wrapped w, size_t at)
{
	struct token *t;
	struct card c;
	struct err e;
	size_t files;
	char ref[8];

	w.blob[at] ^= 1;
	open_with(&c, SHARE_A);
	files = count_files(&c);
	t = open_in(&c);
	assert_int_equal(unwrap(t, &w, ref, &e), ERR_DENIED);
	assert_int_equal(count_files(&c), files);
	token_close(t);
	card_close(&c);
}

static void
test_an_altered_key_is_refused_and_nothing_is_left(void **state)
{
	struct token_wrapped w = wrapped_key("p256:key", NULL);

	(void)state;
	for (size_t i = 0; i < w.blob_n; i += 13)
		altered(w, i);
	w = wrapped_key("rsa3072:key", NULL);
	altered(w, 100);
}

/*
 * The answer to the Nth command is lost, and the token with it: then the key
 * is there and whole, or it is not there; and another try brings it.
 */
static bool
cut_off_at(const struct token_wrapped *w, const struct token_key *k,
    unsigned int n)
{
	struct token_keys keys;
	struct token *t;
	struct card c;
	struct err e;
	char ref[8];
	size_t there;
	int r;

	open_with(&c, SHARE_A);
	t = open_in(&c);
	c.lose_at = n;
	r = unwrap(t, w, ref, &e);
	c.lose_at = 0;
	token_close(t);
	t = open_in(&c);
	keys = use_list(t, NULL);
	there = keys.n;
	token_keys_free(&keys);
	assert_int_equal(r, r == 0 ? 0 : ERR_TOKEN_GONE);
	assert_true(r != 0 || there == 1);
	if (there == 0)
		assert_int_equal(unwrap(t, w, ref, &e), 0);
	is_whole(t, "01", k);
	assert_true(count_files(&c) <= 6);
	token_close(t);
	card_close(&c);
	return r != 0;
}

static void
test_cut_off_anywhere_it_is_there_whole_or_not_at_all(void **state)
{
	static const char *const keys[] = { "p256:key", "rsa3072:key" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct token_key k;
		const struct token_wrapped w = wrapped_key(keys[i], &k);
		unsigned int n = 1;

		while (cut_off_at(&w, &k, n))
			n++;
		assert_true(n > 4 && n < 20);
		free(k.blob);
	}
}

/* Longer files were left over in the place: no end of them stays. */
static void
test_a_place_with_leftovers_is_used(void **state)
{
	struct token_key k;
	const struct token_wrapped w = wrapped_key("p256:key", &k);
	const char *const longer = "rsa2048:a label of many characters";
	struct token *t;
	struct card c;
	struct err e;
	char ref[8];
	size_t files;

	(void)state;
	open_with(&c, SHARE_A);
	files = count_files(&c);
	card_keys(&c, &longer, 1);
	card_do(&c, "00E4020002CC01");
	t = open_in(&c);
	assert_int_equal(unwrap(t, &w, ref, &e), 0);
	assert_string_equal(ref, "01");
	assert_int_equal(count_files(&c), files + 3);
	is_whole(t, ref, &k);
	free(k.blob);
	token_close(t);
	card_close(&c);
}

/* Some card might not take a description before its key. */
static void
test_a_card_that_wants_the_key_first_gets_it(void **state)
{
	struct token_key k;
	const struct token_wrapped w = wrapped_key("p256:key", &k);
	struct token_wrapped bad = w;
	struct token *t;
	struct card c;
	struct err e;
	size_t files;
	char ref[8];

	(void)state;
	open_with(&c, SHARE_A);
	vhsm_set_quirk(c.vhsm, VHSM_QUIRK_KEY_FIRST, true);
	files = count_files(&c);
	t = open_in(&c);
	bad.blob[50] ^= 1;
	assert_int_equal(unwrap(t, &bad, ref, &e), ERR_DENIED);
	assert_int_equal(count_files(&c), files);
	assert_int_equal(unwrap(t, &w, ref, &e), 0);
	assert_int_equal(count_files(&c), files + 3);
	is_whole(t, ref, &k);
	free(k.blob);
	token_close(t);
	card_close(&c);
}

static void
test_a_full_token_says_so(void **state)
{
	const struct token_wrapped w = wrapped_key("p256:key", NULL);
	struct token *t;
	struct card c;
	struct err e;
	char ref[8], cmd[16];

	(void)state;
	open_with(&c, SHARE_A);
	for (unsigned int i = 1; i <= 255; i++) {
		snprintf(cmd, sizeof(cmd), "0048%02XB0", i);
		card_do(&c, cmd);
	}
	t = open_in(&c);
	assert_int_equal(unwrap(t, &w, ref, &e), ERR_LIMIT);
	assert_non_null(strstr(e.msg, "full"));
	token_close(t);
	card_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_key_moves_whole_to_another_token),
		cmocka_unit_test(test_the_description_names_the_new_place),
		cmocka_unit_test(
		    test_without_the_dkek_nothing_moves_and_nothing_is_left),
		cmocka_unit_test(test_a_key_that_may_not_leave_says_so),
		cmocka_unit_test(
		    test_an_altered_key_is_refused_and_nothing_is_left),
		cmocka_unit_test(
		    test_cut_off_anywhere_it_is_there_whole_or_not_at_all),
		cmocka_unit_test(test_a_place_with_leftovers_is_used),
		cmocka_unit_test(
		    test_a_card_that_wants_the_key_first_gets_it),
		cmocka_unit_test(test_a_full_token_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

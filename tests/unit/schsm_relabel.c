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

/* Labels of keys and of a SmartCard-HSM, and its random bytes. */

static int
set_label(struct token *t, const char *ref, const char *label, struct err *e)
{
	int r;

	assert_int_equal(token_begin(t, e), 0);
	r = token_set_label(t, ref, label, e);
	token_end(t);
	return r;
}

static void
test_a_label_is_changed_and_nothing_else(void **state)
{
	struct token_keys keys;
	struct token_key k;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	card_keys(&c, (const char *const[]){ "p256:a long label", "aes128:s" },
	    2);
	keys = use_list(t, NULL);
	k = keys.v[0];
	assert_int_equal(set_label(t, "01", "b", &e), 0);
	assert_int_equal(set_label(t, "02", "\xc3\xa4", &e), 0);
	snprintf(k.label, sizeof(k.label), "b");
	use_assert_listed(t, &k);
	token_keys_free(&keys);
	keys = use_list(t, NULL);
	assert_string_equal(keys.v[1].label, "\xc3\xa4");
	assert_string_equal(keys.v[1].algo, "AES-128");
	token_keys_free(&keys);
	use_close(t, &c);
}

static void
test_a_key_without_a_description_gets_one(void **state)
{
	struct token_keys keys;
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	card_keys(&c, (const char *const[]){ "brainpoolP256r1:x", "p256:y" },
	    2);
	card_do(&c, "00E4020002C401");
	card_do(&c, "00E4020002C402");
	card_do(&c, "00E4020002CE02");
	assert_int_equal(set_label(t, "01", "b", &e), 0);
	keys = use_list(t, NULL);
	assert_string_equal(keys.v[0].label, "b");
	assert_string_equal(keys.v[0].id, "01");
	token_keys_free(&keys);
	assert_int_equal(set_label(t, "02", "b", &e), ERR_NOTFOUND);
	use_close(t, &c);
}

static void
assert_file(struct card *c, const char *fid, const char *hex)
{
	struct data want = data_hex(hex), cmd;
	uint8_t rsp[256];
	char text[32];
	size_t n;

	snprintf(text, sizeof(text), "00B1%s045402000000", fid);
	cmd = data_hex(text);
	n = vhsm_apdu_privileged(c->vhsm, data_span(&cmd), rsp, sizeof(rsp));
	assert_int_equal(n, want.n + 2);
	assert_memory_equal(rsp, want.p, want.n);
	data_free(&cmd);
	data_free(&want);
}

static void
assert_token_label(struct token *t, const char *label)
{
	struct token_info i = { 0 };
	struct err e;

	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_get_info(t, TOKEN_INFO_ALL, &i, &e), 0);
	token_end(t);
	assert_string_equal(i.label, label);
}

static void
test_the_token_has_a_label_of_its_own(void **state)
{
	static const char over[] =
	    "0123456789012345678901234567890123456789012345678901234567890123";
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	assert_int_equal(set_label(t, NULL, "first", &e), 0);
	assert_token_label(t, "first");
	card_do(&c, "00E40200022F03");
	assert_int_equal(set_label(t, NULL, "second", &e), 0);
	assert_token_label(t, "second");
	/* With a serial number, a manufacturer and more flags. */
	card_do(&c, "00D72F0319" "54020000" "5313" "3011020100" "04020102"
	    "0C0141" "800178" "03020520");
	assert_int_equal(set_label(t, NULL, "3rd", &e), 0);
	assert_token_label(t, "3rd");
	assert_file(&c, "2F03", "3013020100" "04020102" "0C0141"
	    "8003337264" "03020520");
	assert_int_equal(set_label(t, NULL, over + 1, &e), 0);
	assert_int_equal(set_label(t, NULL, over, &e), ERR_USAGE);
	assert_token_label(t, over + 1);
	use_close(t, &c);
}

static void
test_a_label_that_was_not_kept_is_an_error(void **state)
{
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	card_keys(&c, (const char *const[]){ "p256:one" }, 1);
	c.fail_at = 2;		/* the card says that it wrote it */
	c.fail_sw = 0x9000;
	assert_int_equal(set_label(t, "01", "b", &e), ERR_TOKEN);
	use_close(t, &c);
}

static void
test_random_bytes_come_in_pieces(void **state)
{
	static const uint8_t nothing[3000];
	uint8_t a[3000] = { 0 }, b[3000] = { 0 };
	struct token *t;
	struct card c;
	struct err e;

	(void)state;
	t = use_open_login(&c, NULL);
	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_random(t, a, sizeof(a), &e), 0);
	assert_int_equal(token_random(t, b, sizeof(b), &e), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a + 2980, b + 2980, 20);
	c.fail_at = 2;
	c.fail_sw = 0x6f00;
	assert_int_equal(token_random(t, a, sizeof(a), &e), ERR_TOKEN);
	assert_memory_equal(a, nothing, sizeof(a));
	token_end(t);
	use_close(t, &c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_label_is_changed_and_nothing_else),
		cmocka_unit_test(test_a_key_without_a_description_gets_one),
		cmocka_unit_test(test_the_token_has_a_label_of_its_own),
		cmocka_unit_test(test_a_label_that_was_not_kept_is_an_error),
		cmocka_unit_test(test_random_bytes_come_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

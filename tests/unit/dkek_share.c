/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "dkek/sharekey.h"
#include "tests/unit/data.h"

/*
 * Files that sc-hsm-tool wrote, see tests/data/README.  The key of a real
 * one takes seconds, and minutes under valgrind.
 */
#define PASSWORD	"hello123"
#define SHARE	"8381ce59e3c65604f3ec93eae2722e55" \
		"93a522c7153dce2856979f4edfb21353"

static void
skip_under_valgrind(void)
{
	if (getenv("UNDER_VALGRIND") != NULL)
		skip();
}

static struct secret *
secret_of(const void *p, size_t n)
{
	struct secret *s = secret_new();

	assert_non_null(s);
	assert_int_equal(secret_add(s, p, n), 0);
	return s;
}

static void
same_key(const char *password, size_t n, int rounds)
{
	static const uint8_t salt[] = { 1, 0, 3, 4, 5, 6, 7, 0xff };
	struct secret *s = secret_of(password, n);
	uint8_t want[SHAREKEY_BYTES];
	struct sharekey *k;
	struct err e;

	assert_int_equal(EVP_BytesToKey(EVP_aes_256_cbc(), EVP_md5(), salt,
	    (const uint8_t *)password, (int)n, rounds, want,
	    want + SHAREKEY_IV), 32);
	assert_non_null(k = sharekey_new(rounds, &e));
	for (size_t i = 0; i < SHAREKEY_STEPS; i++)
		assert_int_equal(sharekey_step(k, i, s, salt, NULL, &e), 0);
	assert_memory_equal(sharekey_bytes(k), want, sizeof(want));
	sharekey_free(k);
	secret_free(s);
}

static void
test_the_key_is_the_one_that_openssl_makes(void **state)
{
	char longest[SECRET_MAX];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	same_key("", 0, 1);
	same_key("a", 1, 2);
	same_key("\0\1\0\xff", 4, 1000);
	same_key(longest, sizeof(longest), 1000);
}

struct seen {
	double	 last;
	size_t	 calls;
};

static void
at(void *ctx, double part)
{
	struct seen *s = ctx;

	assert_true(part > s->last && part < 1);
	s->last = part;
	s->calls++;
}

static void
test_a_share_of_sc_hsm_tool_is_opened_and_progress_told(void **state)
{
	struct secret *password, *share;
	struct data file, want;
	struct seen seen = { 0 };
	const struct share_watch watch = { at, &seen };
	struct err e;

	(void)state;
	skip_under_valgrind();
	file = data_file("dkek/password.pbe");
	want = data_hex(SHARE);
	password = secret_of(PASSWORD, strlen(PASSWORD));
	share = secret_new();
	assert_int_equal(share_open(data_span(&file), password, &watch,
	    share, &e), 0);
	assert_int_equal(secret_len(share), SHARE_BYTES);
	assert_memory_equal(secret_bytes(share), want.p, SHARE_BYTES);
	assert_in_range(seen.calls, 50, 500);
	assert_true(seen.last > 0.9);
	secret_free(share);
	secret_free(password);
	data_free(&file);
	data_free(&want);
}

static int
open_with(const char *text, size_t flip)
{
	struct data file = data_file("dkek/password.pbe");
	struct secret *password = secret_of(text, strlen(text));
	struct secret *share = secret_of("old", 3);
	struct err e = { 0 };
	int r;

	if (flip != 0)
		file.p[flip] ^= 0x40;
	r = share_open(data_span(&file), password, NULL, share, &e);
	assert_int_not_equal(r, 0);
	assert_string_not_equal(e.msg, "");
	assert_int_equal(secret_len(share), 0);
	secret_free(share);
	secret_free(password);
	data_free(&file);
	return r;
}

static void
test_a_wrong_password_is_told_from_a_damaged_file(void **state)
{
	(void)state;
	skip_under_valgrind();
	assert_int_equal(open_with("hello124", 0), ERR_DENIED);
	assert_int_equal(open_with(PASSWORD, 47), ERR_FORMAT);
}

static void
not_a_share(struct span file, void *arg)
{
	struct secret *password = secret_of("x", 1);
	struct secret *share = secret_new();
	struct err e = { 0 };

	(void)arg;
	assert_int_equal(share_check(file, &e), ERR_FORMAT);
	assert_string_not_equal(e.msg, "");
	assert_int_equal(share_open(file, password, NULL, share, &e),
	    ERR_FORMAT);
	secret_free(share);
	secret_free(password);
}

static void
test_a_file_of_another_length_or_kind_is_no_share(void **state)
{
	struct data file = data_file("dkek/password.pbe");
	uint8_t longer[SHARE_FILE_BYTES + 1] = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(file.n, SHARE_FILE_BYTES);
	assert_int_equal(share_check(data_span(&file), &e), 0);
	data_each_cut(data_span(&file), not_a_share, NULL);
	memcpy(longer, file.p, file.n);
	not_a_share((struct span){ longer, sizeof(longer) }, NULL);
	file.p[0] ^= 1;
	not_a_share(data_span(&file), NULL);
	data_free(&file);
}

static void
test_shares_are_random_and_whole(void **state)
{
	struct secret *a = secret_new(), *b = secret_new();
	uint8_t file[SHARE_FILE_BYTES];
	struct err e;

	(void)state;
	assert_int_equal(share_make(a, &e), 0);
	assert_int_equal(share_make(b, &e), 0);
	assert_int_equal(secret_len(a), SHARE_BYTES);
	assert_false(secret_eq(a, b));
	assert_int_equal(secret_add(a, "x", 1), 0);
	assert_int_equal(share_seal(a, b, NULL, file, &e), ERR_FORMAT);
	secret_free(a);
	secret_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_key_is_the_one_that_openssl_makes),
		cmocka_unit_test(
		    test_a_share_of_sc_hsm_tool_is_opened_and_progress_told),
		cmocka_unit_test(
		    test_a_wrong_password_is_told_from_a_damaged_file),
		cmocka_unit_test(
		    test_a_file_of_another_length_or_kind_is_no_share),
		cmocka_unit_test(test_shares_are_random_and_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

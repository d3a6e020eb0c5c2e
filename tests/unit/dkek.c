/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dkek/dkek.h"
#include "dkek/parttext.h"
#include "dkek/shamir.h"
#include "tests/unit/data.h"

/* What sc-hsm-tool 0.23 printed for a 3-of-5 scheme. */
#define PRIME	0xd37e136b472fdaafU
static const struct shamir_part theirs[] = {
	{ PRIME, 0x71c9c11a68839f8c, 1 }, { PRIME, 0x6aff5806cb58dd9c, 2 },
	{ PRIME, 0x4036f4af3297a413, 3 }, { PRIME, 0xc4eeaa7ee56fcda0, 4 },
	{ PRIME, 0x522a529f5581a4e5, 5 },
};
#define THEIR_PASSWORD	"\x54\x96\x2f\xea\x0a\x17\xe9\xe3"

static struct secret *
secret_of(const void *p, size_t n)
{
	struct secret *s = secret_new();

	assert_non_null(s);
	assert_int_equal(secret_add(s, p, n), 0);
	return s;
}

static void
test_a_dkek_is_what_its_shares_make_together(void **state)
{
	struct data enc = data_hex("cb4e3d39304a3591caf947b28b210540"
	    "c39b68eb422ae30b407ac78ad5eb8faf");
	struct data mac = data_hex("38ed85fe4a991a504d6dbd662174510c"
	    "4434c7a4ca006c10340c742ba566f695");
	struct data a = data_hex("4ba393b7c220807d65677f5b7139c6cf"
	    "0a97f91d5d8cebf40b6cd2a6e1a9476a");
	struct secret *share = secret_of(a.p, a.n);
	struct dkek *d = dkek_new();
	char hex[DKEK_KCV_LEN];
	struct err e;

	(void)state;
	assert_int_equal(dkek_add(d, share, &e), 0);
	dkek_kcv_hex(d, hex);
	assert_string_equal(hex, "6ceac248409b2a74");
	assert_memory_equal(dkek_kcv(d), "\x6c\xea\xc2\x48", 4);
	assert_memory_equal(dkek_enc_key(d), enc.p, DKEK_BYTES);
	assert_memory_equal(dkek_mac_key(d), mac.p, DKEK_BYTES);
	assert_int_equal(dkek_add(d, share, &e), 0);
	dkek_kcv_hex(d, hex);
	assert_string_equal(hex, DKEK_KCV_OF_NOTHING);
	secret_clear(share);
	assert_int_equal(dkek_add(d, share, &e), ERR_FORMAT);
	dkek_free(d);
	secret_free(share);
	data_free(&a);
	data_free(&enc);
	data_free(&mac);
}

static void
test_each_three_of_five_make_the_password(void **state)
{
	struct secret *password = secret_new();
	struct shamir_part some[3];
	struct err e;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (size_t j = 0; j < 5; j++)
			for (size_t k = 0; k < 5; k++) {
				if (i == j || i == k || j == k)
					continue;
				some[0] = theirs[i];
				some[1] = theirs[j];
				some[2] = theirs[k];
				assert_int_equal(shamir_join(some, 3,
				    password, &e), 0);
				assert_memory_equal(secret_bytes(password),
				    THEIR_PASSWORD, 8);
				assert_int_equal(secret_len(password), 8);
			}
	assert_int_equal(shamir_join(theirs, 5, password, &e), 0);
	assert_memory_equal(secret_bytes(password), THEIR_PASSWORD, 8);
	assert_int_equal(shamir_join(theirs, 2, password, &e), 0);
	assert_memory_not_equal(secret_bytes(password), THEIR_PASSWORD, 8);
	secret_free(password);
}

static void
test_a_password_of_theirs_that_begins_with_zero_is_whole(void **state)
{
	static const struct shamir_part parts[] = {
		{ 0xf783ce7cd9c001c3, 0xeff2bb5e528fc99d, 1 },
		{ 0xf783ce7cd9c001c3, 0xe05220037516480d, 3 },
	};
	struct secret *password = secret_new();
	struct err e;

	(void)state;
	assert_int_equal(shamir_join(parts, 2, password, &e), 0);
	assert_int_equal(secret_len(password), 8);
	assert_memory_equal(secret_bytes(password),
	    "\x00\x3f\x3a\x8e\xe7\x8c\x88\xa2", 8);
	secret_free(password);
}

static void
test_our_passwords_never_begin_with_zero(void **state)
{
	const int times = getenv("UNDER_VALGRIND") != NULL ? 20 : 300;
	struct secret *made = secret_new(), *joined = secret_new();
	struct shamir_part part[3];
	struct err e;
	uint8_t first;

	(void)state;
	for (int i = 0; i < times; i++) {
		assert_int_equal(shamir_split(2, part, 3, made, &e), 0);
		assert_int_equal(secret_len(made), 8);
		memcpy(&first, secret_bytes(made), 1);
		assert_in_range(first, 1, 0x7f);
		assert_int_equal(shamir_join(part + 1, 2, joined, &e), 0);
		assert_true(secret_eq(made, joined));
	}
	secret_free(made);
	secret_free(joined);
}

static void
test_a_password_is_split_from_two_to_fifteen_ways(void **state)
{
	struct secret *made = secret_new(), *joined = secret_new();
	struct shamir_part part[SHAMIR_MADE_MAX];
	struct err e;

	(void)state;
	for (size_t n = 2; n <= SHAMIR_MADE_MAX; n++) {
		assert_int_equal(shamir_split(n, part, n, made, &e), 0);
		assert_int_equal(shamir_join(part, n, joined, &e), 0);
		assert_true(secret_eq(made, joined));
		assert_int_equal(shamir_join(part + 1, n - 1, joined, &e),
		    n == 2 ? ERR_FORMAT : 0);
		assert_false(secret_eq(made, joined));
	}
	assert_int_equal(shamir_split(1, part, 3, made, &e), ERR_USAGE);
	assert_int_equal(shamir_split(4, part, 3, made, &e), ERR_USAGE);
	assert_int_equal(shamir_split(2, part, 16, made, &e), ERR_USAGE);
	assert_int_equal(secret_len(made), 0);
	secret_free(made);
	secret_free(joined);
}

static void
refused(size_t which, struct shamir_part in_its_place)
{
	struct secret *password = secret_new();
	struct shamir_part part[3];
	struct err e;

	memcpy(part, theirs, sizeof(part));
	part[which] = in_its_place;
	assert_int_equal(shamir_join(part, 3, password, &e), ERR_FORMAT);
	assert_int_equal(secret_len(password), 0);
	secret_free(password);
}

static void
test_parts_that_cannot_belong_together_are_refused(void **state)
{
	const uint64_t value = theirs[1].value;
	struct secret *password = secret_new();
	struct shamir_part all[3];
	struct err e;

	(void)state;
	refused(1, (struct shamir_part){ PRIME, value, 1 });
	refused(1, (struct shamir_part){ PRIME, value, 0 });
	refused(1, (struct shamir_part){ PRIME, value, 256 });
	refused(1, (struct shamir_part){ PRIME, PRIME, 2 });
	refused(1, (struct shamir_part){ 0xed6a28befb3c7c77, value, 2 });
	memcpy(all, theirs, sizeof(all));
	for (size_t i = 0; i < 3; i++)
		all[i].prime = PRIME - 2;
	assert_int_equal(shamir_join(all, 3, password, &e), ERR_FORMAT);
	for (size_t i = 0; i < 3; i++)
		all[i] = (struct shamir_part){ 7, i, (unsigned int)i + 1 };
	assert_int_equal(shamir_join(all, 3, password, &e), ERR_FORMAT);
	assert_int_equal(shamir_join(theirs, 0, password, &e), ERR_FORMAT);
	secret_free(password);
}

static void
test_numbers_are_read_as_people_type_them(void **state)
{
	static const char *const same[] = { "71:c9:c1:1a:68:83:9f:8c",
	    " 71C9C11A68839F8C\r", "71c9 c11a 6883 9f8c" };
	static const char *const bad[] = { "", ":", "0x71", "71:c9:g1",
	    "1:71:c9:c1:1a:68:83:9f:8c", "71,c9" };
	struct err e;
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(parttext_number(span_cstr(same[i]), &n, &e),
		    0);
		assert_true(n == theirs[0].value);
	}
	assert_int_equal(parttext_number(span_cstr("c9:c1"), &n, &e), 0);
	assert_true(n == 0xc9c1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parttext_number(span_cstr(bad[i]), &n, &e),
		    ERR_FORMAT);
}

static void
test_an_id_is_decimal_unless_a_letter_is_in_it(void **state)
{
	static const struct {
		const char	*text;
		unsigned int	 id;
	} good[] = { { "1", 1 }, { "10", 10 }, { "a", 10 }, { "0F", 15 },
	    { " 255 ", 255 }, { "ff", 255 } };
	static const char *const bad[] = { "", "0", "256", "100000000000",
	    "1 2", "-1", "x", "100a" };
	unsigned int id;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parttext_id(span_cstr(good[i].text), &id,
		    &e), 0);
		assert_int_equal(id, good[i].id);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parttext_id(span_cstr(bad[i]), &id, &e),
		    ERR_FORMAT);
}

static int
parse(const char *text, struct shamir_part *part, size_t *n)
{
	struct err e = { 0 };
	int r = parttext_parse(span_cstr(text), part, n, &e);

	assert_int_equal(r == 0, e.msg[0] == '\0');
	return r;
}

static void
test_what_is_printed_is_read_again(void **state)
{
	struct secret *password = secret_new();
	struct shamir_part made[15], got[15];
	char text[15 * PARTTEXT_MAX] = "";
	size_t n = 15, used = 0;
	struct err e;

	(void)state;
	assert_int_equal(shamir_split(9, made, n, password, &e), 0);
	for (size_t i = 0; i < n; i++) {
		parttext_print(&made[i], text + used);
		used += strlen(text + used);
	}
	assert_int_equal(parse(text, got, &n), 0);
	assert_int_equal(n, 15);
	for (size_t i = 0; i < n; i++) {
		assert_true(got[i].prime == made[i].prime);
		assert_true(got[i].value == made[i].value);
		assert_int_equal(got[i].id, i + 1);
	}
	secret_free(password);
}

#define ONE	"Prime : 7f\nShare ID : 1\nShare value : 05\n"

static void
test_other_lines_between_parts_count_for_nothing(void **state)
{
	struct shamir_part got[2];
	size_t n = 2;

	(void)state;
	assert_int_equal(parse("\033[H\033[2JShare 1 of 5\r\n\r\n\r\n"
	    "share id    : 2\r\nShare value : 06\r\n\r\nPlease note: ALL\r\n"
	    ONE "and so on", got, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(got[0].id, 2);
	assert_true(got[0].prime == 0x7f && got[0].value == 6);
	assert_true(got[1].prime == 0x7f && got[1].value == 5);
}

static void
test_a_text_that_makes_no_parts_is_refused(void **state)
{
	static const char *const bad[] = { "", "hello\n", "Prime : 7f\n",
	    "Share ID : 1\nShare value : 05\n",
	    "Prime : 7f\nShare value : 05\n",
	    "Prime : 7f\nShare ID : 1\n",
	    ONE "Prime : 7e\n", ONE "Share ID : 2\nShare ID : 3\n",
	    ONE "Share value : 05\n", ONE "Prime :\n", ONE "Share ID :" };
	struct shamir_part got[2];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		n = 2;
		assert_int_equal(parse(bad[i], got, &n), ERR_FORMAT);
		assert_int_equal(n, 0);
	}
	n = 2;
	assert_int_equal(parse(ONE ONE ONE, got, &n), ERR_LIMIT);
}

static void
cut(struct span text, void *arg)
{
	const size_t whole = *(const size_t *)arg;
	struct shamir_part got[2];
	struct err e = { 0 };
	size_t n = 2;

	if (parttext_parse(text, got, &n, &e) == 0)
		assert_true(n == 1 || text.n + 3 > whole);
	else
		assert_string_not_equal(e.msg, "");
}

static void
test_a_text_cut_anywhere_is_no_harm(void **state)
{
	static const char text[] = ONE "\nShare ID : 2\nShare value : 1f\n";
	size_t whole = strlen(text);

	(void)state;
	data_each_cut(span_cstr(text), cut, &whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_dkek_is_what_its_shares_make_together),
		cmocka_unit_test(test_each_three_of_five_make_the_password),
		cmocka_unit_test(
		    test_a_password_of_theirs_that_begins_with_zero_is_whole),
		cmocka_unit_test(test_our_passwords_never_begin_with_zero),
		cmocka_unit_test(
		    test_a_password_is_split_from_two_to_fifteen_ways),
		cmocka_unit_test(
		    test_parts_that_cannot_belong_together_are_refused),
		cmocka_unit_test(test_numbers_are_read_as_people_type_them),
		cmocka_unit_test(
		    test_an_id_is_decimal_unless_a_letter_is_in_it),
		cmocka_unit_test(test_what_is_printed_is_read_again),
		cmocka_unit_test(
		    test_other_lines_between_parts_count_for_nothing),
		cmocka_unit_test(test_a_text_that_makes_no_parts_is_refused),
		cmocka_unit_test(test_a_text_cut_anywhere_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

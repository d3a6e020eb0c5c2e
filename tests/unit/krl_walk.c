/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/krl_part.h"
#include "ssh/krl_walk.h"
#include "tests/unit/data.h"
#include "tests/unit/krlbytes.h"

static void
test_bits_of_a_bitmap_are_serial_numbers(void **state)
{
	/* 1000 and 0, 7, 8 and 15 */
	struct data bytes = data_hex("00000000000003e8" "00000003" "008181");
	struct data d = krlbytes_part(KRL_SERIAL_BITMAP, data_span(&bytes));
	const uint64_t want[][2] = { { 1000, 1000 }, { 1007, 1008 },
	    { 1015, 1015 } };
	struct krl_entry x;
	struct krl_walk w;
	struct krl_view v;
	struct err e;

	(void)state;
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), 0);
	for (uint64_t n = 990; n < 1100; n++)
		assert_int_equal(krlbytes_has_serial(&v, n), n == 1000 ||
		    n == 1007 || n == 1008 || n == 1015);
	krl_walk_start(&w, &v);
	for (size_t i = 0; i < 3; i++) {
		assert_true(krl_walk_next(&w, &x));
		assert_int_equal(x.by, KRL_BY_SERIAL);
		assert_true(span_eq(x.ca, krlbytes_ca()));
		assert_true(x.lo == want[i][0] && x.hi == want[i][1]);
	}
	assert_false(krl_walk_next(&w, &x));
	assert_false(krl_walk_next(&w, &x));
	data_free(&d);
	data_free(&bytes);
}

static void
test_a_bitmap_may_end_at_the_largest_number(void **state)
{
	struct data bytes = data_hex("fffffffffffffff8" "00000002" "00c0");
	struct data d = krlbytes_part(KRL_SERIAL_BITMAP, data_span(&bytes));
	struct krl_entry x;
	struct krl_walk w;
	struct krl_view v;
	struct err e;

	(void)state;
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), 0);
	assert_true(krlbytes_has_serial(&v, UINT64_MAX));
	assert_true(krlbytes_has_serial(&v, UINT64_MAX - 1));
	assert_false(krlbytes_has_serial(&v, UINT64_MAX - 2));
	assert_false(krlbytes_has_serial(&v, 6));
	krl_walk_start(&w, &v);
	assert_true(krl_walk_next(&w, &x));
	assert_true(x.lo == UINT64_MAX - 1 && x.hi == UINT64_MAX);
	assert_false(krl_walk_next(&w, &x));
	data_free(&d);
	data_free(&bytes);
}

static void
test_a_bitmap_of_millions_of_bits_is_read(void **state)
{
	const size_t n = 1 << 20;
	uint8_t *p = calloc(1, 12 + n);
	struct krl_entry x;
	struct krl_walk w;
	struct krl_view v;
	struct err e;
	struct data d;

	(void)state;
	p[7] = 1;
	p[9] = 0x10;			/* n, big-endian */
	memset(p + 13, 0xff, n - 1);
	d = krlbytes_part(KRL_SERIAL_BITMAP, (struct span){ p, 12 + n });
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), 0);
	assert_true(krlbytes_has_serial(&v, 8 * (n - 1)));
	assert_false(krlbytes_has_serial(&v, 8 * (n - 1) + 1));
	krl_walk_start(&w, &v);
	assert_true(krl_walk_next(&w, &x));
	assert_true(x.lo == 1 && x.hi == 8 * (n - 1));
	assert_false(krl_walk_next(&w, &x));
	data_free(&d);
	free(p);
}

static void
test_all_that_is_in_a_list_is_told(void **state)
{
	const enum krl_by want[] = { KRL_BY_SERIAL, KRL_BY_SERIAL,
	    KRL_BY_SERIAL, KRL_BY_SERIAL, KRL_BY_SERIAL, KRL_BY_SERIAL,
	    KRL_BY_KEY_ID, KRL_BY_KEY_ID, KRL_BY_KEY, KRL_BY_SHA1,
	    KRL_BY_SHA256, KRL_BY_SHA256 };
	struct data d = data_file("krl/all.krl"), key = data_pub("ca");
	struct data p384 = data_pub("p384");
	struct krl_entry x;
	struct krl_walk w;
	struct krl_view v;
	struct err e;

	(void)state;
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), 0);
	krl_walk_start(&w, &v);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_true(krl_walk_next(&w, &x));
		assert_int_equal(x.by, want[i]);
		assert_true(span_eq(x.ca, i < 8 ? data_span(&key) :
		    (struct span){ 0 }));
		if (i == 1)
			assert_true(x.lo == 100 && x.hi == 200);
		if (i == 7)
			assert_true(span_is(x.bytes, "host.example.org"));
		if (i == 8)
			assert_true(span_eq(x.bytes, data_span(&p384)));
	}
	assert_false(krl_walk_next(&w, &x));
	data_free(&p384);
	data_free(&key);
	data_free(&d);
}

static void
test_extensions_are_stepped_over(void **state)
{
	struct data ext = data_hex("0000000161" "00" "0000000162");
	struct wire_w w, s;
	struct krl_entry x;
	struct krl_walk at;
	struct krl_view v;
	struct err e;
	struct data d;

	(void)state;
	assert_true(wire_write(&s, 4096));
	wire_put_string(&s, krlbytes_ca());
	wire_put_u32(&s, 0);
	wire_put_u8(&s, KRL_PART_EXTENSION);
	wire_put_string(&s, data_span(&ext));
	wire_put_u8(&s, KRL_SERIAL_LIST);
	wire_put_u32(&s, 8);
	wire_put_u64(&s, 5);
	krlbytes_start(&w);
	wire_put_u8(&w, KRL_EXTENSION);
	wire_put_string(&w, data_span(&ext));
	wire_put_u8(&w, KRL_CERTIFICATES);
	wire_put_string(&w, wire_bytes(&s));
	d = krlbytes_end(&w);
	wire_free(&s);
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), 0);
	assert_true(span_is(v.comment, "comment"));
	assert_true(krlbytes_has_serial(&v, 5));
	krl_walk_start(&at, &v);
	assert_true(krl_walk_next(&at, &x));
	assert_true(x.lo == 5);
	assert_false(krl_walk_next(&at, &x));
	data_free(&d);
	data_free(&ext);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits_of_a_bitmap_are_serial_numbers),
		cmocka_unit_test(test_a_bitmap_may_end_at_the_largest_number),
		cmocka_unit_test(test_a_bitmap_of_millions_of_bits_is_read),
		cmocka_unit_test(test_all_that_is_in_a_list_is_told),
		cmocka_unit_test(test_extensions_are_stepped_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

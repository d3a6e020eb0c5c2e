/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ssh/wire.h"
#include "tests/unit/data.h"

/* u8, u32, u64, string, mpint */
#define ALL "2a" "01020304" "1112131415161718" "00000003616263" \
	"000000020080"

static void
test_what_is_written_is_read_back(void **state)
{
	const uint8_t number[] = { 0, 0, 0x80 };
	struct data want = data_hex(ALL);
	struct wire_w w;
	struct wire_r r;

	(void)state;
	assert_true(wire_write(&w, 64));
	wire_put_u8(&w, 0x2a);
	wire_put_u32(&w, 0x01020304);
	wire_put_u64(&w, 0x1112131415161718);
	wire_put_cstring(&w, "abc");
	wire_put_mpint(&w, (struct span){ number, sizeof(number) });
	assert_true(span_eq(wire_bytes(&w), data_span(&want)));

	wire_read(&r, wire_bytes(&w));
	assert_int_equal(wire_get_u8(&r), 0x2a);
	assert_int_equal(wire_get_u32(&r), 0x01020304);
	assert_true(wire_get_u64(&r) == 0x1112131415161718);
	assert_true(span_is(wire_get_string(&r), "abc"));
	assert_false(wire_end(&r));
	assert_true(span_is(wire_get_mpint(&r), "\x80"));
	assert_true(wire_end(&r));
	wire_free(&w);
	data_free(&want);
}

static void
read_all(struct span in, void *arg)
{
	struct wire_r r;

	(void)arg;
	wire_read(&r, in);
	wire_get_u8(&r);
	wire_get_u32(&r);
	wire_get_u64(&r);
	wire_get_string(&r);
	wire_get_mpint(&r);
	assert_false(wire_end(&r));
	assert_true(r.bad);
}

static void
test_a_message_cut_anywhere_is_bad(void **state)
{
	struct data all = data_hex(ALL);

	(void)state;
	data_each_cut(data_span(&all), read_all, NULL);
	data_free(&all);
}

static void
test_after_a_failure_every_get_is_empty(void **state)
{
	struct data in = data_hex("00000009616263");
	struct wire_r r;

	(void)state;
	wire_read(&r, data_span(&in));
	assert_int_equal(wire_get_string(&r).n, 0);
	assert_int_equal(wire_get_u8(&r), 0);
	assert_int_equal(wire_get_raw(&r, 1).n, 0);
	assert_false(wire_end(&r));
	data_free(&in);
}

static void
test_a_length_of_four_gigabytes_is_bad(void **state)
{
	struct data in = data_hex("ffffffff6162636465666768");
	struct wire_r r;

	(void)state;
	wire_read(&r, data_span(&in));
	assert_int_equal(wire_get_string(&r).n, 0);
	assert_true(r.bad);
	data_free(&in);
}

static void
test_no_bytes_at_all_are_a_whole_empty_message(void **state)
{
	struct wire_r r;

	(void)state;
	wire_read(&r, (struct span){ 0 });
	assert_true(wire_end(&r));
	wire_get_u8(&r);
	assert_false(wire_end(&r));
}

static void
test_only_the_right_form_of_a_positive_mpint_is_read(void **state)
{
	const char *wrong[] = { "00000000", "0000000100", "0000000180",
	    "0000000200ff00", "00000002007f", "000000030000ff",
	    "00000002ff00" };
	struct data d;
	struct wire_r r;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		d = data_hex(wrong[i]);
		wire_read(&r, data_span(&d));
		wire_get_mpint(&r);
		assert_false(wire_end(&r));
		data_free(&d);
	}
	d = data_hex("000000017f");
	wire_read(&r, data_span(&d));
	assert_true(span_is(wire_get_mpint(&r), "\x7f"));
	assert_true(wire_end(&r));
	data_free(&d);
}

static void
test_a_writer_never_grows_past_its_limit(void **state)
{
	struct wire_w w;

	(void)state;
	assert_true(wire_write(&w, 8));
	wire_put_cstring(&w, "abcd");
	assert_int_equal(wire_bytes(&w).n, 8);
	wire_put_u8(&w, 1);
	assert_true(w.bad);
	assert_int_equal(wire_bytes(&w).n, 0);
	wire_put_raw(&w, (struct span){ 0 });
	assert_true(w.bad);
	wire_free(&w);
}

static void
test_zero_is_an_empty_mpint(void **state)
{
	const uint8_t zeros[4] = { 0 };
	struct data want = data_hex("00000000");
	struct wire_w w;

	(void)state;
	assert_true(wire_write(&w, 8));
	wire_put_mpint(&w, (struct span){ zeros, sizeof(zeros) });
	assert_true(span_eq(wire_bytes(&w), data_span(&want)));
	wire_free(&w);
	data_free(&want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read_back),
		cmocka_unit_test(test_a_message_cut_anywhere_is_bad),
		cmocka_unit_test(test_after_a_failure_every_get_is_empty),
		cmocka_unit_test(test_a_length_of_four_gigabytes_is_bad),
		cmocka_unit_test(
		    test_no_bytes_at_all_are_a_whole_empty_message),
		cmocka_unit_test(
		    test_only_the_right_form_of_a_positive_mpint_is_read),
		cmocka_unit_test(test_a_writer_never_grows_past_its_limit),
		cmocka_unit_test(test_zero_is_an_empty_mpint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

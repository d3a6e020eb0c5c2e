/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/data.h"
#include "token/tlv.h"

static void
test_reads_tags_of_one_and_two_bytes(void **state)
{
	struct data d = data_hex("0c0161" "7f4e020405" "5f2000");
	struct tlv_r r;
	struct span s;

	(void)state;
	tlv_read(&r, data_span(&d));
	assert_int_equal(tlv_peek(&r), 0x0c);
	assert_true(span_is(tlv_get(&r, 0x0c), "a"));
	s = tlv_get(&r, 0x7f4e);
	assert_int_equal(s.n, 2);
	assert_int_equal(tlv_get(&r, 0x5f20).n, 0);
	assert_true(tlv_end(&r));
	assert_int_equal(tlv_peek(&r), 0);
	data_free(&d);
}

static void
test_long_lengths(void **state)
{
	static const struct {
		const char *head;
		size_t value, header;
	} t[] = {
		{ "047f", 127, 2 }, { "048180", 128, 3 },
		{ "0481ff", 255, 3 }, { "04820100", 256, 4 },
		{ "0483010000", 65536, 5 }, { "04820001", 1, 4 },
	};
	uint8_t buf[65541] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct data d = data_hex(t[i].head);
		struct tlv_r r;

		memcpy(buf, d.p, d.n);
		assert_int_equal(tlv_size(data_span(&d)),
		    t[i].header + t[i].value);
		tlv_read(&r, (struct span){ buf, t[i].header + t[i].value });
		assert_int_equal(tlv_get(&r, 4).n, t[i].value);
		assert_true(tlv_end(&r));
		data_free(&d);
	}
}

static void
test_refuses_what_is_not_ber(void **state)
{
	/* Indefinite, too long a length, a three-byte tag, no length. */
	static const char *const bad[] = { "0480", "048400000001", "7f8101",
	    "04", "7f49", "0405aabb", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct data d = data_hex(bad[i]);
		struct tlv_r r;

		tlv_read(&r, data_span(&d));
		assert_int_equal(tlv_peek(&r), 0);
		tlv_skip(&r);
		assert_true(r.bad);
		assert_false(tlv_end(&r));
		data_free(&d);
	}
}

static void
test_wrong_tag_is_bad_and_stays_bad(void **state)
{
	struct data d = data_hex("0401aa0501bb");
	struct tlv_r r;

	(void)state;
	tlv_read(&r, data_span(&d));
	assert_int_equal(tlv_get_opt(&r, 5).n, 0);
	assert_false(r.bad);
	assert_int_equal(tlv_get(&r, 5).n, 0);
	assert_true(r.bad);
	assert_int_equal(tlv_get(&r, 4).n, 0);
	assert_false(tlv_end(&r));
	data_free(&d);
}

static void
test_cut_anywhere_is_bad(void **state)
{
	struct data all = data_hex("7f218109" "0c0161" "7f4e0120" "0400");

	(void)state;
	for (size_t n = 0; n < all.n - 2; n++) {
		struct data d = data_copy((struct span){ all.p, n });
		struct tlv_r r;

		tlv_read(&r, data_span(&d));
		(void)tlv_get(&r, 0x7f21);
		assert_int_equal(r.bad, n < 13);
		data_free(&d);
	}
	data_free(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_tags_of_one_and_two_bytes),
		cmocka_unit_test(test_long_lengths),
		cmocka_unit_test(test_refuses_what_is_not_ber),
		cmocka_unit_test(test_wrong_tag_is_bad_and_stays_bad),
		cmocka_unit_test(test_cut_anywhere_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

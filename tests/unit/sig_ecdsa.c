/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ssh/sig.h"
#include "tests/unit/data.h"

/* Put what a token may answer; on success, want is r and s of the blob. */
static int
put_der(const char *hex, const char *want)
{
	struct data d = data_hex(hex), mpints = data_hex(want);
	struct span got;
	struct wire_w w;
	struct wire_r in;
	struct err e;
	int r;

	assert_true(wire_write(&w, SIG_BLOB_MAX));
	r = sig_put_ecdsa_der(&w, SIG_ECDSA_P521, data_span(&d), &e);
	got = wire_bytes(&w);
	if (r == 0) {
		wire_read(&in, got);
		assert_true(span_is(wire_get_string(&in),
		    "ecdsa-sha2-nistp521"));
		assert_true(span_eq(wire_get_string(&in),
		    data_span(&mpints)));
		assert_true(wire_end(&in));
	} else
		assert_int_equal(got.n, 0);
	wire_free(&w);
	data_free(&mpints);
	data_free(&d);
	return r;
}

#define X16	"11111111111111111111111111111111"
#define X66	X16 X16 X16 X16 "1111"

static void
test_der_as_a_card_may_give_it_is_taken(void **state)
{
	(void)state;
	assert_int_equal(put_der("3006" "020101" "020102",
	    "0000000101" "0000000102"), 0);
	/* more zeros than DER allows */
	assert_int_equal(put_der("3009" "0203000001" "02020002",
	    "0000000101" "0000000102"), 0);
	/* a sign byte, and one made anew from a needless zero */
	assert_int_equal(put_der("300a" "02020080" "0204000000ff",
	    "000000020080" "0000000200ff"), 0);
	/* the long form of a length where it is needed and where not */
	assert_int_equal(put_der("308188" "0242" X66 "0242" X66,
	    "00000042" X66 "00000042" X66), 0);
	assert_int_equal(put_der("308107" "02810101" "020102",
	    "0000000101" "0000000102"), 0);
	assert_int_equal(put_der("30818a" "024300" X66 "024300" X66,
	    "00000042" X66 "00000042" X66), 0);
}

static void
test_der_that_is_not_two_positive_numbers_is_refused(void **state)
{
	const char *wrong[] = {
		"", "30", "3000", "3003020101",
		"3006" "020100" "020102",		/* r = 0 */
		"3007" "020101" "02020000",		/* s = 0 */
		"3005" "0200" "020102",			/* r empty */
		"3006" "020181" "020102",		/* r < 0 */
		"3006" "020101" "0201ff",		/* s < 0 */
		"3006" "020101" "020102" "00",		/* left over */
		"3007" "020101" "020102" "00",		/* the same inside */
		"3009" "020101" "020102" "020103",	/* a third number */
		"3005" "020101" "020102",		/* cut by its length */
		"3007" "020101" "020102",		/* too long by 1 */
		"3080" "020101" "020102" "0000",	/* indefinite */
		"3084ffffffff" "020101" "020102",	/* negative as int */
		"30820006" "020101" "020102",		/* longer than needed */
		"3006" "0284ffffffff01",
		"3006" "0281ff" "020102",
		"3106" "020101" "020102",		/* a set */
		"3006" "030101" "020102",		/* a bit string */
		"3006" "020101" "040102",
		"308189" "0243" X66 "11" "0242" X66,	/* over the field */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(put_der(wrong[i], ""), ERR_FORMAT);
}

static void
refuse_der(struct span der, void *arg)
{
	struct wire_w w;
	struct err e;

	(void)arg;
	assert_true(wire_write(&w, SIG_BLOB_MAX));
	assert_int_equal(sig_put_ecdsa_der(&w, SIG_ECDSA_P521, der, &e),
	    ERR_FORMAT);
	wire_free(&w);
}

static void
test_der_cut_anywhere_is_refused(void **state)
{
	struct data d = data_hex("30818a" "024300" X66 "024300" X66);

	(void)state;
	data_each_cut(data_span(&d), refuse_der, NULL);
	data_free(&d);
}

static void
test_raw_that_is_not_two_positive_numbers_is_refused(void **state)
{
	const struct {
		const char	*hex;
		int		 want;
	} cases[] = {
		{ "", ERR_FORMAT }, { "01", ERR_FORMAT },
		{ "010203", ERR_FORMAT }, { "0001", ERR_FORMAT },
		{ "0100", ERR_FORMAT }, { X66 X66, ERR_FORMAT },
		{ "0102", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct data d = data_hex(cases[i].hex);
		struct wire_w w;
		struct err e;

		assert_true(wire_write(&w, SIG_BLOB_MAX));
		assert_int_equal(sig_put_ecdsa_raw(&w, SIG_ECDSA_P384,
		    data_span(&d), &e), cases[i].want);
		assert_int_equal(sig_put_ecdsa_raw(&w, SIG_RSA_SHA256,
		    data_span(&d), &e), ERR_UNSUPPORTED);
		wire_free(&w);
		data_free(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_der_as_a_card_may_give_it_is_taken),
		cmocka_unit_test(
		    test_der_that_is_not_two_positive_numbers_is_refused),
		cmocka_unit_test(test_der_cut_anywhere_is_refused),
		cmocka_unit_test(
		    test_raw_that_is_not_two_positive_numbers_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

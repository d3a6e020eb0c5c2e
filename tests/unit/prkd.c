/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/data.h"
#include "token/prkd.h"

/* What OpenSC wrote for an RSA-2048 and a P-256 key. */
#define OPENSC_RSA "3027300D0C0472736131030206C0040101" \
    "300A04011003020470020101A10A30083002040002020800"
#define OPENSC_EC "A027300C0C03656331030206C0040101" \
    "300B0401110303073080020102A10A30083002040002020100"

static struct prkd
parse(const char *hex, struct data *d)
{
	struct prkd p;
	struct err e;

	*d = data_hex(hex);
	assert_int_equal(prkd_parse(data_span(d), &p, &e), 0);
	return p;
}

static void
test_reads_what_opensc_writes(void **state)
{
	struct data d;
	struct prkd p;

	(void)state;
	p = parse(OPENSC_RSA, &d);
	assert_int_equal(p.kind, PRKD_RSA);
	assert_true(span_is(p.label, "rsa1"));
	assert_int_equal(p.bits, 2048);
	assert_int_equal(p.id.n, 1);
	assert_int_equal(p.id.p[0], 0x10);
	data_free(&d);

	p = parse(OPENSC_EC, &d);
	assert_int_equal(p.kind, PRKD_EC);
	assert_true(span_is(p.label, "ec1"));
	assert_int_equal(p.bits, 256);
	data_free(&d);
}

static void
test_every_field_may_be_missing(void **state)
{
	struct data d;
	struct prkd p;

	(void)state;
	p = parse("300430003000", &d);
	assert_int_equal(p.label.n, 0);
	assert_int_equal(p.id.n, 0);
	assert_int_equal(p.bits, 0);
	data_free(&d);
}

static void
test_takes_a_size_outside_its_sequence(void **state)
{
	struct data d;
	struct prkd p;

	(void)state;
	p = parse("3013" "3000" "3003040110" "A10A" "3004" "30020400"
	    "02020800", &d);
	assert_int_equal(p.bits, 2048);
	data_free(&d);
}

static void
test_knows_aes_and_strangers(void **state)
{
	struct data d;
	struct prkd p;

	(void)state;
	p = parse("A80430003000", &d);
	assert_int_equal(p.kind, PRKD_SECRET);
	data_free(&d);
	p = parse("A20430003000", &d);
	assert_int_equal(p.kind, PRKD_OTHER);
	data_free(&d);
}

static void
test_cut_anywhere_is_an_error(void **state)
{
	struct data all = data_hex(OPENSC_EC);
	struct prkd p;
	struct err e;

	(void)state;
	for (size_t n = 0; n < all.n; n++) {
		struct data d = data_copy((struct span){ all.p, n });

		assert_int_equal(prkd_parse(data_span(&d), &p, &e),
		    ERR_FORMAT);
		data_free(&d);
	}
	data_free(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_what_opensc_writes),
		cmocka_unit_test(test_every_field_may_be_missing),
		cmocka_unit_test(test_takes_a_size_outside_its_sequence),
		cmocka_unit_test(test_knows_aes_and_strangers),
		cmocka_unit_test(test_cut_anywhere_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

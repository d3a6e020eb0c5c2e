/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/data.h"
#include "token/prkd.h"
#include "token/prkd_write.h"

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

static void
assert_writes(const struct prkd_spec *s, const char *hex)
{
	struct data want = data_hex(hex);
	struct wire_w w;

	assert_true(wire_write(&w, PRKD_MAX));
	prkd_put(&w, s);
	assert_false(w.bad);
	assert_int_equal(wire_bytes(&w).n, want.n);
	assert_memory_equal(wire_bytes(&w).p, want.p, want.n);
	wire_free(&w);
	data_free(&want);
}

static void
test_writes_what_opensc_writes(void **state)
{
	static const uint8_t id[] = { 0x10, 0x11 };

	(void)state;
	assert_writes(&(struct prkd_spec){ PRKD_RSA, "rsa1", { id, 1 }, 1,
	    2048 }, OPENSC_RSA);
	assert_writes(&(struct prkd_spec){ PRKD_EC, "ec1", { id + 1, 1 }, 2,
	    256 }, OPENSC_EC);
}

/* 129 would be negative in one byte; 521 and 4096 need two. */
static void
test_writes_numbers_that_are_not_negative(void **state)
{
	static const uint8_t id[] = { 0x81 };

	(void)state;
	assert_writes(&(struct prkd_spec){ PRKD_EC, "a", { id, 1 }, 0x81,
	    521 }, "A026" "300A0C0161030206C0040101"
	    "300C04018103030730800202" "0081" "A10A300830020400" "02020209");
}

static void
test_a_description_too_long_is_not_written(void **state)
{
	static const uint8_t id[PRKD_MAX];
	struct wire_w w;

	(void)state;
	assert_true(wire_write(&w, PRKD_MAX));
	prkd_put(&w, &(struct prkd_spec){ PRKD_EC, "a", { id, sizeof(id) }, 1,
	    256 });
	assert_true(w.bad);
	wire_free(&w);
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
		cmocka_unit_test(test_writes_what_opensc_writes),
		cmocka_unit_test(test_writes_numbers_that_are_not_negative),
		cmocka_unit_test(test_a_description_too_long_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

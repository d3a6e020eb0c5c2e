/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/data.h"
#include "token/prkd.h"
#include "token/prkd_edit.h"

/* What OpenSC wrote for an RSA-2048 and a P-256 key. */
#define OPENSC_RSA "3027300D0C0472736131030206C0040101" \
    "300A04011003020470020101A10A30083002040002020800"
#define OPENSC_EC "A027300C0C03656331030206C0040101" \
    "300B0401110303073080020102A10A30083002040002020100"

static void
becomes(const char *from, const struct prkd_change *c, const char *to)
{
	struct data in = data_hex(from), want = data_hex(to);
	uint8_t out[512];
	size_t n = sizeof(out);
	struct err e;

	assert_int_equal(prkd_edit(data_span(&in), c, out, &n, &e), 0);
	assert_int_equal(n, want.n);
	assert_memory_equal(out, want.p, n);
	data_free(&in);
	data_free(&want);
}

static void
test_without_a_change_it_is_the_same(void **state)
{
	const struct prkd_change none = { 0 };

	(void)state;
	becomes(OPENSC_RSA, &none, OPENSC_RSA);
	becomes(OPENSC_EC, &none, OPENSC_EC);
	becomes("300430003000", &none, "300430003000");
}

static void
test_the_place_is_made_right(void **state)
{
	const struct prkd_change low = { .ref = 0x7f }, high = { .ref = 0xff };

	(void)state;
	becomes(OPENSC_RSA, &low, "3027300D0C0472736131030206C0040101"
	    "300A0401100302047002017FA10A30083002040002020800");
	becomes(OPENSC_RSA, &high, "3028300D0C0472736131030206C0040101"
	    "300B040110030204700202" "00FF" "A10A30083002040002020800");
}

static void
test_a_place_that_is_not_told_stays_so(void **state)
{
	const struct prkd_change c = { .ref = 5 };

	(void)state;
	becomes("300D30003009040110030204700000", &c,
	    "300D30003009040110030204700000");
}

static void
test_label_and_id_are_changed_or_added(void **state)
{
	static const uint8_t id[] = { 0xaa, 0xbb };
	const struct prkd_change c = { .label = "longer",
	    .id = { id, sizeof(id) } };

	(void)state;
	becomes(OPENSC_EC, &c, "A02B300F0C066C6F6E676572030206C0040101"
	    "300C0402AABB0303073080020102A10A30083002040002020100");
	becomes("300430003000", &c, "301030080C066C6F6E67657230040402AABB");
}

static void
test_what_does_not_fit_is_an_error(void **state)
{
	const struct prkd_change c = { .label = "longer" };
	struct data in = data_hex(OPENSC_EC);
	uint8_t out[64];
	struct err e;
	size_t n;

	(void)state;
	for (size_t room = 0; room < in.n + 3; room++) {
		n = room;
		assert_int_equal(prkd_edit(data_span(&in), &c, out, &n, &e),
		    ERR_LIMIT);
	}
	n = in.n + 3;
	assert_int_equal(prkd_edit(data_span(&in), &c, out, &n, &e), 0);
	data_free(&in);
}

static void
test_cut_anywhere_is_an_error(void **state)
{
	const struct prkd_change c = { .ref = 1 };
	struct data all = data_hex(OPENSC_EC);
	uint8_t out[512];
	struct err e;

	(void)state;
	for (size_t n = 0; n < all.n; n++) {
		struct data d = data_copy((struct span){ all.p, n });
		size_t room = sizeof(out);

		assert_int_equal(prkd_edit(data_span(&d), &c, out, &room, &e),
		    ERR_FORMAT);
		data_free(&d);
	}
	data_free(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_change_it_is_the_same),
		cmocka_unit_test(test_the_place_is_made_right),
		cmocka_unit_test(test_a_place_that_is_not_told_stays_so),
		cmocka_unit_test(test_label_and_id_are_changed_or_added),
		cmocka_unit_test(test_what_does_not_fit_is_an_error),
		cmocka_unit_test(test_cut_anywhere_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

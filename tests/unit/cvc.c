/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/card.h"
#include "tests/unit/data.h"
#include "token/curve.h"
#include "token/cvc.h"
#include "token/tlv.h"

/* CE01 of a card that made a key of this type: the request. */
static struct data
request_for(const char *type)
{
	const char *const keys[] = { type };
	struct data cmd = data_hex("00B1CE010000045402000000" "00"), d;
	uint8_t rsp[4096];
	struct card c;
	size_t n;

	card_open(&c, NULL);
	card_keys(&c, keys, 1);
	n = vhsm_apdu_privileged(c.vhsm, data_span(&cmd), rsp, sizeof(rsp));
	assert_true(n > 2);
	d = data_copy((struct span){ rsp, n - 2 });
	data_free(&cmd);
	card_close(&c);
	return d;
}

static void
test_reads_requests(void **state)
{
	struct data d;
	struct cvc c;
	struct err e;

	(void)state;
	d = request_for("rsa1024");
	assert_int_equal(cvc_parse(data_span(&d), &c, &e), 0);
	assert_int_equal(c.key, CVC_RSA);
	assert_int_equal(c.n.n, 128);
	assert_int_equal(c.e.n, 3);
	data_free(&d);

	d = request_for("p521");
	assert_int_equal(cvc_parse(data_span(&d), &c, &e), 0);
	assert_int_equal(c.key, CVC_EC);
	assert_string_equal(curve_name(c.prime), "P-521");
	assert_int_equal(c.q.n, 1 + 2 * 66);
	data_free(&d);
}

static void
test_names_every_curve_of_the_card(void **state)
{
	static const char *const t[][2] = {
		{ "p192", "P-192" }, { "p256", "P-256" }, { "p384", "P-384" },
		{ "secp256k1", "secp256k1" },
		{ "brainpoolP192r1", "brainpoolP192r1" },
		{ "brainpoolP224r1", "brainpoolP224r1" },
		{ "brainpoolP256r1", "brainpoolP256r1" },
		{ "brainpoolP320r1", "brainpoolP320r1" },
		{ "brainpoolP384r1", "brainpoolP384r1" },
		{ "brainpoolP512r1", "brainpoolP512r1" },
	};
	struct data d;
	struct cvc c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		d = request_for(t[i][0]);
		assert_int_equal(cvc_parse(data_span(&d), &c, &e), 0);
		assert_string_equal(curve_name(c.prime), t[i][1]);
		data_free(&d);
	}
	assert_null(curve_name((struct span){ 0 }));
	assert_null(curve_name(span_cstr("no prime of any curve")));
}

static void
test_cut_anywhere_is_an_error(void **state)
{
	struct data all = request_for("p256");
	struct cvc c;
	struct err e;
	int r;

	(void)state;
	for (size_t n = 0; n < all.n; n++) {
		struct data d = data_copy((struct span){ all.p, n });

		r = cvc_parse(data_span(&d), &c, &e);
		assert_int_equal(r, ERR_FORMAT);
		data_free(&d);
	}
	data_free(&all);
}

static void
test_refuses_other_objects(void **state)
{
	static const char *const bad[] = {
		"30030101ff",			/* X.509-like */
		"7f2100",			/* nothing in it */
		"7f21087f4e055f29010042",	/* lengths that disagree */
		"7f210b7f4e085f2901007f49005f2000",
	};
	struct data d;
	struct cvc c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		d = data_hex(bad[i]);
		assert_int_equal(cvc_parse(data_span(&d), &c, &e), ERR_FORMAT);
		data_free(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_requests),
		cmocka_unit_test(test_names_every_curve_of_the_card),
		cmocka_unit_test(test_cut_anywhere_is_an_error),
		cmocka_unit_test(test_refuses_other_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ssh/curveparams.h"
#include "ssh/x509.h"
#include "tests/unit/data.h"

static void
test_pem_and_der_are_one(void **state)
{
	struct data file = data_file("x509/p256.crt");
	uint8_t der[4096], again[4096], bits[200];
	size_t n = sizeof(der), m = sizeof(again), bits_n = sizeof(bits);
	struct err e;
	char *pem;

	(void)state;
	assert_int_equal(x509_read(data_span(&file), der, &n, &e), 0);
	assert_int_equal(x509_read((struct span){ der, n }, again, &m, &e),
	    0);
	assert_int_equal(n, m);
	assert_memory_equal(der, again, n);
	pem = x509_pem((struct span){ der, n });
	assert_non_null(pem);
	m = sizeof(again);
	assert_int_equal(x509_read(span_cstr(pem), again, &m, &e), 0);
	assert_int_equal(n, m);
	free(pem);
	assert_int_equal(x509_public_bits((struct span){ der, n }, bits,
	    &bits_n, &e), 0);
	assert_int_equal(bits_n, 65);
	assert_int_equal(bits[0], 4);
	data_free(&file);
}

static void
test_cut_anywhere_is_no_certificate(void **state)
{
	struct data file = data_file("x509/rsa.crt");
	uint8_t der[4096], out[4096];
	size_t n = sizeof(der), m;
	struct err e;

	(void)state;
	assert_int_equal(x509_read(data_span(&file), der, &n, &e), 0);
	for (size_t i = 0; i < n; i++) {
		struct data d = data_copy((struct span){ der, i });

		m = sizeof(out);
		assert_int_equal(x509_read(data_span(&d), out, &m, &e),
		    ERR_FORMAT);
		assert_null(x509_pem(data_span(&d)));
		data_free(&d);
	}
	der[n] = 0;
	m = sizeof(out);
	assert_int_equal(x509_public_bits((struct span){ der, n + 1 }, out,
	    &m, &e), ERR_FORMAT);
	data_free(&file);
}

static void
test_what_does_not_fit_is_told(void **state)
{
	struct data file = data_file("x509/rsa.crt");
	uint8_t der[100];
	size_t n = sizeof(der);
	struct err e;

	(void)state;
	assert_int_equal(x509_read(data_span(&file), der, &n, &e),
	    ERR_LIMIT);
	data_free(&file);
}

static void
test_curves_have_parameters(void **state)
{
	struct curveparams c;
	struct err e;

	(void)state;
	assert_int_equal(curveparams_get("secp521r1", &c, &e), 0);
	assert_int_equal(c.field_n, 66);
	assert_int_equal(c.order_n, 66);
	assert_int_equal(c.p[0], 1);
	assert_int_equal(c.g[0], 4);
	assert_int_equal(curveparams_get("brainpoolP320r1", &c, &e), 0);
	assert_int_equal(c.field_n, 40);
	assert_int_equal(curveparams_get("no such", &c, &e),
	    ERR_UNSUPPORTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pem_and_der_are_one),
		cmocka_unit_test(test_cut_anywhere_is_no_certificate),
		cmocka_unit_test(test_what_does_not_fit_is_told),
		cmocka_unit_test(test_curves_have_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

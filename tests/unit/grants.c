/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/constrained.h"

#define NOW	1000000

struct fixture {
	struct grants	*grants;
	struct data	 ec, rsa, p384;
	struct hostkey	 ca;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->grants = grants_new();
	assert_non_null(f->grants);
	f->ec = data_pub("u_ecdsa");
	f->rsa = data_pub("u_rsa");
	f->p384 = data_pub("p384");
	hostkey_make(&f->ca, HOSTKEY_ED25519);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	grants_free(f->grants);
	data_free(&f->ec);
	data_free(&f->rsa);
	data_free(&f->p384);
	hostkey_free(&f->ca);
	free(f);
	return 0;
}

static struct data
certify(const struct fixture *f, const struct data *key)
{
	return hostkey_certify_user(data_span(key), &f->ca, 1);
}

static void
test_constraints_are_those_of_the_last_time(void **state)
{
	struct fixture *f = *state;
	struct data certs[2] = { certify(f, &f->ec),
	    certify(f, &f->rsa) };
	const struct certfile *const *kept;
	size_t n;

	assert_null(grants_of(f->grants, "S1"));
	assert_null(grants_certs(f->grants, "S1", &n));
	assert_int_equal(n, 0);
	constrained_grant(f->grants, "S1", true, certs, 2);
	assert_true(grants_of(f->grants, "S1")->certs_only);
	kept = grants_certs(f->grants, "S1", &n);
	assert_int_equal(n, 2);
	assert_int_equal(certfile_state(kept[1], NOW), CERTFILE_OFFERED);
	assert_null(grants_of(f->grants, "S"));
	assert_null(grants_of(f->grants, "S11"));
	constrained_grant(f->grants, "S1", false, certs, 0);
	assert_false(grants_of(f->grants, "S1")->certs_only);
	(void)grants_certs(f->grants, "S1", &n);
	assert_int_equal(n, 0);
}

static void
test_certificates_of_all_tokens_come_together(void **state)
{
	struct fixture *f = *state;
	struct data one[2] = { certify(f, &f->ec),
	    data_pub("sk_ed25519-cert") };
	struct data two = certify(f, &f->p384);
	const struct certfile **all;
	size_t n;

	assert_null(grants_all_certs(f->grants, &n));
	assert_int_equal(n, 0);
	constrained_grant(f->grants, "S1", false, one, 2);
	constrained_grant(f->grants, "S2", false, &two, 1);
	constrained_grant(f->grants, "S3", false, &two, 0);
	all = grants_all_certs(f->grants, &n);
	assert_int_equal(n, 2);		/* no token has a security key */
	assert_true(span_eq(certfile_key(all[0]), data_span(&f->p384)));
	assert_true(span_eq(certfile_key(all[1]), data_span(&f->ec)));
	free(all);
}

static void
test_each_change_makes_a_version(void **state)
{
	struct fixture *f = *state;
	uint64_t was = grants_version(f->grants);
	struct err e;

	constrained_grant(f->grants, "S1", false, NULL, 0);
	assert_true(grants_version(f->grants) > was);
	was = grants_version(f->grants);
	assert_int_equal(grants_hide(f->grants, "S1", data_span(&f->ec), &e),
	    0);
	assert_true(grants_version(f->grants) > was);
	was = grants_version(f->grants);
	assert_int_equal(grants_hide(f->grants, "S1", data_span(&f->ec), &e),
	    0);
	assert_true(grants_version(f->grants) == was);
	assert_true(grants_hidden(f->grants, "S1", data_span(&f->ec)));
	assert_false(grants_hidden(f->grants, "S2", data_span(&f->ec)));
	assert_false(grants_hidden(f->grants, "S1", data_span(&f->rsa)));
	constrained_grant(f->grants, "S1", false, NULL, 0);
	assert_false(grants_hidden(f->grants, "S1", data_span(&f->ec)));
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_constraints_are_those_of_the_last_time),
		TEST(test_certificates_of_all_tokens_come_together),
		TEST(test_each_change_makes_a_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

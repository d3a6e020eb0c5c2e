/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/cert.h"
#include "tests/unit/data.h"

/* For a person who is asked: all of it, and nothing that forges a line. */
static void
test_times_and_options_are_told_in_words(void **state)
{
	struct cert c = { .valid_after = 1893542400,
	    .valid_before = 1893542460 };
	struct data d = data_pub("u_ed25519-cert");
	char text[200];
	struct err e;

	(void)state;
	cert_describe_times(&c, text, sizeof(text));
	assert_string_equal(text,
	    "from 2030-01-02 00:00 UTC until 2030-01-02 00:01 UTC");
	cert_describe_options(c.critical, text, sizeof(text));
	assert_string_equal(text, "none");
	assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
	cert_describe_options(c.critical, text, sizeof(text));
	assert_non_null(strstr(text, "force-command=\"/bin/true\", "
	    "source-address=\"10.0.0.0/8\""));
	cert_describe_options(c.extensions, text, sizeof(text));
	assert_non_null(strstr(text, "permit-pty, permit-user-rc"));
	cert_describe_options((struct span){ (const uint8_t *)
	    "\0\0\0\3a\nb\0\0\0\7\0\0\0\3\"\x1bx", 18 }, text,
	    sizeof(text));
	assert_string_equal(text, "a?b=\"??x\"");
	cert_describe_options(c.extensions, text, 5);
	assert_int_equal(strlen(text), 4);
	data_free(&d);
}

/* Nine names, of `n` bytes each, on the wire. */
static size_t
put_nine(uint8_t *out, size_t n)
{
	for (size_t i = 0; i < 9; i++) {
		memset(out + i * (4 + n), 0, 3);
		out[i * (4 + n) + 3] = (uint8_t)n;
		memset(out + i * (4 + n) + 4, (int)('a' + i), n);
	}
	return 9 * (4 + n);
}

/* The ninth could be root. */
static void
test_no_principal_is_left_out_without_a_word(void **state)
{
	uint8_t wire[9 * 80];
	struct cert c = { .principals = { wire, put_nine(wire, 2) },
	    .n_principals = 9 };
	char text[100];

	(void)state;
	assert_true(cert_describe_principals(&c, text, sizeof(text)));
	assert_string_equal(text, "aa, bb, cc, dd, ee, ff, gg, hh, ii");
	assert_false(cert_describe_principals(&c, text, 34));
	assert_true(cert_describe_principals(&c, text, 36));
	c.n_principals = 8;
	c.principals.n -= 6;
	assert_true(cert_describe_principals(&c, text, sizeof(text)));
	assert_string_equal(text, "");
	/* One that is cut is told whole, too. */
	put_nine(wire, 70);
	c.principals = (struct span){ wire, 74 };
	c.n_principals = 1;
	assert_true(cert_describe_principals(&c, text, sizeof(text)));
	assert_int_equal(strlen(text), 70);
	assert_false(cert_describe_principals(&c, text, 70));
}

static void
test_a_certificate_is_meant_by_how_it_begins(void **state)
{
	struct data d = data_pub("p521-cert"), plain = data_pub("p521");

	(void)state;
	assert_true(cert_is_meant(data_span(&d)));
	assert_true(cert_is_meant((struct span){ d.p, 44 }));
	assert_false(cert_is_meant((struct span){ d.p, 43 }));
	assert_false(cert_is_meant(data_span(&plain)));
	assert_false(cert_is_meant((struct span){ 0 }));
	assert_false(cert_is_meant((struct span){ (const uint8_t *)
	    "\0\0\0\x15-cert-v01@openssh.com", 25 }));
	data_free(&plain);
	data_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times_and_options_are_told_in_words),
		cmocka_unit_test(
		    test_no_principal_is_left_out_without_a_word),
		cmocka_unit_test(
		    test_a_certificate_is_meant_by_how_it_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

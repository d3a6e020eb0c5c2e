/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/certfile.h"
#include "tests/unit/data.h"

static void
test_a_file_is_read_with_its_key_and_comment(void **state)
{
	static const char *const names[] = { "u_rsa", "u_ecdsa", "p384",
	    "p521" };
	struct certfile f;
	char file[32];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct data key = data_pub(names[i]), cert;
		char *text, words[512];

		snprintf(file, sizeof(file), "%s-cert", names[i]);
		cert = data_pub(file);
		snprintf(file, sizeof(file), "%s-cert.pub", names[i]);
		text = data_text(file);
		assert_int_equal(certfile_read(&f, "/x", span_cstr(text),
		    &e), 0);
		assert_string_equal(f.path, "/x");
		assert_true(f.comment[0] != '\0');
		assert_non_null(strstr(text, f.comment));
		assert_true(span_eq(certfile_key(&f), data_span(&key)));
		assert_true(span_eq(certfile_blob(&f), data_span(&cert)));
		certfile_describe(&f, words, sizeof(words));
		assert_non_null(strstr(words, "certificate \""));
		certfile_free(&f);
		data_free(&key);
		data_free(&cert);
		free(text);
	}
}

/* As ssh reads it: what comes before and after the line is no matter. */
static void
test_empty_lines_and_comments_are_passed_over(void **state)
{
	char *text = data_text("u_rsa-cert.pub"), more[8192];
	struct certfile f;
	struct err e;

	(void)state;
	text[strcspn(text, "\n")] = '\0';
	snprintf(more, sizeof(more), "\n\r\n# by the CA\n%s\r\nmore\n", text);
	assert_int_equal(certfile_read(&f, "", span_cstr(more), &e), 0);
	certfile_free(&f);
	free(text);
}

static void
test_types_that_no_token_has_are_told_apart_from_junk(void **state)
{
	static const struct {
		const char	*name;
		int		 r;
	} files[] = {
		{ "sk_ed25519-cert.pub", ERR_UNSUPPORTED },
		{ "sk_ecdsa-cert.pub", ERR_UNSUPPORTED },
		{ "u_rsa.pub", ERR_FORMAT },
		{ "u_ed25519.pub", ERR_FORMAT },
		{ "u_rsa.md5", ERR_FORMAT },
	};
	struct certfile f;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *text = data_text(files[i].name);

		assert_int_equal(certfile_read(&f, "", span_cstr(text), &e),
		    files[i].r);
		free(text);
	}
	assert_int_equal(certfile_read(&f, "", span_cstr(""), &e),
	    ERR_FORMAT);
	assert_int_equal(certfile_read(&f, "", span_cstr("\n#\n"), &e),
	    ERR_FORMAT);
}

/* Up to the end of the base64 no beginning of a file is a certificate. */
static void
read_cut(struct span cut, void *arg)
{
	const size_t *whole = arg;
	struct certfile f;
	struct err e;

	if (cut.n >= *whole)
		return;
	assert_int_equal(certfile_read(&f, "", cut, &e), ERR_FORMAT);
	assert_true(e.msg[0] != '\0');
}

static void
take_cut(struct span cut, void *arg)
{
	struct certfile f;
	struct err e;

	(void)arg;
	assert_int_equal(certfile_take(&f, "", cut, span_cstr(""), &e),
	    ERR_FORMAT);
}

static void
test_cut_anywhere_is_refused(void **state)
{
	char *text = data_text("u_ecdsa-cert.pub");
	struct data blob = data_pub("u_ecdsa-cert");
	size_t whole = strcspn(text, " ") + 1;

	(void)state;
	whole += strcspn(text + whole, " ");
	data_each_cut(span_cstr(text), read_cut, &whole);
	data_each_cut(data_span(&blob), take_cut, NULL);
	data_free(&blob);
	free(text);
}

static void
test_a_nul_or_an_endless_line_is_refused(void **state)
{
	char *text = data_text("u_ecdsa-cert.pub");
	const size_t n = strlen(text);
	uint8_t *big = malloc(CERTFILE_TEXT_MAX);
	struct certfile f;
	struct err e;

	(void)state;
	assert_non_null(big);
	memset(big, 'A', CERTFILE_TEXT_MAX);
	assert_int_equal(certfile_read(&f, "", (struct span){ big,
	    CERTFILE_TEXT_MAX }, &e), ERR_LIMIT);
	text[n - 1] = '\0';
	assert_int_equal(certfile_read(&f, "", (struct span){
	    (uint8_t *)text, n }, &e), ERR_FORMAT);
	free(big);
	free(text);
}

static void
test_a_certificate_of_an_unknown_ca_type_is_bad(void **state)
{
	struct data blob = data_pub("u_ecdsa-cert");
	struct certfile f;
	struct cert c;
	struct err e;

	(void)state;
	assert_int_equal(cert_parse(data_span(&blob), &c, &e), 0);
	blob.p[c.ca.p - blob.p + 4] ^= 1;	/* its type's first letter */
	assert_int_equal(certfile_take(&f, "", data_span(&blob),
	    span_cstr(""), &e), ERR_FORMAT);
	assert_non_null(strstr(e.msg, "CA key"));
	data_free(&blob);
}

static void
test_a_comment_is_cleaned(void **state)
{
	struct data blob = data_pub("u_ecdsa-cert");
	struct certfile f;
	struct err e;

	(void)state;
	assert_int_equal(certfile_take(&f, "", data_span(&blob),
	    span_cstr("a\nb\033c"), &e), 0);
	assert_string_equal(f.comment, "a?b?c");
	certfile_free(&f);
	data_free(&blob);
}

static void
test_its_time_begins_and_ends_to_the_second(void **state)
{
	struct certfile f = { .valid_after = 1000, .valid_before = 2000 };
	struct certfile bad = { .bad = "why" };

	(void)state;
	assert_int_equal(certfile_state(&f, 999), CERTFILE_NOT_YET);
	assert_int_equal(certfile_state(&f, 1000), CERTFILE_OFFERED);
	assert_int_equal(certfile_state(&f, 1999), CERTFILE_OFFERED);
	assert_int_equal(certfile_state(&f, 2000), CERTFILE_EXPIRED);
	assert_int_equal(certfile_state(&f, -1), CERTFILE_NOT_YET);
	f.valid_after = 0;
	f.valid_before = CERT_FOREVER;
	assert_int_equal(certfile_state(&f, 0), CERTFILE_OFFERED);
	assert_int_equal(certfile_state(&f, INT64_MAX), CERTFILE_OFFERED);
	f.valid_after = 2000;
	f.valid_before = 1000;
	assert_int_equal(certfile_state(&f, 1500), CERTFILE_EXPIRED);
	assert_int_equal(certfile_state(&bad, 1500), CERTFILE_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_is_read_with_its_key_and_comment),
		cmocka_unit_test(
		    test_empty_lines_and_comments_are_passed_over),
		cmocka_unit_test(
		    test_types_that_no_token_has_are_told_apart_from_junk),
		cmocka_unit_test(test_cut_anywhere_is_refused),
		cmocka_unit_test(test_a_nul_or_an_endless_line_is_refused),
		cmocka_unit_test(
		    test_a_certificate_of_an_unknown_ca_type_is_bad),
		cmocka_unit_test(test_a_comment_is_cleaned),
		cmocka_unit_test(test_its_time_begins_and_ends_to_the_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/base64.h"
#include "tests/unit/data.h"

/* RFC 4648 sec. 10. */
static const struct {
	const char	*bytes, *text;
} vectors[] = {
	{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

#define N_VECTORS	(sizeof(vectors) / sizeof(vectors[0]))

/* The text in memory of its exact size; "" for what is refused. */
static void
assert_put(int (*put)(struct wire_w *, struct span, struct err *),
    const char *text, const char *bytes)
{
	struct data d = data_copy(span_cstr(text));
	struct wire_w w;
	struct err e;
	int r;

	assert_true(wire_write(&w, 100));
	r = put(&w, data_span(&d), &e);
	if (r != (*bytes == '\0' ? ERR_FORMAT : 0) ||
	    !span_is(wire_bytes(&w), bytes))
		fail_msg("\"%s\": %d", text, r);
	wire_free(&w);
	data_free(&d);
}

static int
put_lines(struct wire_w *w, struct span s, struct err *e)
{
	return base64_put_lines(w, s, 6, e);
}

static void
test_the_vectors_of_the_rfc_are_written_and_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		char *text = base64_encode(span_cstr(vectors[i].bytes));

		assert_string_equal(text, vectors[i].text);
		assert_put(base64_put, text, vectors[i].bytes);
		free(text);
	}
}

static void
test_what_is_not_the_one_text_for_its_bytes_is_refused(void **state)
{
	static const char *const bad[] = { "=", "====", "Z", "Zg", "Zg=",
	    "Zg===", "Zh==", "Zm9=", "Zg==Zg==", "Z=g=", " Zg==", "Zg== ",
	    "Zg==\n", "Zm9v\n", "Zm 9", "Zm9-", "Zm9_", "Zm9v=", "Zm9vZ",
	    "\xc3\xb6==" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_put(base64_put, bad[i], "");
}

static void
test_lines_are_full_but_for_the_last(void **state)
{
	static const struct {
		const char	*bytes, *text;
	} cases[] = {
		{ "", "" }, { "f", "Zg==\n" }, { "foob", "Zm9vYg\n==\n" },
		{ "foobar", "Zm9vYm\nFy\n" },
		{ "foobarfoo", "Zm9vYm\nFyZm9v\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = base64_lines(span_cstr(cases[i].bytes), 6);

		assert_string_equal(text, cases[i].text);
		if (*text != '\0')
			assert_put(put_lines, text, cases[i].bytes);
		free(text);
	}
}

static void
test_lines_may_end_anywhere_but_not_be_empty_long_or_open(void **state)
{
	(void)state;
	assert_put(put_lines, "Z\nm\n9\nv\n", "foo");
	assert_put(put_lines, "Zm9v\r\nYg==\r\n", "foob");
	assert_put(put_lines, "Zm9v", "");
	assert_put(put_lines, "Zm9v\nYg==", "");
	assert_put(put_lines, "\n", "");
	assert_put(put_lines, "\nZm9v\n", "");
	assert_put(put_lines, "Zm9v\n\n", "");
	assert_put(put_lines, "Zm9v\n\r\n", "");
	assert_put(put_lines, "Zm9vYg=\n=\n", "");
	assert_put(put_lines, "Zm9v\nZm9vYmF\n", "");
	assert_put(put_lines, "Zm9v \n", "");
	assert_put(put_lines, "Zm9v\r\r\n", "");
}

static void
test_what_has_no_room_is_not_begun(void **state)
{
	struct wire_w w;
	struct err e;

	(void)state;
	assert_true(wire_write(&w, 5));
	assert_int_equal(base64_put(&w, span_cstr("Zm9vYmFy"), &e),
	    ERR_NOMEM);
	assert_int_equal(wire_bytes(&w).n, 0);
	wire_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_the_vectors_of_the_rfc_are_written_and_read),
		cmocka_unit_test(
		    test_what_is_not_the_one_text_for_its_bytes_is_refused),
		cmocka_unit_test(test_lines_are_full_but_for_the_last),
		cmocka_unit_test(
		    test_lines_may_end_anywhere_but_not_be_empty_long_or_open),
		cmocka_unit_test(test_what_has_no_room_is_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

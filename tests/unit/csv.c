/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keyutil/csv.h"
#include "tests/unit/data.h"

#define SHOWN	1000

/* All rows as "LINE:field|field\n", or the error after those before it. */
static int
show(struct span text, char out[SHOWN])
{
	struct data d = data_copy(text);
	struct csv_row row;
	struct err e;
	size_t n = 0;
	struct csv c;
	int r;

	out[0] = '\0';
	csv_begin(&c, data_span(&d));
	while ((r = csv_next(&c, &row, &e)) == 0 && row.n > 0) {
		n += (size_t)snprintf(out + n, SHOWN - n, "%zu:", row.line);
		for (size_t i = 0; i < row.n; i++)
			n += (size_t)snprintf(out + n, SHOWN - n, "%s%s",
			    i > 0 ? "|" : "", row.field[i]);
		n += (size_t)snprintf(out + n, SHOWN - n, "\n");
		assert_true(n < SHOWN);
		csv_row_clear(&row);
	}
	csv_row_clear(&row);
	if (r != 0)
		snprintf(out + n, SHOWN - n, "%s", e.msg);
	data_free(&d);
	return r;
}

static void
shows(const char *text, const char *rows)
{
	char out[SHOWN];

	assert_int_equal(show(span_cstr(text), out), 0);
	assert_string_equal(out, rows);
}

static void
fails(const char *text, const char *told)
{
	char out[SHOWN];

	assert_int_equal(show(span_cstr(text), out), ERR_FORMAT);
	if (strstr(out, told) == NULL)
		fail_msg("\"%s\" for \"%s\"", out, text);
}

static void
test_fields_are_parted_by_commas_and_rows_by_lines(void **state)
{
	(void)state;
	shows("", "");
	shows("a", "1:a\n");
	shows("a,b\nc,d\n", "1:a|b\n2:c|d\n");
	shows("a,b\r\nc,d\r\n", "1:a|b\n2:c|d\n");
	shows("a b, c\nd,,\n", "1:a b| c\n2:d||\n");
	shows(",", "1:|\n");
	shows("a\rb,c\r", "1:a\rb|c\n");
}

static void
test_rows_of_nothing_are_passed_over(void **state)
{
	(void)state;
	shows("\n\n", "");
	shows("\r\n\na\n\r\nb", "3:a\n5:b\n");
}

static void
test_a_byte_order_mark_is_no_part_of_the_text(void **state)
{
	(void)state;
	shows("\xef\xbb\xbf" "a,b", "1:a|b\n");
	shows("\xef\xbb\xbf\"a\",b", "1:a|b\n");
	shows("a,\xef\xbb\xbf" "b", "1:a|\xef\xbb\xbf" "b\n");
}

static void
test_quotes_keep_together_what_has_commas_quotes_and_lines(void **state)
{
	(void)state;
	shows("\"a,b\",c", "1:a,b|c\n");
	shows("\"\",\"\"\"\"", "1:|\"\n");
	shows("\"say \"\"a\"\"\"\r\n", "1:say \"a\"\n");
	shows("\"a\r\nb\",c\nd", "1:a\r\nb|c\n3:d\n");
}

static void
test_what_is_wrong_is_told_with_its_line(void **state)
{
	(void)state;
	fails("a\nb\n\"c", "line 3: the quote that begins here");
	fails("a\n\"b\n\n\n", "line 2: the quote that begins here");
	fails("a\n\"b\" ,c", "line 2: something stands behind the quotes");
	fails("\"a\"b", "line 1: something");
	fails("a\nb\"c\"", "line 2: a quote inside of a field");
}

static void
test_a_nul_is_no_text(void **state)
{
	char out[SHOWN];

	(void)state;
	assert_int_equal(show((struct span){ (const uint8_t *)"a\0b", 3 },
	    out), ERR_FORMAT);
	assert_int_equal(show((struct span){ (const uint8_t *)"\"\0\"", 3 },
	    out), ERR_FORMAT);
}

static void
test_fields_are_as_many_and_as_long_as_the_limits_say(void **state)
{
	static char text[CSV_FIELD_MAX + 2], commas[CSV_FIELDS_MAX + 1];
	char out[SHOWN];
	struct csv_row row;
	struct err e;
	struct csv c;

	(void)state;
	memset(text, 'a', CSV_FIELD_MAX);
	csv_begin(&c, span_cstr(text));
	assert_int_equal(csv_next(&c, &row, &e), 0);
	assert_int_equal(strlen(row.field[0]), CSV_FIELD_MAX);
	csv_row_clear(&row);
	text[CSV_FIELD_MAX] = 'a';
	assert_int_equal(show(span_cstr(text), out), ERR_LIMIT);

	memset(commas, ',', CSV_FIELDS_MAX - 1);
	assert_int_equal(show(span_cstr(commas), out), 0);
	commas[CSV_FIELDS_MAX - 1] = ',';
	assert_int_equal(show(span_cstr(commas), out), ERR_LIMIT);
}

/* Each end of a text is its end, and an open quote is a fault anywhere. */
static void
test_a_table_can_be_cut_anywhere(void **state)
{
	static const char text[] = "\xef\xbb\xbf" "file,\"prin\"\"cipals\"\r\n"
	    "a.pub,\"x,y\r\n\"\"z\"\"\",\r\n\r\nb,c,d\r\n";
	bool in_quotes = false;
	char out[SHOWN];
	int r;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		r = show((struct span){ (const uint8_t *)text, n }, out);
		assert_int_equal(r, in_quotes ? ERR_FORMAT : 0);
		if (text[n] == '"')
			in_quotes = !in_quotes;
	}
	assert_string_equal(out, "1:file|prin\"cipals\n"
	    "2:a.pub|x,y\r\n\"z\"|\n5:b|c|d\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_fields_are_parted_by_commas_and_rows_by_lines),
		cmocka_unit_test(test_rows_of_nothing_are_passed_over),
		cmocka_unit_test(
		    test_a_byte_order_mark_is_no_part_of_the_text),
		cmocka_unit_test(
		    test_quotes_keep_together_what_has_commas_quotes_and_lines
		    ),
		cmocka_unit_test(test_what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(test_a_nul_is_no_text),
		cmocka_unit_test(
		    test_fields_are_as_many_and_as_long_as_the_limits_say),
		cmocka_unit_test(test_a_table_can_be_cut_anywhere),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

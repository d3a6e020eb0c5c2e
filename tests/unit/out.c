/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keyutil/out.h"

/* What fn prints, in a string to free. */
struct capture {
	FILE	*f;
	char	*text;
	size_t	 n;
};

static FILE *
capture(struct capture *c)
{
	c->f = open_memstream(&c->text, &c->n);
	assert_non_null(c->f);
	return c->f;
}

static void
assert_captured(struct capture *c, const char *want)
{
	fclose(c->f);
	assert_string_equal(c->text, want);
	free(c->text);
}

static void
test_columns_are_as_wide_as_their_widest(void **state)
{
	struct out_table t = { .columns = 3, .head = { "A", "LONG", "C" } };
	struct capture c;
	struct err e;

	(void)state;
	out_table_row(&t, (const char *[]){ "wide one", "x", "1" });
	out_table_row(&t, (const char *[]){ "", "y", "22" });
	assert_int_equal(out_table_print(capture(&c), &t, &e), 0);
	assert_captured(&c,
	    "  A         LONG  C\n"
	    "  wide one  x     1\n"
	    "            y     22\n");
}

static void
test_last_column_moves_down_when_too_wide(void **state)
{
	struct out_table t = { .columns = 2, .head = { "A", "B" } };
	char wide[OUT_COLUMNS + 1];
	char want[200];
	struct capture c;
	struct err e;

	(void)state;
	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	out_table_row(&t, (const char *[]){ "x", wide });
	assert_int_equal(out_table_print(capture(&c), &t, &e), 0);
	snprintf(want, sizeof(want), "  A\n      B\n  x\n      %s\n", wide);
	assert_captured(&c, want);
}

static void
test_empty_columns_at_the_end_are_left_out(void **state)
{
	struct out_table t = { .columns = 4, .head = { "A", "B", "C", "D" } };
	struct capture c;
	struct err e;

	(void)state;
	out_table_row(&t, (const char *[]){ "1", "", "", "" });
	out_table_row(&t, (const char *[]){ "2", "", "x", "" });
	assert_int_equal(out_table_print(capture(&c), &t, &e), 0);
	assert_captured(&c,
	    "  A  B  C\n"
	    "  1     \n"
	    "  2     x\n");
}

static void
test_field_wraps_in_its_own_column(void **state)
{
	struct capture c;

	(void)state;
	out_field(capture(&c), "Name", "%s %s",
	    "a sentence of more than seventy characters, so that it has to",
	    "be continued");
	assert_captured(&c,
	    "Name      a sentence of more than seventy characters, so that "
	    "it has to be\n"
	    "          continued\n");
}

static void
test_no_line_is_wider_than_the_terminal(void **state)
{
	char text[300] = "";
	struct capture c;
	size_t column = 0;

	(void)state;
	for (size_t i = 0; i < 70; i++)
		memcpy(text + 4 * i, "abc ", 5);
	out_paragraph(capture(&c), 0, text);
	fclose(c.f);
	for (size_t i = 0; i < c.n; i++) {
		column = c.text[i] == '\n' ? 0 : column + 1;
		assert_true(column < OUT_COLUMNS);
	}
	free(c.text);
}

static void
test_width_counts_characters_not_bytes(void **state)
{
	(void)state;
	assert_int_equal(out_width("abc"), 3);
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		skip();
	assert_int_equal(out_width("k\xc3\xa4se"), 4);
	assert_int_equal(out_width("\xe9\x8d\xb5"), 2);
	assert_int_equal(out_width("\xff\xff"), 2);
	setlocale(LC_CTYPE, "C");
}

static void
test_json_takes_any_bytes(void **state)
{
	static const uint8_t bytes[] = { 'a', 0xff, '\n', '"' };
	json_t *j = out_json_span((struct span){ bytes, sizeof(bytes) });

	(void)state;
	assert_string_equal(json_string_value(j), "a??\"");
	json_decref(j);
	j = out_json_count(-1);
	assert_true(json_is_null(j));
	json_decref(j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_are_as_wide_as_their_widest),
		cmocka_unit_test(test_last_column_moves_down_when_too_wide),
		cmocka_unit_test(test_empty_columns_at_the_end_are_left_out),
		cmocka_unit_test(test_field_wraps_in_its_own_column),
		cmocka_unit_test(test_no_line_is_wider_than_the_terminal),
		cmocka_unit_test(test_width_counts_characters_not_bytes),
		cmocka_unit_test(test_json_takes_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

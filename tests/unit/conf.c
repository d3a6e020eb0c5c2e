/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/conf.h"
#include "tests/unit/data.h"

/* The words of all lines, as "1:a|b 2:c". */
static int
collect(void *arg, const struct conf_line *l, struct err *e)
{
	char *out = arg, word[64];

	if (strcmp(l->word[0], "fail") == 0)
		return err_set(e, ERR_USAGE, 0, "told to");
	snprintf(word, sizeof(word), "%s%u:", out[0] != '\0' ? " " : "",
	    l->number);
	strncat(out, word, 900 - strlen(out));
	for (size_t i = 0; i < l->n; i++) {
		snprintf(word, sizeof(word), "%s%.50s", i > 0 ? "|" : "",
		    l->word[i]);
		strncat(out, word, 900 - strlen(out));
	}
	return 0;
}

static int
parse(const char *text, char out[1000], struct err *e)
{
	struct data d = data_copy(span_cstr(text));
	int r;

	out[0] = '\0';
	r = conf_parse(data_span(&d), "f", collect, out, e);
	data_free(&d);
	return r;
}

static void
test_lines_and_words(void **state)
{
	static const char *const t[][2] = {
		{ "", "" }, { "\n\n# c\n  \t\n", "" },
		{ "Key value", "1:Key|value" },
		{ "  Key\tv  # comment\n", "1:Key|v" },
		{ "Key=value\nKey = value", "1:Key|value 2:Key|value" },
		{ "Key a b\r\nNext\r\n", "1:Key|a|b 2:Next" },
		{ "Key \"a b\" \"\" \"q\\\"\\\\\"", "1:Key|a b||q\"\\" },
		{ "Key a#b", "1:Key|a#b" },
	};
	char out[1000];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		assert_int_equal(parse(t[i][0], out, &e), 0);
		assert_string_equal(out, t[i][1]);
	}
}

static void
test_errors_name_the_place(void **state)
{
	static const char *const t[][2] = {
		{ "a\n\nKey \"open", "f:3: a quote" },
		{ "Key \"a\"b", "f:1: 'b'" },
		{ "ok\nfail", "f:2: told to" },
		{ "Key a=b", "f:1: '='" },
	};
	char out[1000];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		assert_int_not_equal(parse(t[i][0], out, &e), 0);
		assert_memory_equal(e.msg, t[i][1], strlen(t[i][1]));
	}
	assert_int_equal(conf_parse((struct span){
	    (const uint8_t *)"a\0b", 3 }, "f", collect, out, &e), ERR_FORMAT);
}

static void
test_too_many_words(void **state)
{
	char text[200] = "", out[1000];
	struct err e;

	(void)state;
	for (int i = 0; i < CONF_WORDS_MAX; i++)
		strcat(text, "a ");
	assert_int_equal(parse(text, out, &e), 0);
	strcat(text, "a");
	assert_int_equal(parse(text, out, &e), ERR_LIMIT);
}

static void
test_cut_anywhere_reads_no_byte_too_many(void **state)
{
	static const char text[] = "Token \"a \\\" b\"\r\n# x\nK = v \"w\"\n";
	char out[1000];
	struct err e;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct data d = data_copy((struct span){
		    (const uint8_t *)text, n });

		out[0] = '\0';
		(void)!conf_parse(data_span(&d), "f", collect, out, &e);
		data_free(&d);
	}
}

/* The word behind the keyword, in the middle and at the end of a line. */
static int
is_word(void *arg, const struct conf_line *l, struct err *e)
{
	const char *const *want = arg;

	(void)e;
	assert_int_equal(l->n, 3);
	assert_string_equal(l->word[0], "Key");
	assert_string_equal(l->word[1], *want);
	assert_string_equal(l->word[2], *want);
	return 0;
}

static void
assert_quoted(const char *text, const char *want)
{
	char *word, *line;
	struct err e;

	assert_int_equal(conf_quote(text, &word, &e), 0);
	if (want != NULL)
		assert_string_equal(word, want);
	assert_true(asprintf(&line, "Key %s %s\r\n", word, word) > 0);
	assert_int_equal(conf_parse(span_cstr(line), "f", is_word, &text,
	    &e), 0);
	free(word);
	free(line);
}

static void
test_what_is_quoted_is_read_as_it_was(void **state)
{
	static const char *const t[][2] = {
		{ "a", "a" }, { "", "\"\"" }, { "a b", "\"a b\"" },
		{ "#", "\"#\"" }, { "a#b", "a#b" }, { "a=b", "\"a=b\"" },
		{ "q\"\\", "\"q\\\"\\\\\"" }, { "a\\b", "a\\b" },
		{ "\\", "\\" }, { "\xc3\xa4", "\xc3\xa4" },
		{ "a\r", "\"a\r\"" }, { "\"", "\"\\\"\"" },
	};
	char two[3] = "", *word;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		assert_quoted(t[i][0], t[i][1]);
	for (int a = 1; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			two[0] = (char)a;
			two[1] = (char)b;
			if (a != '\n' && b != '\n')
				assert_quoted(two, NULL);
		}
	assert_int_equal(conf_quote("a\nb", &word, &e), ERR_FORMAT);
	assert_null(word);
}

static void
test_times(void **state)
{
	static const struct {
		const char *text;
		unsigned int s;
	} t[] = { { "0", 0 }, { "90", 90 }, { "10m", 600 }, { "1h30m", 5400 },
	    { "2d", 172800 }, { "1w", 604800 }, { "5s", 5 } };
	static const char *const bad[] = { "", "m", "-1", "1x", "1h ", "1.5h",
	    "99999999999999999999", "400d", "1m1y" };
	unsigned int s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		assert_int_equal(conf_time(t[i].text, &s, &e), 0);
		assert_int_equal(s, t[i].s);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(conf_time(bad[i], &s, &e), ERR_USAGE);
}

static void
test_files_that_others_can_write_are_refused(void **state)
{
	char path[] = "conf-test-XXXXXX", out[1000] = "";
	int fd = mkstemp(path);
	struct err e;

	(void)state;
	assert_true(fd != -1);
	assert_int_equal(write(fd, "Key v\n", 6), 6);
	assert_int_equal(conf_load(path, collect, out, &e), 0);
	assert_string_equal(out, "1:Key|v");
	assert_int_equal(fchmod(fd, 0664), 0);
	assert_int_equal(conf_load(path, collect, out, &e), ERR_DENIED);
	close(fd);
	unlink(path);
	assert_int_equal(conf_load(path, collect, out, &e), ERR_NOTFOUND);
	assert_int_equal(conf_load(".", collect, out, &e), ERR_DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_and_words),
		cmocka_unit_test(test_errors_name_the_place),
		cmocka_unit_test(test_too_many_words),
		cmocka_unit_test(test_cut_anywhere_reads_no_byte_too_many),
		cmocka_unit_test(test_what_is_quoted_is_read_as_it_was),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_files_that_others_can_write_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

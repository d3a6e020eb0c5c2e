/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pin/assuan.h"

/* What an answer is, when its bytes come in pieces of that size. */
static int
ask(const char *text, size_t piece, struct secret *data,
    struct assuan_answer *answer, struct err *e)
{
	struct assuan *a = assuan_new();
	size_t left = strlen(text), n;
	void *to;
	int r;

	assert_non_null(a);
	e->msg[0] = '\0';
	secret_clear(data);
	while ((r = assuan_next(a, data, answer, e)) == 0 &&
	    answer->kind == ASSUAN_MORE && left > 0) {
		to = assuan_room(a, &n);
		assert_true(n > 0);
		n = n > piece ? piece : n;
		n = n > left ? left : n;
		memcpy(to, text, n);
		assuan_added(a, n);
		text += n;
		left -= n;
	}
	assuan_free(a);
	return r;
}

static const struct {
	const char		*text;
	int			 r;
	enum assuan_kind	 kind;
	const char		*data;
} cases[] = {
	{ "OK\n", 0, ASSUAN_OK, "" },
	{ "OK\r\n", 0, ASSUAN_OK, "" },
	{ "OK Pleased to meet you\n", 0, ASSUAN_OK, "" },
	{ "# a remark\n\nS KEY value\nS\nOK\n", 0, ASSUAN_OK, "" },
	{ "D 648219\nOK\n", 0, ASSUAN_OK, "648219" },
	{ "D 648\nS x\nD 219\r\nOK\n", 0, ASSUAN_OK, "648219" },
	{ "D %36%34%38%32%31%39\nOK\n", 0, ASSUAN_OK, "648219" },
	{ "D %25%0a%0D+ %c3%BC\nOK\n", 0, ASSUAN_OK,
	    "%\n\r+ \303\274" },
	{ "D \nD\nOK\n", 0, ASSUAN_OK, "" },
	{ "D  1 \nOK\n", 0, ASSUAN_OK, " 1 " },
	{ "INQUIRE QUALITY 123\n", 0, ASSUAN_INQUIRE, "" },
	{ "ERR 83886179 Operation cancelled <Pinentry>\n", 0, ASSUAN_ERR,
	    "" },
	{ "ERR 83886179\n", 0, ASSUAN_ERR, "" },
	{ "D 12\nERR 1 no\n", 0, ASSUAN_ERR, "12" },
	{ "D 1%4\nOK\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ "D 1%\nOK\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ "D %4g\nOK\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ "D %-1\nOK\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ "ERR\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ "ERR no number\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ "ERR 12x\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ "ERR 4294967296 x\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ "OKAY\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ "ok\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ "O\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ " OK\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ "648219\n", ERR_FORMAT, ASSUAN_MORE, "" },
	{ "END\n", ERR_FORMAT, ASSUAN_MORE, "" },
};

static void
test_each_line_means_what_it_says(void **state)
{
	struct secret *data = secret_new();
	struct assuan_answer answer;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(ask(cases[i].text, 1000, data, &answer, &e),
		    cases[i].r);
		if (cases[i].r != 0) {
			assert_true(e.msg[0] != '\0');
			continue;
		}
		assert_int_equal(answer.kind, cases[i].kind);
		assert_int_equal(secret_len(data), strlen(cases[i].data));
		assert_memory_equal(secret_bytes(data), cases[i].data,
		    secret_len(data));
	}
	secret_free(data);
}

static void
test_an_answer_may_come_in_any_pieces(void **state)
{
	struct secret *whole = secret_new(), *data = secret_new();
	struct assuan_answer want, answer;
	struct err e;
	int r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		r = ask(cases[i].text, 1000, whole, &want, &e);
		for (size_t n = 1; n < 12; n++) {
			assert_int_equal(ask(cases[i].text, n, data, &answer,
			    &e), r);
			assert_int_equal(answer.kind, want.kind);
			assert_int_equal(answer.code, want.code);
			assert_string_equal(answer.text, want.text);
			assert_true(secret_eq(data, whole));
		}
	}
	secret_free(whole);
	secret_free(data);
}

static void
test_an_answer_that_is_cut_is_none(void **state)
{
	static const char text[] =
	    "# hi\nS a b\nD 64%38\nD 219\r\nERR 12 because\r\n";
	struct secret *data = secret_new();
	struct assuan_answer answer;
	char part[sizeof(text)];
	struct err e;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		memcpy(part, text, n);
		part[n] = '\0';
		assert_int_equal(ask(part, 7, data, &answer, &e), 0);
		assert_int_equal(answer.kind, ASSUAN_MORE);
	}
	assert_int_equal(ask(text, 7, data, &answer, &e), 0);
	assert_int_equal(answer.kind, ASSUAN_ERR);
	assert_int_equal(answer.code, 12);
	assert_string_equal(answer.text, "because");
	secret_free(data);
}

static void
test_what_an_error_says_is_printable(void **state)
{
	struct secret *data = secret_new();
	struct assuan_answer answer;
	char text[900];
	struct err e;

	(void)state;
	snprintf(text, sizeof(text), "ERR 4294967295 a\033[2J\377%0800d\n",
	    0);
	assert_int_equal(ask(text, 1000, data, &answer, &e), 0);
	assert_true(answer.code == 4294967295U);
	assert_memory_equal(answer.text, "a?[2J?0000", 10);
	assert_int_equal(strlen(answer.text), sizeof(answer.text) - 1);
	secret_free(data);
}

/* Room for a line and more, NUL-terminated. */
static char *
long_line(const char *start, size_t n, const char *end)
{
	static char line[4 * ASSUAN_LINE_MAX];
	size_t at = strlen(start);

	memset(line, 'a', n);
	memcpy(line, start, at);
	snprintf(line + n, sizeof(line) - n, "%s", end);
	return line;
}

static void
test_there_is_an_end_to_everything(void **state)
{
	struct secret *data = secret_new();
	struct assuan_answer answer;
	char many[4 * ASSUAN_ANSWER_LINES] = "";
	struct err e;

	(void)state;
	assert_int_equal(ask(long_line("S ", 999, "\nOK\n"), 5000, data,
	    &answer, &e), 0);
	assert_int_equal(answer.kind, ASSUAN_OK);
	assert_int_equal(ask(long_line("S ", 999, "\r\nOK\n"), 5000, data,
	    &answer, &e), 0);
	assert_int_equal(ask(long_line("S ", 1001, "\nOK\n"), 5000, data,
	    &answer, &e), ERR_LIMIT);
	assert_int_equal(ask(long_line("S ", 3000, ""), 5000, data,
	    &answer, &e), ERR_LIMIT);
	/* One byte more than a secret has. */
	assert_int_equal(ask(long_line("D ", 2 + SECRET_MAX, "\nOK\n"), 5000,
	    data, &answer, &e), 0);
	assert_int_equal(secret_len(data), SECRET_MAX);
	assert_int_equal(ask(long_line("D ", 3 + SECRET_MAX, "\nOK\n"), 5000,
	    data, &answer, &e), ERR_LIMIT);
	for (size_t i = 0; i < ASSUAN_ANSWER_LINES; i++)
		memcpy(many + 2 * i, "#\n", 3);
	assert_int_equal(ask(many, 5000, data, &answer, &e), 0);
	memcpy(many + 2 * ASSUAN_ANSWER_LINES, "OK\n", 4);
	assert_int_equal(ask(many, 5000, data, &answer, &e), ERR_LIMIT);
	secret_free(data);
}

static void
test_data_comes_only_where_it_is_wanted(void **state)
{
	struct assuan *a = assuan_new();
	struct assuan_answer answer;
	struct err e;
	size_t n;

	(void)state;
	memcpy(assuan_room(a, &n), "OK\nOK\nD 1\n", 10);
	assuan_added(a, 10);
	assert_int_equal(assuan_next(a, NULL, &answer, &e), 0);
	assert_int_equal(answer.kind, ASSUAN_OK);
	assert_int_equal(assuan_next(a, NULL, &answer, &e), 0);
	assert_int_equal(assuan_next(a, NULL, &answer, &e), ERR_FORMAT);
	assuan_free(a);
}

static void
test_a_command_is_one_line_whatever_is_in_it(void **state)
{
	char line[ASSUAN_LINE_MAX] = "SETDESC ";
	char text[1200];

	(void)state;
	assuan_escape(line, "a%b\r\nBYE\n\033\177 \303\274");
	assert_string_equal(line,
	    "SETDESC a%25b%0D%0ABYE%0A%1B%7F \303\274");
	for (size_t n = sizeof(text) - 1; n > 900; n--) {
		memset(text, 'a', sizeof(text));
		text[n] = '\0';
		text[n - 1] = '%';
		snprintf(line, sizeof(line), "SETDESC ");
		assuan_escape(line, text);
		assert_true(strlen(line) <= ASSUAN_LINE_MAX - 2);
		/* An escape is there as a whole or not at all. */
		assert_true(strchr(line, '%') == NULL ||
		    strcmp(strchr(line, '%'), "%25") == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_line_means_what_it_says),
		cmocka_unit_test(test_an_answer_may_come_in_any_pieces),
		cmocka_unit_test(test_an_answer_that_is_cut_is_none),
		cmocka_unit_test(test_what_an_error_says_is_printable),
		cmocka_unit_test(test_there_is_an_end_to_everything),
		cmocka_unit_test(test_data_comes_only_where_it_is_wanted),
		cmocka_unit_test(test_a_command_is_one_line_whatever_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

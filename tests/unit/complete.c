/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keyutil/commands.h"
#include "keyutil/complete.h"

#define WORDS_MAX	8

/* Of a line whose words are parted by single blanks. */
static struct complete
of(const char *line)
{
	static char text[128];	/* the answer may borrow from it */
	char *words[WORDS_MAX], *p = text;
	struct complete c;
	size_t n = 0;

	snprintf(text, sizeof(text), "%s", line);
	while (p != NULL && n < WORDS_MAX) {
		words[n++] = p;
		if ((p = strchr(p, ' ')) != NULL)
			*p++ = '\0';
	}
	complete(words, n, &c);
	return c;
}

static bool
offers(const struct complete *c, const char *text)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].text, text) == 0)
			return true;
	return false;
}

static void
test_first_word_is_a_command(void **state)
{
	struct complete c = of("");

	(void)state;
	assert_int_equal(c.kind, COMPLETE_WORDS);
	assert_true(offers(&c, "export"));
	assert_true(offers(&c, "help"));
	assert_false(offers(&c, "--version"));
	c = of("-");
	assert_true(offers(&c, "--version"));
}

/* The second word of a name where the first is there, and no more. */
static void
test_every_command_is_offered_word_by_word(void **state)
{
	struct complete c;

	(void)state;
	for (size_t i = 0; commands[i] != NULL; i++) {
		const char *name = commands[i]->name, *word = name;
		char before[32], help[40], next[32];

		for (size_t n; *word != '\0'; word += n + (word[n] == ' ')) {
			n = strcspn(word, " ");
			snprintf(next, sizeof(next), "%.*s", (int)n, word);
			snprintf(before, sizeof(before), "%.*s",
			    (int)(word - name), name);
			c = of(before);
			assert_true(offers(&c, next));
			snprintf(help, sizeof(help), "help %s", before);
			c = of(help);
			assert_true(offers(&c, next));
		}
	}
}

static void
test_help_takes_the_name_of_a_command(void **state)
{
	struct complete c = of("help ex");

	(void)state;
	assert_true(offers(&c, "export"));
	c = of("help export ");
	assert_int_equal(c.n, 0);
}

static void
test_options_are_offered_after_a_dash(void **state)
{
	struct complete c = of("export -");

	(void)state;
	assert_true(offers(&c, "--format"));
	assert_true(offers(&c, "--help"));
	c = of("export --ca --");
	assert_false(offers(&c, "--ca"));
	assert_true(offers(&c, "--format"));
	c = of("list ");
	assert_true(offers(&c, "--json"));
}

static void
test_argument_of_an_option_is_what_the_help_calls_it(void **state)
{
	struct complete c = of("export --format ");

	(void)state;
	assert_true(offers(&c, "sshfp"));
	assert_false(offers(&c, "--ca"));
	c = of("export --format=ss");
	assert_true(offers(&c, "sshfp"));
	assert_int_equal(of("list --token ").kind, COMPLETE_TOKENS);
	assert_int_equal(of("list -t ").kind, COMPLETE_TOKENS);
	c = of("export --hosts ");
	assert_int_equal(c.kind, COMPLETE_WORDS);
	assert_int_equal(c.n, 0);
	c = of("ca sign --approval ");	/* FILE..., many times */
	assert_int_equal(c.kind, COMPLETE_FILES);
}

static void
test_operand_is_what_the_help_calls_it(void **state)
{
	struct complete c;

	(void)state;
	assert_int_equal(of("export ").kind, COMPLETE_KEYS);
	assert_int_equal(of("export a b ").kind, COMPLETE_KEYS);
	assert_int_equal(of("lock ").kind, COMPLETE_TOKENS);
	c = of("lock a ");
	assert_int_equal(c.kind, COMPLETE_WORDS);
	assert_int_equal(c.n, 0);
	c = of("completion ");
	assert_int_equal(c.n, 3);
	assert_string_equal(c.v[1].text, "zsh");
}

static void
test_arguments_of_options_are_no_operands(void **state)
{
	(void)state;
	assert_int_equal(of("lock --help ").kind, COMPLETE_TOKENS);
	assert_int_equal(of("export --format pem ").kind, COMPLETE_KEYS);
	assert_int_equal(of("export -- -").kind, COMPLETE_KEYS);
}

static void
test_token_that_was_named_is_told(void **state)
{
	(void)state;
	assert_string_equal(of("export --token A ").token,
	    "A");
	assert_string_equal(of("export --token=B ").token, "B");
	assert_string_equal(of("export -tC ").token, "C");
	assert_null(of("export --hosts --token ").token);
}

static void
test_words_that_make_no_sense_are_passed_over(void **state)
{
	struct complete c;

	(void)state;
	assert_int_equal(of("nonsense ").n, 0);
	assert_int_equal(of("exp ").n, 0);
	assert_int_equal(of("export --nonsense ").kind, COMPLETE_KEYS);
	assert_int_equal(of("export --format --format ").kind, COMPLETE_KEYS);
	complete(NULL, 0, &c);
	assert_int_equal(c.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_word_is_a_command),
		cmocka_unit_test(test_every_command_is_offered_word_by_word),
		cmocka_unit_test(test_help_takes_the_name_of_a_command),
		cmocka_unit_test(test_options_are_offered_after_a_dash),
		cmocka_unit_test(
		    test_argument_of_an_option_is_what_the_help_calls_it),
		cmocka_unit_test(test_operand_is_what_the_help_calls_it),
		cmocka_unit_test(test_arguments_of_options_are_no_operands),
		cmocka_unit_test(test_token_that_was_named_is_told),
		cmocka_unit_test(
		    test_words_that_make_no_sense_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

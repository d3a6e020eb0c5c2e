/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keyutil/keyid.h"

static const struct keyid_words words = { .user = "alice",
    .comment = "alice@laptop", .serial = 17, .now = 1795690000 };

static void
makes(const char *template, const char *id)
{
	char out[CA_NAME_MAX + 1];
	struct err e;

	assert_int_equal(keyid_make(template, &words, out, &e), 0);
	assert_string_equal(out, id);
	assert_true(keyid_matches(template, &words, span_cstr(id)));
}

static void
test_words_in_braces_are_replaced_and_no_others(void **state)
{
	(void)state;
	makes("", "");
	makes("fixed", "fixed");
	makes("{user}", "alice");
	makes("{user}{user}", "alicealice");
	makes(KEYID_DEFAULT, "alice@2026-11-26.17");
	makes("{comment} of {date}, {serial}",
	    "alice@laptop of 2026-11-26, 17");
	makes("{", "{");
	makes("{user", "{user");
	makes("{User}{}{name}", "{User}{}{name}");
	makes("{{user}}", "{alice}");
}

static void
test_what_a_word_stands_for_is_no_template(void **state)
{
	const struct keyid_words w = { .user = "{serial}", .comment = "{date}",
	    .serial = UINT64_MAX };
	char out[CA_NAME_MAX + 1];
	struct err e;

	(void)state;
	assert_int_equal(keyid_make("{user}{comment}{serial}", &w, out, &e),
	    0);
	assert_string_equal(out, "{serial}{date}18446744073709551615");
}

static void
test_a_key_id_has_a_limit(void **state)
{
	char long_user[CA_NAME_MAX + 1] = "", out[CA_NAME_MAX + 1];
	struct keyid_words w = { .user = long_user, .comment = "" };
	struct err e;

	(void)state;
	memset(long_user, 'a', CA_NAME_MAX);
	assert_int_equal(keyid_make("{user}", &w, out, &e), 0);
	assert_int_equal(strlen(out), CA_NAME_MAX);
	assert_int_equal(keyid_make("{user}b", &w, out, &e), ERR_LIMIT);
	assert_int_equal(keyid_make("{user}{serial}", &w, out, &e),
	    ERR_LIMIT);
}

static void
test_a_key_id_of_another_day_is_one_of_the_template(void **state)
{
	static const char *const others[] = { "alice@2025-01-02.1",
	    "bob@2025-01-02.17", "alice@2025-01-02.17x", "alice@2025-01-02.",
	    "alice@2025-01x02.17", "alice@25-01-02.17", "alice@", "",
	    "alice@2o25-01-02.17", };

	(void)state;
	assert_true(keyid_matches(KEYID_DEFAULT, &words,
	    span_cstr("alice@2025-01-02.17")));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(keyid_matches(KEYID_DEFAULT, &words,
		    span_cstr(others[i])));
	assert_false(keyid_matches("", &words, span_cstr("a")));
}

/* Nothing is read behind the end of a shorter one. */
static void
test_a_key_id_can_be_cut_anywhere(void **state)
{
	static const char id[] = "alice@2025-01-02.17";

	(void)state;
	for (size_t n = 0; n < sizeof(id) - 1; n++)
		assert_false(keyid_matches(KEYID_DEFAULT, &words,
		    (struct span){ (const uint8_t *)id, n }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_words_in_braces_are_replaced_and_no_others),
		cmocka_unit_test(test_what_a_word_stands_for_is_no_template),
		cmocka_unit_test(test_a_key_id_has_a_limit),
		cmocka_unit_test(
		    test_a_key_id_of_another_day_is_one_of_the_template),
		cmocka_unit_test(test_a_key_id_can_be_cut_anywhere),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keyutil/carevoke.h"

/* What the ledger says of it is the business of tests/e2e/caledger.sh. */

static void
serials(const char *text, uint64_t low, uint64_t high, const char *words)
{
	const struct carevoke_wish w = { .serial = text };
	uint64_t l, h;
	struct carevoke v;
	struct err e;

	if (carevoke_parse(&w, &v, &e) != 0)
		fail_msg("%s: %s", text, e.msg);
	assert_int_equal(v.how, LEDGER_SERIALS);
	assert_true(ledger_serials_of(wire_bytes(&v.what), &l, &h));
	assert_int_equal(l, low);
	assert_int_equal(h, high);
	assert_string_equal(v.words, words);
	carevoke_free(&v);
}

static void
one_number_or_a_range_is_revoked(void **state)
{
	(void)state;
	serials("7", 7, 7, "serial number 7");
	serials("7-9", 7, 9, "serial numbers 7 to 9");
	serials("7-7", 7, 7, "serial number 7");
	serials("18446744073709551615", UINT64_MAX, UINT64_MAX,
	    "serial number 18446744073709551615");
	serials("1-18446744073709551615", 1, UINT64_MAX,
	    "serial numbers 1 to 18446744073709551615");
	serials("000000000000000000000000000000000000000000123", 123, 123,
	    "serial number 123");
	serials("000000000000000000000000000000000000000000123-124", 123, 124,
	    "serial numbers 123 to 124");
}

static void
refused(const struct carevoke_wish *w, enum err_code code, const char *says)
{
	struct carevoke v;
	struct err e;

	assert_int_equal(carevoke_parse(w, &v, &e), code);
	if (strstr(e.msg, says) == NULL)
		fail_msg("%s", e.msg);
	carevoke_free(&v);
}

static void
what_is_no_number_is_refused(void **state)
{
	static const char *const bad[] = { "", "-", "7-", "-7", "x", "7x",
	    "7-x", "1-2-3", " 7", "+7", "0x7", "18446744073709551616",
	    "1-18446744073709551616" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refused(&(struct carevoke_wish){ .serial = bad[i] },
		    ERR_USAGE, "serial");
	refused(&(struct carevoke_wish){ .serial = "9-7" }, ERR_USAGE,
	    "lowest number first");
}

static void
number_0_is_refused_with_the_way_out(void **state)
{
	(void)state;
	refused(&(struct carevoke_wish){ .serial = "0" }, ERR_USAGE,
	    "--key-id or --subject");
	refused(&(struct carevoke_wish){ .serial = "0-9" }, ERR_USAGE,
	    "--key-id or --subject");
}

static void
just_one_thing_is_revoked_at_a_time(void **state)
{
	(void)state;
	refused(&(struct carevoke_wish){ 0 }, ERR_USAGE, "by one of");
	refused(&(struct carevoke_wish){ .serial = "1", .key_id = "a" },
	    ERR_USAGE, "by one of");
}

static void
a_name_is_taken_as_it_is_and_shown_clean(void **state)
{
	const struct carevoke_wish id = { .key_id = "a \"b\"\x1b" };
	const struct carevoke_wish name = { .principal = "alice" };
	struct carevoke v;
	struct err e;

	(void)state;
	assert_int_equal(carevoke_parse(&id, &v, &e), 0);
	assert_int_equal(v.how, LEDGER_KEY_ID);
	assert_true(span_is(wire_bytes(&v.what), id.key_id));
	assert_null(strchr(v.words, '\x1b'));
	carevoke_free(&v);
	assert_int_equal(carevoke_parse(&name, &v, &e), 0);
	assert_int_equal(v.how, LEDGER_PRINCIPAL);
	assert_string_equal(v.words, "principal \"alice\"");
	carevoke_free(&v);
	refused(&(struct carevoke_wish){ .key_id = "" }, ERR_USAGE, "--key-id");
	refused(&(struct carevoke_wish){ .principal = "" }, ERR_USAGE,
	    "--principal");
}

static void
a_file_has_to_be_there(void **state)
{
	(void)state;
	refused(&(struct carevoke_wish){ .subject = "/nowhere/a.pub" },
	    ERR_SYS, "/nowhere/a.pub");
	refused(&(struct carevoke_wish){ .certificate = "/dev/null" },
	    ERR_FORMAT, "/dev/null");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_number_or_a_range_is_revoked),
		cmocka_unit_test(what_is_no_number_is_refused),
		cmocka_unit_test(number_0_is_refused_with_the_way_out),
		cmocka_unit_test(just_one_thing_is_revoked_at_a_time),
		cmocka_unit_test(a_name_is_taken_as_it_is_and_shown_clean),
		cmocka_unit_test(a_file_has_to_be_there),
	};

	return cmocka_run_group_tests_name("carevoke", tests, NULL, NULL);
}

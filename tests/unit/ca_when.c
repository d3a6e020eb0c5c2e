/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/when.h"
#include "ssh/cert.h"

#define NOW	1795675237	/* 2026-11-26 06:40:37 UTC */
#define MINUTE	1795675140	/* the full one, 59 seconds ago at least */
#define DAY	UINT64_C(86400)

struct good {
	const char	*text;
	uint64_t	 after, before;
};

static void
is_read(const struct good *g, time_t now)
{
	uint64_t after = 0, before = 0;
	struct err e;

	if (ca_when_parse(g->text, now, &after, &before, &e) != 0)
		fail_msg("%s: %s", g->text, e.msg);
	if (after != g->after || before != g->before)
		fail_msg("%s: %" PRIu64 " to %" PRIu64, g->text, after,
		    before);
}

static void
place(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static void
test_each_form_is_read(void **state)
{
	static const struct good t[] = {
		{ "+8h", MINUTE, NOW + 8 * 3600 },
		{ "8h", MINUTE, NOW + 8 * 3600 },
		{ "+1", MINUTE, NOW + 1 },
		{ "+90", MINUTE, NOW + 90 },
		{ "1W2d3h4M5s", MINUTE, NOW + 9 * DAY + 3 * 3600 + 245 },
		{ "1h30", MINUTE, NOW + 3630 },
		{ "+520w", MINUTE, NOW + 520 * 7 * DAY },
		{ "-5m:+8h", NOW - 300, NOW + 8 * 3600 },
		{ "+1d:+2d", NOW + DAY, NOW + 2 * DAY },
		{ "-1d:+0s1", NOW - DAY, NOW + 1 },
		{ "20261126:20261127", 1795651200, 1795651200 + DAY },
		{ "202611260800:20261126080001", 1795680000, 1795680001 },
		{ "20261126Z:20261127080000z", 1795651200,
		    1795651200 + DAY + 8 * 3600 },
		{ "20261126UTC:202611270800utc", 1795651200,
		    1795651200 + DAY + 8 * 3600 },
		{ "20280229:20280301", 1835395200, 1835481600 },
		{ "0x0:0x7b070000", 0, 0x7b070000 },
		{ "0x6B010A07:0xffffffffffffffff", 0x6b010a07, UINT64_MAX },
		{ "always:forever", 0, CERT_FOREVER },
		{ "always:+1h", 0, NOW + 3600 },
		{ "20261126:forever", 1795651200, CERT_FOREVER },
		{ "-1w:99991231235959Z", NOW - 7 * DAY,
		    UINT64_C(253402300799) },
	};

	(void)state;
	place("UTC");
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		is_read(&t[i], NOW);
}

static void
test_without_a_z_the_clock_of_the_place_counts(void **state)
{
	static const struct good t[] = {
		{ "20261126:202611271200", 1795651200 - 3600,
		    1795651200 + DAY + 11 * 3600 },
		{ "20270701:202707011200Z", 1814392800, 1814443200 },
		{ "202707011200:202707011201", 1814436000, 1814436060 },
	};

	(void)state;
	place("CET-1CEST,M3.5.0,M10.5.0/3");
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		is_read(&t[i], NOW);
	place("UTC");
}

static void
test_what_begins_now_began_a_full_minute_ago(void **state)
{
	static const struct {
		time_t		now;
		uint64_t	after;
	} t[] = {
		{ 0, 0 }, { 59, 0 }, { 118, 0 }, { 119, 60 },
		{ 179, 120 }, { 180, 120 }, { 238, 120 }, { 239, 180 },
		{ -7, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		const uint64_t now = t[i].now > 0 ? (uint64_t)t[i].now : 0;
		const struct good g = { "1h", t[i].after, now + 3600 };

		is_read(&g, t[i].now);
	}
}

static void
test_what_is_wrong_is_said(void **state)
{
	static const struct {
		const char	*text, *why;
	} t[] = {
		{ "", "8h" },
		{ "8", "8h" },
		{ "20261127", "FROM:TO" },
		{ "+", "\"\" is no length of time" },
		{ "-5m", "\"-5m\" is no length of time" },
		{ "+-5m", "\"-5m\" is no length" },
		{ "h", "\"h\" is no length" },
		{ "8x", "'x' is no unit of time" },
		{ "+8h 3m", "\"8h 3m\" is no length" },
		{ "8hh", "\"8hh\" is no length" },
		{ "1.5h", "'.' is no unit" },
		{ "99999999999999999999w", "too long a time" },
		{ "9999999999999999w", "too long a time" },
		{ "4611686018427387904", "FROM:TO" },
		{ "+4611686018427387905", "too long a time" },
		{ ":20261127", "the beginning is missing" },
		{ "20261126:", "the end is missing" },
		{ ":", "the beginning is missing" },
		{ "forever:always", "\"forever\" is no time" },
		{ "always:always", "\"always\" is no time" },
		{ "8h:+9h", "\"8h\" is no time" },
		{ "now:+8h", "\"now\" is no time" },
		{ "2026112:+8h", "\"2026112\" is no time" },
		{ "2026112606:+8h", "\"2026112606\" is no time" },
		{ "20261126ZZ:+8h", "\"20261126ZZ\" is no time" },
		{ "20261126:20261127:", "\"20261127:\" is no time" },
		{ "20260231:+8h", "there is no such day" },
		{ "20261301:+8h", "there is no such day" },
		{ "20260001:+8h", "there is no such day" },
		{ "20261100:+8h", "there is no such day" },
		{ "20270229Z:+8h", "there is no such day" },
		{ "202611262400:+8h", "there is no such day" },
		{ "202611260860:+8h", "there is no such day" },
		{ "20261126080060:+8h", "there is no such day" },
		{ "19691231Z:+8h", "\"19691231Z\" is before 1970" },
		{ "00000101:+8h", "is before 1970" },
		{ "-9999w:+8h", "\"-9999w\" is before 1970" },
		{ "0x:+8h", "no hexadecimal number" },
		{ "0xg:+8h", "no hexadecimal number" },
		{ "0x1ffffffffffffffff:+8h", "no hexadecimal number" },
		{ "0X1:+8h", "\"0X1\" is no time" },
		{ "+0s", "it is over already" },
		{ "0", "8h" },
		{ "-2h:-1h", "it is over already" },
		{ "always:20261126", "it is over already" },
		{ "20261127:20261127", "it ends before it begins" },
		{ "+2h:+1h", "it ends before it begins" },
		{ "20261128:20261127", "it ends before it begins" },
		{ "0xffffffffffffffff:forever", "it ends before it begins" },
		{ "+8h\n", "characters that no time has" },
		{ "\x1b[2J", "characters that no time has" },
	};
	uint64_t after, before;
	struct err e;

	(void)state;
	place("UTC");
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		if (ca_when_parse(t[i].text, NOW, &after, &before,
		    &e) != ERR_USAGE)
			fail_msg("\"%s\" is read", t[i].text);
		if (strstr(e.msg, t[i].why) == NULL)
			fail_msg("\"%s\": %s", t[i].text, e.msg);
	}
}

static void
test_an_hour_that_is_left_out_in_spring_is_none(void **state)
{
	static const struct good before_and_after = {
		"202703280159:202703280300", 1806195540, 1806195600 };
	uint64_t after, before;
	struct err e;

	(void)state;
	place("CET-1CEST,M3.5.0,M10.5.0/3");
	is_read(&before_and_after, NOW);
	assert_int_equal(ca_when_parse("202703280230:20270329", NOW, &after,
	    &before, &e), ERR_USAGE);
	assert_non_null(strstr(e.msg, "no such time on it"));
	place("UTC");
}

static void
test_a_long_text_is_refused_and_shown_in_part(void **state)
{
	char text[4001];
	uint64_t after, before;
	struct err e;

	(void)state;
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(ca_when_parse(text, NOW, &after, &before, &e),
	    ERR_USAGE);
	assert_non_null(strstr(e.msg, "too long"));
}

/* Each beginning is refused, or is an interval itself. */
static void
test_a_text_cut_anywhere_is_never_an_empty_interval(void **state)
{
	static const char *const texts[] = {
		"20261126080000Z:20261127080000Z", "-5m30s:+1w2d3h4m5s",
		"0x6b010a07:0x7b011943", "always:forever", "+1d12h30m",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		for (size_t n = 0; n < strlen(texts[i]); n++) {
			uint64_t after, before;
			char *cut = strndup(texts[i], n);
			struct err e;

			assert_non_null(cut);
			if (ca_when_parse(cut, NOW, &after, &before,
			    &e) == 0) {
				assert_true(after < before);
				assert_true(before > NOW);
			} else
				assert_int_equal(e.code, ERR_USAGE);
			free(cut);
		}
}

static void
test_one_time_stands_alone(void **state)
{
	static const struct {
		const char	*text;
		uint64_t	 at;
	} good[] = {
		{ "now", NOW }, { "+1h", NOW + 3600 }, { "-1h", NOW - 3600 },
		{ "20261126Z", 1795651200 }, { "0x10", 16 }, { "always", 0 },
	};
	static const char *const bad[] = { "", "NOW", "now ", "1h",
	    "forever", "20260230", "20261126:20261127", "now\n" };
	uint64_t at = 0;
	struct err e;

	(void)state;
	place("UTC");
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(ca_when_point(good[i].text, NOW, &at, &e),
		    0);
		assert_int_equal(at, good[i].at);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (ca_when_point(bad[i], NOW, &at, &e) != ERR_USAGE)
			fail_msg("%s", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_form_is_read),
		cmocka_unit_test(
		    test_without_a_z_the_clock_of_the_place_counts),
		cmocka_unit_test(
		    test_what_begins_now_began_a_full_minute_ago),
		cmocka_unit_test(test_what_is_wrong_is_said),
		cmocka_unit_test(
		    test_an_hour_that_is_left_out_in_spring_is_none),
		cmocka_unit_test(
		    test_a_long_text_is_refused_and_shown_in_part),
		cmocka_unit_test(
		    test_a_text_cut_anywhere_is_never_an_empty_interval),
		cmocka_unit_test(test_one_time_stands_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

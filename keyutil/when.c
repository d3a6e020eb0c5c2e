/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "keyutil/when.h"

static int
number(const char *s, size_t digits)
{
	int v = 0;

	while (digits-- > 0)
		v = v * 10 + (*s++ - '0');
	return v;
}

/* mktime() makes the 1st of March of a 29th of February that is none. */
static bool
is_as_written(const struct tm *a, const struct tm *b)
{
	return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon &&
	    a->tm_mday == b->tm_mday && a->tm_hour == b->tm_hour &&
	    a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

static bool
parse(const char *s, uint64_t *seconds)
{
	const size_t n = strspn(s, "0123456789");
	struct tm tm = { .tm_isdst = -1 }, made;
	const bool utc = strcmp(s + n, "Z") == 0;
	time_t t;

	if ((n != 8 && n != 12 && n != 14) || (!utc && s[n] != '\0'))
		return false;
	tm.tm_year = number(s, 4) - 1900;
	tm.tm_mon = number(s + 4, 2) - 1;
	tm.tm_mday = number(s + 6, 2);
	if (n > 8) {
		tm.tm_hour = number(s + 8, 2);
		tm.tm_min = number(s + 10, 2);
	}
	if (n > 12)
		tm.tm_sec = number(s + 12, 2);
	made = tm;
	if ((t = utc ? timegm(&made) : mktime(&made)) < 0 ||
	    !is_as_written(&tm, &made))
		return false;
	*seconds = (uint64_t)t;
	return true;
}

int
when_parse(const char *text, uint64_t *seconds, struct err *e)
{
	if (strcmp(text, "now") == 0) {
		*seconds = (uint64_t)time(NULL);
		return 0;
	}
	if (parse(text, seconds))
		return 0;
	return err_set(e, ERR_USAGE, 0, "\"%.40s\" is no time: write now, "
	    "20261231, 202612312359 or 20261231235930, with a Z behind it in "
	    "UTC", text);
}

struct when_text
when_text(uint64_t seconds)
{
	const time_t t = (time_t)seconds;
	struct when_text w;
	struct tm tm;

	if (seconds > INT64_MAX || localtime_r(&t, &tm) == NULL ||
	    strftime(w.s, sizeof(w.s), "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		snprintf(w.s, sizeof(w.s), "second %" PRIu64, seconds);
	return w;
}

struct when_text
when_span(uint64_t seconds)
{
	static const struct {
		uint64_t	 seconds;
		const char	*name;
	} units[] = {
		{ 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" },
	};
	struct when_text w = { "0 s" };
	size_t used = 0, i = 0;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	for (size_t end = i + 2; i < end && i < 4; i++) {
		const uint64_t n = seconds / units[i].seconds;

		seconds %= units[i].seconds;
		if (n > 0)
			used += (size_t)snprintf(w.s + used,
			    sizeof(w.s) - used, "%s%" PRIu64 " %s",
			    used > 0 ? " " : "", n, units[i].name);
	}
	return w;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ca/when.h"
#include "ssh/cert.h"
#include "ssh/keytext.h"

#define WHEN_MAX	100	/* bytes of the text */
#define BACK		59	/* seconds that a beginning is put back */
#define HEX_DIGITS	16

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 0: no unit. */
static uint64_t
unit_of(char c)
{
	switch (c) {
	case '\0':
	case 's':
	case 'S':
		return 1;
	case 'm':
	case 'M':
		return 60;
	case 'h':
	case 'H':
		return 3600;
	case 'd':
	case 'D':
		return 24 * 3600;
	case 'w':
	case 'W':
		return 7 * 24 * 3600;
	default:
		return 0;
	}
}

/* "8h", "1d12h", "90": the sum, below 2^62. */
static int
duration(const char *text, uint64_t *seconds, struct err *e)
{
	const uint64_t max = UINT64_C(1) << 62;
	const char *p = text;
	uint64_t sum = 0, u, v;

	do {
		if (!is_digit(*p))
			return err_set(e, ERR_USAGE, 0, "\"%s\" is no length "
			    "of time, like 8h or 1d12h30m", text);
		for (v = 0; is_digit(*p) && v < max / 10 - 1; p++)
			v = v * 10 + (uint64_t)(*p - '0');
		if (is_digit(*p))
			return err_set(e, ERR_USAGE, 0, "\"%s\" is too long "
			    "a time", text);
		if ((u = unit_of(*p)) == 0)
			return err_set(e, ERR_USAGE, 0, "'%c' is no unit of "
			    "time: s, m, h, d or w", *p);
		if (v > (max - sum) / u)
			return err_set(e, ERR_USAGE, 0, "\"%s\" is too long "
			    "a time", text);
		sum += v * u;
		if (*p != '\0')
			p++;
	} while (*p != '\0');
	*seconds = sum;
	return 0;
}

static int
relative(const char *text, uint64_t now, uint64_t *out, struct err *e)
{
	uint64_t d;
	int r;

	if ((r = duration(text + 1, &d, e)) != 0)
		return r;
	if (text[0] == '-' && d > now)
		return err_set(e, ERR_USAGE, 0, "\"%s\" is before 1970", text);
	*out = text[0] == '-' ? now - d : now + d;
	return 0;
}

static int
hex(const char *text, uint64_t *out, struct err *e)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = text + 2, *at;
	uint64_t v = 0;

	for (; *p != '\0' && p - text - 2 < HEX_DIGITS; p++) {
		const char c = *p >= 'A' && *p <= 'F' ? (char)(*p + 32) : *p;

		if ((at = strchr(digits, c)) == NULL)
			break;
		v = v << 4 | (uint64_t)(at - digits);
	}
	if (p == text + 2 || *p != '\0')
		return err_set(e, ERR_USAGE, 0, "\"%s\" is no hexadecimal "
		    "number of 64 bits", text);
	*out = v;
	return 0;
}

/* The next n digits. */
static int
number(const char **p, size_t n)
{
	int v = 0;

	while (n-- > 0)
		v = v * 10 + (*(*p)++ - '0');
	return v;
}

/* Whether the clock shows what was said; a day or an hour may not exist. */
static bool
is_shown(const struct tm *a, const struct tm *b)
{
	return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon &&
	    a->tm_mday == b->tm_mday && a->tm_hour == b->tm_hour &&
	    a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

static int
calendar(const char *text, size_t digits, bool utc, uint64_t *out,
    struct err *e)
{
	struct tm want = { .tm_isdst = -1 }, tm;
	const char *p = text;
	time_t t;

	want.tm_year = number(&p, 4) - 1900;
	want.tm_mon = number(&p, 2) - 1;
	want.tm_mday = number(&p, 2);
	if (digits > 8) {
		want.tm_hour = number(&p, 2);
		want.tm_min = number(&p, 2);
	}
	if (digits > 12)
		want.tm_sec = number(&p, 2);
	tm = want;
	t = utc ? timegm(&tm) : mktime(&tm);
	if (want.tm_year < 70 || t < 0)
		return err_set(e, ERR_USAGE, 0, "\"%s\" is before 1970", text);
	if (!is_shown(&want, &tm))
		return err_set(e, ERR_USAGE, 0, "\"%s\": there is no such day, "
		    "or no such time on it", text);
	*out = (uint64_t)t;
	return 0;
}

static int
absolute(const char *text, uint64_t *out, struct err *e)
{
	const size_t digits = strspn(text, "0123456789");
	const char *zone = text + digits;
	const bool utc = strcasecmp(zone, "Z") == 0 ||
	    strcasecmp(zone, "UTC") == 0;

	if ((digits != 8 && digits != 12 && digits != 14) ||
	    (*zone != '\0' && !utc))
		return err_set(e, ERR_USAGE, 0, "\"%s\" is no time: "
		    "YYYYMMDD[HHMM[SS]][Z], +8h or 0x... expected", text);
	return calendar(text, digits, utc, out, e);
}

/* One side of the colon; `limit` is what it is called without a limit. */
static int
moment(const char *text, const char *limit, uint64_t at_limit, uint64_t now,
    uint64_t *out, struct err *e)
{
	if (text[0] == '+' || text[0] == '-')
		return relative(text, now, out, e);
	if (strcmp(text, limit) == 0) {
		*out = at_limit;
		return 0;
	}
	if (strncmp(text, "0x", 2) == 0)
		return hex(text, out, e);
	return absolute(text, out, e);
}

static int
from_to(char *text, char *colon, uint64_t now, uint64_t *after,
    uint64_t *before, struct err *e)
{
	int r;

	if (colon == text || colon[1] == '\0')
		return err_set(e, ERR_USAGE, 0, "the %s is missing: \"always\" "
		    "and \"forever\" are for none", colon == text ?
		    "beginning" : "end");
	*colon = '\0';
	if ((r = moment(text, "always", 0, now, after, e)) != 0)
		return r;
	return moment(colon + 1, "forever", CERT_FOREVER, now, before, e);
}

/* "+8h" or "8h".  A number alone might be meant as a day: it needs a "+". */
static int
from_now(const char *text, uint64_t now, uint64_t *after, uint64_t *before,
    struct err *e)
{
	uint64_t d;
	int r;

	if (text[0] != '+' && text[strspn(text, "0123456789")] == '\0')
		return err_set(e, ERR_USAGE, 0, "a time to come (8h) or a "
		    "beginning and an end (FROM:TO) expected");
	if ((r = duration(text + (text[0] == '+'), &d, e)) != 0)
		return r;
	*after = now > BACK ? (now - BACK) / 60 * 60 : 0;
	*before = now + d;
	return 0;
}

static int
parse(char *text, uint64_t now, uint64_t *after, uint64_t *before,
    struct err *e)
{
	char *colon = strchr(text, ':');
	int r;

	r = colon != NULL ? from_to(text, colon, now, after, before, e) :
	    from_now(text, now, after, before, e);
	if (r != 0)
		return r;
	if (*before <= *after)
		return err_set(e, ERR_USAGE, 0, "it ends before it begins");
	if (*before <= now)
		return err_set(e, ERR_USAGE, 0, "it is over already");
	return 0;
}

/* shown[WHEN_MAX + 1]: the text, when it can stand in a message. */
static int
take(const char *text, const char *what, char *shown, struct err *e)
{
	keytext_clean(shown, WHEN_MAX + 1, span_cstr(text));
	if (strcmp(text, shown) == 0)
		return 0;
	return err_set(e, ERR_USAGE, 0, "%s \"%s\": too long, or with "
	    "characters that no time has", what, shown);
}

int
ca_when_point(const char *text, time_t now, uint64_t *at, struct err *e)
{
	char shown[WHEN_MAX + 1];
	uint64_t t;
	int r;

	if ((r = take(text, "time", shown, e)) == 0 && (r = moment(
	    strcmp(shown, "now") == 0 ? "+0" : shown, "always", 0,
	    now > 0 ? (uint64_t)now : 0, &t, e)) == 0)
		*at = t;
	return r;
}

int
ca_when_parse(const char *text, time_t now, uint64_t *after,
    uint64_t *before, struct err *e)
{
	char copy[WHEN_MAX + 1], shown[WHEN_MAX + 1];
	uint64_t a, b;
	int r;

	if ((r = take(text, "validity", shown, e)) != 0)
		return r;
	memcpy(copy, shown, strlen(shown) + 1);
	if (parse(copy, now > 0 ? (uint64_t)now : 0, &a, &b, e) != 0)
		return err_wrap(e, "validity \"%s\"", shown);
	*after = a;
	*before = b;
	return 0;
}

const char *
ca_when_text(uint64_t seconds, char buf[CA_WHEN_TEXT])
{
	static const struct {
		uint64_t	seconds;
		char		name;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (seconds % units[i].seconds != 0)
		i++;
	snprintf(buf, CA_WHEN_TEXT, "%" PRIu64 " %c",
	    seconds / units[i].seconds, units[i].name);
	return buf;
}

struct ca_when_date
ca_when_date(uint64_t seconds)
{
	const time_t t = (time_t)seconds;
	struct ca_when_date d;
	struct tm tm;

	if (seconds > INT64_MAX || localtime_r(&t, &tm) == NULL ||
	    strftime(d.s, sizeof(d.s), "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		snprintf(d.s, sizeof(d.s), "second %" PRIu64, seconds);
	return d;
}

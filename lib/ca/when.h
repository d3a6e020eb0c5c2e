/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_WHEN_H
#define CA_WHEN_H

#include <stdint.h>
#include <time.h>

#include "base/err.h"

/*
 * The time a certificate is valid, in the words of ssh-keygen -V: FROM:TO,
 * where either is a time or a distance from now; or +TIME, from now on.
 *
 *	+8h  -5m  +1d12h30m	s, m, h, d and w; seconds where none is said
 *	20261126  202611260800  20261126080000
 *				by the clock of the place, or of UTC with a Z
 *	0x6b010a07		seconds since 1970
 *	always:forever		no beginning, no end
 *
 * "8h" is "+8h".  As there, what begins now began at the last full minute,
 * one minute ago at least, for clocks that are late.  Unlike there, a local
 * time in summer is the one that clocks show in summer, and a day that no
 * calendar has is none.
 */

/*
 * *after < *before and *before > now, or ERR_USAGE and what is wrong with
 * it.  "forever" is CERT_FOREVER.
 */
int	 ca_when_parse(const char *text, time_t now, uint64_t *after,
	    uint64_t *before, struct err *e) MUST_CHECK;

/* One time alone, as on either side of the colon, or "now".  ERR_USAGE. */
int	 ca_when_point(const char *text, time_t now, uint64_t *at,
	    struct err *e) MUST_CHECK;

/* "2026-12-31 23:59:30 CET", where we are; what has no date, "second N". */
struct ca_when_date {
	char	 s[48];
};

struct ca_when_date ca_when_date(uint64_t seconds);

/* "90 s", "10 m", "8 h" or "30 d": a length of time, with nothing cut off. */
#define CA_WHEN_TEXT	32

const char *ca_when_text(uint64_t seconds, char buf[CA_WHEN_TEXT]);

#endif

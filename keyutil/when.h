/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_WHEN_H
#define KEYUTIL_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Points in time as people write and read them, in their own time zone. */

/*
 * "now", or as after ssh-keygen's -V: 20261231, 202612312359 or
 * 20261231235930, with a Z behind it in UTC.  ERR_USAGE.
 */
int	 when_parse(const char *text, uint64_t *seconds, struct err *e)
	    MUST_CHECK;

struct when_text {
	char	 s[64];
};

/* "2026-12-31 23:59:30 CET"; what has no date, "second N". */
struct when_text	 when_text(uint64_t seconds);

/* The two largest units: "3 d 4 h". */
struct when_text	 when_span(uint64_t seconds);

#endif

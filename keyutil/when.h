/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_WHEN_H
#define KEYUTIL_WHEN_H

#include <stdint.h>

/* Points and spans of time as people read them, in their own time zone. */

struct when_text {
	char	 s[64];
};

/* "2026-12-31 23:59:30 CET"; what has no date, "second N". */
struct when_text	 when_text(uint64_t seconds);

/* The two largest units: "3 d 4 h". */
struct when_text	 when_span(uint64_t seconds);

#endif

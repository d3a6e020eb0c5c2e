/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_WHEN_H
#define KEYUTIL_WHEN_H

#include <stdint.h>

/* Spans of time as people read them; points of time are ca/when.h's. */

struct when_text {
	char	 s[64];
};

/* The two largest units: "3 d 4 h". */
struct when_text	 when_span(uint64_t seconds);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VH_APDU_H
#define VHSM_VH_APDU_H

#include <stdbool.h>

#include "base/span.h"

/*
 * A command APDU of ISO 7816-4, short or extended, cases 1 to 4.  Its data
 * stays the caller's.  ne is the number of bytes the sender is ready to
 * take: 0 without an Le field, 256 for a short Le of 00, 65536 for an
 * extended one of 0000.
 */
struct vh_apdu {
	uint8_t		 cla, ins, p1, p2;
	struct span	 data;
	size_t		 ne;
	bool		 ext;
};

bool	 vh_apdu_parse(struct vh_apdu *a, struct span in);

static inline uint16_t
vh_apdu_p1p2(const struct vh_apdu *a)
{
	return (uint16_t)(a->p1 << 8 | a->p2);
}

#endif

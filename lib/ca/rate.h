/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_RATE_H
#define CA_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * How often a CA has signed of late: never more than `max` times in any
 * `per` milliseconds.  The caller keeps one for each CA, empty at first,
 * and says what time it is, by a clock that nobody sets.
 */
#define CA_RATE_MAX	10000

struct ca_rate {
	int64_t		*at;		/* the last ones, the oldest first */
	size_t		 n;
};

/* Was the last one that may be, for now?  r may be NULL: none was. */
bool	 ca_rate_full(const struct ca_rate *r, size_t max, int64_t per,
	    int64_t now);

/* There is one more; all but the last `max` are forgotten. */
int	 ca_rate_add(struct ca_rate *r, size_t max, int64_t now,
	    struct err *e) MUST_CHECK;
void	 ca_rate_clear(struct ca_rate *r);

#endif

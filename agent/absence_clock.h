/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_ABSENCE_CLOCK_H
#define AGENT_ABSENCE_CLOCK_H

#include <stdint.h>

#include "agent/loop.h"

/*
 * Was the machine asleep?  CLOCK_BOOTTIME goes on then, CLOCK_MONOTONIC does
 * not; and the kernel says when to look, because resuming sets the clock.
 */
struct absence_clock;

/* Where the time comes from; the tests have their own. */
struct clock_source {
	/* A descriptor that can be read once the clock was set; -1: errno. */
	int	 (*open)(void *arg);

	/* How long the machine has been asleep since it was started. */
	int64_t	 (*asleep_ms)(void *arg);

	void	*arg;
};

typedef void slept_fn(void *arg, int64_t ms);

/* `source` NULL: the kernel's clocks. */
int	 absence_clock_new(struct absence_clock **out, struct loop *l,
	    const struct clock_source *source, slept_fn *fn, void *arg,
	    struct err *e) MUST_CHECK;
void	 absence_clock_free(struct absence_clock *c);	/* NULL is fine */

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_ABSENCE_H
#define AGENT_ABSENCE_H

#include <stdbool.h>

#include "agent/loop.h"
#include "base/log.h"

/*
 * The person has left: the machine goes to sleep, or the screen is locked.
 *
 * Sleep is told of by systemd-logind, before it begins, where there is one;
 * and always by the clocks, after it.  A sleep may so be reported twice: what
 * was unlocked between the first report and the sleep is caught by the second.
 * A screen lock too may be reported more than once.
 *
 * Everything happens in the thread of the loop, nothing blocks, and nothing
 * wakes up while nobody comes or goes.
 */
enum absence_why {
	ABSENCE_SUSPEND,
	ABSENCE_SCREEN_LOCK,
};

typedef void absence_fn(void *arg, enum absence_why why);

struct absence;

struct absence_conf {
	struct loop	*loop;
	const struct log *log;
	bool		 suspend, screen_lock;	/* which to watch for */
	absence_fn	*fn;			/* may call absence_done() */
	void		*arg;
};

/* No bus to ask is no error. */
int	 absence_new(struct absence **out, const struct absence_conf *conf,
	    struct err *e) MUST_CHECK;

/* After ABSENCE_SUSPEND: what had to be done is done, sleep may go on. */
void	 absence_done(struct absence *a);

void	 absence_free(struct absence *a);	/* NULL is fine; not from fn */

#endif

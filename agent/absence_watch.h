/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_ABSENCE_WATCH_H
#define AGENT_ABSENCE_WATCH_H

#include "agent/absence.h"

/*
 * Who tells of an absence.  Made with libsystemd; without it,
 * absence_none.c has them and they tell nothing.
 */

/*
 * systemd-logind, on the system's bus.  It is asked to hold sleep up until
 * logind_done(), for as long as it lets us (5 s, if not set otherwise).
 * A session's lock counts if the session is of our user.
 */
struct logind;

int	 logind_new(struct logind **out, const struct absence_conf *conf,
	    struct err *e) MUST_CHECK;
void	 logind_done(struct logind *l);
void	 logind_free(struct logind *l);		/* NULL is fine */

/* The screen saver of the desktop, on the bus of the session. */
struct saver;

int	 saver_new(struct saver **out, const struct absence_conf *conf,
	    struct err *e) MUST_CHECK;
void	 saver_free(struct saver *s);		/* NULL is fine */

#endif

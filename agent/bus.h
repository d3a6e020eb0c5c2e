/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_BUS_H
#define AGENT_BUS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/loop.h"
#include "base/log.h"

/*
 * A connection to a D-Bus, by libsystemd, in the loop: nothing here waits,
 * and nothing is polled.  When the bus goes away it is tried again for two
 * minutes, ever less often; a bus that was never there is left alone.
 *
 * Anybody can send a signal straight to us, and libsystemd does not look who
 * it was: believe a message only if bus_is_from() says so.
 */
struct sd_bus;
struct sd_bus_message;

struct bus;

#define BUS_NAMES_MAX	8

struct bus_conf {
	struct loop	*loop;
	const struct log *log;
	bool		 session;	/* the user's bus, else the system's */

	/* The well-known names that matter; the strings stay with you. */
	const char	*names[BUS_NAMES_MAX];

	/* A new connection: add your matches to it. */
	void		(*up)(void *arg, struct sd_bus *handle);

	/* A name has a new owner, or none, or there is no bus; or NULL. */
	void		(*owner)(void *arg, struct sd_bus *handle, bool there);

	void		*arg;
};

/*
 * From its callbacks, and those of libsystemd, calls and matches may be
 * added that do not wait.  They end with the connection.
 */
int	 bus_new(struct bus **out, const struct bus_conf *conf,
	    struct err *e) MUST_CHECK;
void	 bus_free(struct bus *b);	/* NULL is fine; not from a callback */

/* It was sent by who owns `name`, one of those above. */
bool	 bus_is_from(const struct bus *b, const char *name,
	    struct sd_bus_message *m);

#endif

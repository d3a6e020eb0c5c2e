/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_MODWATCH_H
#define AGENT_MODWATCH_H

#include "token/p11.h"

/*
 * A thread that follows what is in the slots of one PKCS#11 module, and
 * leaves the latest picture for the loop.  Where the module can wait for
 * that it sleeps, in a process (token/modclient.h) that waits for events.
 * Where it cannot, no process is left, and it looks again when it is told.
 */
struct modwatch;

int	 modwatch_new(struct modwatch **out, const char *module,
	    unsigned int timeout, struct err *e) MUST_CHECK;
void	 modwatch_free(struct modwatch *w);	/* NULL is fine */

/* Readable when there is news. */
int	 modwatch_fd(const struct modwatch *w);

/*
 * The picture now, for p11_slots_free().  Not 0 when the module could not
 * be asked: *e says why, and what was known of it may still be so.
 */
int	 modwatch_get(struct modwatch *w, struct p11_slots *slots,
	    struct err *e) MUST_CHECK;

/*
 * Somebody wants to know.  True: it is being looked at, and news follows;
 * false: the module tells by itself, or was looked at just now.
 */
bool	 modwatch_look(struct modwatch *w);

#endif

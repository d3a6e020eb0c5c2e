/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_RELAY_H
#define AGENT_RELAY_H

#include "agent/upstream.h"

/*
 * One connection to the upstream agent, for one client of ours, so that
 * what the client said of itself (its session-binds) holds there for it
 * alone.  One question is open at a time.  The connection is made for the
 * first question, and again, with the preface, when it was closed.
 *
 * The upstream agent acts on a question once at most: it is put a second
 * time only if it cannot have been read whole.  Questions may hold private
 * keys: all copies of them are wiped.
 */
struct relay;

#define RELAY_PREFACE_MAX	16	/* OpenSSH's limit of session-binds */

/* Borrows u. */
int	 relay_new(struct relay **out, struct upstream *u, struct err *e)
	    MUST_CHECK;

/*
 * A message, which is copied, that goes before the next question, and
 * before all others on each new connection, in the order given.  Whatever
 * is answered to it is dropped: an agent need not know session-binds.
 * ERR_LIMIT: over RELAY_PREFACE_MAX, or AGENT_MAX_MSG bytes in all;
 * ERR_NOMEM.  After an error each question is refused, as the other agent
 * would not know for whom it answers.
 */
int	 relay_preface(struct relay *r, struct span msg, struct err *e)
	    MUST_CHECK;

/*
 * Put a question, which is copied.  0: upstream_fn is called for `id` once,
 * later and never from inside here; it may free the relay or ask again.
 * timeout_ms is for all it takes, connecting and preface included; 0: none.
 * Else upstream_fn is not called: ERR_AGAIN another question is open and
 * stays so, ERR_DENIED a preface is missing, ERR_LIMIT empty or over
 * AGENT_MAX_MSG, ERR_NOMEM.
 */
int	 relay_ask(struct relay *r, uint64_t id, struct span msg,
	    int timeout_ms, struct err *e) MUST_CHECK;

/* No answer follows to what is open. */
void	 relay_free(struct relay *r);

#endif

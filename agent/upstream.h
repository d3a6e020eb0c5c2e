/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_UPSTREAM_H
#define AGENT_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/loop.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Another ssh-agent, whose keys are offered beside those of the tokens:
 * where it listens, and who hears its answers.  Each client of ours has a
 * connection of its own to it (agent/relay.h).  Nothing here blocks.
 */
struct upstream;

/*
 * The answer to question `id`.  r 0: reply is its type byte and contents,
 * lent until the function returns, and e is NULL.  Else *e says what is
 * wrong: ERR_NOTFOUND nobody listens there, ERR_CANCELLED no answer in
 * time, ERR_FORMAT nonsense or a connection closed without an answer,
 * ERR_DENIED somebody else listens there, ERR_NOMEM, ERR_SYS.
 */
typedef void upstream_fn(void *arg, uint64_t id, int r, struct span reply,
    const struct err *e);

/* The path is copied.  ERR_LIMIT: too long for a socket. */
int		 upstream_new(struct upstream **out, struct loop *l,
		    const char *path, upstream_fn *fn, void *arg,
		    struct err *e) MUST_CHECK;

/* Free its relays first. */
void		 upstream_free(struct upstream *u);

/*
 * Is it the socket at `path`, by whatever name?  One that does not exist
 * yet is known by its directory and its name there.  To be asked with the
 * agent's own socket, as it would be its own client without end.
 */
bool		 upstream_is(const struct upstream *u, const char *path);

/*
 * For the relays.  Connect without waiting; ERR_AGAIN: not now, its backlog
 * is full; ERR_DENIED: who listens is neither this user nor root.
 */
int		 upstream_connect(const struct upstream *u, int *fd,
		    struct err *e) MUST_CHECK;
struct loop	*upstream_loop(const struct upstream *u);

/* e NULL: reply is the answer; else *e, which is told whose trouble it is. */
void		 upstream_answer(const struct upstream *u, uint64_t id,
		    struct span reply, struct err *e);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_ASIDE_H
#define AGENT_ASIDE_H

#include "agent/loop.h"

/*
 * One call that waits for a person, made aside while the loop goes on: in a
 * thread of its own, which may be left to itself.
 */
struct aside;

struct aside_conf {
	struct loop	*loop;
	unsigned int	 timeout;	/* s; 0: none */
	const char	*late;		/* "nobody answered"; stays with you */
	void		*arg;

	/*
	 * In the thread.  Has to return soon after cancel_fd has become
	 * readable, but nobody waits for that.
	 */
	int		 (*call)(void *arg, int cancel_fd, struct err *e);

	/*
	 * In the loop: what the call returned, or ERR_CANCELLED when time
	 * was up.  The aside may be freed from inside.
	 */
	void		 (*over)(void *arg, int r, const struct err *e);

	/* Neither thread needs arg any more: called once, by the last. */
	void		 (*destroy)(void *arg);
};

/* Takes arg over, unless it fails. */
int	 aside_new(struct aside **out, const struct aside_conf *conf,
	    struct err *e) MUST_CHECK;

/*
 * Ends the call if it is still open, without waiting until that is done;
 * over() is not called then.  NULL is fine.
 */
void	 aside_free(struct aside *a);

#endif

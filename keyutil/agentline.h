/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_AGENTLINE_H
#define KEYUTIL_AGENTLINE_H

#include <poll.h>
#include <stdbool.h>

#include "base/err.h"
#include "ssh/wire.h"

/*
 * A connection to an agent that never blocks, for those who have more to do
 * than to wait: one request at a time, and its answer.
 */
struct agentline;

int	 agentline_open(struct agentline **out, const char *socket,
	    struct err *e) MUST_CHECK;
void	 agentline_close(struct agentline *l);	/* NULL is fine */

/* Begin with a message, type and contents, once the last was answered. */
int	 agentline_ask(struct agentline *l, struct span message,
	    struct err *e) MUST_CHECK;

/* What to wait for with poll(2). */
struct pollfd agentline_pollfd(const struct agentline *l);

/*
 * Go on as far as it goes.  *answer, when that is there as a whole, is lent
 * until the next call; else it is empty.  ERR_NOTFOUND: the agent has gone.
 */
int	 agentline_go_on(struct agentline *l, struct span *answer,
	    struct err *e) MUST_CHECK;

#endif

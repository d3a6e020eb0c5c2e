/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_AGENTCLIENT_H
#define SSH_AGENTCLIENT_H

#include "base/err.h"
#include "ssh/wire.h"

/*
 * A client of an ssh-agent (RFC 9987) for one question: connect, one
 * message there, one back, close.  Blocks for `timeout_ms` in all at most.
 */
#define AGENTCLIENT_TIMEOUT_MS	5000

/*
 * Send a message (type and contents, without the length before it) to the
 * agent at a socket, and append its answer, in the same form, to *answer.
 * ERR_NOTFOUND: nobody listens there.  ERR_CANCELLED: no answer in time.
 * ERR_FORMAT: an answer that is empty, cut off, or over AGENT_MAX_MSG.
 */
int	 agentclient_ask(const char *path, struct span message,
	    int timeout_ms, struct wire_w *answer, struct err *e) MUST_CHECK;

/*
 * Only connect, without waiting; the socket does not block.  ERR_NOTFOUND:
 * nobody listens there.  ERR_AGAIN: its backlog is full.
 */
int	 agentclient_dial(const char *path, int *fd, struct err *e) MUST_CHECK;

#endif

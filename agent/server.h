/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_SERVER_H
#define AGENT_SERVER_H

#include "agent/core.h"
#include "agent/loop.h"

/*
 * The sockets: accepts clients, checks who they are, and carries messages
 * between them and the core, one at a time for each client.  A client that
 * does not read its answers waits alone.
 */
struct server;

/* Borrows the listening socket. */
int	 server_new(struct server **out, struct loop *l, int listen_fd,
	    const struct log *log, struct err *e) MUST_CHECK;
void	 server_free(struct server *s);		/* NULL is fine */

/* The core to ask; set before the loop runs. */
void	 server_set_core(struct server *s, struct core *c);

/* The core_reply_fn; `arg` is the server. */
void	 server_reply(void *arg, uint64_t id, struct span reply);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_SERVER_H
#define AGENT_SERVER_H

#include "agent/core.h"
#include "agent/loop.h"

/*
 * The sockets: accepts clients, checks who they are, and carries messages
 * between them and the core, one at a time for each client and by turns
 * (agent/turns.h).  For one client it holds one message and one answer; what
 * comes behind waits in its socket.
 *
 * A client may be silent for as long as it likes.  One that does not take
 * its answer or does not end its message is cut off.
 */
#define SERVER_STALL_MS		30000	/* nothing moved for so long */
#define SERVER_WHOLE_MS		300000	/* or it still moves after that */
#define SERVER_HELD_MAX		(16U * 1024 * 1024)
#define SERVER_CLIENTS_MAX	4096
#define SERVER_RETRY_MS		1000	/* out of descriptors */

struct server;

/* What is 0 is as above. */
struct server_conf {
	struct loop	*loop;
	int		 listen_fd;	/* borrowed */
	const struct log *log;
	pid_t		 self;		/* may not be its own client; or 0 */
	int64_t		 stall_ms, whole_ms;

	/*
	 * Of all messages and answers that stick halfway; those that have
	 * stuck for the longest time make room.
	 */
	size_t		 held_max;

	/*
	 * At once, if the limit of descriptors lets them; one process can
	 * have three quarters.
	 */
	size_t		 clients_max;
};

int	 server_new(struct server **out, const struct server_conf *conf,
	    struct err *e) MUST_CHECK;
void	 server_free(struct server *s);		/* NULL is fine */

/*
 * A client that came another way, of whom it is known who it is.  Takes over
 * fd, which does not block; closes it where there are too many already.
 */
void	 server_admit(struct server *s, int fd, const struct peer *peer);

/* The core to ask; set before the loop runs. */
void	 server_set_core(struct server *s, struct core *c);

/* The core_reply_fn; `arg` is the server. */
void	 server_reply(void *arg, uint64_t id, struct span reply);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_PEER_H
#define AGENT_PEER_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Who is at the other end of a socket, as the kernel says.  The name is for
 * the log only: a process of the same user can forge it.
 *
 * One that is relayed comes from another system, such as Windows, and has
 * proved that it can read a file of this user's (agent/cygwin.h).  Nothing
 * else is known of it, and all of them together count as one process.
 */
#define PEER_RELAYED	((pid_t)-1)	/* their pid */

struct peer {
	pid_t	 pid;
	uid_t	 uid;
	char	 name[64];		/* of its executable, or "?" */
	bool	 relayed;
	uint32_t claims;		/* its pid over there, if relayed */
};

/* ERR_DENIED unless it is this user or root. */
int	 peer_of(int fd, struct peer *p, struct err *e) MUST_CHECK;

/* One that is relayed, and says that this is its pid. */
void	 peer_set_relayed(struct peer *p, uint32_t claims);

/* For the log: its name and pid. */
struct peer_text {
	char	 s[100];
};

struct peer_text peer_text(const struct peer *p);

/*
 * The path of what the process runs now, cut where size ends; "" when that
 * cannot be known, as of one that is relayed.  As forgeable as the name.
 */
void	 peer_exe(const struct peer *p, char *buf, size_t size);

#endif

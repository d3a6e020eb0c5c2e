/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_PEER_H
#define AGENT_PEER_H

#include <sys/types.h>

#include "base/err.h"

/*
 * Who is at the other end of a socket, as the kernel says.  The name is for
 * the log only: a process of the same user can forge it.
 */
struct peer {
	pid_t	 pid;
	uid_t	 uid;
	char	 name[64];		/* of its executable, or "?" */
};

/* ERR_DENIED unless it is this user or root. */
int	 peer_of(int fd, struct peer *p, struct err *e) MUST_CHECK;

/*
 * The path of what the process runs now, cut where size ends; "" when that
 * cannot be known.  As forgeable as the name.
 */
void	 peer_exe(const struct peer *p, char *buf, size_t size);

#endif

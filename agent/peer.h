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

#endif

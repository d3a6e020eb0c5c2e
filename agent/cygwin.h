/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CYGWIN_H
#define AGENT_CYGWIN_H

#include "agent/loop.h"
#include "agent/peer.h"
#include "base/log.h"

/*
 * CygwinSocket: the agent for programs of Cygwin, MSYS2 and Git for Windows
 * on the machine that this WSL runs on.  What they take for a UNIX-domain
 * socket is a file (agent/cygwin_file.h) and a port of 127.0.0.1.
 *
 * Whoever connects proves first that he has read the file
 * (agent/cygwin_shake.h).  Those who do not, or take their time, are few at
 * once and dropped, the oldest first, so that they delay nobody.
 */
#define CYGWIN_GUESTS_MAX	512	/* or a 16th of the descriptors */
#define CYGWIN_PATIENCE_MS	5000

struct cygwin;

/* Somebody has proved it; takes over fd, which does not block. */
typedef void	 cygwin_fn(void *arg, int fd, const struct peer *peer);

struct cygwin_conf {
	struct loop	*loop;
	const struct log *log;
	const char	*path;		/* of the file */
	cygwin_fn	*admit;
	void		*arg;
	int64_t		 patience_ms;	/* 0: as above */
};

int	 cygwin_new(struct cygwin **out, const struct cygwin_conf *conf,
	    struct err *e) MUST_CHECK;
void	 cygwin_free(struct cygwin *c);		/* NULL is fine */

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_LISTEN_H
#define AGENT_LISTEN_H

#include <sys/types.h>

#include <stdbool.h>

#include "base/err.h"

/*
 * The agent's socket: mode 0600 in a directory that only its user can use.
 * A socket that nobody listens on any more is replaced; one with an agent
 * behind it is not.
 */
struct listener {
	int	 fd;
	char	*path;			/* absolute; NULL: not known */
	ino_t	 ino;			/* what path named when it was bound */
};

/*
 * path NULL: the default place, whose directory is made when missing; with
 * `own`, a name in it that no other agent has (for a COMMAND's agent).
 */
int	 listen_open(struct listener *l, const char *path, bool own,
	    struct err *e) MUST_CHECK;

/*
 * One that listens already, from a service manager.  What it is bound to, and
 * who can reach that, is for whoever made it to see to; the server looks at
 * each client's user in any case.  Takes fd over unless it fails.
 */
int	 listen_adopt(struct listener *l, int fd, struct err *e) MUST_CHECK;

/* Close it; with `remove` also take the name away, if it is still ours. */
void	 listen_close(struct listener *l, bool remove);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include <sys/types.h>

#include "base/err.h"

/*
 * Helper programs, started with posix_spawn(3): a process with threads
 * must not run code of its own between fork and exec.  The child gets no
 * file descriptor of ours but 0 to 2, and default signal handling.
 */

/*
 * Start argv[0], searched in PATH; its standard output is the pipe *fd
 * (close it), its standard input /dev/null.
 */
int	 spawn_reader(char *const argv[], pid_t *pid, int *fd, struct err *e)
	    MUST_CHECK;

/* Wait for it; its exit status, or 128 + signal. */
int	 spawn_wait(pid_t pid);

/* End it now, and wait. */
void	 spawn_kill(pid_t pid);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Helper programs, started with posix_spawn(3): a process with threads
 * must not run code of its own between fork and exec.  The child gets no
 * file descriptor of ours but 0 to 2, default signal handling, and at most
 * 1024 descriptors, which is the usual limit and all that select(2) can
 * take: the agent itself may have more.  Each that was started must be
 * waited for or killed.
 */

/* Start argv[0], searched in PATH, with /dev/null to read and to write. */
int	 spawn_start(char *const argv[], pid_t *pid, struct err *e)
	    MUST_CHECK;

/*
 * Start argv[0], searched in PATH; its standard output is the pipe *fd
 * (close it), its standard input /dev/null.
 */
int	 spawn_reader(char *const argv[], pid_t *pid, int *fd, struct err *e)
	    MUST_CHECK;

/*
 * The same with a variable, "NAME=value", in the child's environment only;
 * in place of ours of that name.
 */
int	 spawn_reader_with(char *const argv[], char *variable, pid_t *pid,
	    int *fd, struct err *e) MUST_CHECK;

/*
 * Start argv[0] with a socket as its standard input and output.  *fd is the
 * other end: write to it with MSG_NOSIGNAL, and close it.
 */
int	 spawn_talker(char *const argv[], pid_t *pid, int *fd, struct err *e)
	    MUST_CHECK;

/*
 * Wait for its end, at most that long; then *status is its exit status, or
 * 128 + signal.  False when it runs on.
 */
bool	 spawn_wait(pid_t pid, unsigned int ms, int *status);

/* End it now, by force if it takes its time over it, and wait. */
void	 spawn_kill(pid_t pid);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_LAUNCH_H
#define AGENT_LAUNCH_H

#include "agent/options.h"

/*
 * How the agent becomes a daemon, and what it tells the shell: the lines
 * for eval, the environment of a COMMAND, and -k.  The process that was
 * started stays in front until the agent is ready, so that its terminal can
 * be asked for the PIN and its exit status tells whether all went well.
 */
struct launch {
	int	 tell_fd;	/* to the process in front; -1: there is none */
	int	 parent_fd;	/* pidfd of the COMMAND; -1: there is none */
};

/*
 * No core dumps, no debugger (RFC 9987 sec. 10); descriptors 0 to 2 are open
 * afterwards.
 */
int	 launch_harden(struct err *e) MUST_CHECK;

/*
 * In the foreground: print the lines for the shell.  Else fork: the child
 * returns; the process in front waits for launch_ready() and then prints
 * the lines and exits, or becomes the COMMAND.
 */
int	 launch_start(struct launch *l, const struct options *o,
	    const char *socket, struct err *e) MUST_CHECK;

/*
 * As many descriptors as the hard limit lets us have, up to 8192.  After
 * launch_start(), so that a COMMAND keeps its limit; what is started later
 * gets the usual one (base/spawn.h).
 */
void	 launch_more_files(void);

/* The agent serves: let the process in front go, leave its terminal. */
void	 launch_ready(struct launch *l);

/* -k: end the agent that SSH_AGENT_PID names. */
int	 launch_kill(const struct options *o, struct err *e) MUST_CHECK;

#endif

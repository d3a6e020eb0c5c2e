/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BENCH_AGENT_H
#define BENCH_AGENT_H

#include <sys/types.h>

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

/*
 * The two agents that are compared, as processes: hsm-ssh-agent, and
 * OpenSSH's ssh-agent after "ssh-add -s" of OpenSC's module.  Both find
 * their PIN without a person.
 */
enum agent_kind {
	AGENT_OURS,
	AGENT_THEIRS,
	AGENT_KINDS,
};

struct agent {
	enum agent_kind	 kind;
	const char	*program;		/* a path, or in PATH */
	const char	*module;		/* what ssh-add -s loads */
	char		 dir[PATH_MAX];		/* for all its files */
	char		 socket[108];
	unsigned int	 starts;
	bool		 keep_cache;		/* of the last start */
	pid_t		 pid;			/* 0: not running */
	double		 listening_ms;		/* from its start to a client */
};

/* What a process and its helper, where it has one, use. */
struct agent_usage {
	double		 resident_mib;
	unsigned long	 wakeups;	/* since its start, of all threads */
};

/* Write the files that both read: the PIN, a configuration, an askpass. */
int	 agent_prepare(const char *dir, const char *pin, struct err *e)
	    MUST_CHECK;

/*
 * Start it with an empty cache, unless told to keep it; returns when it can
 * be asked for its keys.  ssh-agent has loaded the module then.
 */
int	 agent_start(struct agent *a, struct err *e) MUST_CHECK;

/* End it and its helper, and wait until both are gone. */
void	 agent_stop(struct agent *a);

int	 agent_usage(const struct agent *a, struct agent_usage *u,
	    struct err *e) MUST_CHECK;

#endif

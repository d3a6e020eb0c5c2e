/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_TRACED_H
#define UNIT_TRACED_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

/*
 * A child whose system calls are seen, one by one, and can be made to fail;
 * it dies with us.  Only some machines' registers are known: TRACED_CAN_FAIL.
 */
#if defined(__x86_64__) || defined(__aarch64__)
#define TRACED_CAN_FAIL	1
#else
#define TRACED_CAN_FAIL	0
#endif

struct traced {
	pid_t	 pid;
	bool	 entering;	/* it is about to make this call, else back */
	uint64_t nr, arg[6];	/* of the call */
	int	 status;	/* of its end */
};

/* fn(arg) runs in it, and its result is the exit status; false: forbidden. */
bool	 traced_start(struct traced *t, int (*fn)(void *arg), void *arg);

/* To the next begin or end of a system call; false: it has ended. */
bool	 traced_step(struct traced *t);

/* The call that it is about to make is not made: its result is -error. */
void	 traced_fail(struct traced *t, int error);

/* SIGKILL, and waits for the end. */
void	 traced_kill(struct traced *t);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_JOBQUEUE_H
#define AGENT_JOBQUEUE_H

#include "agent/worker.h"

/*
 * The jobs that wait for one token, fair between the processes that asked.
 * Our own come first.  Then those of quiet processes: they had nothing to
 * do when their last turn came.  Then the others', by turns; even when new
 * processes come without end, each fifth job is one of these.  Jobs of one
 * process stay in order.  So whoever asks now and then waits for the job
 * that runs, and who asks all the time for one of each other process.
 */
#define JOBQUEUE_SERVED	256

struct jobqueue {
	struct jobs	 jobs;			/* as they came */
	pid_t		 served[JOBQUEUE_SERVED];	/* the latest is last */
	size_t		 n_served;
	unsigned int	 quiet_row;	/* jobs of quiet ones in a row */
};

void		 jobqueue_init(struct jobqueue *q);
void		 jobqueue_put(struct jobqueue *q, struct job *j);
bool		 jobqueue_is_empty(const struct jobqueue *q);

/* The next one, no longer the queue's; NULL: there is none. */
struct job	*jobqueue_take(struct jobqueue *q);

#endif

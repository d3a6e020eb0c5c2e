/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_JOBQUEUE_H
#define AGENT_JOBQUEUE_H

#include "agent/worker.h"

/*
 * The jobs that wait for one token, fair between the processes that asked.
 * Our own come first.  Else it is for the process that had the fewest of the
 * last JOBQUEUE_SERVED jobs; of several, the one that was served longest
 * ago; and of those that had none, the first that came.  Jobs of one process
 * stay in order.  So whoever asks for less than its share waits for the job
 * that runs, those who ask all the time take turns, and nobody waits longer
 * than it takes to forget what he had.
 */
#define JOBQUEUE_SERVED	16

struct jobqueue {
	struct jobs	 jobs;			/* as they came */
	pid_t		 served[JOBQUEUE_SERVED];	/* 0: nobody */
	size_t		 oldest;		/* of these */
};

void		 jobqueue_init(struct jobqueue *q);
void		 jobqueue_put(struct jobqueue *q, struct job *j);
bool		 jobqueue_is_empty(const struct jobqueue *q);

/* The next one, no longer the queue's; NULL: there is none. */
struct job	*jobqueue_take(struct jobqueue *q);

#endif

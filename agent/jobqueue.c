/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "agent/jobqueue.h"

/* New processes without end must not hold up the others for ever. */
#define QUIET_ROW	4

void
jobqueue_init(struct jobqueue *q)
{
	*q = (struct jobqueue){ 0 };
	TAILQ_INIT(&q->jobs);
}

void
jobqueue_put(struct jobqueue *q, struct job *j)
{
	TAILQ_INSERT_TAIL(&q->jobs, j, next);
}

bool
jobqueue_is_empty(const struct jobqueue *q)
{
	return TAILQ_EMPTY(&q->jobs);
}

static struct job *
first_of(struct jobqueue *q, pid_t peer)
{
	struct job *j;

	TAILQ_FOREACH(j, &q->jobs, next)
		if (j->peer == peer)
			return j;
	return NULL;
}

/* n_served: it was not served lately. */
static size_t
place_of(const struct jobqueue *q, pid_t peer)
{
	size_t i;

	for (i = 0; i < q->n_served; i++)
		if (q->served[i] == peer)
			break;
	return i;
}

static struct job *
first_quiet(struct jobqueue *q)
{
	struct job *j;

	TAILQ_FOREACH(j, &q->jobs, next)
		if (place_of(q, j->peer) == q->n_served)
			return j;
	return NULL;
}

static void
forget(struct jobqueue *q, size_t i)
{
	q->n_served--;
	memmove(&q->served[i], &q->served[i + 1],
	    (q->n_served - i) * sizeof(q->served[0]));
}

/*
 * Of those that were served, the one that has waited longest since then.
 * Whoever has nothing to do when his turn comes is quiet from now on.
 */
static struct job *
by_turns(struct jobqueue *q)
{
	struct job *j;

	while (q->n_served > 0) {
		if ((j = first_of(q, q->served[0])) != NULL)
			return j;
		forget(q, 0);
	}
	return NULL;
}

static void
note_served(struct jobqueue *q, pid_t peer)
{
	size_t i = place_of(q, peer);

	if (i < q->n_served)
		forget(q, i);
	else if (q->n_served == JOBQUEUE_SERVED)
		forget(q, 0);
	q->served[q->n_served++] = peer;
}

/* The next job of somebody else's. */
static struct job *
pick(struct jobqueue *q)
{
	struct job *j = first_quiet(q), *other;

	if (j != NULL && q->quiet_row < QUIET_ROW) {
		q->quiet_row++;
		return j;
	}
	q->quiet_row = 0;
	return (other = by_turns(q)) != NULL ? other : j;
}

struct job *
jobqueue_take(struct jobqueue *q)
{
	struct job *j = first_of(q, 0);

	if (j == NULL && (j = pick(q)) != NULL)
		note_served(q, j->peer);
	if (j != NULL)
		TAILQ_REMOVE(&q->jobs, j, next);
	return j;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/jobqueue.h"

/* What one process had lately. */
struct share {
	size_t		 n;		/* jobs */
	size_t		 last;		/* the higher the later */
};

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

static struct share
share_of(const struct jobqueue *q, pid_t peer)
{
	struct share s = { 0 };

	for (size_t i = 0; i < JOBQUEUE_SERVED; i++) {
		if (q->served[(q->oldest + i) % JOBQUEUE_SERVED] != peer)
			continue;
		s.n++;
		s.last = i;
	}
	return s;
}

static bool
comes_before(struct share a, struct share b)
{
	return a.n != b.n ? a.n < b.n : a.last < b.last;
}

static struct job *
pick(struct jobqueue *q)
{
	struct job *j, *best = NULL;
	struct share s, least = { 0 };

	TAILQ_FOREACH(j, &q->jobs, next) {
		if (j->peer == 0)
			return j;
		s = share_of(q, j->peer);
		if (best == NULL || comes_before(s, least)) {
			best = j;
			least = s;
		}
	}
	return best;
}

struct job *
jobqueue_take(struct jobqueue *q)
{
	struct job *j = pick(q);

	if (j == NULL)
		return NULL;
	TAILQ_REMOVE(&q->jobs, j, next);
	if (j->peer != 0) {
		q->served[q->oldest] = j->peer;
		q->oldest = (q->oldest + 1) % JOBQUEUE_SERVED;
	}
	return j;
}

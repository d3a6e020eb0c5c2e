/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/queue.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/loop.h"

struct watch {
	TAILQ_ENTRY(watch) next;
	struct loop	*loop;
	int		 fd;		/* -1: freed, swept after dispatch */
	short		 events;
	size_t		 slot;
	watch_fn	*fn;
	void		*arg;
};

struct timer {
	TAILQ_ENTRY(timer) next;
	struct loop	*loop;
	int64_t		 at;
	timer_fn	*fn;
	void		*arg;
};

struct loop {
	TAILQ_HEAD(watches, watch) watches;
	TAILQ_HEAD(timers, timer) timers;	/* soonest first */
	struct pollfd	*pfd;
	size_t		 n, cap;
	loop_turn_fn	*turn;		/* NULL: none */
	void		*turn_arg;
	bool		 stop;
};

/* It fails only when the counter is full: then it is readable anyway. */
void
loop_tell(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) == -1)
		return;
}

int64_t
loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
loop_new(struct loop **out, struct err *e)
{
	struct loop *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "event loop");
	TAILQ_INIT(&l->watches);
	TAILQ_INIT(&l->timers);
	*out = l;
	return 0;
}

void
loop_free(struct loop *l)
{
	struct watch *w;
	struct timer *t;

	if (l == NULL)
		return;
	while ((w = TAILQ_FIRST(&l->watches)) != NULL) {
		TAILQ_REMOVE(&l->watches, w, next);
		free(w);
	}
	while ((t = TAILQ_FIRST(&l->timers)) != NULL)
		timer_free(t);
	free(l->pfd);
	free(l);
}

struct watch *
loop_watch(struct loop *l, int fd, short events, watch_fn *fn, void *arg)
{
	struct watch *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	*w = (struct watch){ .loop = l, .fd = fd, .events = events,
	    .slot = SIZE_MAX, .fn = fn, .arg = arg };
	TAILQ_INSERT_TAIL(&l->watches, w, next);
	l->n++;
	return w;
}

void
watch_set(struct watch *w, short events)
{
	w->events = events;
}

void
watch_free(struct watch *w)
{
	if (w != NULL)
		w->fd = -1;
}

struct timer *
loop_timer(struct loop *l, int64_t ms, timer_fn *fn, void *arg)
{
	struct timer *t, *other;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return NULL;
	*t = (struct timer){ .loop = l, .at = loop_now() + ms, .fn = fn,
	    .arg = arg };
	for (other = TAILQ_FIRST(&l->timers); other != NULL &&
	    other->at <= t->at; other = TAILQ_NEXT(other, next))
		;
	if (other != NULL)
		TAILQ_INSERT_BEFORE(other, t, next);
	else
		TAILQ_INSERT_TAIL(&l->timers, t, next);
	return t;
}

void
timer_free(struct timer *t)
{
	if (t == NULL)
		return;
	TAILQ_REMOVE(&t->loop->timers, t, next);
	free(t);
}

/* Sweep the freed watches and lay the others out for poll(2). */
static int
arm(struct loop *l, struct err *e)
{
	struct watch *w, *next;
	struct pollfd *pfd;
	size_t i = 0;

	for (w = TAILQ_FIRST(&l->watches); w != NULL; w = next) {
		next = TAILQ_NEXT(w, next);
		if (w->fd == -1) {
			TAILQ_REMOVE(&l->watches, w, next);
			free(w);
			l->n--;
		}
	}
	if (l->n > l->cap) {
		if ((pfd = reallocarray(l->pfd, l->n, sizeof(*pfd))) == NULL)
			return err_set(e, ERR_NOMEM, 0, "event loop");
		l->pfd = pfd;
		l->cap = l->n;
	}
	TAILQ_FOREACH(w, &l->watches, next) {
		w->slot = i;
		l->pfd[i++] = (struct pollfd){ w->fd, w->events, 0 };
	}
	return 0;
}

void
loop_each_turn(struct loop *l, loop_turn_fn *fn, void *arg)
{
	l->turn = fn;
	l->turn_arg = arg;
}

static int
timeout_ms(struct loop *l)
{
	struct timer *t = TAILQ_FIRST(&l->timers);
	int64_t ms;

	if (t == NULL)
		return -1;
	ms = t->at - loop_now();
	return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

static void
run_timers(struct loop *l)
{
	struct timer *t;
	timer_fn *fn;
	void *arg;
	int64_t now = loop_now();

	while ((t = TAILQ_FIRST(&l->timers)) != NULL && t->at <= now) {
		fn = t->fn;
		arg = t->arg;
		timer_free(t);
		fn(arg);
	}
}

static void
run_watches(struct loop *l)
{
	struct watch *w;
	size_t n = l->n;	/* watches added from here on have no slot */

	TAILQ_FOREACH(w, &l->watches, next)
		if (w->fd != -1 && w->slot < n && l->pfd[w->slot].revents != 0)
			w->fn(w->arg, l->pfd[w->slot].revents);
}

void
loop_stop(struct loop *l)
{
	l->stop = true;
}

int
loop_run(struct loop *l, struct err *e)
{
	bool more = false;
	int r;

	while (!l->stop) {
		if ((r = arm(l, e)) != 0)
			return r;
		if (poll(l->pfd, l->n, more ? 0 : timeout_ms(l)) == -1) {
			if (errno == EINTR)
				continue;
			return err_set(e, ERR_SYS, errno, "poll: %s",
			    strerror(errno));
		}
		run_timers(l);
		run_watches(l);
		more = l->turn != NULL && l->turn(l->turn_arg);
	}
	l->stop = false;	/* it may be run again */
	return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/eventfd.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/aside.h"

/* The thread may need a while to end a dialog; nobody waits for that. */
enum aside_state {
	OPEN,
	ANSWERED,			/* the thread is through */
	ABANDONED,			/* the thread cleans up */
};

struct aside {
	struct aside_conf	 conf;
	pthread_t		 thread;
	bool			 started;
	atomic_int		 state;		/* whose the rest of it is */
	int			 done_fd;	/* tells the loop */
	int			 cancel_fd;	/* tells the thread */
	struct watch		*watch;
	struct timer		*timer;
	bool			 timed_out;

	/* The thread's, until done_fd is readable. */
	int			 r;
	struct err		 err;
};

static void
release(struct aside *a)
{
	if (a->done_fd != -1)
		close(a->done_fd);
	if (a->cancel_fd != -1)
		close(a->cancel_fd);
	free(a);
}

static void
destroy(struct aside *a)
{
	a->conf.destroy(a->conf.arg);
	release(a);
}

static void *
thread_main(void *arg)
{
	struct aside *a = arg;

	a->r = a->conf.call(a->conf.arg, a->cancel_fd, &a->err);
	loop_tell(a->done_fd);
	if (atomic_exchange(&a->state, ANSWERED) == ABANDONED) {
		pthread_detach(pthread_self());
		destroy(a);
	}
	return NULL;
}

static void
on_timeout(void *arg)
{
	struct aside *a = arg;

	a->timer = NULL;
	a->timed_out = true;
	loop_tell(a->cancel_fd);
}

static void
on_done(void *arg, short revents)
{
	struct aside *a = arg;
	struct err e;

	(void)revents;
	pthread_join(a->thread, NULL);
	a->started = false;
	watch_free(a->watch);
	timer_free(a->timer);
	a->watch = NULL;
	a->timer = NULL;
	e = a->err;
	if (a->r == ERR_CANCELLED && a->timed_out)
		(void)err_set(&e, ERR_CANCELLED, 0,
		    "%s within %u seconds (PinTimeout)", a->conf.late,
		    a->conf.timeout);
	a->conf.over(a->conf.arg, a->r, &e);
}

static int
start(struct aside *a, struct err *e)
{
	struct loop *l = a->conf.loop;

	a->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->done_fd == -1 || a->cancel_fd == -1 ||
	    (a->watch = loop_watch(l, a->done_fd, POLLIN, on_done, a)) ==
	    NULL || (a->conf.timeout > 0 && (a->timer = loop_timer(l,
	    (int64_t)a->conf.timeout * 1000, on_timeout, a)) == NULL) ||
	    pthread_create(&a->thread, NULL, thread_main, a) != 0)
		return err_set(e, ERR_NOMEM, 0, "prompt");
	a->started = true;
	return 0;
}

int
aside_new(struct aside **out, const struct aside_conf *conf, struct err *e)
{
	struct aside *a;
	int r;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "prompt");
	a->conf = *conf;
	a->done_fd = a->cancel_fd = -1;
	if ((r = start(a, e)) != 0) {
		watch_free(a->watch);
		timer_free(a->timer);
		release(a);
		return r;
	}
	*out = a;
	return 0;
}

void
aside_free(struct aside *a)
{
	if (a == NULL)
		return;
	watch_free(a->watch);
	timer_free(a->timer);
	loop_tell(a->cancel_fd);
	if (a->started &&
	    atomic_exchange(&a->state, ABANDONED) != ANSWERED)
		return;
	if (a->started)
		pthread_join(a->thread, NULL);
	destroy(a);
}

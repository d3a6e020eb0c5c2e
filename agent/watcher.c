/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/eventfd.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "agent/loop.h"
#include "agent/watcher.h"

#define RETRY_FIRST_MS	250
#define RETRY_LAST_MS	10000

struct watcher {
	pthread_t		 thread;
	pthread_mutex_t		 lock;		/* of what follows */
	struct pcsc		*pcsc;		/* NULL: no daemon */
	struct pcsc_readers	 readers;
	int			 r;
	struct err		 err;
	bool			 stop;

	int			 news_fd;
	int			 stop_fd;	/* ends a pause */
};

static void
publish(struct watcher *w, int r, const struct pcsc_readers *rs,
    const struct err *e)
{
	pthread_mutex_lock(&w->lock);
	w->r = r;
	if (r == 0) {
		w->readers = *rs;
	} else {
		w->readers = (struct pcsc_readers){ 0 };
		w->err = *e;
	}
	pthread_mutex_unlock(&w->lock);
	loop_tell(w->news_fd);
}

/* Look and wait until PC/SC fails; 0 when told to stop. */
static int
watch(struct pcsc *p, struct watcher *w, struct err *e)
{
	struct pcsc_readers rs;
	int r;

	for (;;) {
		if ((r = pcsc_list(p, &rs, e)) != 0)
			return r;
		publish(w, 0, &rs, NULL);
		if ((r = pcsc_wait(p, &rs, e)) != 0)
			return r == ERR_CANCELLED ? 0 : r;
	}
}

/* Let worker threads and watcher_free() see the context, or not. */
static bool
set_context(struct watcher *w, struct pcsc *p)
{
	bool stop;

	pthread_mutex_lock(&w->lock);
	w->pcsc = p;
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return !stop;
}

static void *
thread_main(void *arg)
{
	struct watcher *w = arg;
	struct pollfd pause = { .fd = w->stop_fd, .events = POLLIN };
	int r, ms = RETRY_FIRST_MS;
	struct pcsc *p;
	struct err e;

	for (;;) {
		if ((r = pcsc_open(&p, &e)) == 0) {
			ms = RETRY_FIRST_MS;
			if (set_context(w, p))
				r = watch(p, w, &e);
			set_context(w, NULL);
			pcsc_close(p);
		}
		if (r == 0)
			return NULL;
		publish(w, r, NULL, &e);
		if (poll(&pause, 1, ms) == 1)
			return NULL;
		ms = ms * 2 > RETRY_LAST_MS ? RETRY_LAST_MS : ms * 2;
	}
}

static void
destroy(struct watcher *w)
{
	if (w->news_fd != -1)
		close(w->news_fd);
	if (w->stop_fd != -1)
		close(w->stop_fd);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int
watcher_new(struct watcher **out, struct err *e)
{
	struct watcher *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "watcher");
	pthread_mutex_init(&w->lock, NULL);
	w->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->news_fd == -1 || w->stop_fd == -1 ||
	    pthread_create(&w->thread, NULL, thread_main, w) != 0) {
		destroy(w);
		return err_set(e, ERR_NOMEM, 0, "watcher thread");
	}
	*out = w;
	return 0;
}

/*
 * SCardCancel() ends only a call that waits already, so it is repeated
 * until the thread is out of it.
 */
void
watcher_free(struct watcher *w)
{
	struct timespec soon;

	if (w == NULL)
		return;
	loop_tell(w->stop_fd);
	do {
		pthread_mutex_lock(&w->lock);
		w->stop = true;
		if (w->pcsc != NULL)
			pcsc_cancel(w->pcsc);
		pthread_mutex_unlock(&w->lock);
		clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_nsec += 20 * 1000 * 1000;
		soon.tv_sec += soon.tv_nsec / 1000000000;
		soon.tv_nsec %= 1000000000;
	} while (pthread_timedjoin_np(w->thread, NULL, &soon) == ETIMEDOUT);
	destroy(w);
}

int
watcher_fd(const struct watcher *w)
{
	return w->news_fd;
}

int
watcher_get(struct watcher *w, struct pcsc_readers *rs, struct err *e)
{
	uint64_t count;
	int r;

	if (read(w->news_fd, &count, sizeof(count)) == -1 && errno != EAGAIN)
		return err_sys(e, "watcher");
	pthread_mutex_lock(&w->lock);
	*rs = w->readers;
	r = w->r;
	if (r != 0)
		*e = w->err;
	pthread_mutex_unlock(&w->lock);
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/eventfd.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/loop.h"
#include "agent/modwatch.h"
#include "token/modclient.h"

#define LOOK_EVERY_MS	2000	/* when somebody wants to know */
#define EVENT_EVERY_MS	250	/* with a module that is never at rest */

struct modwatch {
	pthread_t		 thread;
	pthread_mutex_t		 lock;		/* of what follows */
	struct modclient	*client;	/* NULL: no process runs */
	struct p11_slots	 slots;
	int			 r;
	struct err		 err;
	bool			 stop;
	bool			 waits;		/* news come by themselves */
	bool			 looking;
	int64_t			 looked;	/* last, ms */

	int			 news_fd;
	int			 wake_fd;	/* to look again, or to stop */
	char			*module;
	unsigned int		 timeout;
};

/* Takes the slots over. */
static void
publish(struct modwatch *w, int r, struct p11_slots *slots,
    const struct err *e)
{
	pthread_mutex_lock(&w->lock);
	p11_slots_free(&w->slots);
	w->slots = *slots;
	w->r = r;
	if (r != 0)
		w->err = *e;
	w->looking = false;
	w->looked = loop_now();
	pthread_mutex_unlock(&w->lock);
	*slots = (struct p11_slots){ 0 };
	loop_tell(w->news_fd);
}

/* Let modwatch_free() see the process, or not; false: it is time to stop. */
static bool
set_client(struct modwatch *w, struct modclient *c)
{
	bool stop;

	pthread_mutex_lock(&w->lock);
	w->client = c;
	w->waits = c != NULL;
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return !stop;
}

/* For so long (-1: until somebody wants to know); false: it is to stop. */
static bool
rest(struct modwatch *w, int ms)
{
	struct pollfd p = { .fd = w->wake_fd, .events = POLLIN };
	uint64_t count;
	bool stop;

	while (poll(&p, 1, ms) == -1 && errno == EINTR)
		;
	if (ms == -1 && read(w->wake_fd, &count, sizeof(count)) == -1)
		return true;
	pthread_mutex_lock(&w->lock);
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return !stop;
}

/* List and wait until that fails, or cannot be done. */
static int
follow(struct modwatch *w, struct modclient *c, struct err *e)
{
	struct p11_slots slots;
	int r;

	for (;;) {
		slots = (struct p11_slots){ 0 };
		if ((r = modclient_list(c, &slots, e)) != 0)
			return r;
		publish(w, 0, &slots, NULL);
		if (modclient_wait(c, e) != 0)
			return 0;
		if (!rest(w, EVENT_EVERY_MS))
			return 0;
	}
}

static void
look(struct modwatch *w)
{
	struct p11_slots none = { 0 };
	struct modclient *c;
	struct err e;
	int r;

	if ((r = modclient_new(&c, w->module, w->timeout, &e)) == 0) {
		if (set_client(w, c))
			r = follow(w, c, &e);
		(void)set_client(w, NULL);
		modclient_free(c);
	}
	if (r != 0)
		publish(w, r, &none, &e);
}

static void *
thread_main(void *arg)
{
	struct modwatch *w = arg;

	do
		look(w);
	while (rest(w, -1));
	return NULL;
}

static void
destroy(struct modwatch *w)
{
	if (w->news_fd != -1)
		close(w->news_fd);
	if (w->wake_fd != -1)
		close(w->wake_fd);
	pthread_mutex_destroy(&w->lock);
	p11_slots_free(&w->slots);
	free(w->module);
	free(w);
}

int
modwatch_new(struct modwatch **out, const char *module, unsigned int timeout,
    struct err *e)
{
	struct modwatch *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "module");
	pthread_mutex_init(&w->lock, NULL);
	w->timeout = timeout;
	w->looking = true;
	w->module = strdup(module);
	w->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (w->module == NULL || w->news_fd == -1 || w->wake_fd == -1 ||
	    pthread_create(&w->thread, NULL, thread_main, w) != 0) {
		destroy(w);
		return err_set(e, ERR_NOMEM, 0, "module watcher");
	}
	*out = w;
	return 0;
}

void
modwatch_free(struct modwatch *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	if (w->client != NULL)
		modclient_interrupt(w->client);
	pthread_mutex_unlock(&w->lock);
	loop_tell(w->wake_fd);
	pthread_join(w->thread, NULL);
	destroy(w);
}

int
modwatch_fd(const struct modwatch *w)
{
	return w->news_fd;
}

static int
copy_slots(struct p11_slots *to, const struct p11_slots *from, struct err *e)
{
	*to = (struct p11_slots){ 0 };
	if (from->n == 0)
		return 0;
	if ((to->v = calloc(from->n, sizeof(*to->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "slots");
	memcpy(to->v, from->v, from->n * sizeof(*to->v));
	to->n = from->n;
	return 0;
}

int
modwatch_get(struct modwatch *w, struct p11_slots *slots, struct err *e)
{
	uint64_t count;
	int r;

	if (read(w->news_fd, &count, sizeof(count)) == -1 && errno != EAGAIN)
		return err_sys(e, "module watcher");
	pthread_mutex_lock(&w->lock);
	if ((r = w->r) != 0)
		*e = w->err;
	else
		r = copy_slots(slots, &w->slots, e);
	pthread_mutex_unlock(&w->lock);
	return r;
}

bool
modwatch_look(struct modwatch *w)
{
	bool start, looking;

	pthread_mutex_lock(&w->lock);
	start = !w->looking && !w->waits &&
	    loop_now() - w->looked >= LOOK_EVERY_MS;
	w->looking |= start;
	looking = w->looking;
	pthread_mutex_unlock(&w->lock);
	if (start)
		loop_tell(w->wake_fd);
	return looking;
}

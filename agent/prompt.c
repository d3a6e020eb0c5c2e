/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/eventfd.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/prompt.h"

/* The thread may need a while to end a dialog; nobody waits for that. */
enum prompt_state {
	OPEN,
	ANSWERED,			/* the thread is through */
	ABANDONED,			/* the thread cleans up */
};

struct prompt {
	struct prompt_conf	 conf;
	struct pin_prompt	 what;		/* points into what follows */
	char			 label[64], serial[32], reason[200];
	char			 error[200];
	char			*pinentry;
	pthread_t		 thread;
	bool			 started;
	atomic_int		 state;		/* whose the rest of it is */
	int			 done_fd;	/* tells the loop */
	int			 cancel_fd;	/* tells the thread */
	struct watch		*watch;
	struct timer		*timer;
	bool			 timed_out;

	/* The thread's, until done_fd is readable. */
	struct secret		*pin;
	int			 r;
	struct err		 err;
};

static void
destroy(struct prompt *p)
{
	if (p->done_fd != -1)
		close(p->done_fd);
	if (p->cancel_fd != -1)
		close(p->cancel_fd);
	secret_free(p->pin);
	free(p->pinentry);
	free(p);
}

static void *
thread_main(void *arg)
{
	struct prompt *p = arg;

	p->r = pin_ask(&p->conf.asker, &p->what, p->cancel_fd, p->pin,
	    &p->err);
	loop_tell(p->done_fd);
	if (atomic_exchange(&p->state, ANSWERED) == ABANDONED) {
		pthread_detach(pthread_self());
		destroy(p);
	}
	return NULL;
}

static void
on_timeout(void *arg)
{
	struct prompt *p = arg;

	p->timer = NULL;
	p->timed_out = true;
	loop_tell(p->cancel_fd);
}

static void
on_done(void *arg, short revents)
{
	struct prompt *p = arg;
	struct err e;

	(void)revents;
	pthread_join(p->thread, NULL);
	p->started = false;
	watch_free(p->watch);
	p->watch = NULL;
	e = p->err;
	if (p->r == ERR_CANCELLED && p->timed_out)
		(void)err_set(&e, ERR_CANCELLED, 0,
		    "nobody entered the PIN within %u seconds (PinTimeout)",
		    p->conf.asker.timeout);
	p->conf.fn(p->conf.arg, p->r, p->pin, &e);
}

/* Text that its owner may change or free while the question is open. */
static const char *
keep(char *to, size_t len, const char *from)
{
	if (from == NULL || from[0] == '\0')
		return NULL;
	snprintf(to, len, "%s", from);
	return to;
}

static int
start(struct prompt *p, const struct pin_prompt *what, struct err *e)
{
	p->what = *what;
	(void)keep(p->label, sizeof(p->label), what->label);
	(void)keep(p->serial, sizeof(p->serial), what->serial);
	p->what.label = p->label;
	p->what.serial = p->serial;
	p->what.reason = keep(p->reason, sizeof(p->reason), what->reason);
	p->what.error = keep(p->error, sizeof(p->error), what->error);
	if (p->conf.asker.pinentry != NULL &&
	    (p->pinentry = strdup(p->conf.asker.pinentry)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "prompt");
	p->conf.asker.pinentry = p->pinentry;
	p->pin = secret_new();
	p->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->pin == NULL || p->done_fd == -1 || p->cancel_fd == -1 ||
	    (p->watch = loop_watch(p->conf.loop, p->done_fd, POLLIN, on_done,
	    p)) == NULL || (p->conf.asker.timeout > 0 &&
	    (p->timer = loop_timer(p->conf.loop,
	    (int64_t)p->conf.asker.timeout * 1000, on_timeout, p)) == NULL) ||
	    pthread_create(&p->thread, NULL, thread_main, p) != 0)
		return err_set(e, ERR_NOMEM, 0, "prompt");
	p->started = true;
	return 0;
}

int
prompt_new(struct prompt **out, const struct prompt_conf *conf,
    const struct pin_prompt *what, struct err *e)
{
	struct prompt *p;
	int r;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "prompt");
	p->conf = *conf;
	p->done_fd = p->cancel_fd = -1;
	if ((r = start(p, what, e)) != 0) {
		prompt_free(p);
		return r;
	}
	*out = p;
	return 0;
}

void
prompt_free(struct prompt *p)
{
	if (p == NULL)
		return;
	watch_free(p->watch);
	timer_free(p->timer);
	loop_tell(p->cancel_fd);
	if (p->started &&
	    atomic_exchange(&p->state, ABANDONED) != ANSWERED)
		return;
	if (p->started)
		pthread_join(p->thread, NULL);
	destroy(p);
}

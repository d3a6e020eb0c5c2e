/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "keyutil/out.h"
#include "keyutil/progress.h"

#define CLEAR_LINE	"\r\033[K"

struct progress {
	pthread_t	 thread;
	pthread_mutex_t	 mutex;
	pthread_cond_t	 ended;
	const char	*what;
	struct timespec	 begin;
	double		 part;		/* below 0: not known */
	size_t		 done, of;	/* of 0: nothing to count */
	bool		 end, terminal, shown;
};

static long
seconds_since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)(now.tv_sec - t->tv_sec) - (now.tv_nsec < t->tv_nsec);
}

static void
show_count(const struct progress *p, long s, char *text, size_t len)
{
	const double each = p->done > 0 ? (double)s / (double)p->done : 0;
	const long left = (long)(each * (double)(p->of - p->done));

	if (p->done > 0)
		snprintf(text, len, ", %zu of %zu, %ld:%02ld left", p->done,
		    p->of, left / 60, left % 60);
	else
		snprintf(text, len, ", 0 of %zu", p->of);
}

static void
show(struct progress *p, const char *end)
{
	const long s = seconds_since(&p->begin);
	char text[160];
	int n;

	n = snprintf(text, sizeof(text), "%s, %ld:%02ld", p->what, s / 60,
	    s % 60);
	if (p->of > 0 && n > 0 && (size_t)n < sizeof(text))
		show_count(p, s, text + n, sizeof(text) - (size_t)n);
	else if (p->part >= 0 && n > 0 && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, ", %d %%",
		    (int)(p->part * 100));
	if (p->terminal)
		fprintf(stderr, CLEAR_LINE "%.*s", OUT_COLUMNS - 1, text);
	else
		out_warn("%s%s", text, end);
	p->shown = true;
}

static void *
run(void *arg)
{
	struct progress *p = arg;
	struct timespec due = p->begin;

	pthread_mutex_lock(&p->mutex);
	for (;;) {
		due.tv_sec += p->terminal ? 1 : PROGRESS_PLAIN_SECONDS;
		while (!p->end && pthread_cond_timedwait(&p->ended, &p->mutex,
		    &due) == 0)
			;
		if (p->end)
			break;
		show(p, "");
	}
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

/* Signals are the main thread's. */
static bool
start_thread(struct progress *p)
{
	sigset_t all, old;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	ok = pthread_create(&p->thread, NULL, run, p) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ok;
}

struct progress *
progress_start(const char *what)
{
	struct progress *p = calloc(1, sizeof(*p));
	pthread_condattr_t attr;

	if (p == NULL)
		return NULL;
	p->what = what;
	p->part = -1;
	p->terminal = isatty(STDERR_FILENO) == 1;
	clock_gettime(CLOCK_MONOTONIC, &p->begin);
	pthread_mutex_init(&p->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->ended, &attr);
	pthread_condattr_destroy(&attr);
	if (start_thread(p))
		return p;
	pthread_cond_destroy(&p->ended);
	pthread_mutex_destroy(&p->mutex);
	free(p);
	return NULL;
}

void
progress_at(struct progress *p, double part)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->mutex);
	p->part = part;
	pthread_mutex_unlock(&p->mutex);
}

void
progress_count(struct progress *p, size_t done, size_t of)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->mutex);
	p->done = done;
	p->of = of;
	pthread_mutex_unlock(&p->mutex);
}

void
progress_end(struct progress *p, bool ok)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->mutex);
	p->end = true;
	pthread_cond_signal(&p->ended);
	pthread_mutex_unlock(&p->mutex);
	pthread_join(p->thread, NULL);
	if (p->shown && p->terminal)
		fputs(CLEAR_LINE, stderr);
	else if (p->shown)
		show(p, ok ? ": done" : ": failed");
	pthread_cond_destroy(&p->ended);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

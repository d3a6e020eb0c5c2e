/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/eventfd.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/jobqueue.h"
#include "agent/loop.h"
#include "agent/worker.h"

struct worker {
	pthread_t		 thread;
	pthread_mutex_t		 lock;		/* of what follows */
	pthread_cond_t		 wake;
	struct jobqueue		 todo;
	struct jobs		 done;
	struct job		*running;	/* NULL: none */
	bool			 stop, ended;

	int			 done_fd;	/* tells the loop */
	int			 cancel_fd;	/* tells a PinCommand */
	struct token_place	 place;
	struct worker_conf	 conf;
	struct session		*session;	/* the thread's own, */
	unsigned int		 version;	/* of its keys, as reported */
};

struct job *
job_new(enum job_kind kind, uint64_t request)
{
	struct job *j;

	if ((j = calloc(1, sizeof(*j))) == NULL)
		return NULL;
	j->kind = kind;
	j->request = request;
	return j;
}

void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	free(j->blob);
	free(j->data);
	secret_free(j->pin);
	wire_free(&j->sig);
	token_keys_free(&j->keys);
	free(j);
}

static int
do_open(struct worker *w, struct job *j)
{
	/* What a module's keys were in another process is nothing to go by. */
	const struct session_conf conf = { .log = w->conf.log,
	    .settings = w->conf.settings, .pins = w->conf.pins,
	    .vault = w->conf.vault, .cancel_fd = w->cancel_fd,
	    .cache_dir = w->place.module == NULL ? w->conf.cache_dir : NULL };
	const struct options *o = settings_get(w->conf.settings);
	struct token *t;
	int r;

	if ((r = token_open(&w->place, o->module_timeout, &t, &j->err)) != 0)
		return r;
	return session_new(&w->session, t, &conf, &j->err);
}

static int
do_sign(struct worker *w, struct job *j)
{
	const struct session_work what = { .alg = j->alg,
	    .blob = { j->blob, j->blob_n }, .data = { j->data, j->data_n } };

	if (!wire_write(&j->sig, SIG_BLOB_MAX))
		return err_set(&j->err, ERR_NOMEM, 0, "signature");
	return session_sign(w->session, j->pin, &what, &j->sig, &j->err);
}

static int
run(struct worker *w, struct job *j)
{
	if (j->kind == JOB_OPEN)
		return do_open(w, j);
	if (w->session == NULL)
		return err_set(&j->err, ERR_TOKEN_GONE, 0,
		    "the token could not be opened");
	switch (j->kind) {
	case JOB_LABEL:
		return session_read_label(w->session, &j->err);
	case JOB_SIGN:
		return do_sign(w, j);
	case JOB_UNLOCK:
		return session_unlock(w->session, j->pin, &j->err);
	case JOB_LOCK:
		return session_lock(w->session, &j->err);
	case JOB_CHECK:
		return session_check(w->session, &j->err);
	case JOB_OPEN:
		break;
	}
	return 0;
}

/* Nothing may be left of an earlier time that the job was run. */
static void
renew(struct job *j)
{
	wire_free(&j->sig);
	token_keys_free(&j->keys);
	j->sig = (struct wire_w){ 0 };
	j->keys = (struct token_keys){ 0 };
	j->new_keys = false;
}

/* What the session is like after the job. */
static void
report(struct worker *w, struct job *j)
{
	struct session *s = w->session;

	session_settle(s);
	snprintf(j->serial, sizeof(j->serial), "%s", session_serial(s));
	snprintf(j->label, sizeof(j->label), "%s", session_label(s));
	snprintf(j->problem, sizeof(j->problem), "%s", session_problem(s));
	j->unlocked = session_unlocked(s);
	if (session_version(s) == w->version)
		return;
	if (token_keys_copy(&j->keys, session_keys(s), &j->err) != 0) {
		j->r = (int)j->err.code;
		return;
	}
	j->new_keys = true;
	w->version = session_version(s);
}

static void
run_timed(struct worker *w, struct job *j)
{
	struct timespec a, b;

	renew(j);
	clock_gettime(CLOCK_MONOTONIC, &a);
	j->r = run(w, j);
	clock_gettime(CLOCK_MONOTONIC, &b);
	j->ms = (unsigned int)((b.tv_sec - a.tv_sec) * 1000 +
	    (b.tv_nsec - a.tv_nsec) / 1000000);
	if (w->session != NULL)
		report(w, j);
}

/* The next job, or NULL when it is time to end; the lock is held. */
static struct job *
next_job(struct worker *w)
{
	while (!w->stop && jobqueue_is_empty(&w->todo))
		pthread_cond_wait(&w->wake, &w->lock);
	if (w->stop)
		return NULL;
	w->running = jobqueue_take(&w->todo);
	return w->running;
}

/* Give back what was not begun; the lock is held. */
static void
flush(struct worker *w)
{
	struct job *j;

	while ((j = jobqueue_take(&w->todo)) != NULL) {
		j->r = err_set(&j->err, ERR_TOKEN_GONE, 0,
		    "the token was removed");
		TAILQ_INSERT_TAIL(&w->done, j, next);
	}
}

static void *
thread_main(void *arg)
{
	struct worker *w = arg;
	struct job *j;

	pthread_mutex_lock(&w->lock);
	while ((j = next_job(w)) != NULL) {
		pthread_mutex_unlock(&w->lock);
		run_timed(w, j);
		pthread_mutex_lock(&w->lock);
		w->running = NULL;
		TAILQ_INSERT_TAIL(&w->done, j, next);
		pthread_mutex_unlock(&w->lock);
		loop_tell(w->done_fd);
		pthread_mutex_lock(&w->lock);
	}
	flush(w);
	pthread_mutex_unlock(&w->lock);
	session_free(w->session);
	w->session = NULL;
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	pthread_mutex_unlock(&w->lock);
	loop_tell(w->done_fd);
	return NULL;
}

static void
destroy(struct worker *w)
{
	struct job *j;

	while ((j = worker_reap(w)) != NULL)
		job_free(j);
	while ((j = jobqueue_take(&w->todo)) != NULL)
		job_free(j);
	if (w->done_fd != -1)
		close(w->done_fd);
	if (w->cancel_fd != -1)
		close(w->cancel_fd);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	token_place_clear(&w->place);
	free(w);
}

int
worker_new(struct worker **out, const struct token_place *place,
    const struct worker_conf *conf, struct err *e)
{
	struct worker *w;
	struct job *j;
	int r;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "worker");
	jobqueue_init(&w->todo);
	TAILQ_INIT(&w->done);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	w->conf = *conf;
	w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if ((r = token_place_copy(&w->place, place, e)) != 0) {
		destroy(w);
		return r;
	}
	j = job_new(JOB_OPEN, 0);
	if (j != NULL)
		jobqueue_put(&w->todo, j);
	if (w->done_fd == -1 || w->cancel_fd == -1 || j == NULL ||
	    pthread_create(&w->thread, NULL, thread_main, w) != 0) {
		destroy(w);
		return err_set(e, ERR_NOMEM, 0, "worker thread");
	}
	*out = w;
	return 0;
}

void
worker_stop(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	loop_tell(w->cancel_fd);
}

bool
worker_ended(struct worker *w)
{
	bool ended;

	pthread_mutex_lock(&w->lock);
	ended = w->ended;
	pthread_mutex_unlock(&w->lock);
	return ended;
}

bool
worker_wait(struct worker *w, int ms)
{
	struct pollfd p = { .fd = w->done_fd, .events = POLLIN };
	uint64_t count;

	while (!worker_ended(w)) {
		if (poll(&p, 1, ms) != 1)
			return false;
		if (read(w->done_fd, &count, sizeof(count)) == -1)
			continue;	/* told of again if there is more */
	}
	return true;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	worker_stop(w);
	pthread_join(w->thread, NULL);
	destroy(w);
}

void
worker_submit(struct worker *w, struct job *j)
{
	pthread_mutex_lock(&w->lock);
	jobqueue_put(&w->todo, j);
	if (w->stop) {
		flush(w);
		loop_tell(w->done_fd);
	}
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

static struct job *
abandon(struct jobs *jobs, uint64_t request)
{
	struct job *j;

	TAILQ_FOREACH(j, jobs, next) {
		if (j->request != request)
			continue;
		j->abandoned = true;
		return j;
	}
	return NULL;
}

bool
worker_abandon(struct worker *w, uint64_t request)
{
	struct job *j;
	bool drop;

	pthread_mutex_lock(&w->lock);
	j = abandon(&w->todo.jobs, request);
	drop = j != NULL && j->kind == JOB_SIGN;
	if (drop)
		TAILQ_REMOVE(&w->todo.jobs, j, next);
	(void)abandon(&w->done, request);
	if (w->running != NULL && w->running->request == request)
		w->running->abandoned = true;
	pthread_mutex_unlock(&w->lock);
	if (drop)
		job_free(j);
	return drop;
}

struct job *
worker_reap(struct worker *w)
{
	struct job *j;

	pthread_mutex_lock(&w->lock);
	if ((j = TAILQ_FIRST(&w->done)) != NULL)
		TAILQ_REMOVE(&w->done, j, next);
	pthread_mutex_unlock(&w->lock);
	return j;
}

int
worker_fd(const struct worker *w)
{
	return w->done_fd;
}

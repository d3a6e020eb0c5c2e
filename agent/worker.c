/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/eventfd.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/worker.h"

TAILQ_HEAD(jobs, job);

struct worker {
	pthread_t		 thread;
	pthread_mutex_t		 lock;		/* of what follows */
	pthread_cond_t		 wake;
	struct jobs		 todo, done;
	bool			 stop, ended;

	int			 done_fd;	/* tells the loop */
	int			 cancel_fd;	/* tells a prompt */
	struct pcsc_reader	 reader;
	const struct log	*log;
	struct pins		*pins;
	struct session		*session;	/* the thread's own */
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
copy_keys(struct token_keys *to, const struct token_keys *from,
    struct err *e)
{
	struct token_key *k;

	if ((to->v = calloc(from->n + 1, sizeof(*to->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "key list");
	for (to->n = 0; to->n < from->n; to->n++) {
		k = &to->v[to->n];
		*k = from->v[to->n];
		if (k->blob == NULL)
			continue;
		if ((k->blob = malloc(k->blob_n)) == NULL)
			return err_set(e, ERR_NOMEM, 0, "key list");
		memcpy(k->blob, from->v[to->n].blob, k->blob_n);
	}
	return 0;
}

static int
do_open(struct worker *w, struct job *j)
{
	const struct session_conf conf = { .log = w->log, .pins = w->pins,
	    .cancel_fd = w->cancel_fd };
	struct token *t;
	int r;

	if ((r = token_open(&w->reader, &t, &j->err)) != 0)
		return r;
	if ((r = session_new(&w->session, t, &conf, &j->err)) != 0)
		return r;
	return copy_keys(&j->keys, session_keys(w->session), &j->err);
}

static int
do_sign(struct worker *w, struct job *j)
{
	if (!wire_write(&j->sig, SIG_BLOB_MAX))
		return err_set(&j->err, ERR_NOMEM, 0, "signature");
	return session_sign(w->session, (struct span){ j->blob, j->blob_n },
	    j->alg, (struct span){ j->data, j->data_n }, &j->sig, &j->err);
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
	case JOB_OPEN:
		break;
	}
	return 0;
}

static void
run_timed(struct worker *w, struct job *j)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	j->r = run(w, j);
	clock_gettime(CLOCK_MONOTONIC, &b);
	j->ms = (unsigned int)((b.tv_sec - a.tv_sec) * 1000 +
	    (b.tv_nsec - a.tv_nsec) / 1000000);
	if (w->session == NULL)
		return;
	snprintf(j->serial, sizeof(j->serial), "%s",
	    session_serial(w->session));
	snprintf(j->label, sizeof(j->label), "%s", session_label(w->session));
	j->unlocked = session_unlocked(w->session);
}

static void
tell(int fd)
{
	const uint64_t one = 1;

	/* Fails only when the counter is full: then it is readable anyway. */
	if (write(fd, &one, sizeof(one)) == -1)
		return;
}

/* The next job, or NULL when it is time to end; the lock is held. */
static struct job *
next_job(struct worker *w)
{
	struct job *j;

	while (!w->stop && TAILQ_EMPTY(&w->todo))
		pthread_cond_wait(&w->wake, &w->lock);
	if (w->stop)
		return NULL;
	j = TAILQ_FIRST(&w->todo);
	TAILQ_REMOVE(&w->todo, j, next);
	return j;
}

/* Give back what was not begun; the lock is held. */
static void
flush(struct worker *w)
{
	struct job *j;

	while ((j = TAILQ_FIRST(&w->todo)) != NULL) {
		TAILQ_REMOVE(&w->todo, j, next);
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
		TAILQ_INSERT_TAIL(&w->done, j, next);
		pthread_mutex_unlock(&w->lock);
		tell(w->done_fd);
		pthread_mutex_lock(&w->lock);
	}
	flush(w);
	pthread_mutex_unlock(&w->lock);
	session_free(w->session);
	w->session = NULL;
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	pthread_mutex_unlock(&w->lock);
	tell(w->done_fd);
	return NULL;
}

static void
destroy(struct worker *w)
{
	struct job *j;

	while ((j = worker_reap(w)) != NULL)
		job_free(j);
	while ((j = TAILQ_FIRST(&w->todo)) != NULL) {
		TAILQ_REMOVE(&w->todo, j, next);
		job_free(j);
	}
	if (w->done_fd != -1)
		close(w->done_fd);
	if (w->cancel_fd != -1)
		close(w->cancel_fd);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int
worker_new(struct worker **out, const struct pcsc_reader *reader,
    const struct log *log, struct pins *pins, struct err *e)
{
	struct worker *w;
	struct job *j;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "worker");
	TAILQ_INIT(&w->todo);
	TAILQ_INIT(&w->done);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	w->reader = *reader;
	w->log = log;
	w->pins = pins;
	w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	j = job_new(JOB_OPEN, 0);
	if (j != NULL)
		TAILQ_INSERT_TAIL(&w->todo, j, next);
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
	tell(w->cancel_fd);
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
	TAILQ_INSERT_TAIL(&w->todo, j, next);
	if (w->stop) {
		flush(w);
		tell(w->done_fd);
	}
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
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

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/eventfd.h>
#include <sys/queue.h>

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/recorder.h"
#include "base/paths.h"

#define DAY	(24 * 60 * 60)

struct job {
	TAILQ_ENTRY(job) next;
	struct record	 record;	/* its spans lie in `bytes` */
	uint8_t		*bytes;

	/* What has come of it. */
	int		 r;
	struct err	 err;
	uint64_t	 serial, seq;
	char		 checkpoint[LEDGER_CHECKPOINT_MAX];
};

TAILQ_HEAD(jobs, job);

struct recorder {
	struct recorder_conf	 conf;
	char			*path;
	pthread_t		 thread;
	pthread_mutex_t		 lock;		/* of what follows */
	pthread_cond_t		 wake;
	struct jobs		 todo, done;
	bool			 stop;

	int			 done_fd;	/* tells the loop */
	struct watch		*watch;
	struct ledger		*ledger;	/* the thread's own */
};

/* --- jobs --- */

static struct span
keep(uint8_t **at, struct span s)
{
	const struct span out = { *at, s.n };

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return out;
}

static struct job *
job_new(const struct record *r)
{
	struct job *j = calloc(1, sizeof(*j));
	uint8_t *at;

	if (j == NULL)
		return NULL;
	j->record = *r;
	j->bytes = malloc(r->ca.n + r->bytes.n + r->who.program.n +
	    r->who.where.n + r->note.n + 1);
	if (j->bytes == NULL) {
		free(j);
		return NULL;
	}
	at = j->bytes;
	j->record.ca = keep(&at, r->ca);
	j->record.bytes = keep(&at, r->bytes);
	j->record.who.program = keep(&at, r->who.program);
	j->record.who.where = keep(&at, r->who.where);
	j->record.note = keep(&at, r->note);
	return j;
}

static void
job_free(struct job *j)
{
	free(j->bytes);
	free(j);
}

static void
free_jobs(struct jobs *jobs)
{
	struct job *j;

	while ((j = TAILQ_FIRST(jobs)) != NULL) {
		TAILQ_REMOVE(jobs, j, next);
		job_free(j);
	}
}

/* --- in the thread --- */

static int
open_ledger(struct recorder *rec, struct err *e)
{
	char *dir, *slash;
	int r;

	if (rec->ledger != NULL && !ledger_is_astray(rec->ledger))
		return 0;
	ledger_close(rec->ledger);
	rec->ledger = NULL;
	if ((dir = strdup(rec->path)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "ledger");
	if ((slash = strrchr(dir, '/')) != NULL)
		*slash = '\0';
	r = paths_make_dir(dir, e);
	free(dir);
	if (r != 0)
		return r;
	return ledger_open(&rec->ledger, rec->path, LEDGER_WRITE, e);
}

static int
check(struct recorder *rec, struct job *j)
{
	struct cert c;
	int r;

	if ((r = cert_parse_tbs(j->record.bytes, &c, &j->err)) != 0)
		return r;
	return ledger_check(rec->ledger, &c, &j->record.rule, &j->err);
}

/* Is it time for a checkpoint?  That it is not known is no reason for one. */
static void
look_for_checkpoint(struct recorder *rec, struct job *j, struct span ca)
{
	struct ledger_unsigned u;
	struct err e;

	if (ledger_unsigned(rec->ledger, ca, &u, &e) != 0 || u.n == 0 ||
	    (u.n < RECORDER_CHECKPOINT && u.since + DAY > time(NULL)) ||
	    ledger_end(rec->ledger, &j->seq, &e) != 0 ||
	    ledger_checkpoint_text(rec->ledger, j->seq, j->checkpoint,
	    &e) != 0)
		j->checkpoint[0] = '\0';
}

static int
add(struct recorder *rec, struct job *j)
{
	const struct record *d = &j->record;
	struct cert c;
	int r;

	if ((r = cert_parse(d->bytes, &c, &j->err)) != 0 ||
	    (r = ledger_add_certificate(rec->ledger, d->bytes, &d->rule,
	    &d->who, d->note, &j->err)) != 0)
		return r;
	look_for_checkpoint(rec, j, c.ca);
	return 0;
}

static void
run(struct recorder *rec, struct job *j)
{
	const struct record *d = &j->record;

	if ((j->r = open_ledger(rec, &j->err)) != 0)
		return;
	switch (d->kind) {
	case RECORD_CHECK:
		j->r = check(rec, j);
		break;
	case RECORD_CERTIFICATE:
		j->r = add(rec, j);
		break;
	case RECORD_SERIALS:
		j->r = ledger_serials(rec->ledger, d->ca, d->n, &j->serial,
		    &j->err);
		break;
	case RECORD_CHECKPOINT:
		j->r = ledger_add_checkpoint(rec->ledger, d->ca, d->n,
		    d->bytes, &j->err);
		break;
	}
}

static void *
thread_main(void *arg)
{
	struct recorder *rec = arg;
	struct job *j;

	pthread_mutex_lock(&rec->lock);
	for (;;) {
		while (!rec->stop && TAILQ_EMPTY(&rec->todo))
			pthread_cond_wait(&rec->wake, &rec->lock);
		if (rec->stop)
			break;
		j = TAILQ_FIRST(&rec->todo);
		TAILQ_REMOVE(&rec->todo, j, next);
		pthread_mutex_unlock(&rec->lock);
		run(rec, j);
		pthread_mutex_lock(&rec->lock);
		TAILQ_INSERT_TAIL(&rec->done, j, next);
		loop_tell(rec->done_fd);
	}
	pthread_mutex_unlock(&rec->lock);
	ledger_close(rec->ledger);
	return NULL;
}

/* --- in the loop --- */

static struct job *
reap(struct recorder *rec)
{
	struct job *j;

	pthread_mutex_lock(&rec->lock);
	if ((j = TAILQ_FIRST(&rec->done)) != NULL)
		TAILQ_REMOVE(&rec->done, j, next);
	pthread_mutex_unlock(&rec->lock);
	return j;
}

static void
on_done(void *arg, short revents)
{
	struct recorder *rec = arg;
	struct job *j;
	uint64_t count;

	(void)revents;
	(void)!read(rec->done_fd, &count, sizeof(count));
	while ((j = reap(rec)) != NULL) {
		rec->conf.answer(rec->conf.arg, &(const struct record_answer){
		    .kind = j->record.kind, .id = j->record.id, .r = j->r,
		    .err = &j->err, .serial = j->serial,
		    .checkpoint = j->checkpoint, .seq = j->seq });
		job_free(j);
	}
}

static void
release(struct recorder *rec)
{
	watch_free(rec->watch);
	if (rec->done_fd != -1)
		close(rec->done_fd);
	free_jobs(&rec->todo);
	free_jobs(&rec->done);
	pthread_cond_destroy(&rec->wake);
	pthread_mutex_destroy(&rec->lock);
	free(rec->path);
	free(rec);
}

int
recorder_new(struct recorder **out, const struct recorder_conf *conf,
    struct err *e)
{
	struct recorder *rec;

	if ((rec = calloc(1, sizeof(*rec))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "recorder");
	rec->conf = *conf;
	TAILQ_INIT(&rec->todo);
	TAILQ_INIT(&rec->done);
	pthread_mutex_init(&rec->lock, NULL);
	pthread_cond_init(&rec->wake, NULL);
	rec->path = strdup(conf->path);
	rec->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rec->path == NULL || rec->done_fd == -1 ||
	    (rec->watch = loop_watch(conf->loop, rec->done_fd, POLLIN,
	    on_done, rec)) == NULL ||
	    pthread_create(&rec->thread, NULL, thread_main, rec) != 0) {
		release(rec);
		return err_set(e, ERR_NOMEM, 0, "recorder");
	}
	*out = rec;
	return 0;
}

void
recorder_free(struct recorder *rec)
{
	if (rec == NULL)
		return;
	pthread_mutex_lock(&rec->lock);
	rec->stop = true;
	pthread_cond_signal(&rec->wake);
	pthread_mutex_unlock(&rec->lock);
	pthread_join(rec->thread, NULL);
	release(rec);
}

int
recorder_put(struct recorder *rec, const struct record *r, struct err *e)
{
	struct job *j = job_new(r);

	if (j == NULL)
		return err_set(e, ERR_NOMEM, 0, "recorder");
	pthread_mutex_lock(&rec->lock);
	TAILQ_INSERT_TAIL(&rec->todo, j, next);
	pthread_cond_signal(&rec->wake);
	pthread_mutex_unlock(&rec->lock);
	return 0;
}

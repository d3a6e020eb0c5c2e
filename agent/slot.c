/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/slot.h"

bool
slot_has_to_lock(const struct slot *s)
{
	return s->state == SLOT_UNLOCKED || asking_is_open(s->asking);
}

bool
slot_is_token(const struct slot *s)
{
	return s->state == SLOT_LOCKED || s->state == SLOT_UNLOCKED;
}

const char *
slot_state_name(const struct slot *s)
{
	static const char *const names[] = {
		[SLOT_OPENING] = "opening",
		[SLOT_FAILED] = "failed",
		[SLOT_FOREIGN] = "foreign",
		[SLOT_LOCKED] = "locked",
		[SLOT_UNLOCKED] = "unlocked",
		[SLOT_LEAVING] = "leaving",
	};

	return names[s->state];
}

void
slot_submit(struct slot *s, struct job *j)
{
	s->jobs++;
	worker_submit(s->worker, j);
}

bool
slot_abandon(struct slot *s, uint64_t request)
{
	if (asking_drop(s->asking, request)) {
		log_debug(s->conf->worker.log, "token %s: whoever needed the "
		    "PIN is gone", s->serial);
		return true;
	}
	if (!worker_abandon(s->worker, request))
		return false;
	s->jobs--;
	return true;
}

void
slot_lock(struct slot *s, struct job *j, const char *why)
{
	struct err e;

	vault_lock(s->conf->worker.vault, s->serial);
	(void)err_set(&e, ERR_CANCELLED, 0, "%s", why);
	asking_end(s->asking, &e);
	slot_submit(s, j);
}

void
slot_check(struct slot *s)
{
	struct job *j;

	if (s->check_asked || (j = job_new(JOB_CHECK, 0)) == NULL)
		return;
	s->check_asked = true;
	slot_submit(s, j);
}

static void	 watch_expiry(struct slot *s);

static void
on_expiry(void *arg)
{
	struct slot *s = arg;
	struct job *j;

	s->expiry = NULL;
	if (vault_unlocked(s->conf->worker.vault, s->serial)) {
		watch_expiry(s);	/* it was used meanwhile */
		return;
	}
	log_info(s->conf->worker.log, "token %s: the unlock has expired",
	    s->serial);
	if ((j = job_new(JOB_LOCK, 0)) != NULL)
		slot_submit(s, j);
}

static void
stop_expiry(struct slot *s)
{
	timer_free(s->expiry);
	s->expiry = NULL;
}

/* Later ends are seen when the timer fires; earlier ones do not come. */
static void
watch_expiry(struct slot *s)
{
	int64_t ms = vault_ends_in(s->conf->worker.vault, s->serial);

	if (s->expiry == NULL && ms >= 0)
		s->expiry = loop_timer(s->conf->loop, ms + 1, on_expiry, s);
}

/*
 * A client that unlocks a token says how long that is to last.  One that has
 * no PIN may find it unlocked, and does not keep it so for longer.
 */
static void
limit(struct slot *s, const struct job *j)
{
	if (j->pin != NULL)
		vault_limit(s->conf->worker.vault, s->serial, j->lifetime);
	else
		vault_shorten(s->conf->worker.vault, s->serial, j->lifetime);
	stop_expiry(s);
}

static void
set_unlocked(struct slot *s, bool unlocked)
{
	if (!slot_is_token(s))
		return;
	s->state = unlocked ? SLOT_UNLOCKED : SLOT_LOCKED;
	if (unlocked)
		watch_expiry(s);
	else
		stop_expiry(s);
}

static void
note_unusable(const struct slot *s)
{
	const struct token_key *k;

	for (size_t i = 0; i < s->keys.n; i++) {
		k = &s->keys.v[i];
		if (k->blob == NULL)
			log_info(s->conf->worker.log,
			    "token %s: key %s \"%s\" (%s) is not offered: %s",
			    s->serial, k->ref, k->label, k->algo, k->unusable);
	}
}

static void
opened(struct slot *s, struct job *j)
{
	if (j->r == ERR_UNSUPPORTED) {
		s->state = SLOT_FOREIGN;
		log_debug(s->conf->worker.log, "%s", j->err.msg);
		return;
	}
	if (j->r != 0) {
		s->state = SLOT_FAILED;
		log_error(s->conf->worker.log, "%s", j->err.msg);
		return;
	}
	s->state = SLOT_LOCKED;
	snprintf(s->serial, sizeof(s->serial), "%s", j->serial);
}

static void
take_keys(struct slot *s, struct job *j)
{
	token_keys_free(&s->keys);
	s->keys = j->keys;
	j->keys = (struct token_keys){ 0 };
	log_info(s->conf->worker.log, "token %s in %s: %zu key%s", s->serial,
	    s->place.name, s->keys.n, s->keys.n == 1 ? "" : "s");
	note_unusable(s);
}

/* What a job says of the token, whatever the job was. */
static void
take_in(struct slot *s, struct job *j)
{
	if (j->r == 0 || j->r == ERR_PIN_NEEDED)
		s->trouble[0] = '\0';
	else
		snprintf(s->trouble, sizeof(s->trouble), "%s", j->err.msg);
	if (j->label[0] != '\0')
		snprintf(s->label, sizeof(s->label), "%s", j->label);
	if (j->kind == JOB_CHECK)
		s->check_asked = false;
	if (j->kind == JOB_CHECK || j->kind == JOB_OPEN)
		s->looked = loop_now();
	if (j->kind == JOB_OPEN && s->state == SLOT_OPENING)
		opened(s, j);
	if (j->kind == JOB_UNLOCK && j->request != 0 && j->r == 0)
		limit(s, j);
	set_unlocked(s, j->unlocked);
	if (j->new_keys)
		take_keys(s, j);
}

/* Give a job back to its owner. */
static void
finish(struct slot *s, struct job *j)
{
	if (j->r != 0 && s->serial[0] != '\0')
		(void)err_wrap(&j->err, "token %s", s->serial);
	s->conf->fn(s->conf->arg, s, j);
}

static void
on_done(void *arg, short revents)
{
	struct slot *s = arg;
	struct job *j;
	uint64_t count;

	(void)revents;
	if (read(worker_fd(s->worker), &count, sizeof(count)) == -1 &&
	    errno != EAGAIN)
		log_error(s->conf->worker.log, "worker: %s", strerror(errno));
	while ((j = worker_reap(s->worker)) != NULL) {
		s->jobs--;
		take_in(s, j);
		asking_note(s->asking, j);
		if (j->r == ERR_PIN_NEEDED && !j->abandoned &&
		    s->state != SLOT_LEAVING)
			asking_add(s->asking, j);
		else
			finish(s, j);
	}
	if (s->state == SLOT_LEAVING && worker_ended(s->worker))
		s->conf->fn(s->conf->arg, s, NULL);
}

static void
asking_submit(void *arg, struct job *j)
{
	slot_submit(arg, j);
}

static void
asking_refuse(void *arg, struct job *j)
{
	struct slot *s = arg;

	snprintf(s->trouble, sizeof(s->trouble), "%s", j->err.msg);
	finish(s, j);
}

int
slot_new(struct slot **out, const struct slot_conf *conf,
    const struct token_place *place, size_t number, struct err *e)
{
	struct asking_conf ac = { .loop = conf->loop,
	    .log = conf->worker.log, .asker = conf->asker,
	    .submit = asking_submit, .refuse = asking_refuse };
	struct slot *s;
	int r;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "%s", place->name);
	ac.arg = s;
	s->jobs = 1;			/* JOB_OPEN */
	s->conf = conf;
	s->number = number;
	snprintf(s->label, sizeof(s->label), "%s", place->slot.label);
	if ((r = token_place_copy(&s->place, place, e)) == 0 &&
	    (r = asking_new(&s->asking, &ac, e)) == 0)
		r = worker_new(&s->worker, place, &conf->worker, e);
	if (r == 0 && (s->watch = loop_watch(conf->loop,
	    worker_fd(s->worker), POLLIN, on_done, s)) == NULL)
		r = err_set(e, ERR_NOMEM, 0, "%s", place->name);
	if (r != 0) {
		slot_free(s);
		return r;
	}
	*out = s;
	return 0;
}

void
slot_free(struct slot *s)
{
	watch_free(s->watch);
	timer_free(s->expiry);
	timer_free(s->retry);
	asking_free(s->asking);
	worker_free(s->worker);
	token_keys_free(&s->keys);
	token_place_clear(&s->place);
	free(s);
}

void
slot_leave(struct slot *s)
{
	struct err e;

	s->state = SLOT_LEAVING;
	stop_expiry(s);
	timer_free(s->retry);
	s->retry = NULL;
	(void)err_set(&e, ERR_TOKEN_GONE, 0, "the token was removed");
	asking_end(s->asking, &e);
	worker_stop(s->worker);
}

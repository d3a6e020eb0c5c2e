/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/slot.h"

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
	worker_submit(s->worker, j);
}

static void
expire(void *arg)
{
	struct slot *s = arg;
	struct job *j;

	s->expiry = NULL;
	log_info(s->conf->log, "token %s: the unlock has expired", s->serial);
	if ((j = job_new(JOB_LOCK, 0)) != NULL)
		slot_submit(s, j);
}

static void
stop_expiry(struct slot *s)
{
	timer_free(s->expiry);
	s->expiry = NULL;
}

static void
set_unlocked(struct slot *s, bool unlocked)
{
	unsigned int life = s->conf->lifetime;

	if (!slot_is_token(s) || unlocked == (s->state == SLOT_UNLOCKED))
		return;
	s->state = unlocked ? SLOT_UNLOCKED : SLOT_LOCKED;
	stop_expiry(s);
	if (unlocked && life > 0)
		s->expiry = loop_timer(s->conf->loop, (int64_t)life * 1000,
		    expire, s);
}

static void
note_unusable(const struct slot *s)
{
	const struct token_key *k;

	for (size_t i = 0; i < s->keys.n; i++) {
		k = &s->keys.v[i];
		if (k->blob == NULL)
			log_info(s->conf->log,
			    "token %s: key %s \"%s\" (%s) is not offered: %s",
			    s->serial, k->ref, k->label, k->algo, k->unusable);
	}
}

static void
opened(struct slot *s, struct job *j)
{
	if (j->r == ERR_UNSUPPORTED) {
		s->state = SLOT_FOREIGN;
		log_debug(s->conf->log, "%s", j->err.msg);
		return;
	}
	if (j->r != 0) {
		s->state = SLOT_FAILED;
		log_error(s->conf->log, "%s", j->err.msg);
		return;
	}
	s->state = SLOT_LOCKED;
	snprintf(s->serial, sizeof(s->serial), "%s", j->serial);
	s->keys = j->keys;
	j->keys = (struct token_keys){ 0 };
	log_info(s->conf->log, "token %s in %s: %zu key%s", s->serial,
	    s->reader.name, s->keys.n, s->keys.n == 1 ? "" : "s");
	note_unusable(s);
}

/* What a job says of the token, whatever the job was. */
static void
take_in(struct slot *s, struct job *j)
{
	if (j->r == 0)
		s->trouble[0] = '\0';
	else
		snprintf(s->trouble, sizeof(s->trouble), "%s", j->err.msg);
	if (j->label[0] != '\0')
		snprintf(s->label, sizeof(s->label), "%s", j->label);
	if (j->kind == JOB_OPEN && s->state == SLOT_OPENING)
		opened(s, j);
	else
		set_unlocked(s, j->unlocked);
	if (j->r != 0 && s->serial[0] != '\0')
		(void)err_wrap(&j->err, "token %s", s->serial);
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
		log_error(s->conf->log, "worker: %s", strerror(errno));
	while ((j = worker_reap(s->worker)) != NULL) {
		take_in(s, j);
		s->conf->fn(s->conf->arg, s, j);
		job_free(j);
	}
	if (s->state == SLOT_LEAVING && worker_ended(s->worker))
		s->conf->fn(s->conf->arg, s, NULL);
}

int
slot_new(struct slot **out, const struct slot_conf *conf,
    const struct pcsc_reader *reader, size_t number, struct err *e)
{
	struct slot *s;
	int r;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "%s", reader->name);
	s->conf = conf;
	s->number = number;
	s->reader = *reader;
	r = worker_new(&s->worker, reader, conf->log, conf->pins, e);
	if (r == 0 && (s->watch = loop_watch(conf->loop,
	    worker_fd(s->worker), POLLIN, on_done, s)) == NULL)
		r = err_set(e, ERR_NOMEM, 0, "%s", reader->name);
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
	worker_free(s->worker);
	token_keys_free(&s->keys);
	free(s);
}

void
slot_leave(struct slot *s)
{
	s->state = SLOT_LEAVING;
	stop_expiry(s);
	timer_free(s->retry);
	s->retry = NULL;
	worker_stop(s->worker);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "keyutil/doctor.h"

/* A token that makes an RSA key is busy for longer: that is told. */
#define PATIENCE_SECONDS	10

struct reading {
	pthread_mutex_t	 mutex;
	pthread_cond_t	 done;
	bool		 is_done, is_given_up;
	char		 token[256];	/* the one that is meant, or "" */
	struct doctor_cards *cards;
};

static int
reach(struct doctor_cards *c)
{
	struct pcsc *p;
	int r;

	if ((r = pcsc_open(&p, &c->why)) != 0)
		return r;
	r = pcsc_list(p, &c->readers, &c->why);
	pcsc_close(p);
	return r;
}

/* What is wrong with a card is in its slot. */
static void
read_cards(struct doctor_cards *c, const char *token)
{
	struct err e;

	if ((c->rc = reach(c)) != 0)
		return;
	if (*token != '\0' && tokens_open(&c->tokens, token, &e) != 0) {
		c->absent = true;
		tokens_close(&c->tokens);
	}
	if (((*token == '\0' || c->absent) &&
	    tokens_open(&c->tokens, NULL, &e) != 0) ||
	    tokens_read_keys(&c->tokens, &e) != 0 ||
	    tokens_read_leftovers(&c->tokens, &e) != 0)
		return;
}

static void
reading_free(struct reading *r)
{
	doctor_cards_free(r->cards);
	pthread_cond_destroy(&r->done);
	pthread_mutex_destroy(&r->mutex);
	free(r);
}

/* Frees what nobody waits for any more. */
static void *
run(void *arg)
{
	struct reading *r = arg;
	bool given_up;

	read_cards(r->cards, r->token);
	pthread_mutex_lock(&r->mutex);
	r->is_done = true;
	given_up = r->is_given_up;
	pthread_cond_signal(&r->done);
	pthread_mutex_unlock(&r->mutex);
	if (given_up)
		reading_free(r);
	return NULL;
}

static struct reading *
reading_new(void)
{
	struct reading *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;

	if (r == NULL || (r->cards = calloc(1, sizeof(*r->cards))) == NULL) {
		free(r);
		return NULL;
	}
	pthread_mutex_init(&r->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->done, &attr);
	pthread_condattr_destroy(&attr);
	return r;
}

/* True when it is done; else the thread has it now. */
static bool
wait_for(struct reading *r)
{
	struct timespec until;
	bool done;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_SECONDS;
	pthread_mutex_lock(&r->mutex);
	while (!r->is_done && pthread_cond_timedwait(&r->done, &r->mutex,
	    &until) == 0)
		;
	done = r->is_done;
	r->is_given_up = !done;
	pthread_mutex_unlock(&r->mutex);
	return done;
}

struct doctor_cards *
doctor_read_cards(const char *token)
{
	struct doctor_cards *cards;
	struct reading *r = reading_new();
	pthread_t thread;

	if (r == NULL)
		return NULL;
	if (token != NULL)
		snprintf(r->token, sizeof(r->token), "%s", token);
	if (pthread_create(&thread, NULL, run, r) != 0) {
		reading_free(r);
		return NULL;
	}
	if (!wait_for(r)) {
		pthread_detach(thread);
		if ((cards = calloc(1, sizeof(*cards))) != NULL)
			cards->late = true;
		return cards;
	}
	pthread_join(thread, NULL);
	cards = r->cards;
	r->cards = NULL;
	reading_free(r);
	return cards;
}

void
doctor_cards_free(struct doctor_cards *c)
{
	if (c == NULL)
		return;
	tokens_close(&c->tokens);
	free(c);
}

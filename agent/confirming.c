/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/queue.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/confirming.h"

struct question {
	TAILQ_ENTRY(question) next;
	uint64_t	 request;
	char		*text;
};

struct confirming {
	struct confirming_conf conf;
	TAILQ_HEAD(questions, question) waiting;
	size_t		 n;		/* of them */
	struct question	*open;
	struct confirm	*confirm;	/* shows it */
};

static void
question_free(struct question *q)
{
	if (q == NULL)
		return;
	free(q->text);
	free(q);
}

static struct question *
question_new(uint64_t request, const char *text)
{
	struct question *q;

	if ((q = calloc(1, sizeof(*q))) == NULL)
		return NULL;
	q->request = request;
	if ((q->text = strdup(text)) == NULL) {
		free(q);
		return NULL;
	}
	return q;
}

int
confirming_new(struct confirming **out, const struct confirming_conf *conf,
    struct err *e)
{
	struct confirming *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "questions");
	c->conf = *conf;
	TAILQ_INIT(&c->waiting);
	*out = c;
	return 0;
}

static struct question *
take_first(struct confirming *c)
{
	struct question *q = TAILQ_FIRST(&c->waiting);

	if (q != NULL) {
		TAILQ_REMOVE(&c->waiting, q, next);
		c->n--;
	}
	return q;
}

static struct question *
close_open(struct confirming *c)
{
	struct question *q = c->open;

	confirm_free(c->confirm);
	c->confirm = NULL;
	c->open = NULL;
	return q;
}

void
confirming_free(struct confirming *c)
{
	struct question *q;

	if (c == NULL)
		return;
	question_free(close_open(c));
	while ((q = take_first(c)) != NULL)
		question_free(q);
	free(c);
}

static void	 on_answer(void *arg, int r, const struct err *e);

static int
show(struct confirming *c, struct question *q, struct err *e)
{
	const struct confirm_conf conf = { .loop = c->conf.loop,
	    .asker = *c->conf.asker, .fn = on_answer, .arg = c };
	int r;

	if ((r = confirm_new(&c->confirm, &conf, q->text, e)) != 0)
		return r;
	c->open = q;
	log_debug(c->conf.log, "request %" PRIu64 ": asking for consent, "
	    "%zu wait", q->request, c->n);
	return 0;
}

/* Those that cannot be asked for are answered. */
static void
show_next(struct confirming *c)
{
	struct question *q;
	struct err e;
	int r;

	while (c->open == NULL && (q = take_first(c)) != NULL) {
		if ((r = show(c, q, &e)) == 0)
			return;
		c->conf.answer(c->conf.arg, q->request, r, &e);
		question_free(q);
	}
}

/* The next one is shown first: who comes from inside answer() is behind. */
static void
on_answer(void *arg, int r, const struct err *e)
{
	struct confirming *c = arg;
	const struct err why = *e;
	struct question *q = close_open(c);

	show_next(c);
	c->conf.answer(c->conf.arg, q->request, r, &why);
	question_free(q);
}

int
confirming_add(struct confirming *c, uint64_t request, const char *text,
    struct err *e)
{
	struct question *q;
	int r;

	if (c->n == CONFIRMING_MAX)
		return err_set(e, ERR_LIMIT, 0, "%d requests wait for "
		    "consent already", CONFIRMING_MAX);
	if ((q = question_new(request, text)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "question");
	if (c->open == NULL && TAILQ_EMPTY(&c->waiting)) {
		if ((r = show(c, q, e)) != 0)
			question_free(q);
		return r;
	}
	TAILQ_INSERT_TAIL(&c->waiting, q, next);
	c->n++;
	return 0;
}

bool
confirming_drop(struct confirming *c, uint64_t request)
{
	struct question *q;

	if (c->open != NULL && c->open->request == request) {
		question_free(close_open(c));
		show_next(c);
		return true;
	}
	q = TAILQ_FIRST(&c->waiting);
	while (q != NULL && q->request != request)
		q = TAILQ_NEXT(q, next);
	if (q == NULL)
		return false;
	TAILQ_REMOVE(&c->waiting, q, next);
	c->n--;
	question_free(q);
	return true;
}

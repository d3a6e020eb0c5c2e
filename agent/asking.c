/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "agent/asking.h"
#include "pin/text.h"
#include "token/token.h"

_Static_assert(TOKEN_TRIES_FEW == PIN_TRIES_FEW, "the one is shown as such");

struct asking {
	struct asking_conf conf;
	struct jobs	 waiting;
	const struct job *carrier;	/* takes a PIN to the token now */
	struct prompt	*prompt;
};

int
asking_new(struct asking **out, const struct asking_conf *conf,
    struct err *e)
{
	struct asking *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "prompts");
	a->conf = *conf;
	TAILQ_INIT(&a->waiting);
	*out = a;
	return 0;
}

static struct job *
take_first(struct jobs *from)
{
	struct job *j = TAILQ_FIRST(from);

	if (j != NULL)
		TAILQ_REMOVE(from, j, next);
	return j;
}

static void
close_prompt(struct asking *a)
{
	prompt_free(a->prompt);
	a->prompt = NULL;
}

void
asking_free(struct asking *a)
{
	struct job *j;

	if (a == NULL)
		return;
	close_prompt(a);
	while ((j = take_first(&a->waiting)) != NULL)
		job_free(j);
	free(a);
}

static void
refuse(struct asking *a, struct job *j, const struct err *e)
{
	j->r = (int)e->code;
	j->err = *e;
	a->conf.refuse(a->conf.arg, j);
}

void
asking_end(struct asking *a, const struct err *e)
{
	struct jobs all = TAILQ_HEAD_INITIALIZER(all);
	const struct err why = *e;
	struct job *j;

	close_prompt(a);
	TAILQ_CONCAT(&all, &a->waiting, next);
	while ((j = take_first(&all)) != NULL)
		refuse(a, j, &why);	/* who comes meanwhile is asked for */
}

/* The others find the token unlocked, or come back to be asked for. */
static void
let_go(struct asking *a)
{
	struct job *j;

	close_prompt(a);
	while ((j = take_first(&a->waiting)) != NULL)
		a->conf.submit(a->conf.arg, j);
}

static void
on_answer(void *arg, int r, const struct secret *pin, const struct err *e)
{
	struct asking *a = arg;
	struct job *j = TAILQ_FIRST(&a->waiting);
	struct err why;

	if (r == 0 && (j->pin = secret_new()) != NULL) {
		secret_copy(j->pin, pin);
		close_prompt(a);
		a->carrier = take_first(&a->waiting);
		a->conf.submit(a->conf.arg, j);
		return;
	}
	if (r == 0) {
		(void)err_set(&why, ERR_NOMEM, 0, "PIN");
	} else {
		why = *e;
		if (r == ERR_DENIED && j->problem[0] != '\0')
			(void)err_wrap(&why, "%s", j->problem);
	}
	asking_end(a, &why);
}

/* Put the question for those that wait, unless it is open or answered. */
static void
next(struct asking *a)
{
	const struct prompt_conf conf = { .loop = a->conf.loop,
	    .asker = *a->conf.asker, .fn = on_answer, .arg = a };
	struct job *j = TAILQ_FIRST(&a->waiting);
	struct pin_prompt what;
	char left[32];
	struct err e;

	if (j == NULL || a->prompt != NULL || a->carrier != NULL)
		return;
	what = (struct pin_prompt){ .label = j->label, .serial = j->serial,
	    .reason = j->reason, .error = j->problem, .tries = j->err.detail };
	pin_text_tries(left, sizeof(left), what.tries);
	log_debug(a->conf.log, "token %s: asking for the PIN%s%s", j->serial,
	    left[0] != '\0' ? ", " : "", left);
	if (prompt_new(&a->prompt, &conf, &what, &e) != 0)
		asking_end(a, &e);
}

void
asking_add(struct asking *a, struct job *j)
{
	struct err e;

	/* One recovery for a request, then a reason. */
	if (j->pin != NULL) {
		(void)err_set(&e, ERR_PIN_NEEDED, 0,
		    "the login was lost again before it could be used");
		refuse(a, j, &e);
		return;
	}
	TAILQ_INSERT_TAIL(&a->waiting, j, next);
	next(a);
}

/* The PIN was wrong, or may not be sent: the same for all that wait. */
static bool
is_about_pin(int r)
{
	return r == ERR_PIN_WRONG || r == ERR_PIN_BLOCKED || r == ERR_DENIED;
}

void
asking_note(struct asking *a, const struct job *j)
{
	if (j == a->carrier) {
		a->carrier = NULL;
		if (is_about_pin(j->r))
			asking_end(a, &j->err);
		else
			let_go(a);
	} else if (j->unlocked && j->r == 0) {
		let_go(a);
	}
}

bool
asking_is_open(const struct asking *a)
{
	return !TAILQ_EMPTY(&a->waiting) || a->carrier != NULL;
}

bool
asking_drop(struct asking *a, uint64_t request)
{
	struct job *j;

	j = TAILQ_FIRST(&a->waiting);
	while (j != NULL && j->request != request)
		j = TAILQ_NEXT(j, next);
	if (j == NULL)
		return false;
	TAILQ_REMOVE(&a->waiting, j, next);
	job_free(j);
	if (TAILQ_EMPTY(&a->waiting))
		close_prompt(a);
	return true;
}

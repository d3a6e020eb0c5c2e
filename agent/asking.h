/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_ASKING_H
#define AGENT_ASKING_H

#include "agent/prompt.h"
#include "agent/worker.h"

/*
 * The jobs of one token that need a PIN which a person must type: one
 * question for all of them, and one answer.  The first job takes the PIN to
 * the token; when it was right the others follow, when not they fail as it
 * did.  A question that nobody waits for any more is taken away.
 */
struct asking;

struct asking_conf {
	struct loop	*loop;
	const struct log *log;
	const struct pin_asker *asker;	/* as it is at each question */

	/* Both take the job over. */
	void		 (*submit)(void *arg, struct job *j);
	void		 (*refuse)(void *arg, struct job *j);	/* j->err */
	void		*arg;
};

int		 asking_new(struct asking **out,
		    const struct asking_conf *conf, struct err *e) MUST_CHECK;
void		 asking_free(struct asking *a);		/* NULL is fine */

/* Takes over a job that came back with ERR_PIN_NEEDED. */
void		 asking_add(struct asking *a, struct job *j);

/* To be told of every job of the token that is over, before its owner. */
void		 asking_note(struct asking *a, const struct job *j);

/* The client of this request has gone.  True when one waited here. */
bool		 asking_drop(struct asking *a, uint64_t request);

/* Somebody waits for a PIN. */
bool	 asking_is_open(const struct asking *a);

/* All that wait get this answer. */
void		 asking_end(struct asking *a, const struct err *e);

#endif

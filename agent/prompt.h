/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_PROMPT_H
#define AGENT_PROMPT_H

#include "agent/loop.h"
#include "pin/pin.h"

/*
 * One question for a PIN, put to a person while the loop goes on: a thread
 * of its own waits for the answer.
 */
struct prompt;

/*
 * Over: 0 and the PIN, which is lent; ERR_CANCELLED when the person
 * declined or did not answer in time; or another error of pin_ask().  The
 * prompt may be freed from inside the call.
 */
typedef void	 prompt_fn(void *arg, int r, const struct secret *pin,
		    const struct err *e);

struct prompt_conf {
	struct loop	*loop;
	struct pin_asker asker;		/* .timeout holds for every way */
	prompt_fn	*fn;
	void		*arg;
};

/* Copies *what. */
int		 prompt_new(struct prompt **out,
		    const struct prompt_conf *conf,
		    const struct pin_prompt *what, struct err *e) MUST_CHECK;

/*
 * Takes the question away if it is still open, without waiting until that
 * is done.  NULL is fine.
 */
void		 prompt_free(struct prompt *p);

#endif

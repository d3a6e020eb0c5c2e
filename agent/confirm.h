/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CONFIRM_H
#define AGENT_CONFIRM_H

#include "agent/loop.h"
#include "pin/confirm.h"

/*
 * One question for consent, put to a person while the loop goes on.  Many
 * of them go through agent/confirming.h, one after the other.
 */
struct confirm;

/*
 * Over: 0 for yes; ERR_CANCELLED when the person declined or did not answer
 * in time; or another error of pin_confirm().  The question may be freed
 * from inside the call.
 */
typedef void	 confirm_fn(void *arg, int r, const struct err *e);

struct confirm_conf {
	struct loop	*loop;
	struct pin_asker asker;		/* .timeout holds for every way */
	confirm_fn	*fn;
	void		*arg;
};

/* Copies text, which pin_confirm_add() has put together. */
int		 confirm_new(struct confirm **out,
		    const struct confirm_conf *conf, const char *text,
		    struct err *e) MUST_CHECK;

/*
 * Takes the question away if it is still open, without waiting until that
 * is done.  NULL is fine.
 */
void		 confirm_free(struct confirm *c);

#endif

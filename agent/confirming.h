/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CONFIRMING_H
#define AGENT_CONFIRMING_H

#include <stdbool.h>

#include "agent/confirm.h"
#include "base/log.h"

/*
 * The requests that need the consent of the person at the machine.  There is
 * one question at a time, for one request, first come, first served; an
 * answer to one says nothing of the next.  How long it may stay open is
 * counted from when it is shown.
 */
struct confirming;

#define CONFIRMING_MAX	16	/* requests that wait behind the open one */

/* As confirm_fn(); *c may not be freed from inside, all else is fine. */
typedef void	 confirming_fn(void *arg, uint64_t request, int r,
		    const struct err *e);

struct confirming_conf {
	struct loop	*loop;
	const struct log *log;
	const struct pin_asker *asker;	/* borrowed, and may change */
	confirming_fn	*answer;
	void		*arg;
};

int		 confirming_new(struct confirming **out,
		    const struct confirming_conf *conf, struct err *e)
		    MUST_CHECK;

/* The open question is taken away, and nobody is answered.  NULL is fine. */
void		 confirming_free(struct confirming *c);

/*
 * Ask for this request: copies text.  Its answer comes later, once, never
 * from inside this call; none comes when it fails, as with ERR_LIMIT where
 * CONFIRMING_MAX wait already.
 */
int		 confirming_add(struct confirming *c, uint64_t request,
		    const char *text, struct err *e) MUST_CHECK;

/*
 * The client of this request has gone: it gets no answer, and its question
 * is taken away.  True when one was here.
 */
bool		 confirming_drop(struct confirming *c, uint64_t request);

#endif

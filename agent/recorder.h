/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_RECORDER_H
#define AGENT_RECORDER_H

#include "agent/loop.h"
#include "agent/record.h"
#include "base/log.h"

/*
 * The agent's side of the ledger: one record after the other goes to the
 * process that keeps it, which is started by the first, and again when it
 * has died.  Nobody else waits for its disk.
 *
 * Each record is answered later, once, never from inside the call that
 * brings it; with an error when that process ends before it was done.
 */
struct recorder;

typedef void	 recorder_fn(void *arg, const struct record_answer *a);

struct recorder_conf {
	struct loop	*loop;
	const struct log *log;
	const char	*path;		/* of the ledger; copied */
	recorder_fn	*answer;
	void		*arg;
};

int		 recorder_new(struct recorder **out,
		    const struct recorder_conf *conf, struct err *e)
		    MUST_CHECK;

/*
 * What is not done yet is not answered, and may be done all the same: the
 * other process ends by itself.  NULL is fine.
 */
void		 recorder_free(struct recorder *rec);

/* Answered unless it fails. */
int		 recorder_put(struct recorder *rec, const struct record *r,
		    struct err *e) MUST_CHECK;

#endif

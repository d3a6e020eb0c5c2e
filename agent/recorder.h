/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_RECORDER_H
#define AGENT_RECORDER_H

#include "agent/loop.h"
#include "base/log.h"
#include "ca/ledger.h"

/*
 * Writes to the ledger in a thread of its own, since a disk takes its time:
 * jobs are done in the order in which they came, and answered later, once,
 * never from inside the call that brings them.  The ledger is opened by the
 * first job, and anew when its file was replaced.
 */
struct recorder;

enum record_kind {
	RECORD_CHECK,			/* could this body be recorded? */
	RECORD_CERTIFICATE,		/* do it, whole */
	RECORD_SERIALS,			/* give out numbers */
	RECORD_CHECKPOINT,		/* what RECORDER_DUE led to */
};

/* All of it is copied; what is not of its kind is empty. */
struct record {
	enum record_kind kind;
	uint64_t	 id;		/* the caller's, for the answer */
	struct span	 ca;		/* SERIALS, CHECKPOINT: blob */
	struct span	 bytes;		/* TBS, certificate or SSHSIG */
	struct ledger_rule rule;	/* CHECK, CERTIFICATE */
	struct ledger_who who;		/* CERTIFICATE */
	struct span	 note;		/* CERTIFICATE */
	uint64_t	 n;		/* of numbers; CHECKPOINT: its seq */
};

struct record_answer {
	enum record_kind kind;
	uint64_t	 id;
	int		 r;		/* as of ca/ledger.h */
	const struct err *err;
	uint64_t	 serial;	/* SERIALS: the first */

	/*
	 * CERTIFICATE: it is time that the CA's key signs this text, which is
	 * "" when it is not, for RECORD_CHECKPOINT of this seq.
	 */
	const char	*checkpoint;
	uint64_t	 seq;
};

/* After so many certificates of a CA, and after the first one of a day. */
#define RECORDER_CHECKPOINT	100

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
 * Waits for the job that is being done: what was signed is recorded, or not.
 * The others are not done, and nobody is answered.  NULL is fine.
 */
void		 recorder_free(struct recorder *rec);

/* Answered unless it fails. */
int		 recorder_put(struct recorder *rec, const struct record *r,
		    struct err *e) MUST_CHECK;

#endif

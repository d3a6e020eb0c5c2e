/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_RECORD_H
#define AGENT_RECORD_H

#include "ca/ledger.h"

/*
 * What the agent asks of the ledger, and what that answers, as messages: the
 * ledger is kept by another process (hsm-ssh-agent-ledger), which knows of
 * disks and databases, and of no PIN.
 */
enum record_kind {
	RECORD_CHECK = 1,		/* could this body be recorded? */
	RECORD_CERTIFICATE,		/* do it, whole */
	RECORD_SERIALS,			/* give out numbers */
	RECORD_CHECKPOINT,		/* what record_answer's led to */
};

/* What is not of its kind is empty. */
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
	int		 r;		/* as of ca/ledger.h, with its err */
	struct err	 err;
	uint64_t	 serial;	/* SERIALS: the first */

	/*
	 * CERTIFICATE: it is time that the CA's key signs this text, which is
	 * "" when it is not, for RECORD_CHECKPOINT of this seq.
	 */
	char		 checkpoint[LEDGER_CHECKPOINT_MAX];
	uint64_t	 seq;
};

void	 record_put(const struct record *r, struct wire_w *out);
void	 record_answer_put(const struct record_answer *a, struct wire_w *out);

/* False: it is none.  A record borrows, an answer does not. */
bool	 record_parse(struct span in, struct record *r);
bool	 record_answer_parse(struct span in, struct record_answer *a);

#endif

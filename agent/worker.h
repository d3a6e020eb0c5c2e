/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_WORKER_H
#define AGENT_WORKER_H

#include <sys/queue.h>

#include "agent/session.h"
#include "token/open.h"

/*
 * One thread for each token, for the calls that block.  Jobs go in and come
 * back by value, in order; worker_fd() becomes readable when some are done.
 * Everything here is called from the loop's thread.
 */
enum job_kind {
	JOB_OPEN,
	JOB_LABEL,			/* read it */
	JOB_SIGN,
	JOB_UNLOCK,
	JOB_LOCK,
};

struct job {
	TAILQ_ENTRY(job) next;
	enum job_kind	 kind;
	uint64_t	 request;	/* the caller's; 0: nobody waits */

	/* What to do. */
	uint8_t		*blob;		/* JOB_SIGN */
	size_t		 blob_n;
	enum sig_alg	 alg;
	uint8_t		*data;
	size_t		 data_n;
	struct secret	*pin;		/* JOB_UNLOCK; NULL: find one */

	/* How it went; sig and keys are set when r is 0. */
	int		 r;
	struct err	 err;
	struct wire_w	 sig;
	struct token_keys keys;		/* JOB_OPEN: a copy, to keep */
	char		 serial[32];
	char		 label[64];
	bool		 unlocked;	/* the session, after this job */
	unsigned int	 ms;		/* spent on it */
};

struct worker;

/* Starts with a JOB_OPEN of the card in `reader`. */
int		 worker_new(struct worker **out,
		    const struct pcsc_reader *reader, const struct log *log,
		    struct pins *pins, struct err *e) MUST_CHECK;

/*
 * No further jobs, and a prompt that is open is taken away.  Jobs not yet
 * begun come back with ERR_TOKEN_GONE.
 */
void		 worker_stop(struct worker *w);

/* Stops, waits for the job that is running, logs out.  NULL is fine. */
void		 worker_free(struct worker *w);

/* The thread has nothing left to do after worker_stop(): free is instant. */
bool		 worker_ended(struct worker *w);

/* Wait for that, `ms` at the most; false when it hangs in a call. */
bool		 worker_wait(struct worker *w, int ms);

struct job	*job_new(enum job_kind kind, uint64_t request);
void		 job_free(struct job *j);

void		 worker_submit(struct worker *w, struct job *j);
struct job	*worker_reap(struct worker *w);	/* NULL: none is done */
int		 worker_fd(const struct worker *w);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_WORKER_H
#define AGENT_WORKER_H

#include <sys/queue.h>

#include "agent/session.h"
#include "token/open.h"

/*
 * One thread for each token, for the calls that block.  Jobs go in and come
 * back by value, in the order of agent/jobqueue.h; worker_fd() becomes
 * readable when some are done.
 * Everything here is called from the loop's thread.
 */
enum job_kind {
	JOB_OPEN,
	JOB_LABEL,			/* read it */
	JOB_SIGN,
	JOB_UNLOCK,
	JOB_LOCK,
	JOB_CHECK,			/* another program was at the token */
};

struct job {
	TAILQ_ENTRY(job) next;
	enum job_kind	 kind;
	uint64_t	 request;	/* the caller's; 0: nobody waits */
	pid_t		 peer;		/* whose turn it takes; 0: ours */

	/* What to do. */
	uint8_t		*blob;		/* JOB_SIGN */
	size_t		 blob_n;
	enum sig_alg	 alg;
	uint8_t		*data;
	size_t		 data_n;
	struct secret	*pin;		/* that was typed; NULL: find one */
	char		 reason[420];	/* for the person who is asked */
	unsigned int	 lifetime;	/* JOB_UNLOCK of a client: s, or 0 */
	bool		 in_vain;	/* JOB_LOCK: there is nothing to lock */
	bool		 drop;		/* JOB_LOCK: and its module, where a
					 * client has named that */
	bool		 for_all;	/* of keyring_lock_all() */
	bool		 again;		/* its token was lost once before, */
	int64_t		 patience;	/* and it waits until then, ms */
	bool		 abandoned;	/* who asked for it is gone */

	/* How it went; sig is set when r is 0. */
	int		 r;
	struct err	 err;
	struct wire_w	 sig;
	bool		 new_keys;	/* keys are others than before: */
	struct token_keys keys;		/* a copy, to keep */
	char		 problem[200];	/* session_problem() */
	char		 serial[32];
	char		 label[64];
	bool		 unlocked;	/* the session, after this job */
	unsigned int	 ms;		/* spent on it */
};

TAILQ_HEAD(jobs, job);

struct worker;

struct worker_conf {
	const struct log *log;
	const struct settings *settings;
	struct pins	*pins;
	struct vault	*vault;
	const char	*cache_dir;	/* as of a session */
};

/* Starts with a JOB_OPEN of the token in `place`. */
int		 worker_new(struct worker **out,
		    const struct token_place *place,
		    const struct worker_conf *conf, struct err *e)
		    MUST_CHECK;

/*
 * No further jobs.  Those not yet begun come back with ERR_TOKEN_GONE; one
 * that runs a PinCommand ends early.
 */
void		 worker_stop(struct worker *w);

/* Stops, waits for the job that is running, logs out.  NULL is fine. */
void		 worker_free(struct worker *w);

/* The thread has nothing left to do after worker_stop(): free is instant. */
bool		 worker_ended(struct worker *w);

/* Wait for that, `ms` at the most; false when it hangs in a call. */
bool		 worker_wait(struct worker *w, int ms);

/* One that came back may be submitted again; what it brought is lost. */
struct job	*job_new(enum job_kind kind, uint64_t request);
void		 job_free(struct job *j);

void		 worker_submit(struct worker *w, struct job *j);

/*
 * Mark the job of this request, if it is here.  It is carried out anyway,
 * but for a signature that was not begun: that is freed, and true returned.
 */
bool		 worker_abandon(struct worker *w, uint64_t request);
struct job	*worker_reap(struct worker *w);	/* NULL: none is done */
int		 worker_fd(const struct worker *w);

#endif

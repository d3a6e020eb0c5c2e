/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_SLOT_H
#define AGENT_SLOT_H

#include "agent/asking.h"
#include "agent/loop.h"
#include "agent/worker.h"

/*
 * One token in one place, a reader or a slot of a PKCS#11 module: the worker
 * that talks to it, what is known of it
 * and how it does.  Made when a card is seen, freed when its thread has
 * ended after the card went.  Lives in the loop's thread.
 */
enum slot_state {
	SLOT_OPENING,
	SLOT_FAILED,		/* `trouble` says why */
	SLOT_FOREIGN,		/* not a token of ours */
	SLOT_LOCKED,
	SLOT_UNLOCKED,
	SLOT_LEAVING,		/* the card is gone, the thread still ends */
};

struct slot;

/*
 * A job is over: its effect on the slot has been taken in, and the callee
 * takes it over.  NULL: the slot has left and may be freed from inside.
 */
typedef void	 slot_job_fn(void *arg, struct slot *s, struct job *j);

struct slot_conf {
	struct loop	*loop;
	struct worker_conf worker;
	const struct pin_asker *asker;
	slot_job_fn	*fn;
	void		*arg;
};

struct slot {
	struct slot	*next;		/* the keyring's list */
	size_t		 number;	/* never used twice */
	bool		 unlock_asked;	/* at start; once is enough */
	bool		 label_asked;	/* a JOB_LABEL was submitted */
	bool		 check_asked;	/* a JOB_CHECK was submitted */
	int64_t		 looked;	/* at the keys, last; ms */
	unsigned int	 jobs;		/* submitted, not over yet */
	const struct slot_conf *conf;
	struct token_place place;
	enum slot_state	 state;
	char		 serial[32];	/* "" until it is opened */
	char		 before[32];	/* the token here before it, or "" */
	char		 label[64];	/* "" until it was needed */
	char		 trouble[320];	/* of the last job, or "" */
	struct token_keys keys;
	struct worker	*worker;
	struct watch	*watch;
	struct asking	*asking;
	struct timer	*expiry;	/* of the unlock */
	struct timer	*retry;		/* the fleet's, to open it anew */
	unsigned int	 attempts;	/* to open it, before this one */
	bool		 wanted;	/* the retry is for a request */
};

/* Starts to open the card at once; the first job to end is JOB_OPEN. */
int		 slot_new(struct slot **out, const struct slot_conf *conf,
		    const struct token_place *place, size_t number,
		    struct err *e) MUST_CHECK;
void		 slot_free(struct slot *s);	/* waits for what runs */

/* The card is gone, or shall be opened anew by another slot. */
void		 slot_leave(struct slot *s);

/* Takes the job over. */
void		 slot_submit(struct slot *s, struct job *j);

/*
 * Who made this request is gone, if it was made here: nobody is asked for a
 * PIN because of it, or any longer.  True: nothing will be done for it.
 */
bool		 slot_abandon(struct slot *s, uint64_t request);

/*
 * Lock: the PIN is forgotten and an open prompt taken away at once; the job
 * that logs the card out is over as any other.  Takes j over, a JOB_LOCK.
 */
void		 slot_lock(struct slot *s, struct job *j, const char *why);

/* Look whether the token is as it was: another program used it. */
void		 slot_check(struct slot *s);

/* Is it unlocked, or about to be? */
bool		 slot_has_to_lock(const struct slot *s);

bool		 slot_is_token(const struct slot *s);
const char	*slot_state_name(const struct slot *s);

#endif

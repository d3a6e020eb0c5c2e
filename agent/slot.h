/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_SLOT_H
#define AGENT_SLOT_H

#include "agent/loop.h"
#include "agent/worker.h"

/*
 * One card in one reader: the worker that talks to it, what is known of it
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
 * A job is over: its effect on the slot has been taken in; `j` is lent.
 * NULL: the slot has left and may be freed from inside the call.
 */
typedef void	 slot_job_fn(void *arg, struct slot *s, struct job *j);

struct slot_conf {
	struct loop	*loop;
	const struct log *log;
	struct pins	*pins;
	unsigned int	 lifetime;	/* of an unlock, s; 0: no end */
	slot_job_fn	*fn;
	void		*arg;
};

struct slot {
	struct slot	*next;		/* the keyring's list */
	size_t		 number;	/* never used twice */
	bool		 label_asked;	/* a JOB_LABEL was submitted */
	const struct slot_conf *conf;
	struct pcsc_reader reader;
	enum slot_state	 state;
	char		 serial[32];	/* "" until it is opened */
	char		 label[64];	/* "" until it was needed */
	char		 trouble[320];	/* of the last job, or "" */
	struct token_keys keys;
	struct worker	*worker;
	struct watch	*watch;
	struct timer	*expiry;
	struct timer	*retry;		/* the fleet's, to open it anew */
	unsigned int	 attempts;	/* to open it, before this one */
};

/* Starts to open the card at once; the first job to end is JOB_OPEN. */
int		 slot_new(struct slot **out, const struct slot_conf *conf,
		    const struct pcsc_reader *reader, size_t number,
		    struct err *e) MUST_CHECK;
void		 slot_free(struct slot *s);	/* waits for what runs */

/* The card is gone, or shall be opened anew by another slot. */
void		 slot_leave(struct slot *s);

/* Takes the job over. */
void		 slot_submit(struct slot *s, struct job *j);

bool		 slot_is_token(const struct slot *s);
const char	*slot_state_name(const struct slot *s);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_KEYRING_H
#define AGENT_KEYRING_H

#include "agent/core.h"
#include "agent/loop.h"
#include "agent/worker.h"
#include "pin/pin.h"

/*
 * All tokens that are plugged in, as they come and go: a worker for each,
 * and the identities they hold between them.  The holder of the core.
 * Lives in the loop's thread and never blocks.
 */
struct keyring;

struct keyring_conf {
	struct worker_conf worker;
	const struct pin_asker *asker;	/* borrowed, and may change */

	/* What is there, in a line, whenever that may have changed. */
	void		 (*on_summary)(void *arg, const char *text);
	void		*arg;
};

int		 keyring_new(struct keyring **out, struct loop *l,
		    const struct keyring_conf *conf, struct err *e)
		    MUST_CHECK;

/* Logs out and waits for what runs.  NULL is fine. */
void		 keyring_free(struct keyring *kr);

/* The core to answer to; set before the loop runs. */
void		 keyring_set_core(struct keyring *kr, struct core *c);
struct holder	 keyring_holder(struct keyring *kr);

/*
 * Forget all PINs and close all prompts at once, then log the tokens out;
 * done(arg) follows when that is over.  `why` is for those who wait.
 */
typedef void	 keyring_locked_fn(void *arg);
void		 keyring_lock_all(struct keyring *kr, const char *why,
		    keyring_locked_fn *done, void *arg);

/* The settings are others: see that what is kept is what may be kept. */
void		 keyring_recheck(struct keyring *kr);

/*
 * Call fn(arg, text) once, when every token that was there at the start has
 * been read and, with `unlock`, been unlocked or not.  `text` says in one
 * line what was found, for the person who started the agent.
 */
typedef void	 keyring_ready_fn(void *arg, const char *text);
void		 keyring_on_ready(struct keyring *kr, bool unlock,
		    keyring_ready_fn *fn, void *arg);

#endif

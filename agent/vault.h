/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_VAULT_H
#define AGENT_VAULT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/secret.h"

/*
 * What is remembered of each token between its signatures, by serial
 * number: that its user unlocked it and until when, the PIN if it is kept,
 * and the PIN that was rejected last.  It outlives the session, so that a
 * restart of the PC/SC daemon costs nobody a prompt, and it forgets at
 * once, whatever the token's worker is waiting for.
 *
 * That a PIN nobody typed was rejected is also kept in a file of the state
 * directory: an agent that is started again and again must not spend the
 * tries.  The file holds a sentence and the time, never a PIN.
 *
 * Safe to call from any thread.
 */
struct vault;

struct vault_conf {
	const char	*state_dir;	/* NULL: nothing outlives the agent */
	unsigned int	 lifetime;	/* of an unlock, s; 0: no end */
	unsigned int	 idle;		/* s without a signature; 0: no end */
};

int	 vault_new(struct vault **out, const struct vault_conf *conf,
	    struct err *e) MUST_CHECK;
void	 vault_free(struct vault *v);		/* NULL is fine */

/* The token was unlocked by its user; a NULL pin is not kept. */
void	 vault_unlock(struct vault *v, const char *serial,
	    const struct secret *pin);

/* From the next unlock of each token on; see struct vault_conf. */
void	 vault_set_times(struct vault *v, unsigned int lifetime,
	    unsigned int idle);

/*
 * Forget what a policy does not let be kept: the PIN without `pin`, and the
 * unlock too if there is to be no login that it stands for.
 */
void	 vault_restrict(struct vault *v, const char *serial, bool login,
	    bool pin);

/*
 * Each unlock of this token, the present one included, ends after so many
 * seconds from now on or from its start; 0: as is configured for all.
 */
void	 vault_limit(struct vault *v, const char *serial,
	    unsigned int seconds);

/* The same for an unlock without a PIN: it only ever ends earlier by that. */
void	 vault_shorten(struct vault *v, const char *serial,
	    unsigned int seconds);

/* Forget the unlock and the PIN; a NULL serial is every token. */
void	 vault_lock(struct vault *v, const char *serial);

/* The same for every token that is not present(arg, serial). */
void	 vault_lock_absent(struct vault *v,
	    bool (*present)(void *arg, const char *serial), void *arg);

/* Expired ones are locked. */
bool	 vault_unlocked(struct vault *v, const char *serial);

/* The PIN that is kept, if any, of a token that is unlocked. */
bool	 vault_pin(struct vault *v, const char *serial, struct secret *out);

/* A signature was made: the idle time starts anew. */
void	 vault_used(struct vault *v, const char *serial);

/* Until the unlock ends by itself, ms; -1: it does not. */
int64_t	 vault_ends_in(struct vault *v, const char *serial);

/* The token did not take this PIN and has so many tries left. */
void	 vault_rejected(struct vault *v, const char *serial,
	    const struct secret *pin, int tries);
bool	 vault_was_rejected(struct vault *v, const char *serial,
	    const struct secret *pin);

/* Nothing was heard of it, and the tries left will not tell. */
bool	 vault_is_unsure(struct vault *v, const char *serial);

/*
 * So many tries are left now; -1: somebody is logged in.  What was wrong
 * may be right when that is more than were left after the rejection.
 */
void	 vault_saw_tries(struct vault *v, const char *serial, int tries);

/*
 * A PIN that nobody typed was rejected, or may have been: no other is tried
 * until a person acts.  vault_unlock() ends it, and so does who removes the
 * file.  The error is that it could not be written; in memory the bar holds.
 */
int	 vault_bar(struct vault *v, const char *serial, struct err *e)
	    MUST_CHECK;
bool	 vault_barred(struct vault *v, const char *serial,
	    struct timespec *since);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include <stdbool.h>

#include "agent/pins.h"
#include "agent/settings.h"
#include "agent/vault.h"
#include "base/log.h"
#include "token/token.h"

/*
 * One token, opened, and its login: when a PIN is needed, where it comes
 * from, when it is sent, how a login that got lost is taken back, and how
 * what is known of the keys stays true.  The one place that decides this
 * (promises 1 to 3, 5 and 6 of the design).
 *
 * It never asks a person: that a PIN must be typed is ERR_PIN_NEEDED, with
 * the tries left in e->detail (-1: nobody knows), and the caller comes back
 * with one.  (Only a reader with a PIN pad of its own is asked directly.)
 *
 * All calls come from the token's worker thread and may block.
 */
struct session;

struct session_conf {
	const struct log *log;
	const struct settings *settings;
	struct pins	*pins;
	struct vault	*vault;
	const char	*cache_dir;	/* of public keys; NULL: none */
	int		 cancel_fd;	/* readable: the token is to be left */
};

/* Takes over `t` (closed on failure too) and reads its keys. */
int	 session_new(struct session **out, struct token *t,
	    const struct session_conf *conf, struct err *e) MUST_CHECK;

/* Also logs out what this session logged in.  NULL is fine. */
void	 session_free(struct session *s);

const char			*session_serial(const struct session *s);
const char			*session_label(const struct session *s);
const struct token_keys		*session_keys(const struct session *s);
bool				 session_unlocked(const struct session *s);

/* Grows whenever session_keys() are others than before. */
unsigned int			 session_version(const struct session *s);

/* What a person who is asked for the PIN should know, or "". */
const char			*session_problem(const struct session *s);

/* Read the label, "" until then: the list of keys did not need it. */
int	 session_read_label(struct session *s, struct err *e) MUST_CHECK;

/*
 * Log in, with `pin` or, when that is NULL, with one that was given
 * beforehand.  A PIN that the token rejected is never sent again, nor the
 * last try spent.
 */
int	 session_unlock(struct session *s, const struct secret *pin,
	    struct err *e) MUST_CHECK;

/* Log out and forget the PIN. */
int	 session_lock(struct session *s, struct err *e) MUST_CHECK;

/*
 * The unlock may have ended by itself meanwhile, or the policy wants no login
 * kept any more: then log out.  To be called when a job is over, so that what
 * is not unlocked is not logged in either.
 */
void	 session_settle(struct session *s);

/* What to sign with which key. */
struct session_work {
	struct span	 blob;			/* the public key */
	enum sig_alg	 alg;
	struct span	 data;
};

/*
 * Sign with the key that has this blob, logging in as the token's policy
 * wants it: with `pin`, typed for this, or when that is NULL with what is
 * remembered or was given.  One recovery is made, then the reason stated.
 */
int	 session_sign(struct session *s, const struct secret *pin,
	    const struct session_work *what, struct wire_w *sig,
	    struct err *e) MUST_CHECK;

/*
 * See whether another program changed the keys, and whether the settings
 * have changed.  Two card commands when all is as it was.
 */
int	 session_check(struct session *s, struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include <stdbool.h>

#include "agent/pins.h"
#include "base/log.h"
#include "token/token.h"

/*
 * One token, opened, and its login: when the PIN is asked for, where it
 * comes from, when it is sent, and what is remembered.  The one place that
 * decides this (promises 1 to 3 of the design).
 *
 * All calls come from the token's worker thread and may block, for a
 * person too; a readable cancel_fd ends a prompt.
 */
struct session;

struct session_conf {
	const struct log *log;
	struct pins	*pins;
	int		 cancel_fd;
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

/* Read the label, "" until then: the list of keys did not need it. */
int	 session_read_label(struct session *s, struct err *e) MUST_CHECK;

/*
 * Log in, with `pin` or, when that is NULL, with one that was given
 * beforehand or is asked for now.  A PIN that the token rejected is never
 * sent again, nor the last try spent.
 */
int	 session_unlock(struct session *s, const struct secret *pin,
	    struct err *e) MUST_CHECK;

/* Log out and forget the PIN. */
int	 session_lock(struct session *s, struct err *e) MUST_CHECK;

/*
 * Sign with the key that has this blob; unlocks first when needed.  When
 * another program took the login away, it is taken back with the PIN in
 * memory, once.
 */
int	 session_sign(struct session *s, struct span blob, enum sig_alg alg,
	    struct span data, struct wire_w *sig, struct err *e) MUST_CHECK;

#endif

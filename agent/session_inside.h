/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_SESSION_INSIDE_H
#define AGENT_SESSION_INSIDE_H

#include "agent/session.h"

/*
 * What the files of the session share: session.c has what is asked of it, and
 * session_pin.c where a PIN comes from, when it is sent, and what comes of it.
 */
struct session {
	struct token		*token;
	struct session_conf	 conf;
	struct token_keys	 keys;
	unsigned int		 version;	/* of the keys */
	struct token_info	 info;		/* label "" until it is read */
	const struct options	*policy_of;	/* NULL: not known yet */
	bool			 keeps_login, keeps_pin;
	bool			 logged_in;	/* by us, as far as we know */
	const char		*origin;	/* of the PIN; see pin_found */
	char			 problem[200];	/* with a PIN nobody typed */
};

/* Where a PIN came from: typed for this request, or found by ourselves. */
struct pin_found {
	const struct secret	*pin;		/* NULL: on the PIN pad */
	const char		*origin;	/* NULL: a person typed it */
	bool			 kept;		/* it is the vault's */
};

/* Something to do inside a transaction. */
typedef int	 session_part(struct session *s, void *arg, struct err *e);

/* Once more when somebody reset the card meanwhile, but no loop. */
int	 session_within(struct session *s, session_part *fn, void *arg,
	    struct err *e) MUST_CHECK;

/* `buf` holds what is found; ERR_PIN_NEEDED when nothing is. */
int	 session_find_pin(struct session *s, const struct secret *typed,
	    struct secret *buf, struct pin_found *f, struct err *e)
	    MUST_CHECK;

/* Only a person can help: say so, unless no PIN could help. */
int	 session_need_person(struct session *s, struct err *e) MUST_CHECK;

/* Inside a transaction: one VERIFY at the most, and its consequences. */
int	 session_login(struct session *s, const struct pin_found *f,
	    struct err *e) MUST_CHECK;

/*
 * A signature failed with *e, and `f` is the PIN of the login: some keys want
 * it once more.  Without a PIN in it, the login was an earlier one.
 */
void	 session_note_signature(struct session *s, const struct pin_found *f,
	    const struct err *e);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_VIEW_H
#define AGENT_VIEW_H

#include <time.h>

#include "agent/bind.h"
#include "agent/certs.h"
#include "agent/grants.h"
#include "agent/ident.h"
#include "agent/options.h"
#include "ssh/wire.h"

/*
 * The agent's keys as one client sees them: those that it may know of, with
 * their certificates, in the order that clients get on with.  Some sign with
 * each key of the list in turn and give up at the first refusal, so login
 * keys come first, then their certificates, then the keys of the upstream
 * agent, and last what is not for logins (facts/ssh-certificates A5).
 *
 * Borrows everything, decides, and keeps nothing.
 */
struct view {
	const struct idents	*ids;
	const struct options	*opt;
	const struct certs	*certs;		/* NULL: none */
	const struct grants	*grants;
	const struct bind	*bind;		/* of the client */
	time_t			 now;
};

#define VIEW_MAX	2048	/* identities that OpenSSH's clients take */

/*
 * MSG_IDENTITIES_ANSWER with all of it; `theirs` is such an answer of the
 * upstream agent, or empty.  ERR_FORMAT when that makes no sense: then it
 * is left out.  What is over VIEW_MAX or too long for a message is, too.
 */
int	 view_put(const struct view *v, struct span theirs, struct wire_w *out,
	    struct err *e) MUST_CHECK;

/* May the client know of this key?  Not: is it offered for this host? */
bool	 view_shows(const struct view *v, const struct ident *id);

/*
 * The key that a blob means: it is the key's own, or that of a certificate
 * of it, *is_cert, whether or not that one is listed.  NULL: neither.
 */
const struct ident *view_find(const struct idents *ids, struct span blob,
	    bool *is_cert);

#endif

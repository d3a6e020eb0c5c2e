/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_PAPERS_H
#define AGENT_PAPERS_H

#include "agent/loop.h"
#include "ca/approval.h"

/*
 * The requests for certificates that clients have brought, with what others
 * signed to approve of them, until the certificate is asked for.  Who brought
 * them does not matter: they speak for themselves, and for one body only.
 * What they are worth is for approval_check() to say, at the signature.
 */
#define PAPERS_KEPT	8		/* requests; a newer one drops an old */
#define PAPERS_MS	(5 * 60 * 1000)	/* until one is forgotten */

struct paper;

struct papers {
	struct paper	*v[PAPERS_KEPT];
};

/*
 * The body of AGENT_EXT_APPROVALS.  ERR_FORMAT and others: it is none, or its
 * request is not one (ca/approval_request.h).
 */
int	 papers_add(struct papers *p, struct span body, int64_t now,
	    struct err *e) MUST_CHECK;
void	 papers_clear(struct papers *p);

/*
 * May this body be signed by that rule, as approval_check() says, with what
 * was brought for it?  ERR_DENIED: nothing was.
 */
int	 papers_check(const struct papers *p, const struct approval_rule *rule,
	    const struct cert *c, int64_t now, struct approval_names *who,
	    struct err *e) MUST_CHECK;

#endif

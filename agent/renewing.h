/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_RENEWING_H
#define AGENT_RENEWING_H

#include "agent/certs.h"
#include "agent/ident.h"
#include "agent/loop.h"

/*
 * RenewCertificates: short certificates of users for keys that the agent
 * holds, by CAs that it holds as well, are made anew before they end.  That
 * is done by "hsm-keyutil ca renew", which comes to the agent as any client:
 * so each rule holds, and the file is replaced as a whole or not at all.
 */
struct renewing;

#define RENEWING_LONGEST	(7 * 24 * 60 * 60)	/* s: what is short */

struct renewing_conf {
	struct loop	*loop;
	const struct log *log;
	const char	*socket;	/* the agent's own; copied */
	void		*arg;

	/* What there is now; NULL where that is not known, or nothing. */
	struct certs	*(*certs)(void *arg);
	const struct idents *(*idents)(void *arg);
};

int	 renewing_new(struct renewing **out,
	    const struct renewing_conf *conf, struct err *e) MUST_CHECK;
void	 renewing_free(struct renewing *r);	/* NULL is fine */

/*
 * When to renew what is valid from `after` to `before`: with a third of that
 * left.  0: never, as it is not short.
 */
uint64_t renewing_due(uint64_t after, uint64_t before);

#endif

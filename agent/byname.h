/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_BYNAME_H
#define AGENT_BYNAME_H

#include "agent/core.h"
#include "agent/fleet.h"

/*
 * Tokens that clients unlock and lock by a name: a serial number, a label,
 * a reader, a PKCS#11 URI, or the path of a PKCS#11 module, which means the
 * only token that it has: one that we know anyway or, when nobody has named
 * that module before, one of its own, in a process of its own.
 * Labels cost card commands and are read when somebody first asks for one;
 * until then such a request waits.
 */
struct byname {
	struct fleet	*fleet;
	struct core	*core;
	struct named	*first;		/* those that wait */
};

/* What a client whose prompt is taken away by a lock is told. */
#define BYNAME_LOCKED	"the token was locked meanwhile"

/* An order; the core gets the answer. */
struct byname_order {
	enum job_kind	 kind;		/* JOB_UNLOCK or JOB_LOCK */
	uint64_t	 request;
	const char	*name;
	const struct secret *pin;	/* NULL: none was given */
	unsigned int	 lifetime;	/* of the unlock, s; 0: as configured */
};

void	 byname_add(struct byname *b, const struct byname_order *o);

/* Something has changed: labels may be known now. */
void	 byname_resolve(struct byname *b);

/* Drop those that wait, without an answer. */
void	 byname_clear(struct byname *b);

#endif

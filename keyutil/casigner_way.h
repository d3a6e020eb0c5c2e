/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CASIGNER_WAY_H
#define KEYUTIL_CASIGNER_WAY_H

#include <limits.h>

#include "ca/policy.h"
#include "keyutil/agents.h"
#include "keyutil/casigner.h"
#include "keyutil/halt.h"
#include "keyutil/tokens.h"

/*
 * The inside of casigner, which has two ways: casigner_agent.c and
 * casigner_token.c.  casigner.c finds the key, and chooses.
 */
struct casigner {
	struct casigner_wish wish;
	const struct ca_block *block;
	char		*name;		/* for people */
	char		*fingerprint;
	uint8_t		*ca;		/* blob */
	size_t		 ca_n;
	struct agent	 agent;		/* that runs, or none */
	bool		 by_agent;
	char		 program[PATH_MAX];	/* our own */

	/* On the token itself. */
	struct tokens	 tokens;
	struct slot	*slot;
	const struct token_key *key;
};

/* One of the agent's keys; false: it has none of this name or blob. */
int	 casigner_agent_find(struct casigner *s, const char *name,
	    struct span blob, bool *found, struct err *e) MUST_CHECK;
int	 casigner_agent_serials(struct casigner *s, uint64_t n,
	    uint64_t *first, struct err *e) MUST_CHECK;
int	 casigner_agent_sign(struct casigner *s,
	    const struct casigner_work *w, struct halt *halt, struct err *e)
	    MUST_CHECK;

int	 casigner_token_serials(struct casigner *s, uint64_t n,
	    uint64_t *first, struct err *e) MUST_CHECK;
int	 casigner_token_sign(struct casigner *s,
	    const struct casigner_work *w, struct err *e) MUST_CHECK;

/* This is the key; both are copied. */
int	 casigner_take(struct casigner *s, struct span blob,
	    const char *name, struct err *e) MUST_CHECK;

/* The whole certificate in *cert, its signature verified. */
int	 casigner_assemble(struct span tbs, struct span sig,
	    struct wire_w *cert, struct err *e) MUST_CHECK;

int	 casigner_halted(struct err *e);

struct ca_request casigner_who(const struct casigner *s);

#endif

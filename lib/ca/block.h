/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_BLOCK_H
#define CA_BLOCK_H

#include "base/conf.h"
#include "ca/policy.h"

/*
 * The block of one CA in hsm-ssh-agent.conf(5): what its lines say of
 * certificates.  What may be said there of any key is the agent's business.
 */
struct ca_block {
	char		*name;		/* its key's label, id or fingerprint */
	unsigned int	 line;		/* where it begins */
	struct ca_policy policy;
	uint64_t	 default_validity; /* s, for a tool; 0: not said */
	unsigned int	 said;		/* for block.c */
};

/* The line that begins it.  Clear *b in any case. */
int	 ca_block_begin(struct ca_block *b, const struct conf_line *l,
	    struct err *e) MUST_CHECK;
void	 ca_block_clear(struct ca_block *b);

/* Is this one of the keywords that ca_block_line() takes? */
bool	 ca_block_knows(const char *keyword);

/* One line inside of it.  ERR_USAGE: what it says is wrong. */
int	 ca_block_line(struct ca_block *b, const struct conf_line *l,
	    struct err *e) MUST_CHECK;

/* When all was read: ERR_USAGE where its lines do not go together. */
int	 ca_block_check(const struct ca_block *b, struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CABLOCK_H
#define KEYUTIL_CABLOCK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "ssh/cert.h"
#include "token/token.h"

/*
 * The text of CA blocks (hsm-ssh-agent.conf(5)): one that is to be, and what
 * a configuration says of a key already.
 */
struct cablock {
	const char	*name;		/* of the key */
	enum cert_type	 type;
	const char	*principals;	/* patterns, separated by commas */
	const char	*max_validity;	/* as conf_time() reads it */
};

/* Its lines, each with its end; *out is the caller's. */
int	 cablock_text(const struct cablock *b, char **out, struct err *e)
	    MUST_CHECK;

/* What there is of a key: lent from the configuration, empty if nothing. */
struct cablock_found {
	struct span	 block;		/* its CA block, whole lines */
	unsigned int	 line;		/* where that begins */
	unsigned int	 other_use;	/* of a Key block: not ca; or 0 */
};

/*
 * Of the key *k by any of its names, or of a key that is to have that label
 * when k is NULL.  Errors are those of conf_parse().
 */
int	 cablock_find(struct span config, const char *file,
	    const struct token_key *k, const char *label,
	    struct cablock_found *out, struct err *e) MUST_CHECK;

/* Do both have the same words in the same order, line by line? */
bool	 cablock_same(struct span a, struct span b);

#endif

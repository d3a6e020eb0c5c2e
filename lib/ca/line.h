/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_LINE_H
#define CA_LINE_H

#include "base/conf.h"
#include "ca/policy.h"

/*
 * The values that lines of a block can have.  Lists go on when they are said
 * again; all else is said once, for which the block has a word of bits.
 * Errors are ERR_USAGE and name the keyword.
 */

/* What a later line would replace, so that there is to be none. */
int	 ca_line_once(const struct conf_line *l, unsigned int *said,
	    unsigned int bit, struct err *e) MUST_CHECK;

/* One word or more for the list; `what` says of what. */
int	 ca_line_words(const struct conf_line *l, struct ca_list *to,
	    const char *what, struct err *e) MUST_CHECK;

/*
 * Names of options in the place of those that are there by default; "none"
 * stands alone.
 */
int	 ca_line_options(const struct conf_line *l, struct ca_list *to,
	    unsigned int *said, unsigned int bit, struct err *e) MUST_CHECK;

/* Fingerprints of keys, of which each stands there once; `of` says whose. */
int	 ca_line_fingerprints(const struct conf_line *l, struct ca_list *to,
	    const char *of, struct err *e) MUST_CHECK;

int	 ca_line_time(const struct conf_line *l, uint64_t *out, struct err *e)
	    MUST_CHECK;

/* The name of a key as the only value, for the blocks that begin with one. */
int	 ca_line_key(const struct conf_line *l, struct err *e) MUST_CHECK;

#endif

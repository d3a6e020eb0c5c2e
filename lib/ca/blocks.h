/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_BLOCKS_H
#define CA_BLOCKS_H

#include "ca/block.h"

/*
 * All that a configuration says of CAs, which is the same for whoever signs
 * with their keys.  { 0 } is an empty one.
 */
struct ca_blocks {
	struct ca_block	*cas;
	size_t		 n_cas;
};

void	 ca_blocks_clear(struct ca_blocks *b);

/*
 * A line "CA NAME".  The block, the last one then, is there in any case but
 * ERR_NOMEM and the ERR_USAGE of a name that is none or has a block.
 */
int	 ca_blocks_begin(struct ca_blocks *b, const struct conf_line *l,
	    struct err *e) MUST_CHECK;

/* The block of exactly this name, or NULL. */
const struct ca_block *ca_blocks_named(const struct ca_blocks *b,
	    const char *name);

/*
 * The block for a key, or NULL: the one that names its fingerprint, else its
 * id, in either case of hexadecimal, else its label.
 */
const struct ca_block *ca_blocks_find(const struct ca_blocks *b,
	    const char *fingerprint, const char *id, const char *label);

#endif

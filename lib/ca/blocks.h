/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_BLOCKS_H
#define CA_BLOCKS_H

#include "ca/block.h"
#include "ca/profile.h"

/*
 * All that a configuration says of CAs, which is the same for whoever signs
 * with their keys.  { 0 } is an empty one.
 */
struct ca_blocks {
	char		*file;		/* that was read; NULL: none is there */
	struct ca_block	*cas;
	size_t		 n_cas;
	struct ca_profile *profiles;
	size_t		 n_profiles;
};

/*
 * From the file `path`, or where that is NULL from the one that the agent
 * would read, if it is there.  What stands in blocks of other kinds or before
 * the first one is the agent's business, and passed over whatever it is.
 * Clear *out in any case.  ERR_USAGE names file and line; errors of the file
 * are those of conf_load().
 */
int	 ca_blocks_load(const char *path, struct ca_blocks *out,
	    struct err *e) MUST_CHECK;
void	 ca_blocks_clear(struct ca_blocks *b);

/* The same from text; `file` is its name in errors. */
int	 ca_blocks_parse(struct span text, const char *file,
	    struct ca_blocks *out, struct err *e) MUST_CHECK;

/*
 * When all of `file` was read: ERR_USAGE names the line of a block whose
 * lines do not go together.  ca_blocks_load() and _parse() have done it.
 */
int	 ca_blocks_check(const struct ca_blocks *b, const char *file,
	    struct err *e) MUST_CHECK;

/*
 * A line "CA NAME".  The block, the last one then, is there in any case but
 * ERR_NOMEM and the ERR_USAGE of a name that is none or has a block.
 */
int	 ca_blocks_begin(struct ca_blocks *b, const struct conf_line *l,
	    struct err *e) MUST_CHECK;

/* The same of a line "Profile NAME". */
int	 ca_blocks_begin_profile(struct ca_blocks *b,
	    const struct conf_line *l, struct err *e) MUST_CHECK;

/* The block of exactly this name, or NULL. */
const struct ca_block *ca_blocks_named(const struct ca_blocks *b,
	    const char *name);

/*
 * The block for a key, or NULL: the one that names its fingerprint, else its
 * id, in either case of hexadecimal, else its label.
 */
const struct ca_block *ca_blocks_find(const struct ca_blocks *b,
	    const char *fingerprint, const char *id, const char *label);

/* The profile of this name, or NULL. */
const struct ca_profile *ca_blocks_profile(const struct ca_blocks *b,
	    const char *name);

#endif

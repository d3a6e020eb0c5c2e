/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_PRKD_EDIT_H
#define TOKEN_PRKD_EDIT_H

#include "base/err.h"
#include "base/span.h"

/*
 * The same key under another label or id, or in another place: a
 * description (prkd.h) in which no more than that is changed.
 */
struct prkd_change {
	const char	*label;		/* UTF-8; NULL: as it is */
	struct span	 id;		/* empty: as it is */
	uint8_t		 ref;		/* its place; 0: as it is */
};

#define PRKD_ID_MAX	32

/*
 * Write it to out; *n is the room, then the bytes.  A description that does
 * not tell its place goes on not to.  ERR_FORMAT when `in` is none.
 */
int	 prkd_edit(struct span in, const struct prkd_change *c, uint8_t *out,
	    size_t *n, struct err *e) MUST_CHECK;

#endif

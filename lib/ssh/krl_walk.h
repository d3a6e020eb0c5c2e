/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_KRL_WALK_H
#define SSH_KRL_WALK_H

#include "ssh/krl_view.h"

/*
 * All that is in a revocation list, one thing after the other.  Bytes are
 * borrowed from what the view was made of.
 */
struct krl_entry {
	enum krl_by	 by;
	struct span	 ca;		/* of serials and key IDs; empty: any */
	uint64_t	 lo, hi;	/* serials from lo to hi */
	struct span	 bytes;		/* key ID, key blob or hash */
};

/* A place in a list, of no concern to others. */
struct krl_walk {
	struct wire_r	 sections, parts, items;
	struct span	 ca, bitmap;
	uint8_t		 type;		/* of a section or a part: of items */
	uint64_t	 offset, bit;
};

/*
 * Step through what is in a list, in its order; false at its end, with *x as
 * it was.  A list may have a thing twice, and serials that overlap; each run
 * of bits in a bitmap is one entry.
 */
void	 krl_walk_start(struct krl_walk *w, const struct krl_view *v);
bool	 krl_walk_next(struct krl_walk *w, struct krl_entry *x);

#endif

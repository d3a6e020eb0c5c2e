/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_KRL_SERIALS_H
#define SSH_KRL_SERIALS_H

#include "base/err.h"
#include "ssh/wire.h"

/*
 * A set of serial numbers of one CA, for krl.h, and the fewest bytes of a
 * revocation list that hold it.  Begin with { 0 }; 0 is never a member.
 */
struct krl_range {
	uint64_t	 lo, hi;	/* both are members */
};

struct krl_serials {
	struct krl_range *v;		/* in any order, they may overlap */
	size_t		 n, room;
};

int	 krl_serials_add(struct krl_serials *s, struct krl_range r,
	    struct err *e) MUST_CHECK;

/* Append the parts (enum krl_part) of a section; sorts *s. */
int	 krl_serials_put(struct krl_serials *s, struct wire_w *out,
	    struct err *e) MUST_CHECK;

void	 krl_serials_free(struct krl_serials *s);

#endif

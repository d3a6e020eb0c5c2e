/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_IDENT_H
#define AGENT_IDENT_H

#include "base/err.h"
#include "base/span.h"
#include "ssh/key.h"

/*
 * The identities that clients see: the usable keys of all tokens, each blob
 * once, with comments that are unique and depend only on what is plugged
 * in.  The first key with a label, by serial number and place, has it as
 * its comment; a later one of that label adds its token and place.
 */
struct ident {
	uint8_t		*blob;
	size_t		 blob_n;
	enum key_type	 type;
	char		*comment;
	char		*fingerprint;
	char		*serial, *label, *id;	/* of its token, and its own */
	size_t		 token;		/* the caller's, from ident_add() */
};

struct idents {
	struct ident	*v;
	size_t		 n;
};

/*
 * Add one key; call in the order of serial number and place.  A blob that
 * is there already is passed over without an error.
 */
int	 ident_add(struct idents *ids, size_t token, const char *serial,
	    const char *ref, const char *label, const char *id,
	    struct span blob, struct err *e) MUST_CHECK;
void	 ident_clear(struct idents *ids);

/* NULL when none has this blob. */
const struct ident *ident_find(const struct idents *ids, struct span blob);

#endif

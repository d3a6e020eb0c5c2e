/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_SIGNKEY_H
#define KEYUTIL_SIGNKEY_H

#include "base/err.h"
#include "ssh/wire.h"

/*
 * The key that a person signs a file with, by the name they give it: a .pub
 * file; the comment or fingerprint of a key in an agent of any make; or the
 * label, id or fingerprint of one on a token.  It is only named here:
 * filesig_make() finds who has it.
 */
struct signkey {
	struct wire_w	 blob;
	char		*comment;	/* clean; "" if it has none */
	char		*fingerprint;
};

/*
 * token: look on this one only; or NULL.  ERR_NOTFOUND: there is none of that
 * name, or more than one.  Free *k in any case.
 */
int	 signkey_find(struct signkey *k, const char *name,
	    const char *token, struct err *e) MUST_CHECK;

/* The same of a key that is known: a plain blob, and a clean comment. */
int	 signkey_take(struct signkey *k, struct span blob,
	    const char *comment, struct err *e) MUST_CHECK;
void	 signkey_free(struct signkey *k);

#endif

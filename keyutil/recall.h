/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_RECALL_H
#define KEYUTIL_RECALL_H

#include "keyutil/tokens.h"

/*
 * The keys of a token by the cache of public keys that agents keep, too
 * (token/keycache.h): two card commands, however many keys there are, while
 * none has come or gone.  A label that another program has changed may be
 * the old one, so what then comes off the token is compared with it.
 */

/* As tokens_read_keys() for one slot. */
int	 recall_keys(struct slot *s, struct err *e) MUST_CHECK;

/* The keys of the slot were read anew: so be they known. */
void	 recall_note(const struct slot *s);

/* What is in the cache is not true any more. */
void	 recall_forget(const struct slot *s);

#endif

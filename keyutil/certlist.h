/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CERTLIST_H
#define KEYUTIL_CERTLIST_H

#include "keyutil/out.h"
#include "keyutil/tokens.h"
#include "ssh/agentstatus.h"

/*
 * The certificates that the running agent knows, for `hsm-keyutil list`:
 * those of the keys that are listed, in whatever state, and the files that
 * it can make nothing of.
 */

/* A table of those for these keys, after an empty line; or nothing. */
int	 certlist_print(FILE *f, const struct agentstatus *s,
	    const struct token_keys *keys, struct err *e) MUST_CHECK;

/* The same of the files that are bad. */
int	 certlist_print_bad(FILE *f, const struct agentstatus *s,
	    struct err *e) MUST_CHECK;

/* All of this as an array; NULL: no memory. */
json_t	*certlist_json(const struct agentstatus *s, const struct tokens *ts);

#endif

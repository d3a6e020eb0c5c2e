/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_NEWKEY_H
#define KEYUTIL_NEWKEY_H

#include "keyutil/tokens.h"
#include "token/keytype.h"

/*
 * Key pairs made on a token, for the commands that do.
 */

/* By its name; ERR_USAGE, after the names there are were told on stderr. */
int	 newkey_type(const char *name, const struct keytype **type,
	    struct err *e) MUST_CHECK;

/*
 * ERR_DENIED when the token, whose keys were read, has a key of that label
 * or id: a name is to name one key, also when a command is given again.
 */
int	 newkey_check_name(const struct slot *s,
	    const struct token_key_spec *spec, struct err *e) MUST_CHECK;

/*
 * Ask for the PIN, and make the key; *made->blob is the caller's to free,
 * also after an error.
 */
int	 newkey_make(struct slot *s, const struct token_key_spec *spec,
	    const char *pin_file, struct token_key *made, struct err *e)
	    MUST_CHECK;

#endif

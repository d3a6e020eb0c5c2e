/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_P11URI_H
#define TOKEN_P11URI_H

#include <stdbool.h>

#include "base/err.h"

/*
 * PKCS#11 URIs (RFC 7512) as names of tokens: by serial number, by label, or
 * both; and of keys on them.  Other parts, such as the manufacturer, are what
 * some module says and not looked at; a PIN in one is never used.
 */
struct p11uri {
	char	 serial[17];		/* "": any */
	char	 label[33];		/* "": any */
};

/* Is it meant to be one? */
bool	 p11uri_is(const char *text);

/* ERR_FORMAT: it is none, or names no token. */
int	 p11uri_parse(struct p11uri *u, const char *text, struct err *e)
	    MUST_CHECK;

/*
 * OpenSC calls a token "LABEL (UserPIN)": that is LABEL here.  A `label` of
 * "" is one that is not known.
 */
bool	 p11uri_matches(const struct p11uri *u, const char *serial,
	    const char *label);

/*
 * Does it name this key, by "object" (its label), by "id", or by both, and
 * on this token where it says on which?  One that names no key names none,
 * nor does one that is malformed or has a part that nobody knows.  The id is
 * in hexadecimal.
 */
bool	 p11uri_names_key(const char *text, const char *serial,
	    const char *token_label, const char *label, const char *id);

#endif

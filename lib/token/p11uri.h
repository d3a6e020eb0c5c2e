/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_P11URI_H
#define TOKEN_P11URI_H

#include <stdbool.h>

#include "base/err.h"

/*
 * PKCS#11 URIs (RFC 7512) as names of tokens: by serial number, by label, or
 * both.  Other parts, such as the manufacturer or an object, are what some
 * module says and not looked at; a PIN in one is never used.
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

#endif

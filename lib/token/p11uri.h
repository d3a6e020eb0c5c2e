/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_P11URI_H
#define TOKEN_P11URI_H

#include <stdbool.h>

#include "base/err.h"

/*
 * PKCS#11 URIs (RFC 7512) as names of tokens, by serial number, by label, or
 * both, and of keys on them.  Whatever else one says of the token has to be
 * so, too; what is after its '?' is not looked at: no PIN in it is used.
 */
struct p11uri {
	char	 serial[17];		/* "": any; as are the others */
	char	 label[33];
	char	 model[17], maker[33];
};

/*
 * A token: "" is what is not known.  Without `model` and `maker`, NULL, it is
 * a SmartCard-HSM, and they may be what modules for that say.
 */
struct p11uri_token {
	const char	*serial, *label, *model, *maker;
};

/* Is it meant to be one? */
bool	 p11uri_is(const char *text);

/*
 * ERR_FORMAT: it is none, names no token, or says what nobody here can hold
 * against one, such as the number of a slot.
 */
int	 p11uri_parse(struct p11uri *u, const char *text, struct err *e)
	    MUST_CHECK;

/* OpenSC calls a token "LABEL (UserPIN)": that is LABEL here. */
bool	 p11uri_matches(const struct p11uri *u, const struct p11uri_token *t);

/*
 * Does it name this key, by "object" (its label), by "id", or by both, and
 * on this token where it says on which?  One that names no key names none,
 * nor does one that is malformed or has a part that nobody knows.  The id is
 * in hexadecimal.
 */
bool	 p11uri_names_key(const char *text, const struct p11uri_token *t,
	    const char *label, const char *id);

#endif

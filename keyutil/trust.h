/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_TRUST_H
#define KEYUTIL_TRUST_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "base/err.h"
#include "ssh/cert.h"

/*
 * The places that the key of a CA goes to, in the order in which they are
 * filled: each file with its lines (trustlines.h), what they do there, and
 * what has to be reloaded.
 */
struct trust {
	const char	*key;		/* the line of its .pub file */
	unsigned int	 types;		/* bits of 1 << enum cert_type */
	const char	*principals;	/* of authorized_keys; or NULL */
	const char	*signers;	/* NULL: all that a certificate names */
	const char	*namespaces;	/* NULL: git */
	const char	*domain;	/* of known_hosts; NULL: an example */
};

/* Is there a place of that name for certificates of one of these types? */
bool	 trust_has_place(unsigned int types, const char *name);

/* All of them, with comments; or with `place` its lines alone.  ERR_NOMEM. */
int	 trust_print(FILE *f, const struct trust *t, const char *place,
	    struct err *e) MUST_CHECK;

/* An array of objects; NULL: no memory. */
json_t	*trust_json(const struct trust *t);

#endif

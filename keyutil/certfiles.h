/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CERTFILES_H
#define KEYUTIL_CERTFILES_H

#include "keyutil/certwish.h"

/* Orders for the keys in .pub files. */

/* Where ssh-keygen puts the certificate: NAME-cert.pub.  Free it. */
char	*certfiles_name(const char *file);

/* Set key and comment of an order from a .pub file; "-": standard input. */
int	 certfiles_key(const char *file, struct certorder *o, struct err *e)
	    MUST_CHECK;

/*
 * An order for each; `output` is where the certificate of the only one goes,
 * NULL: beside its key.
 */
int	 certfiles_read(char *const *file, size_t n, const char *output,
	    const struct certwish *w, struct certorders *l, struct err *e)
	    MUST_CHECK;

#endif

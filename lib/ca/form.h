/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_FORM_H
#define CA_FORM_H

#include "base/err.h"
#include "ssh/cert.h"

/*
 * What no CA should ever sign, whatever it is configured to do: bodies that
 * some implementation reads otherwise than another, that are valid for
 * ever, or for anyone.  Pure: decides from the certificate alone.
 */
#define CA_NAME_MAX	256		/* bytes of a key id or a name */
#define CA_NONCE_MIN	16
#define CA_NONCE_MAX	256
#define CA_RSA_MIN	2048		/* bits of a subject key */

/*
 * 0: nothing speaks against its form.  ERR_DENIED: the sentence says what
 * is wrong, and where.  ERR_NOMEM.  `c` is from cert_parse_tbs().
 */
int	 ca_form_check(const struct cert *c, struct err *e) MUST_CHECK;

/*
 * The size of an RSA subject, 0 for another key; 0 as well for one that
 * ca_form_check() refuses.
 */
unsigned int	 ca_form_rsa_bits(const struct cert *c);

/* A critical option that sshd knows. */
bool	 ca_form_is_critical(const char *name);

/*
 * The value of an option that has one: exactly one string in its data.
 * False: it is anything else.
 */
bool	 ca_form_value(struct span data, struct span *value);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_WISH_H
#define CA_WISH_H

#include "base/err.h"
#include "ca/draft.h"

/*
 * What a person wants of a certificate, in the words that ssh-keygen takes
 * for it, put into a draft.  A word that is wrong is ERR_USAGE, and the
 * message says how; what was said before it stays in the draft.
 */

/*
 * *d is an empty draft, with what ssh-keygen gives unasked: for a user the
 * five permissions, and nothing for a host.
 */
int	 ca_wish_begin(struct ca_draft *d, enum cert_type type, struct err *e)
	    MUST_CHECK;

/*
 * -O: clear, permit-pty, no-pty, ..., verify-required, no-touch-required,
 * force-command=..., source-address=..., critical:NAME[=VALUE] and
 * extension:NAME[=VALUE].  One thing that is said by two of them is one;
 * and "clear" takes away the flags, however they were said.
 */
int	 ca_wish_option(struct ca_draft *d, const char *text, struct err *e)
	    MUST_CHECK;

/* -n: names separated by commas, after those that are there. */
int	 ca_wish_principals(struct ca_draft *d, const char *list,
	    struct err *e) MUST_CHECK;

/* -z: a decimal number that has 64 bits. */
int	 ca_wish_serial(const char *text, uint64_t *serial, struct err *e)
	    MUST_CHECK;

#endif

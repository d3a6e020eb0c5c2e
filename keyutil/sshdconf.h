/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_SSHDCONF_H
#define KEYUTIL_SSHDCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

/*
 * The settings of an sshd, as far as they have to do with certificates: what
 * "sshd -T" prints, or an sshd_config.  As for sshd the first of several
 * lines counts, and what comes after a Match line holds for some only: it
 * is passed over, and so is what Include names.
 */
#define SSHDCONF_MAX		(256 * 1024)
#define SSHDCONF_UNJUDGED	6

struct sshdconf {
	char		*text;		/* from which all else is lent */

	/* NULL: not set, or "none". */
	const char	*trusted;	/* TrustedUserCAKeys */
	const char	*revoked;	/* RevokedKeys */
	const char	*principals;	/* AuthorizedPrincipalsFile */
	const char	*command;	/* AuthorizedPrincipalsCommand */
	const char	*ca_algorithms;	/* NULL: the usual ones */
	const char	*key_algorithms;
	unsigned int	 rsa_bits;	/* RequiredRSASize; 0: not set */
	bool		 pubkey_off;

	/* Lines from which on more, or less, may hold; 0: none. */
	unsigned int	 match;
	unsigned int	 include;

	/* Settings of who may log in at all, by their right names. */
	const char	*unjudged[SSHDCONF_UNJUDGED];
	size_t		 n_unjudged;
};

/*
 * Keywords that are not known are passed over.  ERR_FORMAT for a line that
 * sshd does not start with, by its number; ERR_LIMIT, ERR_NOMEM.  On success
 * sshdconf_free() it.
 */
int	 sshdconf_parse(struct span text, struct sshdconf *c, struct err *e)
	    MUST_CHECK;
void	 sshdconf_free(struct sshdconf *c);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_FILESIG_H
#define KEYUTIL_FILESIG_H

#include "base/err.h"
#include "base/span.h"

/*
 * A signature of a file, as ssh-keygen -Y sign makes it: by an agent that has
 * the key, that of SSH_AUTH_SOCK or a running hsm-ssh-agent, else on the
 * token itself.
 */
struct filesig_wish {
	struct span	 key;		/* blob */
	const char	*ns;
	const char	*token;		/* this one, and no agent; or NULL */
	const char	*pin_file;	/* on the token; NULL: ask a person */
	const char	*reason;	/* what for, in a prompt */
};

/*
 * *text, free(3), was verified.  Blocks for as long as a person takes.
 * ERR_DENIED: the agent has the key and does not sign this.
 */
int	 filesig_make(const struct filesig_wish *w, struct span message,
	    char **text, struct err *e) MUST_CHECK;

#endif

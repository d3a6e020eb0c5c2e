/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_PADLOCK_H
#define AGENT_PADLOCK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/span.h"

/*
 * The lock on the whole agent that "ssh-add -x" sets and only its password
 * opens (RFC 9987 sec. 5.5).  The password is kept as PINs are: there is
 * nothing to be gained from hashing what opens a door in the same room.
 */
struct padlock {
	struct secret	*password;	/* NULL: open */
	unsigned int	 wrong;		/* passwords in a row */
};

bool	 padlock_closed(const struct padlock *p);

/* ERR_DENIED when it is closed already, or the password is empty. */
int	 padlock_close(struct padlock *p, struct span password,
	    struct err *e) MUST_CHECK;

/* ERR_DENIED when it is open, or the password is another. */
int	 padlock_open(struct padlock *p, struct span password,
	    struct err *e) MUST_CHECK;

/* How long whoever had it wrong waits for the answer, ms. */
unsigned int padlock_delay(const struct padlock *p);

void	 padlock_free(struct padlock *p);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_LOGIN_H
#define KEYUTIL_LOGIN_H

#include "keyutil/tokens.h"

/*
 * Work that needs the user PIN, as one transaction: nobody else is in
 * between.  The PIN is always asked for, whoever is logged in: to use a key
 * an agent's login will do, to change a token it will not.
 */
struct login {
	struct slot	*slot;
	bool		 others;	/* a program was logged in before */
};

/*
 * Ask for the PIN (ask_pin()), take the token, and log in.  When that fails
 * nothing is held.  Never spends the last try; a person who wants to has
 * "unlock --last-try".
 */
int	 login_begin(struct login *l, struct slot *s, const char *pin_file,
	    const char *reason, struct err *e) MUST_CHECK;

/* Log out, unless another program was logged in, and let go. */
void	 login_end(struct login *l);

#endif

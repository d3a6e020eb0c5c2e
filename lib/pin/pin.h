/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PIN_PIN_H
#define PIN_PIN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/secret.h"

/*
 * Ask a person for a PIN, by the first way there is:
 *
 *  1. the pinentry that is configured;
 *  2. the terminal, when this process is in its foreground;
 *  3. the program of SSH_ASKPASS;
 *  4. the pinentry found in PATH, if it could show itself: there is a
 *     display, or GPG_TTY names a terminal;
 *  5. ssh-askpass, if there is a display.
 *
 * SSH_ASKPASS_REQUIRE is honoured as ssh(1) does it.  "force": askpass and
 * nothing else.  "prefer": 3 to 5 go before the terminal.  "never": no
 * dialogue that was not configured, so not 3 to 5.
 */
#define PIN_TRIES_FEW	(-2)		/* nobody knows how many */

struct pin_prompt {
	const char	*label;		/* the token's; "" when not known, */
	const char	*serial;	/* both "" when it is not about one */
	const char	*reason;	/* what it is for, one line; or NULL */
	const char	*error;		/* what went wrong before; or NULL */
	int		 tries;		/* left; -1: not known */
	const char	*name;		/* "new PIN"; NULL: "PIN" */
};

struct pin_asker {
	const char	*pinentry;	/* "none": never; NULL: choose */
	unsigned int	 timeout;	/* s, for pinentry; 0: none */
};

/*
 * The texts of *p may come from a token or a client: they are shown with
 * everything but printable characters replaced, and cut where they are long.
 * Blocks.
 *
 * ERR_DENIED when there is nobody to ask, with what to do; ERR_CANCELLED
 * when the person declined, typed nothing or took too long, or cancel_fd
 * (-1: none) became readable.  *out is empty then.
 */
int	 pin_ask(const struct pin_asker *how, const struct pin_prompt *p,
	    int cancel_fd, struct secret *out, struct err *e) MUST_CHECK;

/* Is there anybody to ask? */
bool	 pin_can_ask(const struct pin_asker *how);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PIN_PINENTRY_H
#define PIN_PINENTRY_H

#include "pin/pin.h"

/*
 * Ask through a pinentry, the program that GnuPG asks with.  It gets the
 * parts of *p, cleaned, and where to show itself: the terminal if we are in
 * its foreground, else that of GPG_TTY; the display; the locale.
 *
 * Blocks.  What is entered may be empty.  ERR_CANCELLED when the person
 * declined, the pinentry gave up or ended, or cancel_fd (-1: none) became
 * readable: then it is ended.  ERR_DENIED when it could not ask, as where it
 * has no terminal to do it.  ERR_FORMAT or ERR_LIMIT when what it says
 * cannot be understood.
 */
int	 pin_pinentry(const char *program, unsigned int timeout,
	    const struct pin_prompt *p, int cancel_fd, struct secret *out,
	    struct err *e) MUST_CHECK;

/*
 * Ask for consent to *text, whose lines are cleaned, with two buttons; 0
 * only when "Allow" was chosen.  ERR_LIMIT when it could not be shown whole;
 * else as above.
 */
int	 pin_pinentry_confirm(const char *program, unsigned int timeout,
	    const char *text, int cancel_fd, struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PIN_ASKPASS_H
#define PIN_ASKPASS_H

#include "base/err.h"
#include "base/secret.h"

/*
 * Ask through an SSH_ASKPASS program: it gets the prompt as its argument
 * and prints the answer.  Blocks until it ends; the program is ended, and
 * ERR_CANCELLED returned, when cancel_fd (-1: none) becomes readable.
 */
int	 pin_askpass(const char *program, const char *prompt, int cancel_fd,
	    struct secret *out, struct err *e) MUST_CHECK;

/*
 * Ask for consent in the same way, with SSH_ASKPASS_PROMPT=confirm in the
 * program's environment.  0 when it ended with status 0, and the first line
 * of what it said: nothing, unless it is one that only knows how to ask for
 * a line.  ERR_CANCELLED for any other end.
 */
int	 pin_askpass_confirm(const char *program, const char *text,
	    int cancel_fd, struct secret *said, struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PIN_CONFIRM_H
#define PIN_CONFIRM_H

#include "pin/pin.h"

/*
 * Ask a person for consent, by the same ways as for a PIN (pin/pin.h): with
 * the two buttons of a pinentry; through SSH_ASKPASS, with
 * SSH_ASKPASS_PROMPT=confirm in its environment; at the terminal, where
 * "yes" is to be typed.  Only a plain yes is one.  Which button the Enter key
 * presses is the pinentry's own affair: Assuan cannot say.
 *
 * A question is lines of text, with line feeds between them.  Put them
 * together by pin_confirm_add(), so that nothing that a client or a token
 * says can pass for a line of ours.
 */
#define PIN_CONFIRM_MAX		900	/* room for a question, with its NUL */
#define PIN_CONFIRM_LINE	400	/* and for one line of it */

/*
 * Add a line to the question in text, which is "" at first: what is not
 * printable is replaced, line feeds too, and a line that is too long, or
 * has no room left, ends with "...".  So the first lines should say what
 * matters most.
 */
void	 pin_confirm_add(char text[static PIN_CONFIRM_MAX],
	    const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * 0 for yes.  ERR_CANCELLED when the person declined or took too long, or
 * cancel_fd (-1: none) became readable; ERR_DENIED when there is nobody to
 * ask, with what to do; ERR_LIMIT for a text of PIN_CONFIRM_MAX bytes or
 * more, or one that could not be shown whole; or another error: none of
 * them is a yes.  Blocks.
 */
int	 pin_confirm(const struct pin_asker *how, const char *text,
	    int cancel_fd, struct err *e) MUST_CHECK;

#endif

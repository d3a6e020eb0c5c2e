/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PIN_PIN_H
#define PIN_PIN_H

#include "base/err.h"
#include "base/secret.h"

/*
 * Ask a person for a PIN, by whatever way there is, chosen as ssh(1) does
 * it: SSH_ASKPASS_REQUIRE force, prefer or never; else the terminal, when
 * this process has one in its foreground, else the SSH_ASKPASS program.
 *
 * ERR_DENIED when there is nobody to ask; ERR_CANCELLED when the person
 * declined or cancel_fd (-1: none) became readable.
 */
int	 pin_ask(const char *prompt, int cancel_fd, struct secret *out,
	    struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PIN_TTY_H
#define PIN_TTY_H

#include <stdbool.h>

#include "base/err.h"
#include "base/secret.h"

/*
 * Ask at the controlling terminal with echo off.  The terminal is put back
 * as it was, also when cancelled by cancel_fd (-1: none).
 */
int	 pin_tty(const char *prompt, int cancel_fd, struct secret *out,
	    struct err *e) MUST_CHECK;

/* The same with echo on, for an answer that is no secret. */
int	 pin_tty_shown(const char *prompt, int cancel_fd, struct secret *out,
	    struct err *e) MUST_CHECK;

/* There is a terminal and this process is in its foreground. */
bool	 pin_tty_usable(void);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PIN_COMMAND_H
#define PIN_COMMAND_H

#include "base/err.h"
#include "base/secret.h"

/*
 * A PIN that a program prints.  The command line is as pin/source.h has it.
 */

/*
 * Cut a command line into at most PIN_COMMAND_WORDS words, NULL behind the
 * last.  They are in *words, which is one allocation: free it.  ERR_USAGE
 * when it is no command line, or its program has no absolute path.
 */
int	 pin_command_split(const char *line, char ***words, struct err *e)
	    MUST_CHECK;

/* Run it, for so long, and append what it prints up to a line end. */
int	 pin_command_read(const char *line, unsigned int seconds,
	    int cancel_fd, struct secret *out, struct err *e) MUST_CHECK;

#endif

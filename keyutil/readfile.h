/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_READFILE_H
#define KEYUTIL_READFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * All of a file that a person named: *n is the room, then the bytes.
 * ERR_FORMAT when it is longer, ERR_SYS; each names the file.
 */
int	 readfile(const char *path, uint8_t *buf, size_t *n, struct err *e)
	    MUST_CHECK;

/*
 * The same of an argument that may be "-", standard input, whatever that is:
 * a socket, as under sshd, has no name to be opened by.
 */
int	 readfile_or_stdin(const char *arg, uint8_t *buf, size_t *n,
	    struct err *e) MUST_CHECK;
bool	 readfile_is_stdin(const char *arg);

/* What a person calls it: "standard input" for "-". */
const char *readfile_name(const char *arg);

#endif

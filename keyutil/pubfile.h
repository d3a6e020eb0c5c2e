/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_PUBFILE_H
#define KEYUTIL_PUBFILE_H

#include <stdbool.h>

#include "base/err.h"
#include "ssh/wire.h"

/*
 * The one public key in a .pub file, of any type that OpenSSH knows, as its
 * line: "ssh-ed25519 AAAA... comment", clean.  Comments and empty lines may
 * stand before and behind it.  ERR_FORMAT for anything else, for a
 * certificate, and for several keys.  *line is the caller's.
 */
int	 pubfile_parse(struct span text, char **line, struct err *e)
	    MUST_CHECK;

/* The same from a file, "-": standard input; each error names it. */
int	 pubfile_read(const char *path, char **line, struct err *e)
	    MUST_CHECK;

/* Is it the name of a file, rather than of a key? */
bool	 pubfile_is_named(const char *name);

/*
 * Append the blob of the one key or certificate in a file, which is not
 * looked into; each error names the file.  *comment, clean, is the caller's;
 * NULL: it is not wanted.
 */
int	 pubfile_blob(const char *path, struct wire_w *blob, char **comment,
	    struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_PUBFILE_H
#define KEYUTIL_PUBFILE_H

#include "base/err.h"
#include "base/span.h"

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

/*
 * The line of the text that is neither empty nor a comment, without its end;
 * the text is written to.  ERR_FORMAT: there is none, or more than one.
 */
int	 pubfile_line(char *text, char **found, struct err *e) MUST_CHECK;

#endif

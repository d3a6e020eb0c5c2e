/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_BASE64_H
#define SSH_BASE64_H

#include "base/err.h"
#include "ssh/wire.h"

/*
 * Base64 (RFC 4648 sec. 4) as it stands in files for people and programs.
 * For the same bytes there is one text only, but for where its lines end:
 * the reader takes no other.  A returned string belongs to the caller,
 * free(3); NULL means no memory, or over 256 MiB.
 */
char	*base64_encode(struct span s);

/* In lines of `width` characters, each ended; no bytes: no line. */
char	*base64_lines(struct span s, size_t width);

/* Append the bytes of a text; ERR_FORMAT, ERR_NOMEM: nothing is appended. */
int	 base64_put(struct wire_w *out, struct span text, struct err *e)
	    MUST_CHECK;

/*
 * The same of lines of up to `width` characters, none empty, each ended by
 * LF or CR LF.
 */
int	 base64_put_lines(struct wire_w *out, struct span lines, size_t width,
	    struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_IDENTITIES_H
#define SSH_IDENTITIES_H

#include "base/err.h"
#include "ssh/wire.h"

/*
 * The list of keys in an IDENTITIES_ANSWER (RFC 9987 sec. 5.5) of another
 * agent.  It is checked as a whole before the first key is given out, so
 * that what is appended to a list of ours cannot spoil it: OpenSSH's
 * clients drop all of a list with one bad entry.
 */
#define IDENTITIES_MAX	2048		/* OpenSSH's clients take no more */

struct identities {
	struct wire_r	 r;
	uint32_t	 left;		/* that identities_next() will give */
};

/*
 * Begin with an answer, type byte and contents, from which all that follows
 * borrows.  ERR_UNSUPPORTED: another message, such as FAILURE.  ERR_FORMAT:
 * over IDENTITIES_MAX; cut off, or longer than its count says; a blob
 * that names no key type; a comment with a NUL before its end.
 */
int	 identities_read(struct identities *l, struct span answer,
	    struct err *e) MUST_CHECK;

/* The next key; false after the last. */
bool	 identities_next(struct identities *l, struct span *blob,
	    struct span *comment);

#endif

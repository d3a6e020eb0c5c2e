/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CALEDGER_H
#define KEYUTIL_CALEDGER_H

#include "ca/ledger.h"

/*
 * What the commands for the ledger have in common: where it is, of which CA
 * they tell, who gives them, and the keys and certificates in files that
 * they are about.
 */

/*
 * The ledger in this file, or (NULL) the user's own, which the agent writes.
 * A file that was named has to be there; the user's own is made when it is
 * to be written.
 */
int	 caledger_open(const char *file, enum ledger_mode mode,
	    struct ledger **out, struct err *e) MUST_CHECK;

/* Keys of CAs, each once.  { 0 } is none. */
struct caledger_cas {
	struct wire_w	*v;		/* the blobs */
	size_t		 n;
};

/*
 * The CA of this name: the SHA256: fingerprint of one in the ledger, a .pub
 * file, or a key on a token (its label, id or fingerprint), which the ledger
 * need not know.  NULL: all that the ledger knows.  Free *out in any case.
 */
int	 caledger_cas(struct ledger *l, const char *name,
	    struct caledger_cas *out, struct err *e) MUST_CHECK;

/* The same for a command that is about one: ERR_USAGE when there are more. */
int	 caledger_one_ca(struct ledger *l, const char *name,
	    struct caledger_cas *out, struct span *ca, struct err *e)
	    MUST_CHECK;
void	 caledger_cas_free(struct caledger_cas *cas);

/* Append the blob of the plain key in a .pub or -cert.pub file. */
int	 caledger_read_subject(const char *path, struct wire_w *blob,
	    struct err *e) MUST_CHECK;

/* The person at this command; borrows from *program. */
struct caledger_program {
	char		 path[LEDGER_TEXT_MAX];
};

struct ledger_who caledger_who(struct caledger_program *program);

/* "SHA256:..." of a key. */
struct caledger_name {
	char		 s[64];
};

struct caledger_name caledger_fingerprint(struct span blob);

#endif

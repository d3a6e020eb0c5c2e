/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_LEDGER_ENTRY_H
#define CA_LEDGER_ENTRY_H

#include "base/err.h"
#include "ssh/wire.h"

/*
 * One entry of the ledger as bytes.  Each has the hash of the one before it
 * inside, and so nothing in between can be changed, removed or moved.
 */
#define LEDGER_HASH		32		/* SHA-256 */
#define LEDGER_ENTRY_MAX	(512 * 1024)
#define LEDGER_TEXT_MAX		1024		/* program, where, note */

enum ledger_kind {
	LEDGER_CERTIFICATE = 1,
	LEDGER_REVOCATION = 2,
	LEDGER_CHECKPOINT = 3,	/* signed by a CA key: so it was until here */
	LEDGER_RESUMPTION = 4,	/* something was lost before, and accepted */
};

/* What is revoked, and what `what` then is. */
enum ledger_revoked {
	LEDGER_SERIALS = 1,	/* uint64 lowest, uint64 highest */
	LEDGER_KEY_ID = 2,
	LEDGER_KEY = 3,		/* the blob of a subject's key */
	LEDGER_PRINCIPAL = 4,	/* in certificates made until then */
};

/* Texts are at most LEDGER_TEXT_MAX bytes; a longer one is cut. */
struct ledger_who {
	uint32_t	 uid, pid;
	struct span	 program;	/* its path; may be empty */
	struct span	 where;		/* through which host, or empty */
};

/* What is not of its kind is 0 or empty. */
struct ledger_entry {
	uint64_t	 seq;		/* its place, from 1 */
	uint8_t		 prev[LEDGER_HASH];
	uint64_t	 time;		/* seconds since the epoch */
	enum ledger_kind kind;
	enum ledger_revoked how;
	struct ledger_who who;
	struct span	 ca;		/* blob of the key that it is about */
	struct span	 what;		/* whole certificate; what is revoked;
					 * SSHSIG; the head that was lost */
	struct span	 note;		/* by which policy, or the reason */
};

void	 ledger_entry_put(const struct ledger_entry *en, struct wire_w *out);

/* Borrows.  ERR_FORMAT: not exactly one entry as it is written. */
int	 ledger_entry_parse(struct span bytes, struct ledger_entry *en,
	    struct err *e) MUST_CHECK;

int	 ledger_hash(struct span bytes, uint8_t out[LEDGER_HASH],
	    struct err *e) MUST_CHECK;

/* The two numbers of LEDGER_SERIALS; false: there are not two in order. */
bool	 ledger_serials_of(struct span what, uint64_t *low, uint64_t *high);

#endif

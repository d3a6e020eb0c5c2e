/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_LEDGER_H
#define CA_LEDGER_H

#include <stdbool.h>

#include "ca/ledger_entry.h"
#include "ca/ledger_head.h"
#include "ca/policy.h"
#include "ssh/cert.h"

/*
 * The ledger: every certificate that a CA key has signed and everything that
 * was revoked, in the order in which it happened, in an SQLite database.
 * An entry is on the disk when the call that adds it returns.  Nothing is
 * ever changed or removed; no number of a CA is given out twice.
 *
 * Any number of programs may use one ledger at the same time; one struct
 * ledger belongs to one thread at a time.  All calls block, for the disk and
 * for LEDGER_WAIT_MS at most for another program.
 *
 * A database that is behind its head (ledger_head.h), or behind what is
 * remembered of it elsewhere, is an old copy or has lost its end.  Then
 * nothing can be added, ERR_STALE, until a person has said that it is to go
 * on: ledger_resume().  It can be read as always.
 */
struct ledger;

#define LEDGER_FILE	"ledger.db"	/* in paths_state_dir() */
#define LEDGER_WAIT_MS	5000
#define LEDGER_CHECKPOINT_NS "ledger-checkpoint@hsm-ssh-agent"  /* of SSHSIG */

#define LEDGER_SERIALS_MAX	100000

enum ledger_mode {
	LEDGER_READ,			/* ERR_NOTFOUND where there is none */
	LEDGER_WRITE,			/* made where there is none */
};

/*
 * Nobody but this user and root may be able to write the files and their
 * directory, else ERR_DENIED.  ERR_FORMAT: no ledger, or a damaged one;
 * ERR_UNSUPPORTED: one by another version of this program.  ERR_STALE, of
 * one to be written: its parts do not belong together (ledger_log.h).
 */
int	 ledger_open(struct ledger **out, const char *path,
	    enum ledger_mode mode, struct err *e) MUST_CHECK;
void	 ledger_close(struct ledger *l);	/* NULL is fine */

/*
 * From here on compare it with what this user's other programs remember of
 * the ledger of this path, and let them remember (ledger_witness.h).
 */
void	 ledger_remember(struct ledger *l);

/* One of its files is not at its path any more: close it, open it anew. */
bool	 ledger_is_astray(const struct ledger *l);

/* What must hold for a certificate that is added. */
struct ledger_rule {
	size_t		 rate;		/* so many of this CA at most, */
	int64_t		 per;		/* in so many seconds; 0: any number */
	bool		 once;		/* no other has its nonce */
};

/*
 * That of a policy, NULL for none.  One that observes refuses nothing: its
 * rate is asked before (`enforced` false) and no reason not to add.
 */
struct ledger_rule ledger_rule_of(const struct ca_policy *p, bool enforced);

/*
 * Could it be added now?  For before it is signed: what may be added now may
 * not be later.  ERR_DENIED: its number was used.  ERR_LIMIT: its rule: the
 * nonce was used, or the rate is reached.  ERR_STALE: see above.  ERR_SYS: no
 * disk, no room, read-only.
 */
int	 ledger_check(struct ledger *l, const struct cert *c,
	    const struct ledger_rule *rule, struct err *e) MUST_CHECK;

/* Errors as of ledger_check(); then there is no entry. */
int	 ledger_add_certificate(struct ledger *l, struct span cert,
	    const struct ledger_rule *rule, const struct ledger_who *who,
	    struct span note, struct err *e) MUST_CHECK;
int	 ledger_add_revocation(struct ledger *l, struct span ca,
	    enum ledger_revoked how, struct span what,
	    const struct ledger_who *who, struct span reason, struct err *e)
	    MUST_CHECK;

/*
 * A checkpoint says that everything until some entry was so when the key
 * signed: `sig` is an SSHSIG, in binary, of ledger_checkpoint_text() with
 * the namespace LEDGER_CHECKPOINT_NS.  ERR_NOTFOUND: there is no such entry.
 */
#define LEDGER_CHECKPOINT_MAX	160

int	 ledger_checkpoint_text(struct ledger *l, uint64_t seq,
	    char text[LEDGER_CHECKPOINT_MAX], struct err *e) MUST_CHECK;
int	 ledger_add_checkpoint(struct ledger *l, struct span key,
	    uint64_t seq, struct span sig, struct err *e) MUST_CHECK;

/* Certificates of a CA that no checkpoint by its key vouches for. */
#define LEDGER_UNSIGNED_MAX	10000	/* they are counted no further */

struct ledger_unsigned {
	uint64_t	 n;
	int64_t		 since;		/* time of the last one, or 0 */
};

int	 ledger_unsigned(struct ledger *l, struct span ca,
	    struct ledger_unsigned *u, struct err *e) MUST_CHECK;

/*
 * Is it time that the CA's key signs a checkpoint: after so many of its
 * certificates, and after the first one of a day?  Then *text is that of
 * entry *seq, else "".
 */
#define LEDGER_CHECKPOINT_EACH	100

int	 ledger_checkpoint_due(struct ledger *l, struct span ca,
	    uint64_t *seq, char text[LEDGER_CHECKPOINT_MAX], struct err *e)
	    MUST_CHECK;

/* The place of the last entry; 0: there is none. */
int	 ledger_end(struct ledger *l, uint64_t *seq, struct err *e) MUST_CHECK;

/*
 * Give out `n` serial numbers of a CA, LEDGER_SERIALS_MAX at most: *first
 * and those after it, greater than all that were given out before, and used
 * by none.
 */
int	 ledger_serials(struct ledger *l, struct span ca, uint64_t n,
	    uint64_t *first, struct err *e) MUST_CHECK;

/* The version of the next KRL: greater than all before. */
int	 ledger_krl_version(struct ledger *l, struct span ca,
	    uint64_t *version, struct err *e) MUST_CHECK;

/*
 * Is anything lost?  ERR_STALE says what is wrong; *last is the last entry
 * that it has, *head how far it had come, as far as that is known (seq 0).
 */
int	 ledger_check_end(struct ledger *l, uint64_t *last,
	    struct ledger_head *head, struct err *e) MUST_CHECK;

/*
 * A person knows that the ledger has lost its end and wants to go on.  No
 * CA gets a number again that the head knows of; a million are skipped where
 * it is the head that was lost.  ERR_DENIED: nothing was.
 */
int	 ledger_resume(struct ledger *l, const struct ledger_who *who,
	    struct span reason, struct err *e) MUST_CHECK;

/* Spans are lent for the call; an error ends the search and is returned. */
typedef int ledger_fn(void *arg, const struct ledger_entry *en,
	    const struct cert *c, struct err *e);

/*
 * Certificates with all of these, by their place in the ledger.  Spans are
 * empty, and numbers 0, for anything.
 */
struct ledger_query {
	struct span	 ca;		/* blob */
	uint64_t	 serial;
	struct span	 key_id, principal;
	struct span	 subject;	/* blob of the key */
	struct span	 subject_hash;	/* SHA-256 of that */
	uint64_t	 ends_after, ends_before;	/* of their validity */
	uint64_t	 until;		/* seq */
	size_t		 last;		/* so many, the last ones, only */
};

int	 ledger_find(struct ledger *l, const struct ledger_query *q,
	    ledger_fn *fn, void *arg, struct err *e) MUST_CHECK;

/* What was revoked, of one CA or (empty) of all; c is NULL in the calls. */
int	 ledger_revoked(struct ledger *l, struct span ca, ledger_fn *fn,
	    void *arg, struct err *e) MUST_CHECK;

/* The CAs that it knows. */
typedef int ledger_ca_fn(void *arg, struct span ca, struct err *e);

int	 ledger_cas(struct ledger *l, ledger_ca_fn *fn, void *arg,
	    struct err *e) MUST_CHECK;

#endif

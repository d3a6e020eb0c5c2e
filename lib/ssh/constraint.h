/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_CONSTRAINT_H
#define SSH_CONSTRAINT_H

#include <stdbool.h>

#include "base/err.h"
#include "ssh/wire.h"

/*
 * What a client wants a key it adds to be limited by (RFC 9987 sec. 5.2.7),
 * with OpenSSH's two extensions: the hosts it may be used at and reached
 * through, and certificates for the keys of a token.  Reads and judges form
 * only; agent/destination.h judges use.
 */
#define CONSTRAINT_MAX_DESTINATIONS	1024
#define CONSTRAINT_MAX_CERTS		1024
#define CONSTRAINT_MAX_USER		256

/* A key that a host may show, or one that signs certificates of hosts. */
struct hop_key {
	struct span	 blob;
	bool		 is_ca;
};

/* Without a host name and keys: where the agent runs.  No NUL in text. */
struct hop {
	struct span	 user;		/* a pattern, "" for anyone */
	struct span	 hostname;
	struct hop_key	*keys;
	size_t		 n_keys;
};

/* `from` has no user; `to` always a name and keys. */
struct destination {
	struct hop	 from, to;
};

/* Any one of these allows; none at all: the key is not limited. */
struct destinations {
	struct destination *v;
	size_t		 n;
};

/* Owns the bytes that the spans are of.  All zero: no constraints. */
struct constraints {
	uint32_t	 lifetime;	/* seconds; 0: for ever */
	bool		 confirm;
	bool		 certs_only;
	struct destinations destinations;
	struct span	*certs;		/* well formed, as by cert_parse() */
	size_t		 n_certs;
	uint8_t		*bytes;
};

/* MSG_ADD_SMARTCARD_KEY_CONSTRAINED alone may bring certificates. */
enum constraint_certs {
	CONSTRAINT_NO_CERTS,
	CONSTRAINT_WITH_CERTS,
};

/*
 * `in` is the rest of the message, all of it.  ERR_UNSUPPORTED: a constraint
 * that is not known, or that is not for this message; nobody may add the key
 * without it.  ERR_FORMAT, ERR_LIMIT: malformed, said twice, or too much.
 * On an error *c is empty; else constraints_free() it.
 */
int	 constraints_parse(struct span in, enum constraint_certs allowed,
	    struct constraints *c, struct err *e) MUST_CHECK;
void	 constraints_free(struct constraints *c);	/* NULL is fine */

/* Is there anything that the keys cannot do with them? */
bool	 constraints_limit(const struct constraints *c);

/*
 * For a person, as ssh-add -h is told: "hosta, hosta>alice@hostb".  Names
 * are cleaned as by keytext_clean() and have '?' for what this line itself
 * uses; long names and lists are cut short visibly.  "" when there are none.
 * Always NUL-terminated, cut at len.
 */
void	 destinations_describe(const struct destinations *d, char *buf,
	    size_t len);

#endif

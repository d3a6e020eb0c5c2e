/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_EXPLAIN_H
#define CA_EXPLAIN_H

#include "base/err.h"
#include "ssh/cert.h"

/*
 * Why an sshd does not let a user in with a certificate, or an ssh does not
 * believe a host that shows one: all that OpenSSH has against it, in the
 * order in which it looks.  Pure: the certificate and what is known of the
 * server in, sentences out.  They are clean: fit for a terminal.
 *
 * What a caller does not know is not judged, and a note says so.
 */
#define EXPLAIN_MAX	32
#define EXPLAIN_TEXT	400

enum explain_why {
	EXPLAIN_NOTE,			/* nothing against it */
	EXPLAIN_PUBKEY_OFF,
	EXPLAIN_SIGNATURE,
	EXPLAIN_KEY_ALGORITHM,
	EXPLAIN_CA_ALGORITHM,
	EXPLAIN_RSA_SIZE,
	EXPLAIN_REVOKED,
	EXPLAIN_CA,
	EXPLAIN_MAPPED,			/* AuthorizedPrincipalsFile */
	EXPLAIN_TYPE,
	EXPLAIN_EARLY,
	EXPLAIN_EXPIRED,
	EXPLAIN_NOBODY,			/* no principals */
	EXPLAIN_PRINCIPAL,
	EXPLAIN_OPTION,
	EXPLAIN_ADDRESS,
};

/* A word for programs, "expired"; never NULL. */
const char	*explain_name(enum explain_why why);

/* A file that a setting names, and how far it could be read. */
struct explain_file {
	bool		 asked;		/* else nothing is known of it */
	const char	*path;		/* NULL: the setting is "none" */
	const char	*fault;		/* of a file: NULL, or "no such..." */
};

struct explain_facts {
	enum cert_type	 as;		/* what it is shown as */
	const char	*name;		/* user or host; NULL: not known */
	const char	*address;	/* of the client; NULL: not known */
	uint64_t	 at;		/* seconds since the epoch */

	/* Lists as in sshd_config(5), "+x", too; NULL: the usual ones. */
	const char	*key_algorithms;
	const char	*ca_algorithms;
	unsigned int	 rsa_bits;	/* at least; 0: 1024 */
	bool		 pubkey_off;

	/*
	 * The keys of TrustedUserCAKeys; for a host those of the lines of
	 * known_hosts that are for it.  A fault leaves those before it.
	 */
	struct explain_file trusted;
	const struct span *cas;
	size_t		 n_cas;

	struct explain_file revoked;	/* a fault: all keys are refused */
	const char	*revoked_how;	/* "its key is in line 3"; NULL: no */

	/* The names in the user's AuthorizedPrincipalsFile. */
	struct explain_file mapped;
	const struct span *names;
	size_t		 n_names;
	bool		 command;	/* AuthorizedPrincipalsCommand is set */
};

struct explain_line {
	enum explain_why why;
	char		 text[EXPLAIN_TEXT];
	char		 mend[EXPLAIN_TEXT];	/* "": nothing to do */
};

struct explain {
	struct explain_line v[EXPLAIN_MAX];
	size_t		 n;
	size_t		 reasons;	/* those that are no notes */
};

/*
 * No reasons: it would be accepted, as far as the notes do not say that
 * something was not judged.  `c` is from cert_parse().
 */
void	 explain(const struct cert *c, const struct explain_facts *f,
	    struct explain *out);

/* Add a note of the caller's own. */
void	 explain_note(struct explain *x, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/*
 * Whether the CA that it names signed it, a security key, too: 0;
 * ERR_UNSUPPORTED where that cannot be told; anything else, and it did not.
 */
int	 explain_signature(const struct cert *c, struct err *e) MUST_CHECK;

/* What signed it: the name in the signature, "rsa-sha2-512"; or empty. */
struct span	 explain_algorithm(const struct cert *c);

#endif

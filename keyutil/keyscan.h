/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_KEYSCAN_H
#define KEYUTIL_KEYSCAN_H

#include <stddef.h>

#include "base/err.h"
#include "ssh/wire.h"

/*
 * The host keys that ssh-keyscan(1) prints, and the fingerprints by which a
 * person knows them: what came over the network is nobody's key until then.
 */

/* Texts are the caller's to read until the next one. */
struct keyscan {
	struct span	 rest;
	size_t		 line;		/* of the last key, from 1 */

	/* The last key. */
	char		 place[300];	/* as it was printed: [host]:2222 */
	char		 host[256];	/* without a port */
	char		 type[16];	/* "ed25519", as in file names */
	struct wire_w	 blob;
};

/* The text is lent. */
void	 keyscan_begin(struct keyscan *k, struct span text);

/*
 * The next key; host is "" behind the last.  Comments are passed over.
 * ERR_FORMAT and others name the line.
 */
int	 keyscan_next(struct keyscan *k, struct err *e) MUST_CHECK;
void	 keyscan_end(struct keyscan *k);

/* Fingerprints that are known of hosts, of each any number. */
struct hostpin {
	char		*host;		/* as keyscan's host or place */
	char		*fingerprint;
	size_t		 used;		/* for the caller */
};

struct hostpins {
	struct hostpin	*v;
	size_t		 n;
};

/* "HOST=SHA256:..."; ERR_USAGE. */
int	 hostpins_add(struct hostpins *p, const char *text, struct err *e)
	    MUST_CHECK;

/* Lines "HOST SHA256:..."; each error names its line. */
int	 hostpins_parse(struct hostpins *p, struct span text, struct err *e)
	    MUST_CHECK;
void	 hostpins_free(struct hostpins *p);

/* Sorted, as hostpins_first() wants it. */
void	 hostpins_sort(struct hostpins *p);

/* The first pin of a host; those that follow may be its own, too. */
struct hostpin *hostpins_first(const struct hostpins *p, const char *host);

#endif

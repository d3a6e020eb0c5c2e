/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_TRUSTFILE_H
#define KEYUTIL_TRUSTFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

/*
 * The files by which OpenSSH believes certificates, or does not: public keys
 * line by line (TrustedUserCAKeys, RevokedKeys), the names of an
 * AuthorizedPrincipalsFile, the marked lines of a known_hosts.  They are read
 * as OpenSSH reads them, which stops at a line that it cannot make out.
 */
#define TRUSTFILE_MAX	(4 * 1024 * 1024)
#define TRUSTFILE_FAULT	200

struct trustfile_line {
	unsigned int	 number;
	bool		 options;	/* it has more than the name */
};

struct trustfile {
	struct span	*v;		/* key blobs, or names */
	struct trustfile_line *at;	/* of each */
	size_t		 n;
	size_t		 hashed;	/* known_hosts: names not to be read */
	char		 fault[TRUSTFILE_FAULT];	/* "": all was read */
};

/* ERR_NOMEM alone; on success trustfile_free() it. */
int	 trustfile_keys(struct span text, struct trustfile *t, struct err *e)
	    MUST_CHECK;
int	 trustfile_names(struct span text, struct trustfile *t, struct err *e)
	    MUST_CHECK;

/*
 * The keys of the lines with that marker ("@cert-authority") that are for
 * the host, "host" or "[host]:port", in small letters.
 */
int	 trustfile_hosts(struct span text, const char *marker,
	    const char *host, struct trustfile *t, struct err *e) MUST_CHECK;
void	 trustfile_free(struct trustfile *t);

#endif

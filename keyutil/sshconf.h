/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_SSHCONF_H
#define KEYUTIL_SSHCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

/*
 * What ssh itself says of its settings for a host ("ssh -G"), as far as they
 * have to do with keys of an agent.
 */
#define SSHCONF_FILES_MAX	32
#define SSHCONF_OUTPUT_MAX	(256 * 1024)

struct sshconf {
	char		*text;		/* from which all else is lent */
	const char	*files[SSHCONF_FILES_MAX];	/* IdentityFile */
	size_t		 n_files;
	const char	*agent;		/* IdentityAgent; NULL: not set */
	const char	*provider;	/* PKCS11Provider; NULL: none */
	const char	*algorithms;	/* for keys of users; NULL: any */
	bool		 identities_only;
	bool		 no_pubkey;	/* PubkeyAuthentication no */
};

/*
 * Read the output of "ssh -G".  What is not known is passed over, and so are
 * files beyond the limit.  ERR_LIMIT for an output that no ssh prints,
 * ERR_NOMEM.  On success sshconf_free() it.
 */
int	 sshconf_parse(struct span output, struct sshconf *c, struct err *e)
	    MUST_CHECK;
void	 sshconf_free(struct sshconf *c);

/*
 * Ask ssh for its settings for that host; blocks for some seconds at most.
 * ERR_NOTFOUND when there is no ssh; ERR_UNSUPPORTED when it has no answer,
 * for which it has told the reason on stderr.
 */
int	 sshconf_ask(const char *host, struct sshconf *c, struct err *e)
	    MUST_CHECK;

/*
 * What a program prints of itself, at most n - 1 bytes of it: argv as for
 * spawn_reader(3).  False when it does not run, or not soon enough.
 */
bool	 sshconf_run(char *const argv[], char *text, size_t n, int *status);

/*
 * The two numbers behind `name` in a text: 7 and 2 in "OpenSSH_7.2p2" for
 * the name "OpenSSH_".  False when it is not there, or no numbers follow.
 */
bool	 sshconf_version(const char *text, const char *name, int *major,
	    int *minor);

#endif

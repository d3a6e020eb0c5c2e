/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_USES_H
#define AGENT_USES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "ssh/request.h"

/*
 * What a key may be used for: the values of Use and ForwardedUse in
 * hsm-ssh-agent.conf(5), held against what a request turned out to be.
 */
enum use {
	USE_AUTH = 1,			/* logins, and PAM's own kind of them */
	USE_CA = 2,			/* certificates */
	USE_HOST = 4,			/* sshd's host key */
	USE_SSHSIG = 8,			/* ssh-keygen -Y, git */
	USE_TEST = 16,			/* ssh-add -T; not said in words */
	USE_UNKNOWN = 32,		/* data of no known kind */
	USE_KRL = 64,			/* a CA's lists of what it revoked */
};

struct uses {
	unsigned int	 set;		/* of enum use */
	char		**ns;		/* of SSHSIG; none: each one */
	size_t		 n_ns;
};

/*
 * From words such as "auth", "sshsig:git,file", "any" or "none".  Replaces
 * *u, which is as it was on an error.
 */
int	 uses_parse(struct uses *u, const char *const *words, size_t n,
	    struct err *e) MUST_CHECK;
void	 uses_clear(struct uses *u);

bool	 uses_permit(const struct uses *u, const struct request *req);

/*
 * The same for who sits at another machine: with a namespace of our own, in
 * which a CA or an approver speaks, "sshsig" has to name it.
 */
bool	 uses_permit_afar(const struct uses *u, const struct request *req);

/* The word that permits it, such as "sshsig:git"; bounded by len. */
void	 uses_word(const struct request *req, char *buf, size_t len);

/* What holds when nothing is said: for Use, and for ForwardedUse. */
extern const struct uses uses_default, uses_default_forwarded;

/* Of a key with a CA block: as "ca". */
extern const struct uses uses_certify;

#endif

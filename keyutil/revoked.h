/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_REVOKED_H
#define KEYUTIL_REVOKED_H

#include <stddef.h>

#include "base/err.h"
#include "ssh/cert.h"

/*
 * Whether a file, as RevokedKeys names one, revokes a certificate: a list
 * of keys, by the key in it or by its CA; or one in OpenSSH's own format,
 * of up to KRL_MAX bytes.
 */
#define REVOKED_HOW	100

/*
 * how: "its key is in line 3", or "" when it is not revoked.  ERR_FORMAT
 * when sshd could not make it out and takes all keys for revoked,
 * ERR_UNSUPPORTED when that depends on the version of sshd.
 */
int	 revoked_by(struct span text, const struct cert *c,
	    char how[REVOKED_HOW], struct err *e) MUST_CHECK;

/* The same in the @revoked lines of a known_hosts that are for the host. */
int	 revoked_in(struct span known_hosts, const char *host,
	    const struct cert *c, char how[REVOKED_HOW], struct err *e)
	    MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_NAMES_H
#define KEYUTIL_NAMES_H

#include "base/err.h"

/*
 * Comma-separated lists that go into lines which sshd, ssh and ssh-keygen
 * trust.  Only what cannot end a field, a quote or a line, or turn the line
 * into a comment or a marked one, gets through; errors are ERR_USAGE and
 * name the entry.
 */

/* User or host names as certificates carry them: exact, no wildcards. */
int	 names_check_principals(const char *list, struct err *e) MUST_CHECK;

/* The same with '*', '?' and a leading '!' (ssh_config(5) PATTERNS). */
int	 names_check_patterns(const char *list, struct err *e) MUST_CHECK;

/* Host patterns of known_hosts: host, *.host, !host, [host]:port, IPs. */
int	 names_check_hosts(const char *list, struct err *e) MUST_CHECK;

/* One DNS name, as it starts an SSHFP record. */
int	 names_check_hostname(const char *name, struct err *e) MUST_CHECK;

#endif

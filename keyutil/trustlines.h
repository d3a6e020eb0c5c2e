/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_TRUSTLINES_H
#define KEYUTIL_TRUSTLINES_H

#include <stdbool.h>

/*
 * Lines by which OpenSSH trusts a key, or the certificates that it signs.
 * `key` is the line of its .pub file; lists have been through names.h.  What
 * is returned has no line end, and is the caller's; NULL: no memory.
 */

/* authorized_keys, as a CA; principals NULL: the user's own name. */
char	*trustlines_authorized_keys(const char *key, const char *principals);

/* known_hosts; with `ca`, the certificates of hosts that it signs. */
char	*trustlines_known_hosts(const char *key, const char *hosts, bool ca);

/* allowed_signers; namespaces NULL: any. */
char	*trustlines_allowed_signers(const char *key, const char *principals,
	    const char *namespaces, bool ca);

#endif

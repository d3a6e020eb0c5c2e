/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_SOURCES_H
#define CA_SOURCES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/*
 * The value of source-address: addresses and networks (10.0.0.0/8, ::1),
 * separated by commas.  Stricter than OpenSSH, which a certificate with such
 * a list then lets in from there: each byte counts, no short forms, no bits
 * beyond the mask, no zone.  ERR_FORMAT names the one that is wrong.
 */
int	 ca_sources_check(struct span list, struct err *e) MUST_CHECK;

/*
 * Is a client at that address one of the list?  Never, when there is
 * anything wrong with the list or the address.  IPv4 in the dress of IPv6
 * (::ffff:192.0.2.1) is IPv4 for a client, but not in a list, as for sshd.
 */
bool	 ca_sources_match(struct span list, const char *address);

/* Is it one that a client can have? */
bool	 ca_sources_is_address(const char *address);

#endif

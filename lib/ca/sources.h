/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_SOURCES_H
#define CA_SOURCES_H

#include "base/err.h"
#include "base/span.h"

/*
 * The value of source-address: addresses and networks (10.0.0.0/8, ::1),
 * separated by commas.  Stricter than OpenSSH, which a certificate with such
 * a list then lets in from there: each byte counts, no short forms, no bits
 * beyond the mask, no zone.  ERR_FORMAT names the one that is wrong.
 */
int	 ca_sources_check(struct span list, struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_POLICY_H
#define AGENT_POLICY_H

#include <stdbool.h>

#include "agent/uses.h"
#include "base/err.h"
#include "ssh/request.h"
#include "ssh/sig.h"

/*
 * Whether a key signs what it is asked to sign, and by which algorithm.
 * Decides from what was configured for the key, from the flags and from what
 * the data says it is; does nothing else.
 */

/*
 * May a key with these uses sign this?  A checkpoint of the ledger, never.
 * `forwarded` and `relayed` are the uses that it has for those who come over
 * a forwarded connection, and for those who are relayed (agent/peer.h);
 * NULL: this one does, or is, not.
 * ERR_DENIED, with the keyword that would change it, when it may not.
 */
int	 policy_use(const struct uses *use, const struct uses *forwarded,
	    const struct uses *relayed, const struct request *req,
	    struct err *e) MUST_CHECK;

/*
 * The algorithm to sign with; ERR_DENIED, with the reason, to refuse.
 *
 * For RSA the flags choose (RFC 9987 sec. 5.6.1).  Without any the protocol
 * means SHA-1: refused unless allowed, except that data which names no
 * algorithm is signed with rsa-sha2-256, and data which names a SHA-2 one
 * with that.  A certificate is never signed with SHA-1.
 */
int	 policy_algorithm(bool allow_sha1, enum key_type key, uint32_t flags,
	    const struct request *req, enum sig_alg *alg, struct err *e)
	    MUST_CHECK;

#endif

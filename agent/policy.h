/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_POLICY_H
#define AGENT_POLICY_H

#include <stdbool.h>

#include "base/err.h"
#include "ssh/request.h"
#include "ssh/sig.h"

/*
 * Which signature a request gets, if any.  Decides from the key, the flags
 * and what the data says it is; does nothing else.
 */
struct policy {
	bool	 allow_sha1;
};

/*
 * The algorithm to sign with; ERR_DENIED, with the reason, to refuse.
 *
 * For RSA the flags choose (RFC 9987 sec. 5.6.1).  Without any the protocol
 * means SHA-1: refused unless allowed, except that data which names no
 * algorithm is signed with rsa-sha2-256, and data which names a SHA-2 one
 * with that.
 */
int	 policy_algorithm(const struct policy *p, enum key_type key,
	    uint32_t flags, const struct request *req, enum sig_alg *alg,
	    struct err *e) MUST_CHECK;

#endif

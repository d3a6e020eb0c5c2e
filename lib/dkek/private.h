/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DKEK_PRIVATE_H
#define DKEK_PRIVATE_H

#include "base/err.h"
#include "base/span.h"

/*
 * Is this the private key of that public one?  All numbers are big-endian,
 * and of PRIVATE_NUMBER_MAX bytes at most; those of a private key are in a
 * page for secrets, and no copy of them outlives a call.
 */
#define PRIVATE_NUMBER_MAX	1024	/* RSA-8192 */

/* With d, or by its primes and what belongs to them; the others empty. */
struct private_rsa {
	struct span	 n, e;
	struct span	 d;
	struct span	 p, q, dp, dq, qinv;
};

struct private_ec {
	struct span	 prime, a, b, order, g;	/* the curve */
	struct span	 d;
	struct span	 q;			/* public: 04 || X || Y */
};

/*
 * ERR_DENIED when it is not, ERR_UNSUPPORTED when the curve is none that
 * libcrypto knows.
 */
int	 private_prove_rsa(const struct private_rsa *k, struct err *e)
	    MUST_CHECK;
int	 private_prove_ec(const struct private_ec *k, struct err *e)
	    MUST_CHECK;

#endif

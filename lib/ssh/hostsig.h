/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_HOSTSIG_H
#define SSH_HOSTSIG_H

#include "base/err.h"
#include "ssh/cert.h"
#include "ssh/wire.h"

/*
 * Signatures that others made: a host with its key, a CA under a
 * certificate, by a key of any type in key.h.  A security key adds to what
 * it signs, and makes no host key: ERR_UNSUPPORTED, as any other type.
 */

/*
 * 0 only when `sig` (a signature blob, nothing after it) is a signature of
 * `data` by `key`, a public key or a certificate, in which case by the key
 * in it; who issued that, and whether it holds, is not asked.  RSA with
 * SHA-1 is ERR_UNSUPPORTED.  ERR_DENIED when it is well formed and wrong,
 * ERR_FORMAT or ERR_LIMIT when it or the key is not as it should be.
 */
int	 hostsig_verify(struct span key, struct span data, struct span sig,
	    struct err *e) MUST_CHECK;

/*
 * Whether the CA key in a certificate, as cert_parse() gave it, made the
 * signature of it.  Whether that CA is one to believe is not asked.
 */
int	 hostsig_verify_cert(const struct cert *c, struct err *e) MUST_CHECK;

#endif

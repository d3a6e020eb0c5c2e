/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_SKSIG_H
#define SSH_SKSIG_H

#include "base/err.h"
#include "ssh/wire.h"

/*
 * Signatures by security keys (FIDO, OpenSSH PROTOCOL.u2f): Ed25519 and
 * ECDSA on P-256.  The key does not sign the data, but its hash among what
 * the key tells of itself; one that nobody touched when it signed is refused.
 */

/* Is this plain key that of a security key, known here or not? */
bool	 sksig_is_key(struct span key);

/*
 * 0 only when `sig` (a signature blob, nothing after it) is a signature of
 * `data` by `key`, a plain one.  ERR_DENIED when it is wrong, or nobody was
 * there; ERR_UNSUPPORTED for another type of key, and for WebAuthn's form.
 */
int	 sksig_verify(struct span key, struct span data, struct span sig,
	    struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_X509_H
#define SSH_X509_H

#include "base/err.h"
#include "base/span.h"

/*
 * X.509 certificates as files, and what of them a token has to know.  Who
 * signed them, and until when they hold, is not asked.
 */

/*
 * The first certificate in PEM text, or the one that is DER: *n is the room,
 * then the bytes.  ERR_FORMAT when there is none, ERR_LIMIT when it is too
 * long.
 */
int	 x509_read(struct span file, uint8_t *der, size_t *n, struct err *e)
	    MUST_CHECK;

/* PEM text, the caller's to free(3); NULL: no memory, or no certificate. */
char	*x509_pem(struct span der);

/*
 * The public key's bits: the point of an EC key, on whatever curve.  *n as
 * above; ERR_FORMAT when `der` is no certificate, and nothing after it.
 */
int	 x509_public_bits(struct span der, uint8_t *bits, size_t *n,
	    struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_CERTIFICATE_H
#define TOKEN_SCHSM_CERTIFICATE_H

#include "token/manage.h"

/*
 * X.509 certificates of keys, which replace the request that the token made
 * with the key.  The contracts of token_get_certificate() and
 * token_put_certificate().
 */
int	 schsm_get_certificate(struct token *t, const char *ref,
	    uint8_t *der, size_t *n, struct err *e) MUST_CHECK;

/*
 * A key whose public part is not on the token, or only half of it, proves by
 * a signature that the certificate is its own.
 */
int	 schsm_put_certificate(struct token *t, const char *ref,
	    struct span der, struct err *e) MUST_CHECK;

#endif

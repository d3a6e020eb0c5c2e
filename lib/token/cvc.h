/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_CVC_H
#define TOKEN_CVC_H

#include "base/err.h"
#include "base/span.h"

/*
 * Card-verifiable certificates and requests (BSI TR-03110-3 C.3) as a
 * SmartCard-HSM writes them: the request it makes for a new key, kept in
 * CExx, and the device certificate in 2F02 (facts/smartcard-hsm 3.9, 3.10).
 * Signatures in them are not checked here.
 */
enum cvc_key {
	CVC_RSA,
	CVC_EC,
};

struct cvc {
	struct span	 holder;	/* CHR, 5F20 */
	enum cvc_key	 key;
	struct span	 n, e;		/* CVC_RSA */
	struct span	 prime;		/* CVC_EC; empty when left out */
	struct span	 q;		/* CVC_EC: 04 || X || Y */
};

/* A request (67 or 7F21) or certificate (7F21) at the start of `in`. */
int	 cvc_parse(struct span in, struct cvc *c, struct err *e) MUST_CHECK;

#endif

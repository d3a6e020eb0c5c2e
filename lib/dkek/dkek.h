/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DKEK_DKEK_H
#define DKEK_DKEK_H

#include <stdint.h>

#include "base/secret.h"

/*
 * A DKEK, the key under which keys leave a SmartCard-HSM, put together from
 * its shares as the token does it (facts/smartcard-hsm 6.2).  It and what is
 * derived from it are in a page of the kind that secrets have.
 */
struct dkek;

#define DKEK_BYTES	32
#define DKEK_KCV_BYTES	8
#define DKEK_KCV_LEN	(2 * DKEK_KCV_BYTES + 1)	/* in hex, with a NUL */

/* The key check value when each share was put in twice: no key at all. */
#define DKEK_KCV_OF_NOTHING	"66687aadf862bd77"

struct dkek	*dkek_new(void);		/* NULL: no memory */
void		 dkek_free(struct dkek *d);	/* NULL is fine */

/*
 * Put in one share of DKEK_BYTES, in any order; a share put in twice takes
 * itself out again.  ERR_FORMAT for another length.
 */
int	 dkek_add(struct dkek *d, const struct secret *share, struct err *e)
	    MUST_CHECK;

/*
 * What the shares so far make, for after the first dkek_add(): the key
 * check value, which is no secret, and the keys that encrypt (AES-256-CBC)
 * and authenticate (AES-256-CMAC) what is wrapped.  Each key is DKEK_BYTES
 * long and the dkek's own.
 */
const uint8_t	*dkek_kcv(const struct dkek *d);
void		 dkek_kcv_hex(const struct dkek *d, char hex[DKEK_KCV_LEN]);
const uint8_t	*dkek_enc_key(const struct dkek *d);
const uint8_t	*dkek_mac_key(const struct dkek *d);

#endif

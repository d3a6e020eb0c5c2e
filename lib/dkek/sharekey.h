/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DKEK_SHAREKEY_H
#define DKEK_SHAREKEY_H

#include "dkek/share.h"

/*
 * The key that a share file is sealed with: OpenSSL's EVP_BytesToKey() with
 * MD5, in a quarter of its time, and in three steps.  Each step is a hash
 * of the step before it, the password and the salt, hashed again for all
 * rounds.  The first two are the key, the third is the IV.
 */
#define SHAREKEY_ROUNDS		10000000	/* of a share file */
#define SHAREKEY_STEPS		3
#define SHAREKEY_SALT		8
#define SHAREKEY_IV		32	/* where it is behind the key */
#define SHAREKEY_BYTES		48

struct sharekey;

/* NULL with *e: no memory, or a libcrypto that refuses MD5. */
struct sharekey	*sharekey_new(int rounds, struct err *e);
void		 sharekey_free(struct sharekey *k);	/* NULL is fine */

/* Step 0, 1 and 2, in this order; `watch` may be NULL.  Blocks. */
int		 sharekey_step(struct sharekey *k, size_t step,
		    const struct secret *password,
		    const uint8_t salt[SHAREKEY_SALT],
		    const struct share_watch *watch, struct err *e) MUST_CHECK;

/* SHAREKEY_BYTES, of which each step so far has made 16. */
const uint8_t	*sharekey_bytes(const struct sharekey *k);

#endif

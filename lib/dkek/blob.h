/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DKEK_BLOB_H
#define DKEK_BLOB_H

#include "base/err.h"
#include "base/span.h"
#include "dkek/dkek.h"

/*
 * A key as it leaves a SmartCard-HSM (facts/smartcard-hsm 6.4): what kind it
 * is can be read, the key is encrypted, and a MAC over all of it comes last.
 * No part of it is believed before the MAC is right.
 */
enum blob_kind {
	BLOB_RSA = 0x05,
	BLOB_RSA_CRT = 0x06,		/* by its primes */
	BLOB_EC = 0x0c,
	BLOB_AES = 0x0f,
};

/* The spans borrow from what was parsed. */
struct blob {
	enum blob_kind	 kind;
	struct span	 kcv;		/* of its DKEK: DKEK_KCV_BYTES */
	struct span	 algs;		/* what it may do; empty: all */
	struct span	 sealed;	/* encrypted */
	struct span	 signed_part;	/* all but the MAC */
	struct span	 mac;
};

/* The public part of the key that should be in it. */
struct blob_public {
	struct span	 n, e;		/* RSA: big-endian */
	struct span	 q;		/* EC: 04 || X || Y */
};

/* ERR_FORMAT when it is no blob, or cut off. */
int	 blob_parse(struct span in, struct blob *b, struct err *e) MUST_CHECK;

void	 blob_kcv_hex(const struct blob *b, char hex[DKEK_KCV_LEN]);

/*
 * Can a key of this public part be in it, going by its kind and length?
 * That is all that is known without the DKEK.  ERR_FORMAT if not.
 */
int	 blob_fits(const struct blob *b, const struct blob_public *p,
	    struct err *e) MUST_CHECK;

/*
 * Open it with the DKEK, and prove that it is unaltered and that what is in
 * it is the private key of this public one (NULL: that it is a key at all).
 * ERR_DENIED: another DKEK, altered, or another key.  ERR_UNSUPPORTED: on a
 * curve that libcrypto does not know.
 */
int	 blob_prove(const struct blob *b, const struct dkek *d,
	    const struct blob_public *p, struct err *e) MUST_CHECK;

#endif

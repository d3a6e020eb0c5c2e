/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VH_CURVE_H
#define VHSM_VH_CURVE_H

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "tests/vhsm/vh_buf.h"

/*
 * The curves that the card knows, as domain parameters: that is how they
 * travel in commands and certificates, where no OID names them.
 */
struct vh_curve {
	const char	*name;		/* short, as in a fixture's TYPE */
	const char	*group;		/* OpenSSL's name */
	int		 nid;
	unsigned	 bits;
	uint8_t		 since;		/* major firmware version */
};

struct vh_params {			/* empty spans: not given */
	struct span	 p, a, b, g, n, h;
};

const struct vh_curve	*vh_curve_by_name(const char *name);
const struct vh_curve	*vh_curve_by_params(const struct vh_params *params);
const struct vh_curve	*vh_curve_of(const EVP_PKEY *key);	/* or NULL */

/* Append TLVs 81 p, 82 a, 83 b, 84 G, 85 n. */
bool	 vh_curve_put_params(const struct vh_curve *c, struct vh_buf *b);

/* The same values, one by one, each appended with a 2-byte length. */
bool	 vh_curve_put_strings(const struct vh_curve *c, struct vh_buf *b,
	    const char *which);

size_t	 vh_curve_order_size(const struct vh_curve *c);

#endif

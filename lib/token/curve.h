/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_CURVE_H
#define TOKEN_CURVE_H

#include "base/span.h"

/*
 * The name of an elliptic curve by its prime: a SmartCard-HSM writes the
 * domain parameters into a request, never the curve's OID
 * (facts/smartcard-hsm 3.9).  No two curves in the table share a prime.
 * "P-256", "brainpoolP256r1", ...; NULL for one not in the table.
 */
const char	*curve_name(struct span prime);

#endif

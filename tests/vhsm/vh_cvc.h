/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VH_CVC_H
#define VHSM_VH_CVC_H

#include "tests/vhsm/vh_buf.h"
#include "tests/vhsm/vh_store.h"

/*
 * Card verifiable certificates and requests as this card writes them: the
 * signed request that GENERATE returns, and the two certificates of the
 * device in 2F02.
 */
extern const uint8_t vh_cvc_oid_rsa[10], vh_cvc_oid_ec[10];

struct vh_request {
	struct span	 car, chr;	/* car empty: left out */
	struct span	 outer_car;
};

/*
 * Append the 67 request for key, signed by itself and then by the device.
 */
bool	 vh_cvc_put_request(struct vh_buf *out, EVP_PKEY *key,
	    const struct vh_request *r, EVP_PKEY *device);

/* Make a device key and its certificates: CC00 and 2F02. */
bool	 vh_cvc_make_device(struct vh_store *st);

#endif

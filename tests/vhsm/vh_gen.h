/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VH_GEN_H
#define VHSM_VH_GEN_H

#include "tests/vhsm/vh_card.h"
#include "tests/vhsm/vh_curve.h"

/*
 * Making keys inside the card, for GENERATE and for fixtures alike: the
 * data of the command as a struct, checked against the firmware.
 */
struct vh_gen {
	struct span		 car, chr, outer_car;
	const struct vh_curve	*curve;		/* NULL: RSA */
	unsigned		 bits;
	struct span		 e;
	struct vh_key		 limits;	/* counter and algorithms */
};

/* Make CCid and CEid; the content of CEid goes to out as well. */
uint16_t	 vh_gen_make_pair(struct vhsm *v, uint8_t id,
		    const struct vh_gen *g, struct vh_buf *out);
uint16_t	 vh_gen_make_aes(struct vhsm *v, uint8_t id, size_t n,
		    const struct vh_key *limits);

/* Keep a private key as CCid.  Takes a reference of its own. */
uint16_t	 vh_gen_keep(struct vhsm *v, uint8_t id, EVP_PKEY *key,
		    const struct vh_key *limits);

bool		 vh_gen_is_rsa_size(const struct vhsm *v, unsigned bits);

/* Keys can be made or brought in: 9000, or why not. */
uint16_t	 vh_gen_allowed(const struct vhsm *v, uint8_t id);

#endif

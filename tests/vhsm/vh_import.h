/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VH_IMPORT_H
#define VHSM_VH_IMPORT_H

#include "tests/vhsm/vh_card.h"

/* The decrypted inside of a key blob, made a key of this card. */
enum vh_blob_type {
	VH_BLOB_RSA	= 0x05,
	VH_BLOB_RSA_CRT	= 0x06,
	VH_BLOB_EC	= 0x0c,
	VH_BLOB_AES	= 0x0f,
};

struct vh_import {
	uint8_t		 type;
	struct vh_key	 limits;
	struct span	 components;	/* salt, bits, strings, padding */
};

uint16_t	 vh_import_key(struct vhsm *v, uint8_t id,
		    const struct vh_import *imp);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_SEAL_H
#define UNIT_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "dkek/dkek.h"

/*
 * What only a token, or somebody with its DKEK, can make: a wrapped key with
 * anything in it.  Under the DKEK of one share of SEAL_BYTE each.
 */
#define SEAL_BYTE	0x01
#define SEAL_MAX	4096

struct dkek	*seal_dkek(uint8_t byte);

/*
 * The plain text is cut to whole blocks, and to what fits.  Returns the
 * length of the blob, 0 when libcrypto failed.
 */
size_t		 seal(const struct dkek *d, uint8_t kind, struct span plain,
		    uint8_t out[SEAL_MAX]);

#endif

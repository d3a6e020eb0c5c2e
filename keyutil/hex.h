/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_HEX_H
#define KEYUTIL_HEX_H

#include "base/span.h"

/*
 * Pairs of hexadecimal digits, in either case; *n is the room, then the
 * bytes, 1 at least.  Not for secrets.
 */
bool	 hex_parse(struct span text, uint8_t *out, size_t *n);

#endif

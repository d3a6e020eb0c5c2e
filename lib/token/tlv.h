/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_TLV_H
#define TOKEN_TLV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "ssh/wire.h"

/*
 * Reader and writer of BER-TLV as cards write it (ISO 7816-4 sec. 5.2.2):
 * definite lengths of up to three octets, tags of up to two.  The same
 * sticky rule as ssh/wire.h: take what should be there, ask once.
 */
struct tlv_r {
	const uint8_t	*p;
	size_t		 left;
	bool		 bad;
};

void		 tlv_read(struct tlv_r *r, struct span in);

/* The next tag, e.g. 0x7f21, without moving; 0 at the end or when bad. */
uint16_t	 tlv_peek(const struct tlv_r *r);

/* The value of the next element, whose tag must be `tag`. */
struct span	 tlv_get(struct tlv_r *r, uint16_t tag);

/* The same, or an empty span without harm when another tag is next. */
struct span	 tlv_get_opt(struct tlv_r *r, uint16_t tag);

void		 tlv_skip(struct tlv_r *r);	/* one element, any tag */
bool		 tlv_end(const struct tlv_r *r);	/* all read, all well */

/*
 * How many bytes the element at the start of `in` takes in all, header
 * included, going by its header alone; 0 when the header itself is cut off
 * or malformed.  More than in.n means that its end is missing.
 */
size_t		 tlv_size(struct span in);

/*
 * Append an element in DER, lengths of up to two octets; w->bad when it is
 * longer or does not fit.
 */
void		 tlv_put(struct wire_w *w, uint16_t tag, struct span value);

/* An INTEGER that is not negative. */
void		 tlv_put_uint(struct wire_w *w, uint32_t v);

#endif

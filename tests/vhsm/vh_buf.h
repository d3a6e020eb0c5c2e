/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VH_BUF_H
#define VHSM_VH_BUF_H

#include <stdbool.h>

#include "base/span.h"

/*
 * A growing row of bytes and the BER-TLV coding of this card.  A buffer
 * remembers its first failure: afterwards a put does nothing, and the
 * caller asks once, at the end.  Freeing and growing wipe, since PINs and
 * private keys pass through here.
 */
struct vh_buf {
	uint8_t	*p;
	size_t	 n, cap;
	bool	 bad;
};

void		 vh_buf_put(struct vh_buf *b, struct span s);
void		 vh_buf_put_u8(struct vh_buf *b, unsigned v);
void		 vh_buf_put_u16(struct vh_buf *b, unsigned v);
void		 vh_buf_put_u32(struct vh_buf *b, uint32_t v);
void		 vh_buf_put_tlv(struct vh_buf *b, unsigned tag, struct span v);
uint8_t		*vh_buf_add(struct vh_buf *b, size_t n);   /* NULL: bad */
struct span	 vh_buf_bytes(const struct vh_buf *b);
void		 vh_buf_free(struct vh_buf *b);

/* Take n bytes off the front of *in; false if there are fewer. */
bool		 vh_span_take(struct span *in, size_t n, struct span *out);

/* Take one TLV (tag of 1 or 2 bytes) off the front of *in. */
bool		 vh_tlv_next(struct span *in, unsigned *tag, struct span *v);

#endif

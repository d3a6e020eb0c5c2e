/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ssh/krl_part.h"

bool
krl_part_next(struct wire_r *r, uint8_t *type, struct span *data)
{
	if (r->bad || r->left == 0)
		return false;
	*type = wire_get_u8(r);
	*data = wire_get_string(r);
	return !r->bad;
}

struct span
krl_part_get_ca(struct wire_r *r)
{
	struct span ca = wire_get_string(r);

	wire_get_string(r);		/* reserved */
	return ca;
}

bool
krl_part_get_text(struct wire_r *r, struct span *text)
{
	struct span s = wire_get_string(r);

	if (s.n > 0 && s.p[s.n - 1] == '\0')
		s.n--;
	*text = s;
	return !r->bad && (s.n == 0 || memchr(s.p, '\0', s.n) == NULL);
}

bool
krl_part_get_bitmap(struct span part, uint64_t *offset, struct span *bits)
{
	struct wire_r r;

	wire_read(&r, part);
	*offset = wire_get_u64(&r);
	*bits = wire_get_string(&r);
	if (!wire_end(&r) || (bits->n > 0 && (bits->p[0] & 0x80) != 0))
		return false;
	*bits = span_strip_zeros(*bits);
	return true;
}

bool
krl_part_has_bit(struct span bits, uint64_t bit)
{
	return bit / 8 < bits.n &&
	    (bits.p[bits.n - 1 - (size_t)(bit / 8)] >> bit % 8 & 1) != 0;
}

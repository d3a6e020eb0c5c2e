/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/law.h"
#include "token/tlv.h"

/*
 * Walking stops, every value lies inside the input, and where a tag can be
 * peeked at its element is whole.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span in = { p, n }, v;
	struct tlv_r r;
	uint16_t tag;
	size_t left;

	tlv_read(&r, in);
	while ((tag = tlv_peek(&r)) != 0) {
		left = r.left;
		if (tlv_size((struct span){ r.p, left }) > left)
			__builtin_trap();
		v = tlv_get(&r, tag);
		if (r.bad || r.left >= left || (v.n > 0 &&
		    (v.p < p || v.p + v.n > p + n)))
			__builtin_trap();
	}
	tlv_skip(&r);
	if (n > 0 && !r.bad && tlv_end(&r) && r.left != 0)
		__builtin_trap();
	return 0;
}

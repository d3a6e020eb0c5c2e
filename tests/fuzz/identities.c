/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ssh/agentmsg.h"
#include "ssh/identities.h"
#include "tests/fuzz/law.h"

/*
 * What is accepted gives as many keys as it says, and they written again
 * are the same bytes; what is not gives none.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span in = { p, n };
	struct span blob, comment;
	struct identities l;
	struct wire_w w;
	struct err e;
	uint32_t left;

	if (identities_read(&l, in, &e) != 0) {
		must(!identities_next(&l, &blob, &comment));
		return 0;
	}
	left = l.left;
	must(left <= IDENTITIES_MAX);
	if (!wire_write(&w, n))
		return 0;
	wire_put_u8(&w, MSG_IDENTITIES_ANSWER);
	wire_put_u32(&w, left);
	while (identities_next(&l, &blob, &comment)) {
		must(left-- > 0 && blob.n > 4);
		wire_put_string(&w, blob);
		wire_put_string(&w, comment);
	}
	must(left == 0 && !w.bad && span_eq(wire_bytes(&w), in));
	wire_free(&w);
	return 0;
}

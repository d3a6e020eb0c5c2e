/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/law.h"
#include "token/modproto.h"

/* An answer is made clean as it is read, and then stays as it is. */
static void
check_answer(struct span in, size_t room)
{
	struct mod_answer a, b;
	struct wire_w once, twice;

	if (!mod_answer_parse(in, &a))
		return;
	if (wire_write(&once, room) && wire_write(&twice, room)) {
		mod_answer_put(&a, &once);
		if (once.bad || !mod_answer_parse(wire_bytes(&once), &b))
			__builtin_trap();
		mod_answer_put(&b, &twice);
		if (!span_eq(wire_bytes(&once), wire_bytes(&twice)))
			__builtin_trap();
		mod_answer_free(&b);
		wire_free(&once);
		wire_free(&twice);
	}
	mod_answer_free(&a);
}

/* What is a message between us and a module is written again as it was. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span in = { p, n };
	struct mod_request q;
	struct wire_w w;

	if (mod_request_parse(in, &q) && wire_write(&w, n + 1)) {
		mod_request_put(&q, &w);
		if (w.bad || !span_eq(wire_bytes(&w), in))
			__builtin_trap();
		wire_free(&w);
	}
	check_answer(in, 4 * n + 1024);
	return 0;
}

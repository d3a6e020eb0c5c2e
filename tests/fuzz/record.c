/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/record.h"
#include "tests/fuzz/law.h"

/* What is a message between agent and ledger is written again as it was. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span in = { p, n };
	struct record_answer a;
	struct record r;
	struct wire_w w;

	if (!wire_write(&w, n + 1))
		return 0;
	if (record_parse(in, &r)) {
		record_put(&r, &w);
		if (w.bad || !span_eq(wire_bytes(&w), in))
			__builtin_trap();
	} else if (record_answer_parse(in, &a) &&
	    (a.r != 0 || a.err.msg[0] == '\0')) {
		record_answer_put(&a, &w);
		if (w.bad || !span_eq(wire_bytes(&w), in))
			__builtin_trap();
	}
	wire_free(&w);
	return 0;
}

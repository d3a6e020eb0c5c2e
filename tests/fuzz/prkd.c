/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/law.h"
#include "token/prkd.h"

static void
inside(struct span v, const uint8_t *p, size_t n)
{
	if (v.n > 0 && (v.p < p || v.p + v.n > p + n))
		__builtin_trap();
}

/* What is parsed lies inside the input; an error has its words. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct prkd d;
	struct err e;

	if (prkd_parse((struct span){ p, n }, &d, &e) != 0) {
		if (e.msg[0] == '\0')
			__builtin_trap();
		return 0;
	}
	inside(d.label, p, n);
	inside(d.id, p, n);
	if (d.bits > 0xffffff)
		__builtin_trap();
	return 0;
}

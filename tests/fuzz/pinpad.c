/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/law.h"
#include "token/pinpad.h"

/* A code that is found stands in the answer, after its tag and length. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const uint32_t code = pinpad_parse((struct span){ p, n });
	const uint8_t want[] = { 0x06, 4, (uint8_t)(code >> 24),
	    (uint8_t)(code >> 16), (uint8_t)(code >> 8), (uint8_t)code };

	if (code != 0 && memmem(p, n, want, sizeof(want)) == NULL)
		__builtin_trap();
	return 0;
}

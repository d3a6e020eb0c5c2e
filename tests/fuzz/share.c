/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dkek/share.h"
#include "tests/fuzz/law.h"

/* A share file has one length; whatever is none is refused with words. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err e = { 0 };
	int r = share_check((struct span){ p, n }, &e);

	if ((r == 0) != (e.msg[0] == '\0') ||
	    (r == 0 && n != SHARE_FILE_BYTES))
		__builtin_trap();
	return 0;
}

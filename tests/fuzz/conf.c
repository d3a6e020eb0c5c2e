/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "agent/keywords.h"
#include "tests/fuzz/law.h"

/* Every error names the file and the line; nothing leaks either way. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct options o = { .pin_fd = -1 };
	struct err e;

	if (keywords_parse(&o, (struct span){ p, n }, "conf", &e) != 0 &&
	    strncmp(e.msg, "conf:", 5) != 0)
		__builtin_trap();
	options_free(&o);
	return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef FUZZ_LAW_H
#define FUZZ_LAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What each fuzz target is, and how it says what holds for any bytes. */
int	 LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static inline void
must(bool law)
{
	if (!law)
		__builtin_trap();
}

#endif

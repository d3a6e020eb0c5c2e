/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>

#include "keyutil/hex.h"

static int
value(uint8_t c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c != '\0' ? strchr(digits, tolower(c)) : NULL;

	return p != NULL ? (int)(p - digits) : -1;
}

bool
hex_parse(struct span text, uint8_t *out, size_t *n)
{
	int hi, lo;

	if (text.n == 0 || text.n % 2 != 0 || text.n / 2 > *n)
		return false;
	*n = text.n / 2;
	for (size_t i = 0; i < *n; i++) {
		hi = value(text.p[2 * i]);
		lo = value(text.p[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

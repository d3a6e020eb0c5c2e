/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/glob.h"

bool
glob_matches(struct span text, struct span pattern)
{
	/* Only the last '*' is ever tried again: that suffices. */
	size_t t = 0, p = 0, star = pattern.n, from = 0;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.n && (pattern.p[p] == '?' ||
		    pattern.p[p] == text.p[t])) {
			p++;
			t++;
		} else if (star < pattern.n) {
			p = star + 1;
			t = ++from;
		} else
			return false;
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

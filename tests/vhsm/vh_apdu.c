/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/vhsm/vh_apdu.h"

static bool
parse_short(struct vh_apdu *a, const uint8_t *p, size_t n)
{
	size_t lc = p[0];

	if (n == 1) {				/* case 2 */
		a->ne = lc != 0 ? lc : 256;
		return true;
	}
	if (lc == 0 || (n != 1 + lc && n != 2 + lc))
		return false;
	a->data.p = p + 1;
	a->data.n = lc;
	if (n == 2 + lc)
		a->ne = p[1 + lc] != 0 ? p[1 + lc] : 256;
	return true;
}

static size_t
extended_ne(const uint8_t *p)
{
	size_t ne = (size_t)p[0] << 8 | p[1];

	return ne != 0 ? ne : 65536;
}

static bool
parse_extended(struct vh_apdu *a, const uint8_t *p, size_t n)
{
	size_t lc = (size_t)p[1] << 8 | p[2];

	a->ext = true;
	if (n == 3) {				/* case 2 */
		a->ne = extended_ne(p + 1);
		return true;
	}
	if (lc == 0 || (n != 3 + lc && n != 5 + lc))
		return false;
	a->data.p = p + 3;
	a->data.n = lc;
	if (n == 5 + lc)
		a->ne = extended_ne(p + 3 + lc);
	return true;
}

bool
vh_apdu_parse(struct vh_apdu *a, struct span in)
{
	struct vh_apdu blank = { 0 };

	*a = blank;
	if (in.n < 4)
		return false;
	a->cla = in.p[0];
	a->ins = in.p[1];
	a->p1 = in.p[2];
	a->p2 = in.p[3];
	if (in.n == 4)				/* case 1 */
		return true;
	if (in.p[4] == 0 && in.n >= 7)
		return parse_extended(a, in.p + 4, in.n - 4);
	return parse_short(a, in.p + 4, in.n - 4);
}

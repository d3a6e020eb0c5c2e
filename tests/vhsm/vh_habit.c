/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tests/vhsm/vh_card.h"
#include "tests/vhsm/vh_habit.h"

#define PIECE	((size_t)256)

void
vh_habit_forget(struct vh_held *h)
{
	struct vh_held none = { 0 };

	vh_buf_free(&h->cmd);
	vh_buf_free(&h->rsp);
	*h = none;
}

/* A short command up to its Le. */
static struct span
without_le(const struct vh_apdu *a, struct span cmd)
{
	cmd.n = a->data.n != 0 ? 5 + a->data.n : 4;
	return cmd;
}

static bool
is_same(const struct vh_held *h, struct span cmd)
{
	return cmd.n == h->cmd.n && memcmp(cmd.p, h->cmd.p, cmd.n) == 0;
}

/* The next n bytes of what is held, and how it goes on. */
static uint16_t
give(struct vh_held *h, size_t n, struct vh_buf *out)
{
	struct span all = vh_buf_bytes(&h->rsp), piece;
	uint16_t sw = h->sw;

	if (n > all.n)
		n = all.n;
	if (!vh_span_take(&all, n, &piece))
		return SW_INTERNAL;
	vh_buf_put(out, piece);
	if (all.n != 0) {
		sw = (uint16_t)(SW_MORE | (all.n < PIECE ? all.n : 0));
		memmove(h->rsp.p, all.p, all.n);
		h->rsp.n = all.n;
	} else {
		vh_habit_forget(h);
	}
	return sw;
}

bool
vh_habit_continue(struct vh_held *h, const struct vh_apdu *a,
    struct span cmd, struct vh_buf *out, uint16_t *sw)
{
	bool more = h->rsp.n != 0 && !h->again && a->ins == 0xc0 &&
	    a->ne != 0;
	bool again = h->again && !a->ext && a->ne == h->rsp.n &&
	    is_same(h, without_le(a, cmd));

	if (!more && !again) {
		vh_habit_forget(h);
		return false;
	}
	*sw = give(h, a->ne, out);
	return true;
}

static void
take_over(struct vh_held *h, struct vh_buf *out, uint16_t sw)
{
	struct vh_buf none = { 0 };

	h->rsp = *out;
	h->sw = sw;
	*out = none;
}

uint16_t
vh_habit_hold(struct vh_held *h, unsigned habits, const struct vh_apdu *a,
    struct span cmd, struct vh_buf *out, uint16_t sw)
{
	bool is_short = !a->ext && a->ne != 0;

	if (out->n == 0 || out->bad || (sw != SW_OK && sw != SW_EOF))
		return sw;
	if ((habits & VH_HABIT_FIRST) != 0 && is_short && a->data.n != 0) {
		take_over(h, out, sw);
		return give(h, 0, out);
	}
	if ((habits & VH_HABIT_EXACT) != 0 && is_short && out->n <= PIECE &&
	    out->n != a->ne) {
		vh_buf_put(&h->cmd, without_le(a, cmd));
		h->again = !h->cmd.bad;
		take_over(h, out, SW_OK);
		return (uint16_t)(SW_LE | (h->rsp.n & 0xff));
	}
	if ((habits & VH_HABIT_PIECES) != 0 && out->n > PIECE) {
		take_over(h, out, sw);
		return give(h, PIECE, out);
	}
	return sw;
}

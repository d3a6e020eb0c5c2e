/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VH_HABIT_H
#define VHSM_VH_HABIT_H

#include "tests/vhsm/vh_apdu.h"
#include "tests/vhsm/vh_buf.h"

/*
 * An answer that does not come at once: the card says 6Cxx, and wants the
 * command again with that Le, or 61xx, and wants to be asked with GET
 * RESPONSE.  It keeps the answer until any other command.
 */
struct vh_held {
	bool		 again;		/* 6Cxx was said */
	uint16_t	 sw;		/* goes with the end of the answer */
	struct vh_buf	 cmd;		/* what it answers, but for Le */
	struct vh_buf	 rsp;
};

enum vh_habit {
	VH_HABIT_EXACT	= 0x01,	/* 6Cxx to an Le that is not the length */
	VH_HABIT_FIRST	= 0x02,	/* 61xx to a command with data and Le */
	VH_HABIT_PIECES	= 0x04,	/* 256 bytes at most, then 61xx */
};

/* Is it the rest of an answer that is asked for?  Then append it. */
bool	 vh_habit_continue(struct vh_held *h, const struct vh_apdu *a,
	    struct span cmd, struct vh_buf *out, uint16_t *sw);

/* Hold back what the habits (any of vh_habit) want; the status word. */
uint16_t vh_habit_hold(struct vh_held *h, unsigned habits,
	    const struct vh_apdu *a, struct span cmd, struct vh_buf *out,
	    uint16_t sw);

void	 vh_habit_forget(struct vh_held *h);

#endif

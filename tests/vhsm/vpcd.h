/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VPCD_H
#define VHSM_VPCD_H

#include <stdbool.h>

#include "tests/vhsm/vh_buf.h"

/*
 * The card's end of the wire to vpcd, the virtual reader inside pcscd: TCP,
 * a 2-byte length before every message.  The reader's side of version 0.8
 * sends the length on its own and then waits for our ACK (Nagle), so the
 * kernel is told before and after every read not to delay it; that is the
 * difference between 0.1 ms and 44 ms a command.
 */
#define VPCD_MAX	65535

enum { VPCD_OFF, VPCD_ON, VPCD_RESET, VPCD_ATR = 4 };	/* 1-byte messages */

struct vpcd {
	int	 fd;			/* -1: not connected */
	size_t	 n;
	uint8_t	 in[2 + VPCD_MAX];
};

/* Blocks at most a second. */
bool	 vpcd_connect(struct vpcd *c, unsigned port);
void	 vpcd_close(struct vpcd *c);

/*
 * Take the card out: returns when vpcd has seen it, half a second at most.
 * It listens without a backlog, so a card put in again before that would
 * find no place and wait ever longer for one.
 */
void	 vpcd_hang_up(struct vpcd *c);

/*
 * Break off while vpcd waits for an answer: a client of pcscd then gets
 * SCARD_E_NOT_TRANSACTED, as with a stick.  (After vpcd_close() it gets
 * success and no bytes: 0.8 finds no error until a length has come.)
 */
void	 vpcd_abort(struct vpcd *c);

/* Read what there is; false when the other end is gone. */
bool	 vpcd_fill(struct vpcd *c);

/* The first whole message, if there is one; it stays until vpcd_next(). */
bool	 vpcd_peek(const struct vpcd *c, struct span *msg);
void	 vpcd_next(struct vpcd *c);

bool	 vpcd_send(struct vpcd *c, struct span msg);

#endif

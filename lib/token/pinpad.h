/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_PINPAD_H
#define TOKEN_PINPAD_H

#include "token/apdu.h"

/*
 * The PIN pad of a reader (PC/SC part 10): the PIN goes from its keys into
 * a VERIFY, and the computer never sees it.  Internal to lib/token.
 */

/* The control code that asks for a PIN; 0 when the reader has no pad. */
uint32_t pinpad_find(const struct card_io *io);

/* The same, from what the reader answered; 0 too when it makes no sense. */
uint32_t pinpad_parse(struct span features);

/*
 * Let the person type a PIN of min to max bytes into the command with this
 * header, as `code` of pinpad_find() does it.  Blocks until that is done,
 * cancelled at the reader, or given up by it; *sw is the card's status word
 * or one of those below.
 */
int	 pinpad_verify(const struct card_io *io, uint32_t code,
	    const uint8_t header[4], uint8_t min, uint8_t max, uint16_t *sw,
	    struct err *e) MUST_CHECK;

#define SW_PAD_TIMEOUT		0x6400
#define SW_PAD_CANCELLED	0x6401
#define SW_PAD_LENGTH		0x6403

#endif

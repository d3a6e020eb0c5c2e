/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_H
#define TOKEN_SCHSM_H

#include "token/apdu.h"
#include "token/token.h"

/*
 * The SmartCard-HSM driver (Nitrokey HSM, CardContact's cards and sticks):
 * APDUs straight to the applet, as facts/smartcard-hsm describes them.
 */

/*
 * Take over the card behind *io (closed on failure too).  Unless nobody
 * else has the card open, the applet is selected only if it is not selected
 * already, because SELECT logs every other program out.  That is seen from
 * an `atr` that is known.
 * ERR_UNSUPPORTED when the card is something else.
 */
int	 schsm_open(struct card_io io, struct span atr, struct token **out,
	    struct err *e) MUST_CHECK;

/* For the driver's other half, schsm_manage.c. */
struct schsm_card;
struct schsm_card *schsm_card_of(struct token *t);

#endif

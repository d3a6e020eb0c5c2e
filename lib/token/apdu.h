/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_APDU_H
#define TOKEN_APDU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/*
 * How APDUs (ISO 7816-4 sec. 5) reach a card.  pcsc.c is the real one;
 * tests plug the card simulator in here and need no pcscd.
 *
 * begin: take the card for oneself; *reset says that it lost its state
 * since the last call.  transmit: *rsp_len is the room, then what came; a
 * command that stands alone may go without begin, and is ERR_AGAIN while
 * another program has taken the card, ERR_PIN_NEEDED after a reset.
 * close: also frees ctx.
 */
struct card_io {
	int	 (*begin)(void *ctx, bool *reset, struct err *e);
	void	 (*end)(void *ctx);
	int	 (*transmit)(void *ctx, struct span cmd, uint8_t *rsp,
		    size_t *rsp_len, struct err *e);
	void	 (*close)(void *ctx);
	void	*ctx;
};

struct apdu {
	uint8_t		 cla, ins, p1, p2;
	struct span	 data;		/* at most APDU_MAX_DATA */
	size_t		 le;		/* 0: none; 256 and 65536 are "all" */
	bool		 extended;	/* coding, also when short fits */
	bool		 secret;	/* carries a PIN: wiped after use */
};

#define APDU_MAX_DATA	1200		/* facts/smartcard-hsm 5.6 */

#define SW_OK			0x9000
#define SW_END_OF_FILE		0x6282
#define SW_WRONG_LENGTH		0x6700
#define SW_SECURITY_STATUS	0x6982
#define SW_BLOCKED		0x6983
#define SW_NOT_FOUND		0x6a82
#define SW_INS_UNKNOWN		0x6d00
#define SW_CLA_UNKNOWN		0x6e00

/*
 * Exchange one APDU.  When 0 is returned *sw is the status word and
 * rsp[0..*rsp_len) the data before it; *rsp_len is the room on entry.
 * An answer without a status word is ERR_FORMAT.
 */
int	 apdu_send(const struct card_io *io, const struct apdu *a,
	    uint8_t *rsp, size_t *rsp_len, uint16_t *sw, struct err *e)
	    MUST_CHECK;

#endif

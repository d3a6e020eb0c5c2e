/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_APDU_H
#define TOKEN_APDU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* What became of the card since we had it last. */
enum card_since {
	CARD_KEPT,		/* nothing that PC/SC knows of */
	CARD_RESET,		/* lost its state; no card was seen to go */
	CARD_UNSURE,		/* reset, and a card was seen to go or come */
};

/*
 * How APDUs (ISO 7816-4 sec. 5) reach a card.  pcsc.c is the real one;
 * tests plug the card simulator in here and need no pcscd.
 *
 * begin: take the card for oneself.  transmit: *rsp_len is the room, then
 * what came; ERR_AGAIN when it was not sent because the card was reset
 * since begin.  A command that stands alone may go without begin, and is
 * ERR_AGAIN while another program has taken the card, ERR_PIN_NEEDED after
 * a reset.  control (NULL: none): a command for the reader itself.  close:
 * also frees ctx.  reader: its name, or NULL.  alone: no other program had
 * the card open when we connected, so there was no login to lose.
 */
struct card_io {
	int	 (*begin)(void *ctx, enum card_since *since, struct err *e);
	void	 (*end)(void *ctx);
	int	 (*transmit)(void *ctx, struct span cmd, uint8_t *rsp,
		    size_t *rsp_len, struct err *e);
	int	 (*control)(void *ctx, uint32_t code, struct span in,
		    uint8_t *out, size_t *out_len, struct err *e);
	void	 (*close)(void *ctx);
	void	*ctx;
	const char *reader;
	bool	 alone;
};

/* The code that asks the reader for its features (PC/SC part 10, 2.2). */
#define CARD_ASK_FEATURES	0

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
#define SW_NO_SPACE		0x6a84
#define SW_INS_UNKNOWN		0x6d00
#define SW_CLA_UNKNOWN		0x6e00

/*
 * Exchange one APDU, with the turns that 61xx and 6Cxx ask for.  When 0 is
 * returned *sw is the status word and rsp[0..*rsp_len) the data before it;
 * *rsp_len is the room on entry.
 * An answer without a status word is ERR_TOKEN_GONE: the channel is broken.
 */
int	 apdu_send(const struct card_io *io, const struct apdu *a,
	    uint8_t *rsp, size_t *rsp_len, uint16_t *sw, struct err *e)
	    MUST_CHECK;

#endif

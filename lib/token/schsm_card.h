/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_CARD_H
#define TOKEN_SCHSM_CARD_H

#include "token/apdu.h"

/*
 * The applet's file system and its SELECT (facts/smartcard-hsm 1.2, 3):
 * what the parts of the driver share.  Internal to lib/token.
 *
 * Extended length is tried first; a reader that cannot is noticed at the
 * first READ and spoken to in short APDUs from then on.
 */
struct schsm_card {
	struct card_io	 io;
	bool		 extended_works;
	bool		 short_only;
	uint32_t	 pad;		/* see pinpad.h */
	int		 pin_doubt;	/* see token_pin_doubt(), */
	bool		 had_login;	/* token_had_login() */
	char		 firmware[16];	/* "3.5"; "" until a SELECT told it */
};

/* High bytes of file identifiers; the low byte is the key reference. */
enum {
	SCHSM_KEY = 0xcc,
	SCHSM_DESCRIPTION = 0xc4,
	SCHSM_CERTIFICATE = 0xce,
};

#define SCHSM_FID_DEVICE	0x2f02
#define SCHSM_FID_TOKEN_INFO	0x2f03
#define SCHSM_FILE_MAX		8192
#define SCHSM_FIDS_MAX		2048

/* Clears every login.  ERR_UNSUPPORTED: no such applet on the card. */
int	 schsm_card_select(struct schsm_card *c, struct err *e) MUST_CHECK;

/*
 * Read the TLV object at the start of a file; *n is the room on entry, the
 * bytes read on return (more than the object may come).  ERR_NOTFOUND when
 * there is no such file, ERR_UNSUPPORTED when the applet is not selected.
 */
int	 schsm_card_read(struct schsm_card *c, uint16_t fid, uint8_t *buf,
	    size_t *n, struct err *e) MUST_CHECK;

/* The same, cut to the object; ERR_FORMAT when its end is missing. */
int	 schsm_card_read_object(struct schsm_card *c, uint16_t fid,
	    uint8_t *buf, size_t *n, struct err *e) MUST_CHECK;

/* All file identifiers, in the card's order; *n as above. */
int	 schsm_card_enumerate(struct schsm_card *c, uint16_t *fids,
	    size_t *n, struct err *e) MUST_CHECK;

/*
 * Make a file, or write over one from its start; be logged in.  Up to
 * SCHSM_WRITE_MAX bytes it is one command (in a reader without extended
 * length, 240), and so all or nothing.  What an old file has beyond n bytes
 * may stay.
 */
#define SCHSM_WRITE_MAX		1000
int	 schsm_card_write(struct schsm_card *c, uint16_t fid,
	    struct span data, struct err *e) MUST_CHECK;

/* So many bytes are one command with this reader. */
size_t	 schsm_card_write_once_max(const struct schsm_card *c);

/* Delete a file or key; ERR_NOTFOUND when there is none.  Be logged in. */
int	 schsm_card_delete(struct schsm_card *c, uint16_t fid, struct err *e)
	    MUST_CHECK;

/* Exchange an APDU that returns little or nothing. */
int	 schsm_card_send(struct schsm_card *c, const struct apdu *a,
	    uint8_t *rsp, size_t *n, uint16_t *sw, struct err *e) MUST_CHECK;

/*
 * The status word says that the applet is not selected (any more); as an
 * error that is ERR_UNSUPPORTED.
 */
bool	 schsm_sw_unselected(uint16_t sw);
int	 schsm_err_unselected(struct err *e, uint16_t sw);

#endif

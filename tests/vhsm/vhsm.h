/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VHSM_H
#define VHSM_VHSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/*
 * A SmartCard-HSM in software: command bytes in, answer bytes out.  It has
 * no sockets, no clock and no threads, so a unit test uses it as the card
 * itself and the program vhsm puts it behind a PC/SC reader.  Everything a
 * card keeps without power (files, keys, PINs, counters) is on disk before
 * the answer that reports it; any bytes at all may be sent to it.
 */
struct vhsm;

struct vhsm_options {
	const char	*state_path;	/* NULL: memory only */
	const char	*serial;	/* of a new card; NULL: DENK0100000 */
	uint8_t		 major, minor;	/* both 0: 3.5 */
	bool		 pico;		/* not the vendor's: see below */
	bool		 short_only;	/* VHSM_QUIRK_SHORT from the start */
	bool		 foreign;	/* some other card, knows nothing */
};

/*
 * What hardware may do and this card does not, unless told to.  61XX and 6CXX
 * hold an answer back: GET RESPONSE, or the command with another Le, gets it.
 */
enum vhsm_quirk {
	VHSM_QUIRK_EOF_OK,	/* READ past the end: 9000 instead of 6282 */
	VHSM_QUIRK_ENUM_PAD,	/* ENUMERATE ends in 0000 */
	VHSM_QUIRK_NO_CE_LIST,	/* ENUMERATE leaves out CExx */
	VHSM_QUIRK_SHORT,	/* extended APDUs get 6700 */
	VHSM_QUIRK_6CXX,	/* unless a short Le is the exact length; 00
				 * is none but for 256 bytes */
	VHSM_QUIRK_61XX,	/* to short commands with data and Le */
	VHSM_QUIRK_61XX_LONG,	/* after 256 bytes, whatever Le is */
	VHSM_QUIRK_OTHER_APPLET, /* SELECT D27600012401 finds an applet */
	VHSM_QUIRK_OTHER_PIN,	/* which has a PIN 81 of its own: 63Cx */
	VHSM_QUIRK_FOREIGN_LOGOUT, /* a SELECT that fails ends the login */
	VHSM_QUIRK_FOREIGN_DESELECT, /* ... and the selection */
	VHSM_QUIRK_KEY_FIRST,	/* no description or certificate of a key
				 * that is not there: 6A88 */
	VHSM_QUIRKS
};

#define VHSM_PIN	"648219"
#define VHSM_SO_PIN	"3537363231383830"	/* as typed: hex */
#define VHSM_RSP_MAX	65538

/* Load the state, or make a new, uninitialised card and write it. */
int	 vhsm_open(struct vhsm **out, const struct vhsm_options *o,
	    struct err *e) MUST_CHECK;
void	 vhsm_close(struct vhsm *v);		/* NULL is fine */

/*
 * One command in, the answer with its status word out.  Returns the length
 * of the answer, at least 2; an answer over cap (itself >= 2) becomes 6F00.
 */
size_t	 vhsm_apdu(struct vhsm *v, struct span cmd, uint8_t *rsp,
	    size_t cap);

/*
 * The same for fixtures: selected, logged in as user and SO, and the
 * session of the real user as it was, unless the command ended it.
 */
size_t	 vhsm_apdu_privileged(struct vhsm *v, struct span cmd, uint8_t *rsp,
	    size_t cap);

/* Power off, or reset: selection and login are gone, all else is kept. */
void	 vhsm_power(struct vhsm *v);

/*
 * "X.Y", a firmware of the vendor, or "pico", a third party's.  Firmware sets
 * the ATR, the form of tag 85 (two bytes in 1.x), the longest command, the
 * types of keys, algorithms, and status words.  False: no such.
 */
bool	 vhsm_parse_firmware(struct vhsm_options *o, const char *s);
bool	 vhsm_set_firmware(struct vhsm *v, const char *s);

const uint8_t	*vhsm_atr(const struct vhsm *v, size_t *n);
/* Another ATR; empty: that of the firmware again.  False: too long. */
bool		 vhsm_set_atr(struct vhsm *v, struct span atr);
const char	*vhsm_serial(const struct vhsm *v);
bool		 vhsm_is_initialised(const struct vhsm *v);
void		 vhsm_set_quirk(struct vhsm *v, enum vhsm_quirk q, bool on);

/*
 * What other programs do to a card, and what the years do.  Changing the PIN
 * is what OpenSC does: SELECT, so whoever was logged in is no more, and all
 * tries are there again.
 */
int	 vhsm_change_pin(struct vhsm *v, const char *pin, struct err *e)
	    MUST_CHECK;
int	 vhsm_set_tries(struct vhsm *v, uint8_t left, struct err *e)
	    MUST_CHECK;
uint8_t	 vhsm_tries(const struct vhsm *v);	/* left, of the user PIN */
int	 vhsm_set_so_tries(struct vhsm *v, uint8_t left, struct err *e)
	    MUST_CHECK;
uint8_t	 vhsm_so_tries(const struct vhsm *v);
/* The PIN must be changed before it is good for anything. */
int	 vhsm_set_transport(struct vhsm *v, bool on, struct err *e)
	    MUST_CHECK;
/* n-of-m public keys instead of the PIN: its status is sw; 0: no more. */
void	 vhsm_set_pka(struct vhsm *v, uint16_t sw);
/* So many uses of a key are left (-1: no limit); only these P2 (none: all). */
int	 vhsm_limit_uses(struct vhsm *v, uint8_t ref, int64_t uses,
	    struct err *e) MUST_CHECK;
int	 vhsm_limit_algs(struct vhsm *v, uint8_t ref, struct span algs,
	    struct err *e) MUST_CHECK;

/* User PINs that came with a command since these were last set. */
struct vhsm_pins {
	unsigned long	 sent;
	unsigned long	 lost;		/* of them, a try was spent on */
	unsigned long	 strayed;	/* of them, no HSM was there */
};
struct vhsm_pins vhsm_pins(const struct vhsm *v);
void		 vhsm_set_pins(struct vhsm *v, struct vhsm_pins pins);

/* INITIALIZE with RESET RETRY COUNTER allowed, 3 tries, no DKEK, a label. */
int	 vhsm_initialise(struct vhsm *v, const char *pin,
	    const char *so_pin_hex, const char *label, struct err *e)
	    MUST_CHECK;

/*
 * Make a key as OpenSC 0.23 leaves it: CCxx, CExx (request) and C4xx.
 * type: rsa2048, p256, secp256k1, brainpoolP256r1, aes256 ...; id is the
 * PKCS#15 id, empty for one byte equal to the key reference.  An AES key
 * has no CExx.  *ref is the key reference, the xx.
 */
int	 vhsm_make_key(struct vhsm *v, const char *type, const char *label,
	    struct span id, uint8_t *ref, struct err *e) MUST_CHECK;

#endif

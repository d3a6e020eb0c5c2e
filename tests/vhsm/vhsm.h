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
	uint8_t		 major, minor;	/* both 0: 3.5; 1.x: short tag 85 */
	bool		 short_only;	/* extended APDUs get 6700 */
	bool		 foreign;	/* some other card, knows nothing */
};

/* What hardware may do and this card does not, unless told to. */
enum vhsm_quirk {
	VHSM_QUIRK_EOF_OK,	/* READ past the end: 9000 instead of 6282 */
	VHSM_QUIRK_ENUM_PAD,	/* ENUMERATE ends in 0000 */
	VHSM_QUIRK_NO_CE_LIST,	/* ENUMERATE leaves out CExx */
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

const uint8_t	*vhsm_atr(const struct vhsm *v, size_t *n);
const char	*vhsm_serial(const struct vhsm *v);
bool		 vhsm_is_initialised(const struct vhsm *v);
void		 vhsm_set_quirk(struct vhsm *v, enum vhsm_quirk q, bool on);

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

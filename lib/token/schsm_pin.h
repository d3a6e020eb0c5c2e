/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_PIN_H
#define TOKEN_SCHSM_PIN_H

#include "base/secret.h"
#include "token/schsm_card.h"
#include "token/token.h"

/*
 * The user PIN of a SmartCard-HSM (facts/smartcard-hsm 2).  This is the
 * only file that sends one, and it asks for the tries left first.
 */

enum schsm_pin_ref {
	SCHSM_USER_PIN = 0x81,
	SCHSM_SO_PIN = 0x88,
};

#define SCHSM_TRIES_MAX	15

/*
 * What the card says of a PIN, without a try spent.  *tries is -1 unless
 * TOKEN_PIN_NEEDED.  ERR_UNSUPPORTED when the applet is not selected.
 */
int	 schsm_pin_state(struct schsm_card *c, enum schsm_pin_ref ref,
	    enum token_pin_state *st, int *tries, struct err *e) MUST_CHECK;

/* The contract of token_login(); without a PIN only where c->pad is set. */
int	 schsm_pin_verify(struct schsm_card *c, const struct secret *pin,
	    struct err *e) MUST_CHECK;

#endif

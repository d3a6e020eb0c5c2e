/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_PIN_H
#define TOKEN_SCHSM_PIN_H

#include "base/secret.h"
#include "token/schsm_card.h"
#include "token/token.h"

/*
 * The PINs of a SmartCard-HSM (facts/smartcard-hsm 2).  But for INITIALIZE
 * (schsm_init.c) only this file sends one, and it asks for the tries left
 * first.
 */

enum schsm_pin_ref {
	SCHSM_USER_PIN = 0x81,
	SCHSM_SO_PIN = 0x88,
};

#define SCHSM_TRIES_MAX	15

/*
 * What the card says of a PIN, without a try spent; of the user PIN with
 * another question where the first answer may mean two things.  *tries is
 * -1 unless TOKEN_PIN_NEEDED.  ERR_UNSUPPORTED when the applet is not selected.
 */
int	 schsm_pin_state(struct schsm_card *c, enum schsm_pin_ref ref,
	    enum token_pin_state *st, int *tries, struct err *e) MUST_CHECK;

/* The contract of token_login(); without a PIN only where c->pad is set. */
int	 schsm_pin_verify(struct schsm_card *c, const struct secret *pin,
	    struct err *e) MUST_CHECK;

/* The contracts of the functions of token/manage.h. */
int	 schsm_pin_verify_last(struct schsm_card *c,
	    const struct secret *pin, struct err *e) MUST_CHECK;
int	 schsm_pin_change(struct schsm_card *c, const struct secret *old,
	    const struct secret *new, bool last_too, struct err *e) MUST_CHECK;
int	 schsm_pin_change_so(struct schsm_card *c, const struct secret *old,
	    const struct secret *new, bool last_too, struct err *e) MUST_CHECK;
int	 schsm_pin_unblock(struct schsm_card *c, const struct secret *so_pin,
	    const struct secret *new, bool last_too, struct err *e) MUST_CHECK;

/*
 * What the card says of a PIN that it was sent: 0 when it was right, else
 * ERR_PIN_WRONG with the tries left.  An answer that is not about the PIN is
 * ERR_TOKEN, and names the command.
 */
int	 schsm_pin_judge(enum schsm_pin_ref ref, uint16_t sw,
	    const char *command, struct err *e) MUST_CHECK;

#endif

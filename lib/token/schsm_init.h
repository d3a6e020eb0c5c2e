/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_INIT_H
#define TOKEN_SCHSM_INIT_H

#include "token/manage.h"
#include "token/schsm_card.h"

/*
 * INITIALIZE DEVICE (facts/smartcard-hsm 6.1), by the contract of
 * token_setup().  The label is written after it: a token that was cut off
 * in between is whole, and has none.
 */
int	 schsm_init(struct schsm_card *c, const struct token_setup *s,
	    struct err *e) MUST_CHECK;

#endif

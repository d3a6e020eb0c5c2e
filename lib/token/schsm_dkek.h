/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_DKEK_H
#define TOKEN_SCHSM_DKEK_H

#include "base/secret.h"
#include "token/schsm_card.h"

/*
 * IMPORT DKEK SHARE (facts/smartcard-hsm 6.2), by the contract of
 * token_import_share().  The card is asked first whether it wants one.
 */
int	 schsm_dkek_import(struct schsm_card *c, const struct secret *share,
	    struct err *e) MUST_CHECK;

#endif

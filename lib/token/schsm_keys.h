/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_KEYS_H
#define TOKEN_SCHSM_KEYS_H

#include "token/schsm_card.h"
#include "token/token.h"

/*
 * The keys of a SmartCard-HSM: each CCxx is one; CExx holds its public part
 * as a request, a card-verifiable or an X.509 certificate; C4xx its label
 * and id.  Two reads a key.  A key whose files are missing, foreign or
 * broken is listed with the reason in `unusable`, and disturbs no other.
 */
int	 schsm_keys_list(struct schsm_card *c, struct token_keys *keys,
	    struct err *e) MUST_CHECK;

#endif

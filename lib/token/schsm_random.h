/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_RANDOM_H
#define TOKEN_SCHSM_RANDOM_H

#include "token/manage.h"

/* GET CHALLENGE.  The contract of token_random(). */
int	 schsm_random(struct token *t, uint8_t *out, size_t n, struct err *e)
	    MUST_CHECK;

#endif

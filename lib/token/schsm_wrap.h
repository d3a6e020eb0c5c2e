/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_WRAP_H
#define TOKEN_SCHSM_WRAP_H

#include "token/manage.h"

/*
 * Keys of a SmartCard-HSM on their way out and in, under its DKEK
 * (facts/smartcard-hsm 6.4).  The contracts of token_wrap() and
 * token_unwrap().
 */
int	 schsm_wrap_out(struct token *t, const char *ref,
	    struct token_wrapped *out, struct err *e) MUST_CHECK;
int	 schsm_wrap_in(struct token *t, const struct token_wrapped *in,
	    char ref[8], struct err *e) MUST_CHECK;

#endif

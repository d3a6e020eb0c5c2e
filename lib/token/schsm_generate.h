/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_GENERATE_H
#define TOKEN_SCHSM_GENERATE_H

#include "token/manage.h"

/* The contract of token_can_generate(). */
int	 schsm_can_generate(struct token *t, const struct token_key_spec *s,
	    struct err *e) MUST_CHECK;

/*
 * Making a key pair (facts/smartcard-hsm 4.1): one command to find a place,
 * one for the description, and one for the key, with which the card writes
 * the public part by itself.  The contract of token_generate().
 */
int	 schsm_generate(struct token *t, const struct token_key_spec *s,
	    struct token_key *made, struct err *e) MUST_CHECK;

#endif

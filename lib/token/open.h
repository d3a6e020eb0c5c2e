/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_OPEN_H
#define TOKEN_OPEN_H

#include "token/pcsc.h"
#include "token/token.h"

/*
 * From a PC/SC reader to a token: the one place that knows which drivers
 * there are.  ERR_UNSUPPORTED when no driver knows the card; blocks while
 * another program has the card in a transaction.
 */
int	 token_open(const struct pcsc_reader *reader, struct token **out,
	    struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_OPEN_H
#define TOKEN_OPEN_H

#include "token/place.h"
#include "token/token.h"

/*
 * From a place to a token: the one place that knows which drivers there are.
 * ERR_UNSUPPORTED when no driver knows the card; blocks while another
 * program has the card in a transaction.  `timeout` is that of a PKCS#11
 * module (token/modclient.h).
 */
int	 token_open(const struct token_place *place, unsigned int timeout,
	    struct token **out, struct err *e) MUST_CHECK;

#endif

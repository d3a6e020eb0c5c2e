/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_MODTOKEN_H
#define TOKEN_MODTOKEN_H

#include "token/modclient.h"
#include "token/token.h"

/*
 * A token in a slot of a PKCS#11 module, in a process of its own
 * (token/modclient.h).  What that says is not believed: a signature goes out
 * only if it verifies here, whatever was checked there.
 *
 * A PIN of which nothing was heard counts as a wrong one: such tokens do not
 * tell how many tries are left, only that they are few.
 */
int	 modtoken_open(struct token **out, const char *module, uint64_t slot,
	    unsigned int timeout, struct err *e) MUST_CHECK;

/* Takes the client over, also when it fails. */
int	 modtoken_over(struct token **out, struct modclient *c, uint64_t slot,
	    struct err *e) MUST_CHECK;

#endif

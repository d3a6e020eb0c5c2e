/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_MODHOST_H
#define TOKEN_MODHOST_H

#include "token/p11.h"
#include "token/token.h"

/*
 * The other end of token/modclient.h: one request after the other is carried
 * out and answered, of the slots of a module, and of one token in one of
 * them.
 */
struct modhost_ops {
	int	 (*list)(void *arg, struct p11_slots *out, struct err *e);
	int	 (*wait)(void *arg, struct err *e);
	int	 (*open)(void *arg, uint64_t slot, struct token **out,
		    struct err *e);
};

/*
 * Serve until the other end is gone or says what cannot be; the token that
 * was opened is closed then.
 */
void	 modhost_serve(int fd, const struct modhost_ops *ops, void *arg);

#endif

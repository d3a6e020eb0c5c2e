/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_USE_H
#define UNIT_USE_H

#include "tests/unit/card.h"
#include "token/token.h"

/*
 * A token over a virtual card, used as an agent uses it: each call in a
 * transaction of its own.  What is not returned must go well, or the test
 * fails.
 */
struct token	*use_open(struct card *c);

/* The card as well (card_open), and logged in; then both are closed. */
struct token	*use_open_login(struct card *c, const struct vhsm_options *o);
void		 use_close(struct token *t, struct card *c);

/* `known` may be NULL; free the keys. */
struct token_keys use_list(struct token *t, const struct token_keys *known);
int		 use_login(struct token *t, const char *pin, struct err *e);

/* Some data; a signature must verify. */
int		 use_sign(struct token *t, const struct token_key *k,
		    enum sig_alg alg, struct err *e);

/* There is such a key in its place, and all is told of it as in *k. */
void		 use_assert_listed(struct token *t,
		    const struct token_key *k);

#endif

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
 *
 * The stamp is a hash of the list of files, in the card's order, in which
 * a file made anew comes last, and of the newest key's public part, which
 * no other token and no earlier life of this one has.
 */

/* The contract of token_list(). */
int	 schsm_keys_list(struct schsm_card *c, const struct token_keys *known,
	    struct token_keys *keys, struct err *e) MUST_CHECK;

/* One read: ERR_STALE when another key, or none, is in the place of k. */
int	 schsm_keys_check(struct schsm_card *c, const struct token_key *k,
	    struct err *e) MUST_CHECK;

/*
 * The key in a place by what its files hold; empty: it has none.  *k is the
 * caller's, as one of token_keys; what is wrong with it is in `unusable`.
 */
int	 schsm_keys_of_files(uint8_t ref, struct span certificate,
	    struct span description, struct token_key *k, struct err *e)
	    MUST_CHECK;

#endif

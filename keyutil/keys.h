/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_KEYS_H
#define KEYUTIL_KEYS_H

#include <stdbool.h>

#include "keyutil/tokens.h"
#include "ssh/sig.h"

/*
 * A key by the name that a person gives it: its label, its id (hex in
 * either case), or its SHA256: fingerprint.
 */
bool	 keys_match(const struct token_key *k, const char *name);

/*
 * The key of that name, or PKCS#11 URI, on the tokens whose keys were read.
 * ERR_NOTFOUND for none and, with the candidates, for more than one.  Copies
 * of one key on several tokens are one key.
 */
int	 keys_find(const struct tokens *ts, const char *name,
	    const struct token_key **out, struct err *e) MUST_CHECK;

/*
 * The same, but with a public key that SSH can use, else ERR_UNSUPPORTED.
 * When there is none, the tokens that failed are told of on stderr.
 */
int	 keys_find_public(const struct tokens *ts, const char *name,
	    const struct token_key **out, struct err *e) MUST_CHECK;

/*
 * As keys_find(), on one token, for a command that changes it: there each
 * copy is a key of its own, and what tells it from others is "place:REF".
 */
int	 keys_find_one(const struct slot *s, const char *name,
	    const struct token_key **out, struct err *e) MUST_CHECK;

/*
 * Is the key in its place still the one that was listed?  Else ERR_STALE.
 * Between token_begin() and token_end(), after which nobody can change it.
 */
int	 keys_confirm(struct slot *s, const struct token_key *k,
	    struct err *e) MUST_CHECK;

/* The first slot that has this public key, and the key there; or NULL. */
struct slot *keys_slot_with(struct tokens *ts, struct span blob,
	    const struct token_key **out);

/* By what a key signs best: with RSA, by SHA-512. */
int	 keys_best_alg(struct span blob, enum sig_alg *out, struct err *e)
	    MUST_CHECK;

/* Is it the SHA256: fingerprint of this key? */
bool	 keys_has_fingerprint(struct span blob, const char *name);

/* "place:REF", in either case. */
bool	 keys_is_place(const char *name, const char *ref);

/* Both have the same public key. */
bool	 keys_same(const struct token_key *a, const struct token_key *b);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_TRIAL_H
#define KEYUTIL_TRIAL_H

#include "keyutil/tokens.h"
#include "ssh/sig.h"

/*
 * Signatures that nobody needs, to see that a key makes them and how fast.
 * What is signed is random behind words that no protocol begins with, so it
 * is of no use to anybody.
 */
#define TRIAL_ALGS_MAX	2

/* The keys to try, in the order of their names or of the token. */
struct trial_keys {
	const struct token_key **v;	/* lent by the token's list */
	size_t		 n;
};

/*
 * The keys of a slot by their names (keys.h), each once; with no name all,
 * those that SSH cannot use included.  ERR_NOTFOUND when a name fits none.
 */
int	 trial_choose(const struct slot *s, char *const *names, size_t n,
	    struct trial_keys *out, struct err *e) MUST_CHECK;
void	 trial_keys_free(struct trial_keys *k);

/* What a key signs with for SSH, without SHA-1; 0: nothing. */
size_t	 trial_algs(const struct token_key *k,
	    enum sig_alg v[static TRIAL_ALGS_MAX]);

/*
 * Sign once, logged in, and verify what came; *ms is the time that the token
 * took.  The errors of token_sign() and sig_verify().
 */
int	 trial_sign(struct token *t, const struct token_key *k,
	    enum sig_alg a, double *ms, struct err *e) MUST_CHECK;

/* The token can no longer be asked at all, whatever the key. */
bool	 trial_is_over(enum err_code code);

#endif

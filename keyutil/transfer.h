/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_TRANSFER_H
#define KEYUTIL_TRANSFER_H

#include <stdbool.h>

#include "dkek/blob.h"
#include "keyutil/tokens.h"
#include "token/manage.h"

/*
 * Keys on their way from token to file, from file to token, and from token
 * to token: what backup, restore and clone have in common.
 */
struct transfer {
	struct token_wrapped	 w;
	struct token_key	 key;	/* by the files that go with it */
	char			 from[320];	/* file or token, in words */
	bool			 there;	/* where it goes it is already */
};

struct transfers {
	struct transfer	*v;
	size_t		 n;
};

/* Room for n, of which there are none yet. */
int	 transfers_new(struct transfers *ts, size_t n, struct err *e)
	    MUST_CHECK;
void	 transfers_free(struct transfers *ts);

/* "the key "a" (P-256, id 01)", in words that fit a sentence. */
#define TRANSFER_NAME_MAX	256
void	 transfer_name(const struct token_key *k, char *out, size_t len);

/* Does the token have a complete DKEK?  ERR_UNSUPPORTED with what to do. */
int	 transfer_has_dkek(const struct slot *s, struct err *e) MUST_CHECK;

/* And is it one to trust keys to?  ERR_DENIED when everybody knows it. */
int	 transfer_may_leave(const struct slot *s, struct err *e) MUST_CHECK;

/*
 * The public part of a wrapped key; *p borrows from t.  False: it has none
 * that could be compared.
 */
bool	 transfer_public(const struct transfer *t, struct blob_public *p);

/*
 * After t->w: tell the key by its files, and see that the blob is one of
 * such a key, going by what is known without the DKEK.
 */
int	 transfer_read(struct transfer *t, struct err *e) MUST_CHECK;

/* The key that transfer_take() is to bring, for transfers_check() before. */
int	 transfer_expect(struct transfer *t, const struct slot *from,
	    const struct token_key *k, struct err *e) MUST_CHECK;

/* Wrap the key, and look at what came; logged in. */
int	 transfer_take(struct transfer *t, struct slot *from,
	    const struct token_key *k, struct err *e) MUST_CHECK;

/*
 * Can all of these go to that token, the keys of which were read?  A key
 * that is there already is told and marked; ERR_DENIED when a label or an id
 * is that of another key.
 */
int	 transfers_check(struct transfers *ts, const struct slot *to,
	    struct err *e) MUST_CHECK;

/* ERR_DENIED unless each that is not there is under the token's DKEK. */
int	 transfers_check_dkek(const struct transfers *ts,
	    const struct slot *to, struct err *e) MUST_CHECK;

/* How many of them are not there yet. */
size_t	 transfers_left(const struct transfers *ts);

/*
 * Log in, put in those that are not there, prove each by a signature, and
 * print what was done.  The first that fails ends it: what was put in before
 * stays, and another try goes on from there.
 */
int	 transfers_put(struct transfers *ts, struct slot *to,
	    const char *pin_file, struct err *e) MUST_CHECK;

/* The key there makes a signature that its public key verifies. */
int	 transfer_prove(struct slot *s, const struct token_key *k,
	    struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_TOKENS_H
#define KEYUTIL_TOKENS_H

#include <stddef.h>

#include "base/err.h"
#include "token/manage.h"
#include "token/p11uri.h"
#include "token/place.h"
#include "token/token.h"

/*
 * All readers, with the token in each where there is one.  What fails in
 * one reader is kept in its slot and never hides another.  No PIN, no
 * SELECT of an applet that is selected: no other program is logged out.
 *
 * Or the slots of one PKCS#11 module that have a token; each is in a process
 * of its own (token/modtoken.h).
 */
enum slot_state {
	SLOT_EMPTY,
	SLOT_FOREIGN,		/* some other card */
	SLOT_FAILED,		/* err says why */
	SLOT_TOKEN,
};

struct slot {
	char			 reader[PLACE_NAME_MAX];	/* clean */
	bool			 in_module;
	char			 model[17], maker[33];	/* when it is */
	enum slot_state		 state;
	struct err		 err;
	struct token		*token;		/* SLOT_TOKEN only */
	struct token_info	 info;
	struct token_keys	 keys;		/* after tokens_read_keys() */
	struct token_leftovers	 leftovers;	/* ... _read_leftovers() */
};

#define TOKENS_MAX	64

struct tokens {
	struct slot		 v[TOKENS_MAX];
	size_t			 n;
	const char		*module;	/* NULL: readers */
};

/*
 * Open what there is; with a name (serial number, label, reader, or PKCS#11
 * URI; NULL: all) only the one token of that name.  ERR_NO_TOKEN, with what
 * to do, when there is none; *ts then still holds the readers.  Blocks while
 * another program has a card for itself, and says so on stderr.  Always
 * tokens_close() it.
 */
int	 tokens_open(struct tokens *ts, const char *name, struct err *e)
	    MUST_CHECK;
void	 tokens_close(struct tokens *ts);

/*
 * The same for a command that works on one token: without a name there has
 * to be just one, else ERR_USAGE.  Others that failed are no matter.
 */
int	 tokens_open_one(struct tokens *ts, const char *name,
	    struct slot **out, struct err *e) MUST_CHECK;

/* The same in this PKCS#11 module, a path or a name; NULL: in the readers. */
int	 tokens_open_in(struct tokens *ts, const char *module,
	    const char *name, struct err *e) MUST_CHECK;
int	 tokens_open_one_in(struct tokens *ts, const char *module,
	    const char *name, struct slot **out, struct err *e) MUST_CHECK;

/*
 * The same, with no more than these parts of the info read (token_get_info);
 * slot_know() reads others once they are needed.
 */
int	 tokens_open_knowing(struct tokens *ts, const char *name,
	    unsigned int parts, struct slot **out, struct err *e) MUST_CHECK;
int	 slot_know(struct slot *s, unsigned int parts, struct err *e)
	    MUST_CHECK;

/* What a PKCS#11 URI may say of it; lent. */
struct p11uri_token slot_in_uri(const struct slot *s);

/* How many tries the PIN has left, as token_tries_told(). */
int	 slot_tries(const struct slot *s);

/*
 * Of those that are open, the one of that name, by serial number before all.
 * NULL with ERR_NO_TOKEN, or ERR_NOTFOUND when several have it.
 */
struct slot *tokens_find(struct tokens *ts, const char *name, struct err *e);

/* List the keys of every token; one that fails becomes SLOT_FAILED. */
int	 tokens_read_keys(struct tokens *ts, struct err *e) MUST_CHECK;

/* Find the files without a key of every token, in the same way. */
int	 tokens_read_leftovers(struct tokens *ts, struct err *e) MUST_CHECK;

/* Say on stderr why each slot failed that did. */
void	 tokens_warn_failed(const struct tokens *ts);

/*
 * After a command has done its work with the tokens that answered: warn of
 * each slot that failed, and return the error that stands for them all.
 */
int	 tokens_failed(const struct tokens *ts, struct err *e) MUST_CHECK;

#endif

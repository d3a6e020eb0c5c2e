/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_KEYCACHE_H
#define TOKEN_KEYCACHE_H

#include "token/token.h"

/*
 * The public keys of tokens seen before, in one file a token, so that a
 * list costs four card commands whatever is on the token: token_list()
 * takes them as `known`, and finds out whether they are still true.
 *
 * Nothing private is in it, and nothing depends on it: without the cache,
 * or with a broken one, all is read from the token.  `dir` is that of
 * paths_cache_dir().  A serial number that is not letters and digits has no
 * file: ERR_UNSUPPORTED.
 */

/*
 * ERR_NOTFOUND when there is none; ERR_FORMAT or ERR_LIMIT when it is
 * damaged, not a file of this user's alone, or of another version.
 */
int	 keycache_load(const char *dir, const char *serial,
	    struct token_keys *out, struct err *e) MUST_CHECK;

/*
 * Makes the directory when it is missing.  The file is replaced as a whole
 * or not at all, and left alone when it says the same already.
 * ERR_UNSUPPORTED for keys without a stamp.
 */
int	 keycache_store(const char *dir, const char *serial,
	    const struct token_keys *keys, struct err *e) MUST_CHECK;
void	 keycache_drop(const char *dir, const char *serial);

/* What is in the file; for the two above and for tests. */
int	 keycache_parse(struct span file, const char *serial,
	    struct token_keys *out, struct err *e) MUST_CHECK;
int	 keycache_put(struct wire_w *w, const char *serial,
	    const struct token_keys *keys, struct err *e) MUST_CHECK;

#define KEYCACHE_MAX	(1024 * 1024)

#endif

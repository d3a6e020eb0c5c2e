/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_MODULES_H
#define AGENT_MODULES_H

#include "agent/loop.h"
#include "base/log.h"
#include "token/place.h"

/*
 * The PKCS#11 modules that were configured, or named by a client, and what
 * is in their slots.  Lives in the loop's thread and never blocks.
 */
struct modules;

struct modules_conf {
	struct loop	*loop;
	const struct log *log;

	/* Something is other than before. */
	void		 (*on_news)(void *arg);
	void		*arg;
};

int	 modules_new(struct modules **out, const struct modules_conf *conf,
	    struct err *e) MUST_CHECK;
void	 modules_free(struct modules *m);	/* NULL is fine */

/*
 * These are configured, and no others; `timeout` is that of a call, in s.
 * What clients have named stays.
 */
void	 modules_configure(struct modules *m, char *const *paths, size_t n,
	    unsigned int timeout);

/* A client names one; the same once more does nothing. */
int	 modules_add(struct modules *m, const char *path, struct err *e)
	    MUST_CHECK;

/*
 * What a client has named is named no more: true.  What is configured stays:
 * false.
 */
bool	 modules_drop(struct modules *m, const char *path);

/* The real path, or the name, of this one; NULL: it is none of them. */
const char *modules_path(const struct modules *m, const char *path);

/* Has it a token with this serial number in one of its slots? */
bool	 modules_has_token(const struct modules *m, const char *path,
	    const char *serial);

/* Are there any? */
bool	 modules_any(const struct modules *m);

/* Each of them was looked at, or takes too long. */
bool	 modules_settled(const struct modules *m);

/*
 * Look again where that has to be asked for, at the one of this
 * modules_path() or at all (NULL); true: news may follow soon.
 */
bool	 modules_look(struct modules *m, const char *module);

/* The i-th place that has a token in it; NULL: there are no more. */
const struct token_place *modules_place(const struct modules *m, size_t i);

/* What is in the way with any of them, or "". */
const char *modules_trouble(const struct modules *m);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_GRANTS_H
#define AGENT_GRANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/certfile.h"
#include "ssh/constraint.h"

/*
 * What clients said of whole tokens and single keys, by serial number: the
 * constraints of the last "ssh-add -s", and the keys taken off the list by
 * "ssh-add -d".  Both hold until the token is added anew, whatever happens
 * to it in between: locking it or pulling it loosens nothing.
 */
struct grants;

struct grants	*grants_new(void);		/* NULL: no memory */
void		 grants_free(struct grants *g);	/* NULL is fine */

/*
 * All that can fail when a token is to be added with these constraints, done
 * before anything happens to it; nothing holds yet.
 */
struct terms;

int		 grants_prepare(struct grants *g, const char *serial,
		    const struct constraints *c, struct terms **out,
		    struct err *e) MUST_CHECK;
void		 terms_free(struct terms *t);	/* NULL is fine */

/*
 * The token was added with the constraints that *t was prepared for; both
 * are taken over (*c is empty afterwards).  Its keys are all there again.
 */
void		 grants_set(struct grants *g, struct terms *t,
		    struct constraints *c);

/* Those that hold for the keys of a token; NULL: none. */
const struct constraints *grants_of(const struct grants *g,
		    const char *serial);

/* The certificates that came with it, for keys that a token can have. */
const struct certfile *const *grants_certs(const struct grants *g,
		    const char *serial, size_t *n);

/* Those of all tokens; free(3) the list.  NULL: none, or no memory. */
const struct certfile **grants_all_certs(const struct grants *g, size_t *n);

/* Take a key off the list. */
int		 grants_hide(struct grants *g, const char *serial,
		    struct span key, struct err *e) MUST_CHECK;
bool		 grants_hidden(const struct grants *g, const char *serial,
		    struct span key);

/* Grows whenever constraints change. */
uint64_t	 grants_version(const struct grants *g);

#endif

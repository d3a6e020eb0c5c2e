/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_PINS_H
#define AGENT_PINS_H

#include <stddef.h>
#include <time.h>

#include "agent/settings.h"
#include "base/err.h"
#include "base/secret.h"

/*
 * The PINs that were given beforehand, by --pin-fd or the configuration,
 * and the rule of whom they are for: a PIN from a Token block for that
 * token; a global one for the token that --token names, else for the only
 * token there is, and from its first use on for that serial number alone,
 * also when the configuration was read again.
 *
 * Safe to call from any thread.
 */
struct pins;

/* Borrows *s.  Reads the descriptor of --pin-fd to its first line's end. */
int	 pins_new(struct pins **out, const struct settings *s, struct err *e)
	    MUST_CHECK;
void	 pins_free(struct pins *p);		/* NULL is fine */

/* How many tokens are present now. */
void	 pins_set_present(struct pins *p, size_t n);

/* A token that needs its PIN. */
struct pins_query {
	const char	*serial, *label;	/* label "" when not known */
	const struct timespec *barred;		/* see pins_get() */
	int		 cancel_fd;		/* -1: none */
};

/*
 * The PIN for one token, and in *origin a word on where it is from, that
 * stands after "the PIN"; ERR_NOTFOUND when none was given for it.  Another
 * error says what is wrong with its source.
 *
 * `barred` is when such a PIN was rejected, NULL: it was not.  Then only
 * one that a person changed since is given out, else it is ERR_DENIED.  May
 * block while a PinCommand runs; a readable cancel_fd ends it.
 */
int	 pins_get(struct pins *p, const struct pins_query *q,
	    struct secret *out, const char **origin, struct err *e)
	    MUST_CHECK;

#endif

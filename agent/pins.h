/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_PINS_H
#define AGENT_PINS_H

#include <stddef.h>

#include "agent/options.h"
#include "base/err.h"
#include "base/secret.h"

/*
 * The PINs that were given beforehand, by --pin-fd or PinFile, and the rule
 * of whom they are for: a PIN from a Token block for that token; a global
 * one for the token that --token names, else for the only token there is,
 * and from its first use on for that serial number alone.
 *
 * Safe to call from any thread.
 */
struct pins;

/* Borrows *o.  Reads the descriptor of --pin-fd to its first line's end. */
int	 pins_new(struct pins **out, const struct options *o, struct err *e)
	    MUST_CHECK;
void	 pins_free(struct pins *p);		/* NULL is fine */

/* How many tokens are present now. */
void	 pins_set_present(struct pins *p, size_t n);

/*
 * The PIN for one token; ERR_NOTFOUND when none was given for it.  Another
 * error says what is wrong with the file it should come from.
 */
int	 pins_get(struct pins *p, const char *serial, const char *label,
	    struct secret *out, struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_ALGLIST_H
#define CA_ALGLIST_H

#include <stdbool.h>

#include "base/span.h"

/*
 * Lists of algorithms as sshd_config(5) has them: patterns with commas
 * between, of which one that begins with '!' excludes.  A list may also
 * begin with '+', '^' or '-', and changes then the usual one.
 */

/* NULL: the usual list holds. */
bool	 alglist_allows(const char *list, const char *usual,
	    struct span name);

#endif

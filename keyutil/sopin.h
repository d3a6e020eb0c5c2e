/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_SOPIN_H
#define KEYUTIL_SOPIN_H

#include <stdbool.h>

#include "base/secret.h"

/*
 * SO-PINs that nobody has to think up, and those that everybody knows.  A
 * SO-PIN here is its 8 bytes.
 */

/* Vendors deliver tokens with this one, and with this user PIN. */
bool	 sopin_is_factory(const struct secret *so_pin);
bool	 sopin_is_factory_pin(const struct secret *pin);

/*
 * A random one, from the system.  It is on stdout, as "SO-PIN: " and 16
 * hexadecimal digits, before this returns: print it first and set it then,
 * as a SO-PIN that nobody knows makes a token waste one day.
 */
int	 sopin_print_random(struct secret *out, struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include <stdbool.h>

#include "base/span.h"

/*
 * Patterns as ssh_config(5) has them: '*' is any bytes, '?' one; nothing
 * else means anything.  The whole text has to match.  Takes no more than
 * text.n * pattern.n steps, whoever wrote them.
 */
bool	 glob_matches(struct span text, struct span pattern);

#endif

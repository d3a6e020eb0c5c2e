/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_PROGRAM_H
#define AGENT_PROGRAM_H

#include <limits.h>

#include "base/err.h"

/*
 * Where the agent's other programs are: beside it, as where both were
 * installed in one place; else in `dir`, or (NULL) wherever PATH has them.
 */
int	 program_find(const char *name, const char *dir,
	    char path[PATH_MAX], struct err *e) MUST_CHECK;

#endif

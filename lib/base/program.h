/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <limits.h>

#include "base/err.h"

/*
 * Where the other programs of ours are: beside the one that asks, as where
 * both were installed in one place; else in `dir`, or (NULL) wherever PATH
 * has them.
 */
int	 program_find(const char *name, const char *dir,
	    char path[PATH_MAX], struct err *e) MUST_CHECK;

#endif

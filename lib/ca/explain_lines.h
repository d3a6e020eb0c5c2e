/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_EXPLAIN_LINES_H
#define CA_EXPLAIN_LINES_H

#include "ca/explain.h"

/*
 * How explain.c says what it found.  Sentences are cleaned here, and what
 * is too much of them is left out.
 */

/* A reason; explain_mend() has to come next. */
void	 explain_refuse(struct explain *x, enum explain_why why,
	    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* What to do about the last reason. */
void	 explain_mend(struct explain *x, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif

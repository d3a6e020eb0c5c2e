/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_PROGRESS_H
#define KEYUTIL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Something that takes long is going on: told on stderr, while the caller
 * is busy or blocked.  On a terminal it is one line with the time gone by
 * and, once known, how much is done, drawn anew each second; elsewhere a
 * plain line each PROGRESS_PLAIN_SECONDS.  What is over within a second
 * says nothing at all.
 */
struct progress;

#define PROGRESS_PLAIN_SECONDS	30

/* `what` is for a person: "generating an RSA key"; lent.  NULL: no memory. */
struct progress	*progress_start(const char *what);

/* This much is done, 0 to 1; from any thread.  p may be NULL. */
void		 progress_at(struct progress *p, double part);

/* The same of things that can be counted: the line has the time left, too. */
void		 progress_count(struct progress *p, size_t done, size_t of);

/* Take the line away, or say that it is done.  p may be NULL. */
void		 progress_end(struct progress *p, bool ok);

#endif

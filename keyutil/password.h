/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_PASSWORD_H
#define KEYUTIL_PASSWORD_H

#include "base/secret.h"
#include "dkek/shamir.h"

/*
 * The password of a DKEK share, from a file (ask.h tells which ones are
 * taken, "-" is standard input) or, without one (NULL), from people.  `path`
 * is the share that it is of, for them to read.  *out is overwritten.
 */
#define PASSWORD_NEW_MIN	8

/* One that exists, of any length. */
int	 password_ask(const char *path, const char *file, struct secret *out,
	    struct err *e) MUST_CHECK;

/* One that is to be, of PASSWORD_NEW_MIN bytes or more; typed twice. */
int	 password_ask_new(const char *path, const char *file,
	    struct secret *out, struct err *e) MUST_CHECK;

/*
 * One that was split: `threshold` people type their shares of it, or the
 * file has as many or more, as they were printed (dkek/parttext.h).
 */
int	 password_join(const char *path, const char *file, size_t threshold,
	    struct secret *out, struct err *e) MUST_CHECK;

#endif

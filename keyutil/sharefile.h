/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_SHAREFILE_H
#define KEYUTIL_SHAREFILE_H

#include "base/secret.h"
#include "dkek/share.h"

/* A DKEK share in a file, and how a command was told to open it. */
struct sharefile {
	const char	*path;
	const char	*password_file;	/* NULL: ask */
	size_t		 threshold;	/* 0: one password; see password.h */
	uint8_t		 bytes[SHARE_FILE_BYTES];
};

/* An argument of --threshold; NULL is 0.  ERR_USAGE unless 2 to 255. */
int	 sharefile_parse_threshold(const char *s, size_t *n, struct err *e)
	    MUST_CHECK;

/* Read it, before anybody is asked for a password. */
int	 sharefile_read(struct sharefile *f, struct err *e) MUST_CHECK;

/* Ask for the password and open it; seconds, with progress on stderr. */
int	 sharefile_open(const struct sharefile *f, struct secret *share,
	    struct err *e) MUST_CHECK;

/* Seal a share into f->bytes, with progress; nothing is written. */
int	 sharefile_seal(struct sharefile *f, const struct secret *password,
	    const struct secret *share, struct err *e) MUST_CHECK;

#endif

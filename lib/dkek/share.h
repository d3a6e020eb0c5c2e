/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DKEK_SHARE_H
#define DKEK_SHARE_H

#include <stdint.h>

#include "base/secret.h"
#include "base/span.h"

/*
 * A DKEK share as a file under a password, the one that sc-hsm-tool reads
 * and writes (facts/smartcard-hsm 6.3): "Salted__", a salt, and the share in
 * AES-256-CBC, the key of which takes 30 million rounds of MD5 to make.
 *
 * Nothing authenticates the file.  A changed one can open to a wrong share,
 * so a key check value is what tells that a share is the right one.
 */
#define SHARE_BYTES		32
#define SHARE_FILE_BYTES	64

/*
 * Where the seconds go: `at`, unless NULL, is called now and then, from the
 * same thread, with how much is done, 0 to 1.
 */
struct share_watch {
	void	 (*at)(void *ctx, double part);
	void	*ctx;
};

/* A new random share. */
int	 share_make(struct secret *share, struct err *e) MUST_CHECK;

/* Does it look like a share file at all?  ERR_FORMAT says what it is not. */
int	 share_check(struct span file, struct err *e) MUST_CHECK;

/*
 * Open a file of SHARE_FILE_BYTES; blocks for seconds.  `watch` may be
 * NULL.  ERR_FORMAT: this is no share file, or one that was altered.
 * ERR_DENIED: the password is wrong, or so much was altered that it
 * cannot be told from that.
 */
int	 share_open(struct span file, const struct secret *password,
	    const struct share_watch *watch, struct secret *share,
	    struct err *e) MUST_CHECK;

/* Seal a share under a new salt; blocks for seconds. */
int	 share_seal(const struct secret *share, const struct secret *password,
	    const struct share_watch *watch, uint8_t file[SHARE_FILE_BYTES],
	    struct err *e) MUST_CHECK;

#endif

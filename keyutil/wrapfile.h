/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_WRAPFILE_H
#define KEYUTIL_WRAPFILE_H

#include "ssh/wire.h"
#include "token/manage.h"

/*
 * A wrapped key as a file, the one of sc-hsm-tool --wrap-key
 * (facts/smartcard-hsm 6.4): 30 { 04 blob, description, [certificate] }.
 */
#define WRAPFILE_MAX	(2 * TOKEN_CERT_MAX + TOKEN_BLOB_MAX + 32)

/* Append the file to *out; out->bad when it does not fit. */
void	 wrapfile_put(struct wire_w *out, const struct token_wrapped *w);

/* ERR_FORMAT for what is no such file, cut off, or followed by more. */
int	 wrapfile_parse(struct span in, struct token_wrapped *w,
	    struct err *e) MUST_CHECK;

/* Read one.  Errors name it.  ERR_SYS; ERR_FORMAT also for a long one. */
int	 wrapfile_read(const char *path, struct token_wrapped *w,
	    struct err *e) MUST_CHECK;

/* The contract of newfile_write(). */
int	 wrapfile_write(const char *path, const struct token_wrapped *w,
	    struct err *e) MUST_CHECK;

#endif

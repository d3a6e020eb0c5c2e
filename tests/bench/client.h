/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * A client of an agent (RFC 9987), with as little around each request as
 * can be: messages are built beforehand, and only send and receive are
 * between two looks at the clock.
 */
#define CLIENT_TIMEOUT_S	30

struct message {			/* with its length before it */
	uint8_t	 b[2048];
	size_t	 n;
};

/* *fd is a blocking socket; close(2) it. */
int	 client_connect(const char *path, int *fd, struct err *e) MUST_CHECK;

/* On a connection of its own, as ssh-add -l asks. */
int	 client_list(const char *path, uint32_t *keys, double *ms,
	    struct err *e) MUST_CHECK;

/* The same on a connection that is there. */
int	 client_list_on(int fd, uint32_t *keys, struct err *e) MUST_CHECK;

/* A request to sign with the key that has this comment. */
int	 client_prepare(const char *path, const char *comment,
	    uint32_t flags, struct message *m, struct err *e) MUST_CHECK;

/* ERR_DENIED when the agent refuses. */
int	 client_sign(int fd, const struct message *m, struct err *e)
	    MUST_CHECK;

/* Both of the above, with an ECDSA key and on a connection of its own. */
int	 client_sign_once(const char *path, const char *comment,
	    struct err *e) MUST_CHECK;

#endif

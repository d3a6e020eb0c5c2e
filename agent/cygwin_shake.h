/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CYGWIN_SHAKE_H
#define AGENT_CYGWIN_SHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/*
 * What Cygwin's UNIX-domain sockets say before the first byte of their users
 * (facts/windows-wsl.md B7).  The client sends the 16 bytes that stand in the
 * socket's file, which proves that it can read that, and gets them back; then
 * both say who they are: pid, uid and gid, little-endian.  What the client
 * says of itself is not checked by anybody.
 */
#define CYGWIN_NONCE_BYTES	16
#define CYGWIN_CREDS_BYTES	12

/* The server's side of it.  Begin with all zero. */
struct cygwin_shake {
	uint8_t		 in[CYGWIN_NONCE_BYTES + CYGWIN_CREDS_BYTES];
	size_t		 n;
};

enum cygwin_step {
	CYGWIN_MORE,			/* bytes are missing */
	CYGWIN_WRONG,			/* drop it */
	CYGWIN_PROVED,			/* send it the nonce */
	CYGWIN_DONE,			/* send it our own credentials */
};

/*
 * How much to read now, at the most: what is behind it belongs to the next
 * step, or to the user.  0: it is done.
 */
size_t	 cygwin_shake_want(const struct cygwin_shake *s);

/*
 * Take bytes that came, no more than are wanted.  Nothing can be learnt about
 * the nonce from the time that this takes.
 */
enum cygwin_step cygwin_shake_feed(struct cygwin_shake *s,
	    const uint8_t nonce[static CYGWIN_NONCE_BYTES], struct span in);

/* A number as Cygwin sends it: four bytes, the least one first. */
uint32_t cygwin_word(const uint8_t p[static 4]);

/* What it calls its pid, once it is done. */
uint32_t cygwin_shake_pid(const struct cygwin_shake *s);

void	 cygwin_creds(uint8_t out[static CYGWIN_CREDS_BYTES], uint32_t pid,
	    uint32_t uid, uint32_t gid);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_MODCHAN_H
#define TOKEN_MODCHAN_H

#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/span.h"

/*
 * Messages of token/modproto.h over a socket: four bytes of length, then
 * the message; then, where that says so, a PIN: a byte of length, then the
 * PIN, which goes from one struct secret into the other and is nowhere in
 * between but in the kernel.
 *
 * `until` is when to give up, in modchan_now()'s milliseconds; -1: never.
 * ERR_CANCELLED then, and ERR_TOKEN_GONE when nobody is at the other end:
 * whoever sees either leaves the channel.
 */
int64_t	 modchan_now(void);

int	 modchan_send(int fd, struct span msg, const struct secret *pin,
	    int64_t until, struct err *e) MUST_CHECK;

/* *msg is for free(3); it has no more than `max` bytes. */
int	 modchan_receive(int fd, uint8_t **msg, size_t *n, size_t max,
	    int64_t until, struct err *e) MUST_CHECK;

/* Appended to *pin. */
int	 modchan_receive_pin(int fd, struct secret *pin, int64_t until,
	    struct err *e) MUST_CHECK;

#endif

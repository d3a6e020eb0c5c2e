/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DKEK_SHAMIR_H
#define DKEK_SHAMIR_H

#include <stdint.h>

#include "base/secret.h"

/*
 * The password of a DKEK share, split among several people so that any
 * `threshold` of them have it together: sc-hsm-tool's --pwd-shares-threshold.
 * It is 8 random bytes as a number, the value at 0 of a random polynomial
 * modulo a prime of 64 bits; a part is the value at its id.
 *
 * sc-hsm-tool does not find a password again that begins with a zero byte,
 * though it makes one now and then.  Ours never do, and all are found.
 *
 * A part is secret: keep it where secrets are kept.
 */
#define SHAMIR_PASSWORD_BYTES	8
#define SHAMIR_MADE_MAX		15	/* see parttext.h */
#define SHAMIR_PARTS_MAX	255

struct shamir_part {
	uint64_t	 prime;		/* the same in all parts, no secret */
	uint64_t	 value;
	unsigned int	 id;		/* from 1 on */
};

/*
 * Make a password and n parts of it, any `threshold` of which are enough:
 * 2 <= threshold <= n <= SHAMIR_MADE_MAX, else ERR_USAGE.
 */
int	 shamir_split(size_t threshold, struct shamir_part *part, size_t n,
	    struct secret *password, struct err *e) MUST_CHECK;

/*
 * ERR_FORMAT for what cannot be a part: a number that is not prime, a value
 * that is not below it, an id out of range.  Finds most slips of a pen.
 */
int	 shamir_check_prime(uint64_t prime, struct err *e) MUST_CHECK;
int	 shamir_check(const struct shamir_part *part, struct err *e)
	    MUST_CHECK;

/*
 * The password from as many parts as it takes, or more, in any order.
 * ERR_FORMAT when they cannot belong together.  Too few parts, or a wrong
 * one, make a wrong password.
 */
int	 shamir_join(const struct shamir_part *part, size_t n,
	    struct secret *password, struct err *e) MUST_CHECK;

#endif

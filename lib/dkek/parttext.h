/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DKEK_PARTTEXT_H
#define DKEK_PARTTEXT_H

#include "base/span.h"
#include "dkek/shamir.h"

/*
 * Password shares as text, in sc-hsm-tool's words:
 *
 *	Prime       : d3:7e:13:6b:47:2f:da:af
 *	Share ID    : 1
 *	Share value : 71:c9:c1:1a:68:83:9f:8c
 *
 * sc-hsm-tool prints an ID as a decimal number and reads it as a hexadecimal
 * one, so that it misses its own share 10.  Here a number is decimal unless
 * a letter tells that it is not, and ours are one digit, up to "f".
 */
#define PARTTEXT_MAX	128		/* one part, with a NUL */

/* Up to 16 hexadecimal digits, with colons or blanks between: ERR_FORMAT. */
int	 parttext_number(struct span text, uint64_t *n, struct err *e)
	    MUST_CHECK;
int	 parttext_id(struct span text, unsigned int *id, struct err *e)
	    MUST_CHECK;

/* The three lines of a part, with an id up to SHAMIR_MADE_MAX. */
void	 parttext_print(const struct shamir_part *part,
	    char text[PARTTEXT_MAX]);

/*
 * Parts one after the other, as either tool prints them: other lines count
 * for nothing, and the prime has to be there once.  *n is the room, then
 * the parts.  ERR_FORMAT names the line; ERR_LIMIT: there are more.
 */
int	 parttext_parse(struct span text, struct shamir_part *part, size_t *n,
	    struct err *e) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "token/pinpad.h"

#define FEATURE_VERIFY_DIRECT	0x06
#define CODE_BYTES		4
#define ANSWER_MAX		264

/*
 * PIN_VERIFY_STRUCTURE (PC/SC part 10, 2.5.2), written out because it has
 * no padding.  Numbers of two and four bytes are in the machine's order.
 */
enum {
	FORMAT_STRING = 2,
	EXTRA_DIGIT = 5,
	VALIDATION = 7,
	MESSAGES = 8,
	LANGUAGE = 9,
	DATA_LENGTH = 15,
	DATA = 19,
	BLOCK_BYTES = DATA + 5,
};

/* Tag, length and, for a control code, four bytes with the high one first. */
uint32_t
pinpad_parse(struct span f)
{
	const uint8_t *v;

	while (f.n >= 2 && f.p[1] <= f.n - 2) {
		v = f.p + 2;
		if (f.p[0] == FEATURE_VERIFY_DIRECT && f.p[1] == CODE_BYTES)
			return (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 |
			    (uint32_t)v[2] << 8 | v[3];
		f.n -= 2u + f.p[1];
		f.p = v + f.p[1];
	}
	return 0;
}

uint32_t
pinpad_find(const struct card_io *io)
{
	uint8_t answer[ANSWER_MAX];
	size_t n = sizeof(answer);
	struct err e;

	if (io->control == NULL || io->control(io->ctx, CARD_ASK_FEATURES,
	    (struct span){ 0 }, answer, &n, &e) != 0)
		return 0;
	return pinpad_parse((struct span){ answer, n });
}

int
pinpad_verify(const struct card_io *io, uint32_t code,
    const uint8_t header[4], uint8_t min, uint8_t max, uint16_t *sw,
    struct err *e)
{
	const uint16_t digits = (uint16_t)(min << 8 | max);
	const uint16_t english = 0x0409;
	const uint32_t length = BLOCK_BYTES - DATA;
	uint8_t block[BLOCK_BYTES] = {
		[FORMAT_STRING] = 0x82,	/* ASCII, from the first data byte */
		[VALIDATION] = 0x02,	/* ends with the OK key */
		[MESSAGES] = 1,
	};
	uint8_t answer[ANSWER_MAX];
	size_t n = sizeof(answer);
	int r;

	memcpy(block + EXTRA_DIGIT, &digits, sizeof(digits));
	memcpy(block + LANGUAGE, &english, sizeof(english));
	memcpy(block + DATA_LENGTH, &length, sizeof(length));
	memcpy(block + DATA, header, 4);	/* and a length to fill in */
	r = io->control(io->ctx, code, (struct span){ block, sizeof(block) },
	    answer, &n, e);
	if (r != 0)
		return err_wrap(e, "PIN pad");
	if (n < 2)
		return err_set(e, ERR_FORMAT, 0,
		    "PIN pad: the reader answered %zu bytes", n);
	*sw = (uint16_t)(answer[n - 2] << 8 | answer[n - 1]);
	return 0;
}

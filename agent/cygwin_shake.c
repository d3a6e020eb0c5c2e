/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "agent/cygwin_shake.h"

size_t
cygwin_shake_want(const struct cygwin_shake *s)
{
	return (s->n < CYGWIN_NONCE_BYTES ? CYGWIN_NONCE_BYTES :
	    sizeof(s->in)) - s->n;
}

static bool
same(const uint8_t *a, const uint8_t *b)
{
	volatile uint8_t differ = 0;

	for (size_t i = 0; i < CYGWIN_NONCE_BYTES; i++)
		differ = (uint8_t)(differ | (a[i] ^ b[i]));
	return differ == 0;
}

enum cygwin_step
cygwin_shake_feed(struct cygwin_shake *s,
    const uint8_t nonce[static CYGWIN_NONCE_BYTES], struct span in)
{
	if (in.n > cygwin_shake_want(s))
		return CYGWIN_WRONG;
	if (in.n == 0)
		return CYGWIN_MORE;
	memcpy(s->in + s->n, in.p, in.n);
	s->n += in.n;
	if (s->n == CYGWIN_NONCE_BYTES)
		return same(s->in, nonce) ? CYGWIN_PROVED : CYGWIN_WRONG;
	return s->n == sizeof(s->in) ? CYGWIN_DONE : CYGWIN_MORE;
}

uint32_t
cygwin_word(const uint8_t p[static 4])
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

uint32_t
cygwin_shake_pid(const struct cygwin_shake *s)
{
	return cygwin_word(s->in + CYGWIN_NONCE_BYTES);
}

void
cygwin_creds(uint8_t out[static CYGWIN_CREDS_BYTES], uint32_t pid,
    uint32_t uid, uint32_t gid)
{
	const uint32_t v[] = { pid, uid, gid };

	for (size_t i = 0; i < CYGWIN_CREDS_BYTES; i++)
		out[i] = (uint8_t)(v[i / 4] >> 8 * (i % 4));
}

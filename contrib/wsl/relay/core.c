/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "core.h"

#define COOKIE	"!<socket >"

static bool
take(const char **p, char c)
{
	if (**p != c)
		return false;
	++*p;
	return true;
}

static bool
take_number(const char **p, uint32_t max, uint32_t *n)
{
	const char *begin = *p;

	for (*n = 0; **p >= '0' && **p <= '9' && *n <= max; ++*p)
		*n = 10 * *n + (uint32_t)(**p - '0');
	return *p != begin && *n > 0 && *n <= max;
}

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Eight digits of a number, whose bytes come the other way round. */
static bool
take_word(const char **p, uint8_t out[4])
{
	int high, low;

	for (int i = 3; i >= 0; i--) {
		if ((high = digit_of((*p)[0])) == -1 ||
		    (low = digit_of((*p)[1])) == -1)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
		*p += 2;
	}
	return true;
}

bool
relay_parse_file(const char *text, struct relay_address *a)
{
	const char *p = text;
	uint32_t port;

	if (strncmp(p, COOKIE, sizeof(COOKIE) - 1) != 0)
		return false;
	p += sizeof(COOKIE) - 1;
	if (!take_number(&p, UINT16_MAX, &port) || !take(&p, ' ') ||
	    !take(&p, 's') || !take(&p, ' '))
		return false;
	a->port = (uint16_t)port;
	for (int i = 0; i < RELAY_NONCE / 4; i++)
		if ((i > 0 && !take(&p, '-')) || !take_word(&p, a->nonce + 4 * i))
			return false;
	while (*p == '\r' || *p == '\n')
		p++;
	return *p == '\0';
}

void
relay_creds(uint8_t out[RELAY_CREDS], uint32_t pid)
{
	memset(out, 0, RELAY_CREDS);
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(pid >> 8 * i);
}

uint32_t
relay_frame_length(const uint8_t head[4])
{
	const uint32_t n = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 |
	    (uint32_t)head[2] << 8 | (uint32_t)head[3];

	return n <= RELAY_FRAME_MAX ? n : 0;
}

bool
relay_rights(char *out, size_t size, const char *sid)
{
	int n;

	/* Nothing that could end the entry and begin another. */
	if (strncmp(sid, "S-1-", 4) != 0 ||
	    sid[strspn(sid, "S-0123456789")] != '\0')
		return false;
	n = snprintf(out, size, "O:%sD:P(A;;GA;;;%s)", sid, sid);
	return n > 0 && (size_t)n < size;
}

void
relay_pageant_block(uint8_t out[RELAY_PAGEANT_BLOCK])
{
	static const char name[] = "Pageant";

	memset(out, 0, RELAY_PAGEANT_BLOCK);
	memcpy(out, name, sizeof(name));
}

void
relay_cut_realm(char *principal)
{
	principal[strcspn(principal, "@")] = '\0';
}

bool
relay_pageant_name(char *out, size_t size, const char *user,
    const uint8_t digest[32])
{
	char hex[2 * 32 + 1];
	int n;

	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	n = snprintf(out, size, "\\\\.\\pipe\\pageant.%s.%s", user, hex);
	return n > 0 && (size_t)n < size;
}

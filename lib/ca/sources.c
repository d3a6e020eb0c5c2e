/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "ca/sources.h"
#include "ssh/keytext.h"

#define ONE_MAX		(INET6_ADDRSTRLEN + 4)	/* "/128" */

/* "0" to "128" without leading zeros; -1: it is none. */
static int
mask_of(const char *text)
{
	int v = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' || v > 12)
			return -1;
		v = v * 10 + (*text - '0');
	}
	return v;
}

static bool
has_bits_beyond(const uint8_t *addr, size_t n, size_t mask)
{
	for (size_t bit = mask; bit < n * 8; bit++)
		if ((addr[bit / 8] & 0x80 >> bit % 8) != 0)
			return true;
	return false;
}

static const char *
fault_of(char *one)
{
	uint8_t addr[16];
	size_t n = 4;
	char *slash;
	int mask;

	if ((slash = strchr(one, '/')) != NULL)
		*slash++ = '\0';
	if (inet_pton(AF_INET, one, addr) != 1) {
		n = sizeof(addr);
		if (inet_pton(AF_INET6, one, addr) != 1)
			return "no address";
	}
	if (slash == NULL)
		return NULL;
	if ((mask = mask_of(slash)) < 0 || (size_t)mask > n * 8)
		return "no mask";
	if (has_bits_beyond(addr, n, (size_t)mask))
		return "bits beyond the mask";
	return NULL;
}

static int
check_one(struct span s, struct err *e)
{
	char one[ONE_MAX + 1], shown[ONE_MAX + 1];
	const char *fault = "no address";

	keytext_clean(shown, sizeof(shown), s);
	if (s.n > 0 && s.n <= ONE_MAX && memchr(s.p, 0, s.n) == NULL) {
		memcpy(one, s.p, s.n);
		one[s.n] = '\0';
		fault = fault_of(one);
	}
	if (fault == NULL)
		return 0;
	return err_set(e, ERR_FORMAT, 0, "\"%s\": %s", shown, fault);
}

int
ca_sources_check(struct span list, struct err *e)
{
	const uint8_t *comma;
	struct span one;
	int r;

	do {
		comma = list.n == 0 ? NULL : memchr(list.p, ',', list.n);
		one = list;
		if (comma != NULL)
			one.n = (size_t)(comma - list.p);
		if ((r = check_one(one, e)) != 0)
			return r;
		if (comma != NULL) {
			list.n -= one.n + 1;
			list.p = comma + 1;
		}
	} while (comma != NULL);
	return 0;
}

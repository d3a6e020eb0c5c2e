/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
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

/* An address; of a list, with the bits that have to be its own. */
struct source {
	uint8_t		 addr[16];
	size_t		 n;		/* bytes: 4 or 16 */
	size_t		 mask;
};

static bool
address_of(const char *text, struct source *s)
{
	s->n = 4;
	if (inet_pton(AF_INET, text, s->addr) != 1) {
		s->n = sizeof(s->addr);
		if (inet_pton(AF_INET6, text, s->addr) != 1)
			return false;
	}
	s->mask = s->n * 8;
	return true;
}

static const char *
fault_of(char *one, struct source *s)
{
	char *slash;
	int mask;

	if ((slash = strchr(one, '/')) != NULL)
		*slash++ = '\0';
	if (!address_of(one, s))
		return "no address";
	if (slash == NULL)
		return NULL;
	if ((mask = mask_of(slash)) < 0 || (size_t)mask > s->n * 8)
		return "no mask";
	s->mask = (size_t)mask;
	if (has_bits_beyond(s->addr, s->n, s->mask))
		return "bits beyond the mask";
	return NULL;
}

static int
read_one(struct span s, struct source *out, struct err *e)
{
	char one[ONE_MAX + 1], shown[ONE_MAX + 1];
	const char *fault = "no address";

	keytext_clean(shown, sizeof(shown), s);
	if (s.n > 0 && s.n <= ONE_MAX && memchr(s.p, 0, s.n) == NULL) {
		memcpy(one, s.p, s.n);
		one[s.n] = '\0';
		fault = fault_of(one, out);
	}
	if (fault == NULL)
		return 0;
	return err_set(e, ERR_FORMAT, 0, "\"%s\": %s", shown, fault);
}

/* The next of a list; false: that was the last. */
static bool
next_one(struct span *list, struct span *one)
{
	const uint8_t *comma = list->n == 0 ? NULL :
	    memchr(list->p, ',', list->n);

	*one = *list;
	if (comma == NULL)
		return false;
	one->n = (size_t)(comma - list->p);
	list->n -= one->n + 1;
	list->p = comma + 1;
	return true;
}

int
ca_sources_check(struct span list, struct err *e)
{
	struct source s;
	struct span one;
	bool more;
	int r;

	do {
		more = next_one(&list, &one);
		if ((r = read_one(one, &s, e)) != 0)
			return r;
	} while (more);
	return 0;
}

/* sshd takes ::ffff:192.0.2.1 of a client for 192.0.2.1. */
static bool
client_of(const char *address, struct source *s)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (!address_of(address, s))
		return false;
	if (s->n == 16 && memcmp(s->addr, mapped, sizeof(mapped)) == 0) {
		memmove(s->addr, s->addr + sizeof(mapped), 4);
		s->n = 4;
	}
	return true;
}

static bool
is_within(const struct source *client, const struct source *net)
{
	const size_t whole = net->mask / 8, rest = net->mask % 8;

	return client->n == net->n &&
	    memcmp(client->addr, net->addr, whole) == 0 && (rest == 0 ||
	    (client->addr[whole] ^ net->addr[whole]) >> (8 - rest) == 0);
}

bool
ca_sources_is_address(const char *address)
{
	struct source s;

	return client_of(address, &s);
}

bool
ca_sources_match(struct span list, const char *address)
{
	struct source client, net;
	bool more, found = false;
	struct span one;
	struct err e;

	if (!client_of(address, &client))
		return false;
	do {
		more = next_one(&list, &one);
		if (read_one(one, &net, &e) != 0)
			return false;
		found = found || is_within(&client, &net);
	} while (more);
	return found;
}

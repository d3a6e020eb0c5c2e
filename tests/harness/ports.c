/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pair of ports belongs to whoever has bound the abstract socket named
 * after it, so two with-vhsm never mix up their cards, and a lock dies with
 * its owner.  The range lies below the kernel's ephemeral ports.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/harness.h"

#define FIRST	20000u
#define PAIRS	6000u

static bool
is_free(unsigned port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	bool ok;

	sa.sin_addr.s_addr = htonl(INADDR_ANY);
	sa.sin_port = htons((uint16_t)port);
	ok = fd != -1 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)) == 0 &&
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	    listen(fd, 0) == 0;
	if (fd != -1)
		close(fd);
	return ok;
}

static int
lock_pair(unsigned port)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), n;

	n = snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1,
	    "with-vhsm-port-%u", port);
	if (fd != -1 && bind(fd, (struct sockaddr *)&sa, (socklen_t)
	    (offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == -1) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool
take_pair(struct harness *h, size_t i, unsigned *next)
{
	unsigned port;

	for (unsigned tries = 0; tries < PAIRS; tries++) {
		port = FIRST + 2 * ((*next)++ % PAIRS);
		if ((h->lock[i] = lock_pair(port)) == -1)
			continue;
		if (is_free(port) && is_free(port + 1)) {
			h->base[i] = port;
			return true;
		}
		close(h->lock[i]);
		h->lock[i] = -1;
	}
	return false;
}

int
ports_take(struct harness *h, struct err *e)
{
	unsigned next = (unsigned)getpid() * 7 + h->restarts * 61;

	for (size_t i = 0; i < HARNESS_LIBS; i++)
		h->lock[i] = -1;
	for (size_t i = 0; i < (h->cards + 1) / 2; i++)
		if (!take_pair(h, i, &next))
			return err_set(e, ERR_SYS, 0,
			    "no free ports from %u to %u", FIRST,
			    FIRST + 2 * PAIRS);
	for (size_t i = 0; i < h->cards; i++)
		h->card[i].port = h->base[i / 2] + (unsigned)(i % 2);
	return 0;
}

void
ports_give_back(struct harness *h)
{
	for (size_t i = 0; i < HARNESS_LIBS; i++) {
		if (h->lock[i] != -1)
			close(h->lock[i]);
		h->lock[i] = -1;
	}
}

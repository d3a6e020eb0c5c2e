/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent-ping N [MICROSECONDS]: ask the agent for its keys N times, that long
 * apart, and print how long the answers took: "p50 N p99 N max N", in
 * microseconds.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/sock.h"
#include "tests/e2e/times.h"

static void
pause_for(long us)
{
	const struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	if (us > 0)
		nanosleep(&t, NULL);
}

int
main(int argc, char **argv)
{
	static const uint8_t list[] = { 0, 0, 0, 1, REQUEST_IDENTITIES };
	long n, us, begin, *took;
	int fd;

	if (argc < 2 || (n = strtol(argv[1], NULL, 10)) < 1)
		errx(2, "usage: agent-ping N [MICROSECONDS]");
	us = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	if ((took = calloc((size_t)n, sizeof(*took))) == NULL)
		err(2, NULL);
	fd = sock_connect();
	for (long i = 0; i < n; i++) {
		pause_for(us);
		begin = times_now();
		sock_send(fd, list, sizeof(list));
		sock_expect(fd, IDENTITIES_ANSWER);
		took[i] = times_now() - begin;
	}
	times_print(took, (size_t)n);
	free(took);
	close(fd);
	return 0;
}

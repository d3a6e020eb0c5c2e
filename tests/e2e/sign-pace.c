/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sign-pace COMMENT N MILLISECONDS: have N signatures made with that key,
 * that long apart, each over a connection of its own as ssh does.  Prints
 * how long they took, "p50 N p99 N max N", in microseconds; exit status 0
 * when all were made and verify.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/e2e/crowd.h"
#include "tests/e2e/times.h"

#define ANSWER_MS	30000

int
main(int argc, char **argv)
{
	struct timespec pause = { 0 };
	static struct crowd c;
	struct crowd_key key;
	long n, ms, begin, *took;

	if (argc != 4 || (n = strtol(argv[2], NULL, 10)) < 1 ||
	    (ms = strtol(argv[3], NULL, 10)) < 0)
		errx(2, "usage: sign-pace COMMENT N MILLISECONDS");
	if (!crowd_find(argv[1], &key))
		errx(1, "no key \"%s\" is listed", argv[1]);
	if ((took = calloc((size_t)n, sizeof(*took))) == NULL)
		err(2, NULL);
	for (long i = 0; i < n; i++) {
		pause = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
		nanosleep(&pause, NULL);
		begin = times_now();
		if (!crowd_sign_once(&c, &key, ANSWER_MS))
			errx(1, "signature %ld was not made", i);
		took[i] = times_now() - begin;
	}
	times_print(took, (size_t)n);
	free(took);
	return 0;
}

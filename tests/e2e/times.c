/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/e2e/times.h"

long
times_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static int
by_size(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void
times_print(long *took, size_t n)
{
	qsort(took, n, sizeof(*took), by_size);
	printf("p50 %ld p99 %ld max %ld\n", took[n / 2], took[n * 99 / 100],
	    took[n - 1]);
}

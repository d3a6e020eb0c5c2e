/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "tests/bench/sample.h"

double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void
pause_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000,
	    .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

void
samples_add(struct samples *s, double ms)
{
	if (s->n < SAMPLES_MAX)
		s->v[s->n++] = ms;
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double
samples_quantile(struct samples *s, double q)
{
	size_t rank;

	if (s->n == 0)
		return NAN;
	qsort(s->v, s->n, sizeof(*s->v), compare);
	rank = (size_t)ceil(q * (double)s->n);
	return s->v[rank > 0 ? rank - 1 : 0];
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stddef.h>

/*
 * Times in milliseconds, and what can honestly be said of them: quantiles
 * only, since one late wake-up spoils a mean.
 */
#define SAMPLES_MAX	4096

struct samples {
	size_t	 n;
	double	 v[SAMPLES_MAX];
};

double	 now_ms(void);			/* monotonic */
void	 pause_ms(long ms);

/* Beyond SAMPLES_MAX a value is dropped. */
void	 samples_add(struct samples *s, double ms);

/* The value that a share q of them does not exceed; NAN when empty. */
double	 samples_quantile(struct samples *s, double q);

#endif

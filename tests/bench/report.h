/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * What was measured, row by row, for people and for programs.  A value is
 * NAN where there is none and INFINITY where the thing itself failed.
 */
#define REPORT_ROWS	64

enum report_judge {
	JUDGE_NONE,		/* nothing was promised */
	JUDGE_AT_MOST,		/* a promise that holds today */
	JUDGE_LATER,		/* a promise that is shown, not yet held */
};

struct report_row {
	char		 group[80];	/* a heading, printed when it changes */
	char		 name[56];
	char		 id[40];	/* for programs */
	const char	*unit;		/* "ms", "MiB", or a plural */
	double		 ours, theirs;
	enum report_judge judge;
	double		 limit;		/* with a judge */
};

struct report {
	struct report_row row[REPORT_ROWS];
	size_t		 n;
};

void	 report_add(struct report *r, const struct report_row *row);

/* How many rows of JUDGE_AT_MOST are over their limit, or have no value. */
size_t	 report_missed(const struct report *r);

void	 report_table(const struct report *r, FILE *out);

/* One JSON document; `about` pairs end with a NULL name. */
struct report_about {
	const char	*name, *text;
};

bool	 report_json(const struct report *r,
	    const struct report_about *about, FILE *out);

#endif

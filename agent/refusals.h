/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_REFUSALS_H
#define AGENT_REFUSALS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The last few refusals and their reasons.  The protocol can only say "no";
 * this is where `hsm-keyutil status` finds out why.
 */
#define REFUSALS_KEPT	8

struct refusals {
	struct {
		uint64_t time;		/* seconds since the epoch */
		enum err_code code;
		char	 text[520];
	} v[REFUSALS_KEPT];
	size_t	 first, n;		/* v[first] is the oldest */
};

void	 refusals_add(struct refusals *r, uint64_t time, enum err_code code,
	    const char *text);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "agent/refusals.h"

void
refusals_add(struct refusals *r, uint64_t time, enum err_code code,
    const char *text)
{
	size_t i;

	if (r->n < REFUSALS_KEPT) {
		i = (r->first + r->n++) % REFUSALS_KEPT;
	} else {
		i = r->first;
		r->first = (r->first + 1) % REFUSALS_KEPT;
	}
	r->v[i].time = time;
	r->v[i].code = code;
	snprintf(r->v[i].text, sizeof(r->v[i].text), "%s", text);
}

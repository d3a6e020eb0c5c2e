/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "ca/rate.h"

bool
ca_rate_full(const struct ca_rate *r, size_t max, int64_t per, int64_t now)
{
	return r != NULL && r->n >= max && max > 0 &&
	    now - r->at[r->n - max] < per;
}

int
ca_rate_add(struct ca_rate *r, size_t max, int64_t now, struct err *e)
{
	const size_t keep = max == 0 ? 0 : r->n < max ? r->n : max - 1;
	int64_t *at;

	if (keep > 0)
		memmove(r->at, r->at + (r->n - keep), keep * sizeof(*at));
	r->n = keep;
	if (max == 0)
		return 0;
	if ((at = reallocarray(r->at, keep + 1, sizeof(*at))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "no memory");
	at[keep] = now;
	r->at = at;
	r->n++;
	return 0;
}

void
ca_rate_clear(struct ca_rate *r)
{
	free(r->at);
	*r = (struct ca_rate){ 0 };
}

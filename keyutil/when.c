/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "keyutil/when.h"

struct when_text
when_span(uint64_t seconds)
{
	static const struct {
		uint64_t	 seconds;
		const char	*name;
	} units[] = {
		{ 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" },
	};
	struct when_text w = { "0 s" };
	size_t used = 0, i = 0;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	for (size_t end = i + 2; i < end && i < 4; i++) {
		const uint64_t n = seconds / units[i].seconds;

		seconds %= units[i].seconds;
		if (n > 0)
			used += (size_t)snprintf(w.s + used,
			    sizeof(w.s) - used, "%s%" PRIu64 " %s",
			    used > 0 ? " " : "", n, units[i].name);
	}
	return w;
}

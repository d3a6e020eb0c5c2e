/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>

#include "base/glob.h"
#include "ca/alglist.h"

/* Patterns with commas between; one that begins with '!' ends it. */
static bool
is_listed(const char *list, struct span name)
{
	bool found = false, no;
	size_t n;

	for (const char *s = list;; s += n + 1) {
		n = strcspn(s, ",");
		no = *s == '!';
		if (n > no && glob_matches(name, (struct span){
		    (const uint8_t *)s + no, n - no })) {
			if (no)
				return false;
			found = true;
		}
		if (s[n] == '\0')
			return found;
	}
}

/* sshd changes what is usual by "+more", "^first" and "-less". */
bool
alglist_allows(const char *list, const char *usual, struct span name)
{
	if (list == NULL)
		return is_listed(usual, name);
	if (*list == '+' || *list == '^')
		return is_listed(usual, name) || is_listed(list + 1, name);
	if (*list == '-')
		return is_listed(usual, name) && !is_listed(list + 1, name);
	return is_listed(list, name);
}

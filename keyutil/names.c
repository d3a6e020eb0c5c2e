/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <string.h>

#include "keyutil/names.h"

#define LIST_MAX	4096
#define HOSTNAME_LEN	253		/* RFC 1035 sec. 2.3.4, as text */

#define WILDCARDS	"*?"
#define ALPHANUMERIC	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* What one entry of a list may be. */
struct rule {
	const char	*what;
	const char	*only;		/* characters; NULL: all printable */
	bool		 patterns;	/* wildcards and a leading '!' */
};

static int
bad(struct err *e, const struct rule *rule, const char *s, size_t n,
    const char *why)
{
	return err_set(e, ERR_USAGE, 0, "%s \"%.*s\": %s", rule->what,
	    n > 100 ? 100 : (int)n, s, why);
}

/* '#' starts a comment, '@' a marker and '|' a hash in known_hosts. */
static int
check_entry(const struct rule *rule, const char *s, size_t n, struct err *e)
{
	if (n > 0 && rule->patterns && s[0] == '!') {
		s++;
		n--;
	}
	if (n == 0)
		return bad(e, rule, s, n, "must not be empty");
	if (s[0] == '#' || s[0] == '!')
		return bad(e, rule, s, n, "must not start like that");
	for (size_t i = 0; i < n; i++) {
		const char c = s[i];

		if (c <= ' ' || c >= 0x7f)
			return bad(e, rule, s, n,
			    "must be printable ASCII without blanks");
		if (c == '"' || c == '\'' || c == '\\' || c == '`')
			return bad(e, rule, s, n,
			    "must not have quotes or backslashes");
		if (strchr(WILDCARDS, c) != NULL) {
			if (!rule->patterns)
				return bad(e, rule, s, n,
				    "takes no wildcards");
		} else if (rule->only != NULL && strchr(rule->only, c) == NULL)
			return bad(e, rule, s, n,
			    "has a character that no such name has");
	}
	return 0;
}

static int
check_list(const struct rule *rule, const char *list, struct err *e)
{
	size_t n;
	int r;

	if (strlen(list) > LIST_MAX)
		return err_set(e, ERR_USAGE, 0, "%s: a list of over %d bytes",
		    rule->what, LIST_MAX);
	for (;;) {
		n = strcspn(list, ",");
		if ((r = check_entry(rule, list, n, e)) != 0)
			return r;
		if (list[n] == '\0')
			return 0;
		list += n + 1;
	}
}

int
names_check_principals(const char *list, struct err *e)
{
	const struct rule rule = { .what = "principal" };

	return check_list(&rule, list, e);
}

int
names_check_patterns(const char *list, struct err *e)
{
	const struct rule rule = { .what = "pattern", .patterns = true };

	return check_list(&rule, list, e);
}

int
names_check_hosts(const char *list, struct err *e)
{
	const struct rule rule = { .what = "host pattern",
	    .only = ALPHANUMERIC ".-_:[]%", .patterns = true };

	return check_list(&rule, list, e);
}

int
names_check_hostname(const char *name, struct err *e)
{
	const struct rule rule = { .what = "host name",
	    .only = ALPHANUMERIC ".-_" };
	const size_t n = strlen(name);

	if (n > HOSTNAME_LEN)
		return bad(e, &rule, name, n, "is too long");
	return check_entry(&rule, name, n, e);
}

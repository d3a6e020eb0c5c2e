/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <strings.h>

#include "token/p11uri.h"

#define SCHEME	"pkcs11:"

bool
p11uri_is(const char *text)
{
	return strncasecmp(text, SCHEME, strlen(SCHEME)) == 0;
}

static bool
is_label(const char *wanted, const char *label)
{
	static const char by_opensc[] = " (UserPIN)";
	const size_t n = strlen(wanted), tail = sizeof(by_opensc) - 1;

	if (strcmp(wanted, label) == 0)
		return true;
	return n > tail && strcmp(wanted + n - tail, by_opensc) == 0 &&
	    strlen(label) == n - tail &&
	    strncmp(wanted, label, n - tail) == 0;
}

bool
p11uri_matches(const struct p11uri *u, const char *serial, const char *label)
{
	return (u->serial[0] == '\0' || strcmp(u->serial, serial) == 0) &&
	    (u->label[0] == '\0' || (label[0] != '\0' &&
	    is_label(u->label, label)));
}

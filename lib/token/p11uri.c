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

/* What OpenSC and CardContact's own module say of a SmartCard-HSM. */
static const char *const models[] = { "PKCS#15 emulated", "SmartCard-HSM",
	NULL };
static const char *const makers[] = { "www.CardContact.de",
	"CardContact (www.cardcontact.de)", NULL };

static bool
is_said(const char *wanted, const char *said, const char *const *by_modules)
{
	if (wanted[0] == '\0')
		return true;
	if (said != NULL)
		return strcmp(wanted, said) == 0;
	while (*by_modules != NULL && strcmp(*by_modules, wanted) != 0)
		by_modules++;
	return *by_modules != NULL;
}

bool
p11uri_matches(const struct p11uri *u, const struct p11uri_token *t)
{
	return (u->serial[0] == '\0' || strcmp(u->serial, t->serial) == 0) &&
	    (u->label[0] == '\0' || (t->label[0] != '\0' &&
	    is_label(u->label, t->label))) &&
	    is_said(u->model, t->model, models) &&
	    is_said(u->maker, t->maker, makers);
}

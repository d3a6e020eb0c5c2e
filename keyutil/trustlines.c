/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "keyutil/trustlines.h"

char *
trustlines_authorized_keys(const char *key, const char *principals)
{
	char *line;
	int n;

	if (principals != NULL)
		n = asprintf(&line, "cert-authority,principals=\"%s\" %s",
		    principals, key);
	else
		n = asprintf(&line, "cert-authority %s", key);
	return n == -1 ? NULL : line;
}

char *
trustlines_known_hosts(const char *key, const char *hosts, bool ca)
{
	char *line;

	return asprintf(&line, "%s%s %s", ca ? "@cert-authority " : "",
	    hosts, key) == -1 ? NULL : line;
}

char *
trustlines_allowed_signers(const char *key, const char *principals,
    const char *namespaces, bool ca)
{
	const bool ns = namespaces != NULL;
	char *line;

	return asprintf(&line, "%s %s%s%s%s%s%s%s", principals,
	    ca ? "cert-authority" : "", ca && ns ? "," : "",
	    ns ? "namespaces=\"" : "", ns ? namespaces : "",
	    ns ? "\"" : "", ca || ns ? " " : "", key) == -1 ? NULL : line;
}

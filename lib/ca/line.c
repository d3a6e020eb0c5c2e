/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <strings.h>

#include "ca/line.h"
#include "ssh/keytext.h"

int
ca_line_once(const struct conf_line *l, unsigned int *said, unsigned int bit,
    struct err *e)
{
	if ((*said & bit) != 0)
		return err_set(e, ERR_USAGE, 0, "%s was said here before",
		    l->word[0]);
	*said |= bit;
	return 0;
}

int
ca_line_words(const struct conf_line *l, struct ca_list *to,
    const char *what, struct err *e)
{
	int r = 0;

	if (l->n < 2)
		return err_set(e, ERR_USAGE, 0, "%s takes %s", l->word[0],
		    what);
	for (size_t i = 1; i < l->n && r == 0; i++)
		r = l->word[i][0] != '\0' ? ca_list_add(to, l->word[i], e) :
		    err_set(e, ERR_USAGE, 0, "%s: an empty word matches "
		    "nothing", l->word[0]);
	return r;
}

int
ca_line_options(const struct conf_line *l, struct ca_list *to,
    unsigned int *said, unsigned int bit, struct err *e)
{
	const bool first = (*said & bit) == 0;

	for (size_t i = 1; i < l->n; i++)
		if (strcasecmp(l->word[i], "none") == 0 &&
		    (!first || l->n > 2))
			return err_set(e, ERR_USAGE, 0,
			    "%s: none stands alone", l->word[0]);
	if (!first && to->n == 0)
		return err_set(e, ERR_USAGE, 0, "%s: none stands alone",
		    l->word[0]);
	if (first)
		ca_list_clear(to);
	*said |= bit;
	if (l->n == 2 && strcasecmp(l->word[1], "none") == 0)
		return 0;
	return ca_line_words(l, to, "names of options, or none", e);
}

int
ca_line_fingerprints(const struct conf_line *l, struct ca_list *to,
    const char *of, struct err *e)
{
	int r = 0;

	if (l->n < 2)
		return err_set(e, ERR_USAGE, 0, "%s takes fingerprints "
		    "(SHA256:...) of the keys of %s", l->word[0], of);
	for (size_t i = 1; i < l->n && r == 0; i++) {
		if (!keytext_is_fingerprint(l->word[i]))
			return err_set(e, ERR_USAGE, 0, "%s: \"%s\" is no "
			    "whole fingerprint (SHA256:...); \"ssh-keygen -lf "
			    "FILE\" shows that of a key", l->word[0],
			    l->word[i]);
		if (ca_list_has(to, l->word[i]))
			return err_set(e, ERR_USAGE, 0, "%s: %s is there "
			    "before", l->word[0], l->word[i]);
		r = ca_list_add(to, l->word[i], e);
	}
	return r;
}

int
ca_line_time(const struct conf_line *l, uint64_t *out, struct err *e)
{
	unsigned int v;
	int r;

	if (l->n != 2)
		return err_set(e, ERR_USAGE, 0, "%s takes one time",
		    l->word[0]);
	if ((r = conf_time(l->word[1], &v, e)) != 0)
		return err_wrap(e, "%s", l->word[0]);
	*out = v;
	return 0;
}

int
ca_line_key(const struct conf_line *l, struct err *e)
{
	if (l->n != 2)
		return err_set(e, ERR_USAGE, 0, "%s takes one label, id or "
		    "fingerprint (SHA256:...)", l->word[0]);
	/* Half a one would be that of no key, and nobody would notice. */
	if (strncmp(l->word[1], "SHA256:", 7) == 0 &&
	    !keytext_is_fingerprint(l->word[1]))
		return err_set(e, ERR_USAGE, 0, "%s: \"%s\" is no whole "
		    "fingerprint", l->word[0], l->word[1]);
	/* Nor would a name that is none here. */
	if (strncasecmp(l->word[1], "pkcs11:", 7) == 0)
		return err_set(e, ERR_USAGE, 0, "%s takes no PKCS#11 URI, but "
		    "a label, id or fingerprint (SHA256:...)", l->word[0]);
	return 0;
}

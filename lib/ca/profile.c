/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ca/form.h"
#include "ca/line.h"
#include "ca/profile.h"
#include "ca/sources.h"

/* The values that a later line replaces, so that there is to be none. */
enum said {
	SAID_CA = 1,
	SAID_TYPE = 2,
	SAID_VALIDITY = 4,
	SAID_EXTENSIONS = 8,
	SAID_COMMAND = 16,
	SAID_SOURCES = 32,
	SAID_VERIFY = 64,
	SAID_KEY_ID = 128,
};

int
ca_profile_begin(struct ca_profile *p, const struct conf_line *l,
    struct err *e)
{
	*p = (struct ca_profile){ .line = l->number, .type = CERT_USER };
	if (l->n != 2 || l->word[1][0] == '\0')
		return err_set(e, ERR_USAGE, 0, "%s takes one name",
		    l->word[0]);
	if ((p->name = strdup(l->word[1])) == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	return 0;
}

void
ca_profile_clear(struct ca_profile *p)
{
	free(p->name);
	free(p->ca);
	ca_list_clear(&p->principals);
	ca_list_clear(&p->extensions);
	free(p->force_command);
	free(p->source_address);
	free(p->key_id);
	*p = (struct ca_profile){ 0 };
}

/* --- values --- */

static int
one_text(struct ca_profile *p, const struct conf_line *l, char **out,
    enum said what, struct err *e)
{
	int r;

	if ((r = ca_line_once(l, &p->said, what, e)) != 0)
		return r;
	if (l->n != 2 || l->word[1][0] == '\0')
		return err_set(e, ERR_USAGE, 0, "%s takes one text, in quotes "
		    "if there are blanks in it", l->word[0]);
	if ((*out = strdup(l->word[1])) == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	return 0;
}

static int
ca_key(struct ca_profile *p, const struct conf_line *l, struct err *e)
{
	int r = ca_line_key(l, e);

	return r != 0 ? r : one_text(p, l, &p->ca, SAID_CA, e);
}

static int
certificate_type(struct ca_profile *p, const struct conf_line *l,
    struct err *e)
{
	const char *type = l->n == 2 ? l->word[1] : "";
	int r;

	if ((r = ca_line_once(l, &p->said, SAID_TYPE, e)) != 0)
		return r;
	if (strcasecmp(type, "user") != 0 && strcasecmp(type, "host") != 0)
		return err_set(e, ERR_USAGE, 0, "%s takes user or host",
		    l->word[0]);
	p->type = strcasecmp(type, "user") == 0 ? CERT_USER : CERT_HOST;
	return 0;
}

static int
extensions(struct ca_profile *p, const struct conf_line *l, struct err *e)
{
	p->extensions_said = true;
	return ca_line_options(l, &p->extensions, &p->said, SAID_EXTENSIONS,
	    e);
}

static int
force_command(struct ca_profile *p, const struct conf_line *l, struct err *e)
{
	return one_text(p, l, &p->force_command, SAID_COMMAND, e);
}

/* A brace begins the name of something that is known. */
static bool
is_template(const char *text)
{
	static const char *const names[] = { "{user}", "{date}", "{serial}",
	    "{comment}" };
	const char *p = text;
	size_t i;

	while ((p = strchr(p, '{')) != NULL) {
		for (i = 0; i < 4; i++)
			if (strncmp(p, names[i], strlen(names[i])) == 0)
				break;
		if (i == 4)
			return false;
		p++;
	}
	return true;
}

static int
key_id(struct ca_profile *p, const struct conf_line *l, struct err *e)
{
	int r;

	if ((r = one_text(p, l, &p->key_id, SAID_KEY_ID, e)) != 0)
		return r;
	if (!is_template(p->key_id))
		return err_set(e, ERR_USAGE, 0, "%s: in braces may stand "
		    "{user}, {date}, {serial} and {comment}", l->word[0]);
	if (strlen(p->key_id) > CA_NAME_MAX)
		return err_set(e, ERR_USAGE, 0, "%s: longer than the %d bytes "
		    "a key id can have", l->word[0], CA_NAME_MAX);
	return 0;
}

static int
principals(struct ca_profile *p, const struct conf_line *l, struct err *e)
{
	for (size_t i = 1; i < l->n; i++)
		if (strchr(l->word[i], ',') != NULL)
			return err_set(e, ERR_USAGE, 0, "%s: \"%s\" has a "
			    "comma in it; blanks separate names", l->word[0],
			    l->word[i]);
	return ca_line_words(l, &p->principals, "names", e);
}

static int
source_address(struct ca_profile *p, const struct conf_line *l,
    struct err *e)
{
	int r;

	if ((r = one_text(p, l, &p->source_address, SAID_SOURCES, e)) != 0)
		return r;
	if (ca_sources_check(span_cstr(p->source_address), e) != 0) {
		e->code = ERR_USAGE;
		return err_wrap(e, "%s", l->word[0]);
	}
	return 0;
}

static int
validity(struct ca_profile *p, const struct conf_line *l, struct err *e)
{
	int r;

	if ((r = ca_line_once(l, &p->said, SAID_VALIDITY, e)) != 0 ||
	    (r = ca_line_time(l, &p->validity, e)) != 0)
		return r;
	return p->validity != 0 ? 0 : err_set(e, ERR_USAGE, 0,
	    "%s: 0 is none", l->word[0]);
}

static int
verify_required(struct ca_profile *p, const struct conf_line *l,
    struct err *e)
{
	int r = ca_line_once(l, &p->said, SAID_VERIFY, e);

	return r != 0 ? r : conf_bool(l, &p->verify_required, e);
}

int
ca_profile_check(const struct ca_profile *p, struct err *e)
{
	if (p->type == CERT_HOST && (p->force_command != NULL ||
	    p->source_address != NULL || p->verify_required))
		return err_set(e, ERR_USAGE, 0, "Profile \"%s\": a host "
		    "certificate has no ForceCommand, SourceAddress or "
		    "VerifyRequired", p->name);
	return 0;
}

/* --- the table --- */

static const struct keyword {
	const char	*name;
	int		(*fn)(struct ca_profile *, const struct conf_line *,
			    struct err *);
} keywords[] = {
	{ "CAKey",		ca_key },
	{ "CertificateType",	certificate_type },
	{ "Extensions",		extensions },
	{ "ForceCommand",	force_command },
	{ "KeyId",		key_id },
	{ "Principals",		principals },
	{ "SourceAddress",	source_address },
	{ "Validity",		validity },
	{ "VerifyRequired",	verify_required },
};

static const struct keyword *
keyword_of(const char *name)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (strcasecmp(name, keywords[i].name) == 0)
			return &keywords[i];
	return NULL;
}

bool
ca_profile_knows(const char *keyword)
{
	return keyword_of(keyword) != NULL;
}

int
ca_profile_line(struct ca_profile *p, const struct conf_line *l,
    struct err *e)
{
	const struct keyword *k = keyword_of(l->word[0]);

	return k != NULL ? k->fn(p, l, e) : err_set(e, ERR_USAGE, 0,
	    "\"%s\" is no keyword of a Profile block", l->word[0]);
}

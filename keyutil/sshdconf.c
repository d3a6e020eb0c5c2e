/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keyutil/sshdconf.h"

#define BLANKS		" \t\r\f"
#define RSA_BITS_MAX	16384

/* The keywords of which the value is kept as it is. */
static const char **
place_of(struct sshdconf *c, const char *name)
{
	const struct {
		const char	*name;
		const char	**place;
	} places[] = {
		{ "AuthorizedPrincipalsCommand", &c->command },
		{ "AuthorizedPrincipalsFile", &c->principals },
		{ "CASignatureAlgorithms", &c->ca_algorithms },
		{ "PubkeyAcceptedAlgorithms", &c->key_algorithms },
		{ "PubkeyAcceptedKeyTypes", &c->key_algorithms },
		{ "RevokedKeys", &c->revoked },
		{ "TrustedUserCAKeys", &c->trusted },
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (strcasecmp(places[i].name, name) == 0)
			return places[i].place;
	return NULL;
}

static void
take_unjudged(struct sshdconf *c, const char *name)
{
	static const char *const names[SSHDCONF_UNJUDGED] = { "AllowGroups",
	    "AllowUsers", "AuthenticationMethods", "DenyGroups", "DenyUsers",
	    "PermitRootLogin" };

	for (size_t i = 0; i < c->n_unjudged; i++)
		if (strcasecmp(c->unjudged[i], name) == 0)
			return;
	for (size_t i = 0; i < SSHDCONF_UNJUDGED; i++)
		if (strcasecmp(names[i], name) == 0)
			c->unjudged[c->n_unjudged++] = names[i];
}

static int
take_bits(struct sshdconf *c, const char *value)
{
	unsigned long bits = 0;
	const char *s = value;

	for (; *s >= '0' && *s <= '9' && bits <= RSA_BITS_MAX; s++)
		bits = bits * 10 + (unsigned long)(*s - '0');
	if (s == value || *s != '\0')
		return -1;
	c->rsa_bits = (unsigned int)bits;
	return 0;
}

static int
take_pubkey(struct sshdconf *c, const char *value)
{
	c->pubkey_off = strcasecmp(value, "no") == 0 ||
	    strcasecmp(value, "false") == 0;
	return c->pubkey_off || strcasecmp(value, "yes") == 0 ||
	    strcasecmp(value, "true") == 0 ? 0 : -1;
}

/* A value that keeps nobody out who comes with a key. */
static bool
lets_keys_in(const char *value)
{
	static const char *const values[] = { "none", "any", "publickey",
	    "yes", "prohibit-password", "without-password" };

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (strcasecmp(value, values[i]) == 0)
			return true;
	return false;
}

/* The keywords that were met: the first line counts. */
struct met {
	bool	 bits, pubkey;
};

static int
take(struct sshdconf *c, struct met *met, const char *name, char *value,
    unsigned int number)
{
	const char **place = place_of(c, name);
	int r = 0;

	if (strcasecmp(name, "Match") == 0)
		c->match = number;
	else if (strcasecmp(name, "Include") == 0)
		c->include = c->include != 0 ? c->include : number;
	else if (place != NULL)
		*place = *place != NULL ? *place : value;
	else if (strcasecmp(name, "RequiredRSASize") == 0 && !met->bits) {
		met->bits = true;
		r = take_bits(c, value);
	} else if (strcasecmp(name, "PubkeyAuthentication") == 0 &&
	    !met->pubkey) {
		met->pubkey = true;
		r = take_pubkey(c, value);
	} else if (!lets_keys_in(value))
		take_unjudged(c, name);
	return r;
}

/* The first word of a value, which may stand in "quotes"; NULL: it has none. */
static char *
value_of(char *s)
{
	char *end;

	if (*s == '"') {
		if ((end = strchr(++s, '"')) == NULL)
			return NULL;
	} else if (*s == '#')
		return NULL;
	else
		end = s + strcspn(s, BLANKS);
	*end = '\0';
	return *s != '\0' ? s : NULL;
}

/* "Keyword value", "Keyword=value"; false: it is neither. */
static bool
split(char *line, char **name, char **value)
{
	size_t n;

	*name = line + strspn(line, BLANKS);
	if (**name == '\0' || **name == '#') {
		*name = NULL;
		return true;
	}
	n = strcspn(*name, BLANKS "=");
	*value = *name + n;
	*value += strspn(*value, BLANKS);
	if (**value == '=')
		(*value)++;
	*value += strspn(*value, BLANKS);
	(*name)[n] = '\0';
	return (*value = value_of(*value)) != NULL;
}

/* "none" is what is not set. */
static void
drop_none(struct sshdconf *c)
{
	const char **const all[] = { &c->trusted, &c->revoked,
	    &c->principals, &c->command };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (*all[i] != NULL && strcasecmp(*all[i], "none") == 0)
			*all[i] = NULL;
}

static int
take_line(struct sshdconf *c, struct met *met, char *line,
    unsigned int number, struct err *e)
{
	char *name, *value;

	if (!split(line, &name, &value))
		return err_set(e, ERR_FORMAT, 0, "line %u has no value",
		    number);
	if (name != NULL && take(c, met, name, value, number) != 0)
		return err_set(e, ERR_FORMAT, 0, "line %u: no value for "
		    "%.40s: \"%.40s\"", number, name, value);
	return 0;
}

int
sshdconf_parse(struct span text, struct sshdconf *c, struct err *e)
{
	struct met met = { 0 };
	unsigned int number = 0;
	char *line, *next;
	int r = 0;

	*c = (struct sshdconf){ 0 };
	if (text.n > SSHDCONF_MAX)
		return err_set(e, ERR_LIMIT, 0, "more than %d bytes",
		    SSHDCONF_MAX);
	if (text.n > 0 && memchr(text.p, 0, text.n) != NULL)
		return err_set(e, ERR_FORMAT, 0, "it is no text");
	if ((c->text = malloc(text.n + 1)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "sshd_config");
	if (text.n > 0)
		memcpy(c->text, text.p, text.n);
	c->text[text.n] = '\0';
	for (line = c->text; r == 0 && line != NULL && c->match == 0;
	    line = next) {
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		r = take_line(c, &met, line, ++number, e);
	}
	drop_none(c);
	if (r != 0)
		sshdconf_free(c);
	return r;
}

void
sshdconf_free(struct sshdconf *c)
{
	free(c->text);
	*c = (struct sshdconf){ 0 };
}

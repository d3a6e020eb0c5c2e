/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <strings.h>

#include "ca/sources.h"
#include "ca/wish.h"
#include "ssh/keytext.h"

#define SHOWN	65	/* bytes of a word in a sentence, with NUL */

/* Permissions a user has unasked come first. */
static const struct flag {
	const char	*with, *without;
	const char	*name;
	bool		 usual;
	bool		 critical;
} flags[] = {
	{ "permit-X11-forwarding", "no-X11-forwarding",
	    "permit-X11-forwarding", true, false },
	{ "permit-agent-forwarding", "no-agent-forwarding",
	    "permit-agent-forwarding", true, false },
	{ "permit-port-forwarding", "no-port-forwarding",
	    "permit-port-forwarding", true, false },
	{ "permit-pty", "no-pty", "permit-pty", true, false },
	{ "permit-user-rc", "no-user-rc", "permit-user-rc", true, false },
	{ "no-touch-required", "touch-required",
	    "no-touch-required", false, false },
	{ "verify-required", "no-verify-required",
	    "verify-required", false, true },
};

#define N_FLAGS	(sizeof(flags) / sizeof(*flags))

static struct ca_draft_options *
list_of(struct ca_draft *d, bool critical)
{
	return critical ? &d->critical : &d->extensions;
}

static int
set_flag(struct ca_draft *d, const struct flag *f, bool with, struct err *e)
{
	struct ca_draft_options *o = list_of(d, f->critical);

	if (with)
		return ca_draft_add_option(o, span_cstr(f->name), NULL, e);
	ca_draft_remove_option(o, f->name);
	return 0;
}

int
ca_wish_begin(struct ca_draft *d, enum cert_type type, struct err *e)
{
	int r = 0;

	*d = (struct ca_draft){ .type = type };
	for (size_t i = 0; i < N_FLAGS && type == CERT_USER && r == 0; i++)
		if (flags[i].usual)
			r = set_flag(d, &flags[i], true, e);
	return r;
}

/* --- options --- */

static int
add_command(struct ca_draft *d, const char *value, struct err *e)
{
	const struct span s = span_cstr(value);

	if (s.n == 0)
		return err_set(e, ERR_USAGE, 0, "force-command= takes a "
		    "command");
	return ca_draft_add_option(&d->critical, span_cstr("force-command"),
	    &s, e);
}

static int
add_sources(struct ca_draft *d, const char *value, struct err *e)
{
	const struct span s = span_cstr(value);

	if (ca_sources_check(s, e) != 0) {
		(void)err_wrap(e, "source-address= takes addresses and "
		    "networks, separated by commas");
		return (int)(e->code = ERR_USAGE);
	}
	return ca_draft_add_option(&d->critical, span_cstr("source-address"),
	    &s, e);
}

/* NAME or NAME=VALUE, where the value may be empty. */
static int
add_any(struct ca_draft_options *o, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	struct span name = span_cstr(text), value;

	if (equals != NULL)
		name.n = (size_t)(equals - text);
	if (name.n == 0)
		return err_set(e, ERR_USAGE, 0, "an option without a name");
	if (equals == NULL)
		return ca_draft_add_option(o, name, NULL, e);
	value = span_cstr(equals + 1);
	return ca_draft_add_option(o, name, &value, e);
}

static int
add_critical(struct ca_draft *d, const char *text, struct err *e)
{
	return add_any(&d->critical, text, e);
}

static int
add_extension(struct ca_draft *d, const char *text, struct err *e)
{
	return add_any(&d->extensions, text, e);
}

static const struct {
	const char	*prefix;
	int		(*fn)(struct ca_draft *, const char *, struct err *);
} valued[] = {
	{ "force-command=", add_command },
	{ "source-address=", add_sources },
	{ "critical:", add_critical },
	{ "extension:", add_extension },
};

static void
clear_flags(struct ca_draft *d)
{
	for (size_t i = 0; i < N_FLAGS; i++)
		ca_draft_remove_option(list_of(d, flags[i].critical),
		    flags[i].name);
}

int
ca_wish_option(struct ca_draft *d, const char *text, struct err *e)
{
	char shown[SHOWN];

	if (strcasecmp(text, "clear") == 0) {
		clear_flags(d);
		return 0;
	}
	for (size_t i = 0; i < N_FLAGS; i++)
		if (strcasecmp(text, flags[i].with) == 0)
			return set_flag(d, &flags[i], true, e);
		else if (strcasecmp(text, flags[i].without) == 0)
			return set_flag(d, &flags[i], false, e);
	for (size_t i = 0; i < sizeof(valued) / sizeof(*valued); i++) {
		const size_t n = strlen(valued[i].prefix);

		if (strncasecmp(text, valued[i].prefix, n) == 0)
			return valued[i].fn(d, text + n, e);
	}
	keytext_clean(shown, sizeof(shown), span_cstr(text));
	return err_set(e, ERR_USAGE, 0, "\"%s\" is no option of a "
	    "certificate; other names go after extension: or critical:",
	    shown);
}

/* --- names and numbers --- */

int
ca_wish_principals(struct ca_draft *d, const char *list, struct err *e)
{
	const char *p = list;
	struct span name;
	int r;

	for (;;) {
		name = (struct span){ (const uint8_t *)p, strcspn(p, ",") };
		if (name.n == 0)
			return err_set(e, ERR_USAGE, 0, "a principal without "
			    "a name: NAME[,NAME]... expected");
		if ((r = ca_draft_add_principal(d, name, e)) != 0)
			return r;
		p += name.n;
		if (*p++ == '\0')
			return 0;
	}
}

int
ca_wish_serial(const char *text, uint64_t *serial, struct err *e)
{
	char shown[SHOWN];
	const char *p = text;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		const uint64_t digit = (uint64_t)(*p - '0');

		if (v > (UINT64_MAX - digit) / 10)
			break;
		v = v * 10 + digit;
	}
	if (p == text || *p != '\0') {
		keytext_clean(shown, sizeof(shown), span_cstr(text));
		return err_set(e, ERR_USAGE, 0, "\"%s\" is no serial number: "
		    "0 to 18446744073709551615", shown);
	}
	*serial = v;
	return 0;
}

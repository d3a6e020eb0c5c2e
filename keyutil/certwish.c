/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ca/when.h"
#include "ca/wish.h"
#include "keyutil/certwish.h"
#include "keyutil/keyid.h"

#define COMMAND	"force-command="
#define SOURCES	"source-address="

/* --- options --- */

static bool
is_said(const struct certwish *w, const char *prefix)
{
	const size_t n = strlen(prefix);

	for (size_t i = 0; i < w->n_options; i++)
		if (strncasecmp(w->options[i], prefix, n) == 0)
			return true;
	return w->more_options != NULL &&
	    strcasestr(w->more_options, prefix) != NULL;
}

static int
add_valued(struct ca_draft *d, const char *prefix, const char *value,
    struct err *e)
{
	char *text;
	int r;

	if (asprintf(&text, "%s%s", prefix, value) == -1)
		return err_set(e, ERR_NOMEM, 0, "option");
	r = ca_wish_option(d, text, e);
	free(text);
	return r;
}

static int
add_extensions(const struct ca_profile *p, struct ca_draft *d, struct err *e)
{
	int r = 0;

	if (!p->extensions_said)
		return 0;
	while (d->extensions.n > 0)
		ca_draft_remove_option(&d->extensions,
		    d->extensions.v[0].name);
	for (size_t i = 0; r == 0 && i < p->extensions.n; i++)
		r = ca_draft_add_option(&d->extensions,
		    span_cstr(p->extensions.v[i]), NULL, e);
	return r;
}

static int
add_profile(const struct certwish *w, struct ca_draft *d, struct err *e)
{
	const struct ca_profile *p = w->profile;
	int r;

	if ((r = add_extensions(p, d, e)) != 0)
		return r;
	if (p->verify_required &&
	    (r = ca_wish_option(d, "verify-required", e)) != 0)
		return r;
	if (p->force_command != NULL && !is_said(w, COMMAND) &&
	    (r = add_valued(d, COMMAND, p->force_command, e)) != 0)
		return r;
	if (p->source_address != NULL && !is_said(w, SOURCES))
		r = add_valued(d, SOURCES, p->source_address, e);
	return r;
}

/* "a;b; c" */
static int
add_more(const char *text, struct ca_draft *d, struct err *e)
{
	char *copy = strdup(text), *rest = copy, *one;
	int r = 0;

	if (copy == NULL)
		return err_set(e, ERR_NOMEM, 0, "options");
	while (r == 0 && (one = strsep(&rest, ";")) != NULL) {
		one += strspn(one, " \t");
		if (*one != '\0')
			r = ca_wish_option(d, one, e);
	}
	free(copy);
	return r;
}

static int
add_options(const struct certwish *w, struct ca_draft *d, struct err *e)
{
	int r = 0;

	if (w->profile != NULL && (r = add_profile(w, d, e)) != 0)
		return r;
	for (size_t i = 0; r == 0 && i < w->n_options; i++)
		r = ca_wish_option(d, w->options[i], e);
	if (r == 0 && w->more_options != NULL)
		r = add_more(w->more_options, d, e);
	return r;
}

/* --- names and times --- */

static int
add_principals(const struct certwish *w, struct ca_draft *d, struct err *e)
{
	const struct ca_list *l = w->profile != NULL ?
	    &w->profile->principals : NULL;
	int r = 0;

	if (w->principals != NULL)
		return ca_wish_principals(d, w->principals, e);
	if (l == NULL || l->n == 0)
		return err_set(e, ERR_USAGE, 0, "a certificate without "
		    "principals is for anyone: name them with --principals");
	for (size_t i = 0; r == 0 && i < l->n; i++)
		r = ca_draft_add_principal(d, span_cstr(l->v[i]), e);
	return r;
}

static int
set_times(const struct certwish *w, struct ca_draft *d, struct err *e)
{
	uint64_t seconds = 0;
	char text[32];
	int r;

	if (w->profile != NULL)
		seconds = w->profile->validity;
	if (seconds == 0 && w->block != NULL)
		seconds = w->block->default_validity;
	if (w->validity == NULL && seconds == 0)
		return err_set(e, ERR_USAGE, 0, "until when?  Say it with "
		    "--validity, such as 8h or 52w, or in the configuration "
		    "with Validity or DefaultValidity");
	snprintf(text, sizeof(text), "+%" PRIu64 "s", seconds);
	if ((r = ca_when_parse(w->validity != NULL ? w->validity : text,
	    w->now, &d->valid_after, &d->valid_before, e)) != 0)
		return r;
	return d->valid_before != CERT_FOREVER ? 0 : err_set(e, ERR_USAGE, 0,
	    "no certificate is valid for ever: say until when with "
	    "--validity");
}

static const char *
key_id_of(const struct certwish *w)
{
	if (w->key_id != NULL)
		return w->key_id;
	return w->profile != NULL && w->profile->key_id != NULL ?
	    w->profile->key_id : KEYID_DEFAULT;
}

int
certwish_fill(const struct certwish *w, struct certorder *o, struct err *e)
{
	struct ca_draft *d = &o->draft;
	int r;

	if ((r = ca_wish_begin(d, w->type, e)) != 0 ||
	    (r = add_principals(w, d, e)) != 0 ||
	    (r = set_times(w, d, e)) != 0 ||
	    (r = add_options(w, d, e)) != 0)
		return r;
	o->numbered = w->serial != NULL;
	if (o->numbered && (r = ca_wish_serial(w->serial, &d->serial,
	    e)) != 0)
		return r;
	o->key_id = strdup(key_id_of(w));
	return o->key_id != NULL ? 0 : err_set(e, ERR_NOMEM, 0, "key id");
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "keyutil/cmd.h"
#include "keyutil/keys.h"
#include "keyutil/names.h"
#include "keyutil/out.h"
#include "keyutil/trustlines.h"
#include "ssh/keytext.h"

enum {
	OPT_FORMAT,
	OPT_PRINCIPALS,
	OPT_HOSTS,
	OPT_NAMESPACES,
	OPT_CA,
	OPT_TOKEN,
	OPT_MODULE,
};

static const struct cmd_option options[] = {
	[OPT_FORMAT] = { "format", "FORMAT",
	    "openssh (the default), cert-authority, known_hosts, "
	    "allowed_signers, pem, rfc4716, sshfp or fingerprint" },
	[OPT_PRINCIPALS] = { "principals", "LIST",
	    "names, separated by commas; may be given for cert-authority, "
	    "must be for allowed_signers" },
	[OPT_HOSTS] = { "hosts", "LIST",
	    "host patterns, separated by commas, for known_hosts; one host "
	    "name for sshfp" },
	[OPT_NAMESPACES] = { "namespaces", "LIST",
	    "what the key signs, e.g. git,file; for allowed_signers" },
	[OPT_CA] = { "ca", NULL,
	    "the key is a CA: the line trusts its certificates, not the key "
	    "itself; for known_hosts and allowed_signers" },
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	[OPT_MODULE] = CMD_OPTION_MODULE,
	{ 0 },
};

/* What of the command line a format has in its lines; NULL: not given. */
struct wish {
	const char	*principals, *hosts, *namespaces;
	bool		 ca;
};

typedef char *format_fn(const struct wish *w, struct span blob,
    const char *label);

static char *
as_openssh(const struct wish *w, struct span blob, const char *label)
{
	(void)w;
	return keytext_openssh(blob, label);
}

static char *
as_cert_authority(const struct wish *w, struct span blob, const char *label)
{
	char *key = keytext_openssh(blob, label), *line = NULL;

	if (key != NULL)
		line = trustlines_authorized_keys(key, w->principals);
	free(key);
	return line;
}

static char *
as_known_hosts(const struct wish *w, struct span blob, const char *label)
{
	char *key = keytext_openssh(blob, label), *line = NULL;

	if (key != NULL)
		line = trustlines_known_hosts(key, w->hosts, w->ca);
	free(key);
	return line;
}

static char *
as_allowed_signers(const struct wish *w, struct span blob,
    const char *label)
{
	char *key = keytext_openssh(blob, label), *line = NULL;

	if (key != NULL)
		line = trustlines_allowed_signers(key, w->principals,
		    w->namespaces, w->ca);
	free(key);
	return line;
}

static char *
as_pem(const struct wish *w, struct span blob, const char *label)
{
	(void)w;
	(void)label;
	return keytext_pem(blob);
}

static char *
as_rfc4716(const struct wish *w, struct span blob, const char *label)
{
	(void)w;
	return keytext_rfc4716(blob, label);
}

static char *
as_sshfp(const struct wish *w, struct span blob, const char *label)
{
	(void)label;
	return keytext_sshfp(blob, w->hosts);
}

static char *
as_fingerprint(const struct wish *w, struct span blob, const char *label)
{
	(void)w;
	return keytext_listing(blob, label);
}

/*
 * The first is the default.  takes, needs: sets of options, as bits by their
 * place in the table.
 */
static const struct format {
	const char	*name;
	format_fn	*fn;
	unsigned int	 takes, needs;
} formats[] = {
	{ "openssh", as_openssh, 0, 0 },
	{ "cert-authority", as_cert_authority, 1U << OPT_PRINCIPALS, 0 },
	{ "known_hosts", as_known_hosts, 1U << OPT_HOSTS | 1U << OPT_CA,
	    1U << OPT_HOSTS },
	{ "allowed_signers", as_allowed_signers, 1U << OPT_PRINCIPALS |
	    1U << OPT_NAMESPACES | 1U << OPT_CA, 1U << OPT_PRINCIPALS },
	{ "pem", as_pem, 0, 0 },
	{ "rfc4716", as_rfc4716, 0, 0 },
	{ "sshfp", as_sshfp, 1U << OPT_HOSTS, 1U << OPT_HOSTS },
	{ "fingerprint", as_fingerprint, 0, 0 },
};

static const struct format *
find_format(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

/* The options that belong to some format are there for this one or not. */
static int
check_options(const struct format *f, const struct cmd_args *a,
    struct err *e)
{
	for (unsigned int i = OPT_PRINCIPALS; i <= OPT_CA; i++) {
		if (a->value[i] == NULL && (f->needs & 1U << i) != 0)
			return err_set(e, ERR_USAGE, 0,
			    "the format %s needs --%s", f->name,
			    options[i].name);
		if (a->value[i] != NULL && (f->takes & 1U << i) == 0)
			return err_set(e, ERR_USAGE, 0,
			    "the format %s takes no --%s", f->name,
			    options[i].name);
	}
	return 0;
}

static int
check_wish(const struct format *f, const struct wish *w, struct err *e)
{
	int r = 0;

	if (w->principals != NULL)
		r = f->fn == as_cert_authority ?
		    names_check_principals(w->principals, e) :
		    names_check_patterns(w->principals, e);
	if (r == 0 && w->hosts != NULL)
		r = f->fn == as_sshfp ? names_check_hostname(w->hosts, e) :
		    names_check_hosts(w->hosts, e);
	if (r == 0 && w->namespaces != NULL)
		r = names_check_patterns(w->namespaces, e);
	return r;
}

static int
parse_wish(const struct cmd_args *a, const struct format **f,
    struct wish *w, struct err *e)
{
	const char *format = a->value[OPT_FORMAT];
	int r;

	*f = find_format(format != NULL ? format : formats[0].name);
	if (*f == NULL)
		return err_set(e, ERR_USAGE, 0, "no such format: %.64s",
		    format);
	*w = (struct wish){ .principals = a->value[OPT_PRINCIPALS],
	    .hosts = a->value[OPT_HOSTS],
	    .namespaces = a->value[OPT_NAMESPACES],
	    .ca = a->value[OPT_CA] != NULL };
	if ((r = check_options(*f, a, e)) != 0)
		return r;
	return check_wish(*f, w, e);
}

/* The keys to print, in order, each public key once. */
struct chosen {
	const struct token_key	**v;
	size_t			  n;
};

static void
chosen_add(struct chosen *c, const struct token_key *k)
{
	for (size_t i = 0; i < c->n; i++)
		if (keys_same(c->v[i], k))
			return;
	c->v[c->n++] = k;
}

static size_t
count_keys(const struct tokens *ts)
{
	size_t n = 0;

	for (size_t i = 0; i < ts->n; i++)
		n += ts->v[i].keys.n;
	return n;
}

static void
choose_all(const struct tokens *ts, struct chosen *c)
{
	for (size_t i = 0; i < ts->n; i++)
		for (size_t k = 0; k < ts->v[i].keys.n; k++)
			if (ts->v[i].keys.v[k].blob != NULL)
				chosen_add(c, &ts->v[i].keys.v[k]);
}

static int
choose_named(const struct tokens *ts, const struct cmd_args *a,
    struct chosen *c, struct err *e)
{
	const struct token_key *k;
	int r;

	for (size_t i = 0; i < a->n_operands; i++) {
		if ((r = keys_find_public(ts, a->operand[i], &k, e)) != 0)
			return r;
		chosen_add(c, k);
	}
	return 0;
}

static int
choose(const struct tokens *ts, const struct cmd_args *a, struct chosen *c,
    struct err *e)
{
	/* Each key and each operand adds one at most. */
	c->v = calloc(count_keys(ts) + a->n_operands + 1, sizeof(*c->v));
	if (c->v == NULL)
		return err_set(e, ERR_NOMEM, 0, "keys");
	if (a->n_operands > 0)
		return choose_named(ts, a, c, e);
	choose_all(ts, c);
	if (c->n == 0)
		return err_set(e, ERR_NOTFOUND, 0,
		    "no key that SSH can use; \"hsm-keyutil list --all\" "
		    "shows what there is");
	return 0;
}

static int
print(const struct format *f, const struct wish *w, const struct chosen *c,
    struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct token_key *k = c->v[i];
		char *text = f->fn(w, (struct span){ k->blob, k->blob_n },
		    k->label);
		size_t n;

		if (text == NULL)
			return err_set(e, ERR_NOMEM, 0, "key %s", k->id);
		n = strlen(text);
		fputs(text, stdout);
		if (n == 0 || text[n - 1] != '\n')
			putchar('\n');
		free(text);
	}
	return 0;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct chosen c = { 0 };
	const struct format *f = NULL;
	struct tokens ts;
	struct wish w;
	int r;

	if ((r = parse_wish(a, &f, &w, e)) != 0)
		return r;
	if ((r = tokens_open_in(&ts, a->value[OPT_MODULE],
	    a->value[OPT_TOKEN], e)) != 0 ||
	    (r = tokens_read_keys(&ts, e)) != 0 ||
	    (r = choose(&ts, a, &c, e)) != 0 ||
	    (r = print(f, &w, &c, e)) != 0)
		goto out;
	if (a->n_operands == 0)
		r = tokens_failed(&ts, e);
out:
	free(c.v);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_export = {
	.name = "export",
	.operands = "[KEY...]",
	.summary = "print public keys for authorized_keys and the like; "
	    "needs no PIN",
	.about = "A KEY is named by its label, its id, or its SHA256: "
	    "fingerprint; without one, every key that SSH can use is "
	    "printed.",
	.options = options,
	.run = run,
};

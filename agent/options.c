/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/keywords.h"
#include "agent/options.h"
#include "base/conf.h"
#include "base/paths.h"
#include "token/modclient.h"
#include "token/p11uri.h"

#define PIN_TIMEOUT	120	/* s: a prompt that nobody sees must end */

enum long_option {
	OPT_ALLOW_SHA1 = 256,
	OPT_CONFIG,
	OPT_HELP,
	OPT_PIN_FD,
	OPT_TOKEN,
	OPT_UNLOCK,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "allow-sha1",	no_argument,		NULL, OPT_ALLOW_SHA1 },
	{ "config",	required_argument,	NULL, OPT_CONFIG },
	{ "help",	no_argument,		NULL, OPT_HELP },
	{ "pin-fd",	required_argument,	NULL, OPT_PIN_FD },
	{ "token",	required_argument,	NULL, OPT_TOKEN },
	{ "unlock",	no_argument,		NULL, OPT_UNLOCK },
	{ "version",	no_argument,		NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* '+': what follows COMMAND belongs to it. */
static const char short_options[] = "+a:cdDkP:sTt:";

const char options_usage[] =
    "usage: hsm-ssh-agent [-c | -s] [-d | -D] [-a socket] [-P providers]\n"
    "                     [-t life] [--unlock] [--pin-fd N] [--token NAME]\n"
    "                     [--allow-sha1] [--config FILE] [COMMAND [ARG ...]]\n"
    "       hsm-ssh-agent [-c | -s] -k\n"
    "       hsm-ssh-agent -T [--config FILE]\n"
    "       hsm-ssh-agent --help | --version\n";

static int
set_string(char **to, const char *value, struct err *e)
{
	free(*to);
	if ((*to = strdup(value)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "options");
	return 0;
}

static int
set_fd(int *to, const char *value, struct err *e)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || v < 0 || v > INT_MAX)
		return err_set(e, ERR_USAGE, 0,
		    "--pin-fd: \"%s\" is not a file descriptor", value);
	*to = (int)v;
	return 0;
}

static int
apply(struct options *o, int opt, const char *value, struct err *e)
{
	switch (opt) {
	case 'a':
		return set_string(&o->socket, value, e);
	case 'c':
		o->shell = SHELL_CSH;
		return 0;
	case 's':
		o->shell = SHELL_SH;
		return 0;
	case 'd':
		o->debug = true;
		o->foreground = true;
		return 0;
	case 'D':
		o->foreground = true;
		return 0;
	case 'k':
		o->kill_agent = true;
		return 0;
	case 'P':
		return set_string(&o->providers, value, e);
	case 'T':
		o->check = true;
		return 0;
	case 't':
		o->lifetime_set = true;
		return conf_time(value, &o->lifetime, e);
	case OPT_ALLOW_SHA1:
		o->allow_sha1 = true;
		return 0;
	case OPT_CONFIG:
		free(o->config);
		return paths_absolute(&o->config, value, e);
	case OPT_HELP:
		o->help = true;
		return 0;
	case OPT_PIN_FD:
		return set_fd(&o->pin_fd, value, e);
	case OPT_TOKEN:
		return set_string(&o->token, value, e);
	case OPT_UNLOCK:
		o->unlock = true;
		return 0;
	case OPT_VERSION:
		o->version = true;
		return 0;
	}
	return err_set(e, ERR_USAGE, 0, "try \"hsm-ssh-agent --help\"");
}

void
options_default(struct options *o)
{
	*o = (struct options){ .pin_fd = -1, .log_level = LOG_LEVEL_INFO,
	    .pin_timeout = PIN_TIMEOUT, .module_timeout = MODCLIENT_TIMEOUT,
	    .lock_on_suspend = true,
	    .all = { .scope = LOGIN_SCOPE_SESSION,
	    .cache = PIN_CACHE_MEMORY },
	    .all_keys = { .confirm = false, .offer = true } };
}

int
options_args(struct options *o, int argc, char **argv, struct err *e)
{
	int ch, r;

	options_default(o);
	optind = 0;		/* getopt_long() begins anew, as glibc has it */
	while ((ch = getopt_long(argc, argv, short_options, long_options,
	    NULL)) != -1)
		if ((r = apply(o, ch, optarg, e)) != 0)
			return r;
	if (optind < argc)
		o->command = argv + optind;
	if (o->command != NULL && o->foreground)
		return err_set(e, ERR_USAGE, 0,
		    "-d and -D do not go with a COMMAND");
	return 0;
}

int
options_load(struct options *o, struct err *e)
{
	int r;

	r = keywords_load(o, e);
	if (r == ERR_FORMAT || r == ERR_LIMIT)
		r = (int)(e->code = ERR_USAGE);
	if (o->debug)
		o->log_level = LOG_LEVEL_DEBUG;
	return r;
}

static const struct token_options *
block_of(const struct options *o, const char *name)
{
	for (size_t i = 0; i < o->n_tokens; i++)
		if (strcmp(o->tokens[i].name, name) == 0)
			return &o->tokens[i];
	return NULL;
}

/* One that says more than serial number and label was refused. */
static const struct token_options *
block_in_uri(const struct options *o, const char *serial, const char *label)
{
	const struct p11uri_token token = { serial, label, "", "" };
	struct p11uri uri;
	struct err ignored;

	for (size_t i = 0; i < o->n_tokens; i++)
		if (p11uri_is(o->tokens[i].name) &&
		    p11uri_parse(&uri, o->tokens[i].name, &ignored) == 0 &&
		    p11uri_matches(&uri, &token))
			return &o->tokens[i];
	return NULL;
}

const struct token_options *
options_block(const struct options *o, const char *serial, const char *label)
{
	const struct token_options *t = block_of(o, serial);

	if (t == NULL && label[0] != '\0')
		t = block_of(o, label);
	return t != NULL ? t : block_in_uri(o, serial, label);
}

struct token_policy
options_policy(const struct options *o, const char *serial,
    const char *label)
{
	const struct token_options *t = options_block(o, serial, label);
	int scope = t != NULL && t->scope != -1 ? t->scope : o->all.scope;
	int cache = t != NULL && t->cache != -1 ? t->cache : o->all.cache;

	return (struct token_policy){ (enum login_scope)scope,
	    (enum pin_cache)cache };
}

static const struct key_options *
key_block(const struct options *o, const char *name,
    int (*compare)(const char *, const char *))
{
	for (size_t i = 0; i < o->n_keys; i++)
		if (compare(o->keys[i].name, name) == 0)
			return &o->keys[i];
	return NULL;
}

/* Of these, the nearest first, which may be NULL: take what is not said. */
static void
take_said(struct key_policy *p, const struct key_options *const *from,
    size_t n)
{
	int confirm = -1, offer = -1;

	for (size_t i = 0; i < n; i++) {
		const struct key_options *k = from[i];

		if (k == NULL)
			continue;
		if (p->use == NULL && k->use_said)
			p->use = &k->use;
		if (p->forwarded == NULL && k->forwarded_said)
			p->forwarded = &k->forwarded;
		if (p->relayed == NULL && k->relayed_said)
			p->relayed = &k->relayed;
		if (p->hosts == NULL && k->n_hosts > 0)
			p->hosts = k;
		confirm = confirm != -1 ? confirm : k->confirm;
		offer = offer != -1 ? offer : k->offer;
	}
	p->confirm = confirm == 1;
	p->offer = offer == 1;
}

struct key_policy
options_key_policy(const struct options *o, const char *fingerprint,
    const char *id, const char *label)
{
	const struct key_options *from[3] = { NULL, NULL, &o->all_keys };
	const struct ca_block *ca = ca_blocks_find(&o->ca, fingerprint, id,
	    label);
	struct key_policy p = { 0 };

	if (ca != NULL) {
		from[0] = &o->ca_keys[ca - o->ca.cas];
		p.ca = &ca->policy;
		p.use = &uses_certify;
	}
	if ((from[1] = key_block(o, fingerprint, strcmp)) == NULL &&
	    (from[1] = key_block(o, id, strcasecmp)) == NULL)
		from[1] = key_block(o, label, strcmp);
	p.contradicted = p.ca != NULL && from[1] != NULL &&
	    from[1]->use_said && from[1]->use.set != uses_certify.set;
	take_said(&p, from, 3);
	if (p.use == NULL)
		p.use = &uses_default;
	if (p.forwarded == NULL)
		p.forwarded = &uses_default_forwarded;
	return p;
}

bool
options_name_labels(const struct options *o, const char *serial)
{
	return (o->n_tokens > 0 && block_of(o, serial) == NULL) ||
	    (o->token != NULL && strcmp(o->token, serial) != 0);
}

static void
free_block(struct token_options *t)
{
	free(t->name);
	free(t->source.value);
}

static void
free_list(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void
free_key(struct key_options *k)
{
	free(k->name);
	uses_clear(&k->use);
	uses_clear(&k->forwarded);
	uses_clear(&k->relayed);
	free_list(k->hosts, k->n_hosts);
}

void
options_free(struct options *o)
{
	for (size_t i = 0; i < o->n_keys; i++)
		free_key(&o->keys[i]);
	free(o->keys);
	free_key(&o->all_keys);
	for (size_t i = 0; i < o->ca.n_cas; i++)
		free_key(&o->ca_keys[i]);
	free(o->ca_keys);
	ca_blocks_clear(&o->ca);
	free_list(o->certificates, o->n_certificates);
	free_list(o->modules, o->n_modules);
	free(o->audit);
	free(o->upstream);
	for (size_t i = 0; i < o->n_tokens; i++)
		free_block(&o->tokens[i]);
	free(o->tokens);
	free_block(&o->all);
	free(o->socket);
	free(o->cygwin);
	free(o->config);
	free(o->file);
	free(o->token);
	free(o->pinentry);
	free(o->notify);
	free(o->providers);
	*o = (struct options){ .pin_fd = -1 };
}

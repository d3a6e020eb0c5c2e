/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/keywords.h"
#include "agent/keywords_key.h"
#include "base/conf.h"
#include "token/p11uri.h"

#define MODULE_TIMEOUT_MAX	3600	/* s */

/* The Token block that a line stands in, or what holds for all tokens. */
static struct token_options *
block(struct options *o)
{
	return o->section != SECTION_TOKEN ? &o->all :
	    &o->tokens[o->n_tokens - 1];
}

static int
one_time(const struct conf_line *l, unsigned int *out, struct err *e)
{
	if (l->n != 2)
		return err_set(e, ERR_USAGE, 0, "%s takes one time",
		    l->word[0]);
	return conf_time(l->word[1], out, e);
}

/* Which of `names` (NULL at the end) is the value?  Their list is `all`. */
static int
one_of(const struct conf_line *l, const char *const *names, const char *all,
    int *out, struct err *e)
{
	for (int i = 0; l->n == 2 && names[i] != NULL; i++) {
		if (strcasecmp(l->word[1], names[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, 0, "%s takes %s", l->word[0], all);
}

static int
allow_sha1(struct options *o, const struct conf_line *l, struct err *e)
{
	bool v;
	int r;

	if ((r = conf_bool(l, &v, e)) == 0)
		o->allow_sha1 |= v;
	return r;
}

/* The agent does not stay in the directory where it was started. */
static int
whole_path(const struct conf_line *l, char **out, struct err *e)
{
	int r;

	if ((r = conf_path(l, out, e)) == 0 && (*out)[0] != '/') {
		free(*out);
		*out = NULL;
		r = err_set(e, ERR_USAGE, 0, "%s: \"%s\" is no whole path",
		    l->word[0], l->word[1]);
	}
	return r;
}

static int
audit_log(struct options *o, const struct conf_line *l, struct err *e)
{
	int r;

	free(o->audit);
	o->audit = NULL;
	if ((r = conf_path(l, &o->audit, e)) != 0)
		return r;
	if (o->audit[0] != '/' && strcmp(o->audit, "journal") != 0)
		return err_set(e, ERR_USAGE, 0,
		    "AuditLog takes the whole path of a file, or journal");
	return 0;
}

/* One after the other, in the order of the file; "none" stands alone. */
static int
certificates(struct options *o, const struct conf_line *l, struct err *e)
{
	struct conf_line one = { .file = l->file, .number = l->number,
	    .word = { l->word[0] }, .n = 2 };
	char **list;
	int r;

	if (l->n < 2)
		return err_set(e, ERR_USAGE, 0,
		    "Certificates takes files and directories, or none");
	for (size_t i = 1; i < l->n; i++)
		o->no_certificates |= strcasecmp(l->word[i], "none") == 0;
	if (o->no_certificates && (l->n > 2 || o->n_certificates > 0))
		return err_set(e, ERR_USAGE, 0,
		    "Certificates: none stands alone");
	if (o->no_certificates)
		return 0;
	for (size_t i = 1; i < l->n; i++) {
		list = reallocarray(o->certificates, o->n_certificates + 1,
		    sizeof(*list));
		if (list == NULL)
			return err_set(e, ERR_NOMEM, 0, "configuration");
		o->certificates = list;
		list[o->n_certificates] = NULL;
		one.word[1] = l->word[i];
		if ((r = whole_path(&one, &list[o->n_certificates], e)) != 0)
			return r;
		o->n_certificates++;
	}
	return 0;
}

static int
lifetime(struct options *o, const struct conf_line *l, struct err *e)
{
	unsigned int v;
	int r;

	if ((r = one_time(l, &v, e)) == 0 && !o->lifetime_set)
		o->lifetime = v;
	return r;
}

static int
lock_after_idle(struct options *o, const struct conf_line *l, struct err *e)
{
	return one_time(l, &o->idle, e);
}

static int
renew_certificates(struct options *o, const struct conf_line *l,
    struct err *e)
{
	return conf_bool(l, &o->renew, e);
}

static int
lock_on_screen_lock(struct options *o, const struct conf_line *l,
    struct err *e)
{
	return conf_bool(l, &o->lock_on_screen_lock, e);
}

static int
lock_on_suspend(struct options *o, const struct conf_line *l, struct err *e)
{
	return conf_bool(l, &o->lock_on_suspend, e);
}

static int
log_level(struct options *o, const struct conf_line *l, struct err *e)
{
	static const char *const names[] = {
		[LOG_LEVEL_QUIET] = "quiet",
		[LOG_LEVEL_ERROR] = "error",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
		NULL
	};
	int r, v;

	if ((r = one_of(l, names, "quiet, error, info or debug", &v, e)) == 0)
		o->log_level = (enum log_level)v;
	return r;
}

static int
login_scope(struct options *o, const struct conf_line *l, struct err *e)
{
	static const char *const names[] = {
		[LOGIN_SCOPE_SESSION] = "session",
		[LOGIN_SCOPE_TRANSACTION] = "transaction",
		NULL
	};

	return one_of(l, names, "session or transaction", &block(o)->scope,
	    e);
}

/* One after the other, in the order of the file. */
static int
module(struct options *o, const struct conf_line *l, struct err *e)
{
	char **list;
	int r;

	list = reallocarray(o->modules, o->n_modules + 1, sizeof(*list));
	if (list == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	o->modules = list;
	list[o->n_modules] = NULL;
	/* Without a slash it is a name in p11-kit's configuration. */
	if (l->n == 2 && strchr(l->word[1], '/') == NULL)
		r = (list[o->n_modules] = strdup(l->word[1])) != NULL ? 0 :
		    err_set(e, ERR_NOMEM, 0, "configuration");
	else
		r = whole_path(l, &list[o->n_modules], e);
	if (r == 0)
		o->n_modules++;
	return r;
}

static int
module_timeout(struct options *o, const struct conf_line *l, struct err *e)
{
	unsigned int v;
	int r;

	if ((r = one_time(l, &v, e)) != 0)
		return r;
	if (v == 0 || v > MODULE_TIMEOUT_MAX)
		return err_set(e, ERR_USAGE, 0, "ModuleTimeout is 1 s to "
		    "%d s", MODULE_TIMEOUT_MAX);
	o->module_timeout = v;
	return 0;
}

static int
notify_command(struct options *o, const struct conf_line *l, struct err *e)
{
	free(o->notify);
	o->notify = NULL;
	return conf_path(l, &o->notify, e);
}

static int
pin_cache(struct options *o, const struct conf_line *l, struct err *e)
{
	static const char *const names[] = {
		[PIN_CACHE_SESSION] = "session",
		[PIN_CACHE_MEMORY] = "memory",
		[PIN_CACHE_NEVER] = "never",
		NULL
	};

	return one_of(l, names, "session, memory or never", &block(o)->cache,
	    e);
}

/* One source for a block: two would leave open which one counts. */
static int
source_wanted(struct options *o, const struct conf_line *l,
    enum pin_source_kind kind, struct err *e)
{
	struct token_options *t = block(o);

	if (t->source.value != NULL)
		return err_set(e, ERR_USAGE, 0, "%s: a PIN was configured "
		    "here before", l->word[0]);
	t->source.kind = kind;
	return 0;
}

/* Words as they were written; a command is split again where it is run. */
static char *
joined(const struct conf_line *l)
{
	char *text = NULL;
	size_t n;
	FILE *f;

	if ((f = open_memstream(&text, &n)) == NULL)
		return NULL;
	for (size_t i = 1; i < l->n; i++) {
		fputs(i == 1 ? "\"" : " \"", f);
		for (const char *p = l->word[i]; *p != '\0'; p++) {
			if (*p == '"' || *p == '\\')
				fputc('\\', f);
			fputc(*p, f);
		}
		fputc('"', f);
	}
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

static int
pin_command(struct options *o, const struct conf_line *l, struct err *e)
{
	int r;

	if ((r = source_wanted(o, l, PIN_SOURCE_COMMAND, e)) != 0)
		return r;
	if (l->n < 2 || l->word[1][0] != '/')
		return err_set(e, ERR_USAGE, 0,
		    "PinCommand takes the whole path of a program, and its "
		    "arguments");
	if ((block(o)->source.value = joined(l)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	return pin_source_check(&block(o)->source, e);
}

static int
pin_credential(struct options *o, const struct conf_line *l, struct err *e)
{
	int r;

	if ((r = source_wanted(o, l, PIN_SOURCE_CREDENTIAL, e)) != 0)
		return r;
	if (l->n != 2)
		return err_set(e, ERR_USAGE, 0, "PinCredential takes one name");
	if ((block(o)->source.value = strdup(l->word[1])) == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	return pin_source_check(&block(o)->source, e);
}

static int
pin_file(struct options *o, const struct conf_line *l, struct err *e)
{
	int r;

	if ((r = source_wanted(o, l, PIN_SOURCE_FILE, e)) != 0)
		return r;
	return conf_path(l, &block(o)->source.value, e);
}

static int
pin_timeout(struct options *o, const struct conf_line *l, struct err *e)
{
	return one_time(l, &o->pin_timeout, e);
}

static int
pinentry(struct options *o, const struct conf_line *l, struct err *e)
{
	free(o->pinentry);
	o->pinentry = NULL;
	return conf_path(l, &o->pinentry, e);
}

/* For hsm-keyutil. */
static int
profile(struct options *o, const struct conf_line *l, struct err *e)
{
	int r;

	if ((r = ca_blocks_begin_profile(&o->ca, l, e)) == 0)
		o->section = SECTION_PROFILE;
	return r;
}

static int
socket_path(struct options *o, const struct conf_line *l, struct err *e)
{
	if (o->socket != NULL)
		return 0;	/* -a was given */
	return conf_path(l, &o->socket, e);
}

static int
cygwin_socket(struct options *o, const struct conf_line *l, struct err *e)
{
	free(o->cygwin);
	o->cygwin = NULL;
	return whole_path(l, &o->cygwin, e);
}

/* Which model it is, and who made it, is not known of all. */
static int
token_uri(const char *text, struct err *e)
{
	struct p11uri uri;

	if (p11uri_parse(&uri, text, e) != 0)
		return err_set(e, ERR_USAGE, 0, "Token: %.200s", e->msg);
	if (uri.model[0] == '\0' && uri.maker[0] == '\0')
		return 0;
	return err_set(e, ERR_USAGE, 0, "Token: a PKCS#11 URI here has "
	    "\"serial\" and \"token\" alone");
}

static int
token(struct options *o, const struct conf_line *l, struct err *e)
{
	struct token_options *t;

	if (l->n != 2)
		return err_set(e, ERR_USAGE, 0,
		    "Token takes one serial number or label");
	if (p11uri_is(l->word[1]) && token_uri(l->word[1], e) != 0)
		return e->code;
	for (size_t i = 0; i < o->n_tokens; i++)
		if (strcmp(o->tokens[i].name, l->word[1]) == 0)
			return err_set(e, ERR_USAGE, 0, "Token %s has a block "
			    "before", l->word[1]);
	t = reallocarray(o->tokens, o->n_tokens + 1, sizeof(*t));
	if (t == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	o->tokens = t;
	t += o->n_tokens++;
	*t = (struct token_options){ .scope = -1, .cache = -1 };
	if ((t->name = strdup(l->word[1])) == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	o->section = SECTION_TOKEN;
	return 0;
}

static int
upstream(struct options *o, const struct conf_line *l, struct err *e)
{
	free(o->upstream);
	o->upstream = NULL;
	return whole_path(l, &o->upstream, e);
}

/* Where a keyword may stand. */
enum where {
	TOP = 1 << SECTION_TOP,
	IN_TOKEN = TOP | 1 << SECTION_TOKEN,
	IN_KEY = TOP | 1 << SECTION_KEY,
	IN_CA = 1 << SECTION_CA,
	ANYWHERE = IN_TOKEN | IN_KEY | IN_CA | 1 << SECTION_PROFILE,
};

static const struct {
	const char	*name;
	enum where	 where;
	int		(*fn)(struct options *, const struct conf_line *,
			    struct err *);
} keywords[] = {
	{ "AllowSHA1",		TOP,		allow_sha1 },
	{ "AuditLog",		TOP,		audit_log },
	{ "CA",			ANYWHERE,	keywords_ca },
	{ "Certificates",	TOP,		certificates },
	{ "Confirm",		IN_KEY | IN_CA,	keywords_confirm },
	{ "CygwinSocket",	TOP,		cygwin_socket },
	{ "ForwardedUse",	IN_KEY | IN_CA,	keywords_forwarded_use },
	{ "Key",		ANYWHERE,	keywords_key },
	{ "Lifetime",		TOP,		lifetime },
	{ "LockAfterIdle",	TOP,		lock_after_idle },
	{ "LockOnScreenLock",	TOP,		lock_on_screen_lock },
	{ "LockOnSuspend",	TOP,		lock_on_suspend },
	{ "LogLevel",		TOP,		log_level },
	{ "LoginScope",		IN_TOKEN,	login_scope },
	{ "Module",		TOP,		module },
	{ "ModuleTimeout",	TOP,		module_timeout },
	{ "NotifyCommand",	TOP,		notify_command },
	{ "Offer",		IN_KEY | IN_CA,	keywords_offer },
	{ "OfferTo",		IN_KEY | IN_CA,	keywords_offer_to },
	{ "PinCache",		IN_TOKEN,	pin_cache },
	{ "PinCommand",		IN_TOKEN,	pin_command },
	{ "PinCredential",	IN_TOKEN,	pin_credential },
	{ "PinEntry",		TOP,		pinentry },
	{ "PinFile",		IN_TOKEN,	pin_file },
	{ "PinTimeout",		TOP,		pin_timeout },
	{ "Profile",		ANYWHERE,	profile },
	{ "RelayedUse",		IN_KEY | IN_CA,	keywords_relayed_use },
	{ "RenewCertificates",	TOP,		renew_certificates },
	{ "Socket",		TOP,		socket_path },
	{ "Token",		ANYWHERE,	token },
	{ "Upstream",		TOP,		upstream },
	{ "Use",		IN_KEY,		keywords_use },
};

/* A keyword that does not stand in the block it stands in. */
static int
misplaced(const char *keyword, enum where where, enum section here,
    struct err *e)
{
	static const char *const names[] = {
		[SECTION_TOKEN] = "Token", [SECTION_KEY] = "Key",
		[SECTION_CA] = "CA", [SECTION_PROFILE] = "Profile",
	};

	return err_set(e, ERR_USAGE, 0, "%s does not belong into a %s block; "
	    "it stands before the first block%s", keyword, names[here],
	    where == TOP ? "" : " or in one of its own kind");
}

/* What is not in the table is about certificates, or it is nothing. */
static int
on_other(struct options *o, const struct conf_line *l, struct err *e)
{
	const bool in_ca = ca_block_knows(l->word[0]);
	const bool in_profile = ca_profile_knows(l->word[0]);
	struct ca_blocks *b = &o->ca;

	if (in_ca && o->section == SECTION_CA)
		return ca_block_line(&b->cas[b->n_cas - 1], l, e);
	if (in_profile && o->section == SECTION_PROFILE)
		return ca_profile_line(&b->profiles[b->n_profiles - 1], l, e);
	if (!in_ca && !in_profile)
		return err_set(e, ERR_USAGE, 0, "unknown keyword \"%s\"",
		    l->word[0]);
	return err_set(e, ERR_USAGE, 0, "%s stands in a %s block only",
	    l->word[0], !in_profile ? "CA" : in_ca ? "CA or Profile" :
	    "Profile");
}

static int
on_line(void *arg, const struct conf_line *l, struct err *e)
{
	struct options *o = arg;

	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++) {
		if (strcasecmp(l->word[0], keywords[i].name) != 0)
			continue;
		if ((keywords[i].where & 1 << o->section) == 0)
			return misplaced(keywords[i].name, keywords[i].where,
			    o->section, e);
		return keywords[i].fn(o, l, e);
	}
	return on_other(o, l, e);
}

int
keywords_load(struct options *o, struct err *e)
{
	int r;

	free(o->file);
	r = conf_load_usual(o->config, &o->file, on_line, o, e);
	return r != 0 ? r : ca_blocks_check(&o->ca, o->file, e);
}

int
keywords_parse(struct options *o, struct span text, const char *file,
    struct err *e)
{
	int r = conf_parse(text, file, on_line, o, e);

	return r != 0 ? r : ca_blocks_check(&o->ca, file, e);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/options.h"
#include "base/conf.h"
#include "base/paths.h"

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
static const char short_options[] = "+a:cdDkP:st:";

const char options_usage[] =
    "usage: hsm-ssh-agent [-c | -s] [-d | -D] [-a socket] [-P providers]\n"
    "                     [-t life] [--unlock] [--pin-fd N] [--token NAME]\n"
    "                     [--allow-sha1] [--config FILE] [COMMAND [ARG ...]]\n"
    "       hsm-ssh-agent [-c | -s] -k\n"
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
	case 't':
		o->lifetime_set = true;
		return conf_time(value, &o->lifetime, e);
	case OPT_ALLOW_SHA1:
		o->allow_sha1 = true;
		return 0;
	case OPT_CONFIG:
		return set_string(&o->config, value, e);
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

/* The configuration file: each keyword has one function. */

static int
conf_allow_sha1(struct options *o, const struct conf_line *l, struct err *e)
{
	bool v;
	int r;

	if ((r = conf_bool(l, &v, e)) == 0)
		o->allow_sha1 |= v;
	return r;
}

static int
conf_lifetime(struct options *o, const struct conf_line *l, struct err *e)
{
	if (l->n != 2)
		return err_set(e, ERR_USAGE, 0, "Lifetime takes one time");
	if (o->lifetime_set)
		return 0;
	return conf_time(l->word[1], &o->lifetime, e);
}

static int
conf_log_level(struct options *o, const struct conf_line *l, struct err *e)
{
	static const char *const names[] = {
		[LOG_LEVEL_QUIET] = "quiet",
		[LOG_LEVEL_ERROR] = "error",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};

	for (size_t i = 0; l->n == 2 && i < sizeof(names) / sizeof(*names);
	    i++) {
		if (strcasecmp(l->word[1], names[i]) == 0) {
			o->log_level = (enum log_level)i;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, 0,
	    "LogLevel takes quiet, error, info or debug");
}

/* Before the first Token block it is the global one, else the token's. */
static int
conf_pin_file(struct options *o, const struct conf_line *l, struct err *e)
{
	char **to = o->n_tokens == 0 ? &o->pin_file :
	    &o->tokens[o->n_tokens - 1].pin_file;

	if (*to != NULL)
		return err_set(e, ERR_USAGE, 0, "PinFile a second time");
	return conf_path(l, to, e);
}

static int
conf_socket(struct options *o, const struct conf_line *l, struct err *e)
{
	if (o->socket != NULL)
		return 0;	/* -a was given */
	return conf_path(l, &o->socket, e);
}

static int
conf_token(struct options *o, const struct conf_line *l, struct err *e)
{
	struct token_options *t;

	if (l->n != 2)
		return err_set(e, ERR_USAGE, 0,
		    "Token takes one serial number or label");
	t = reallocarray(o->tokens, o->n_tokens + 1, sizeof(*t));
	if (t == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	o->tokens = t;
	t[o->n_tokens] = (struct token_options){ 0 };
	return set_string(&t[o->n_tokens++].name, l->word[1], e);
}

static const struct {
	const char	*name;
	bool		 in_token;	/* allowed in a Token block */
	int		(*fn)(struct options *, const struct conf_line *,
			    struct err *);
} keywords[] = {
	{ "AllowSHA1",	false,	conf_allow_sha1 },
	{ "Lifetime",	false,	conf_lifetime },
	{ "LogLevel",	false,	conf_log_level },
	{ "PinFile",	true,	conf_pin_file },
	{ "Socket",	false,	conf_socket },
	{ "Token",	true,	conf_token },
};

static int
on_line(void *arg, const struct conf_line *l, struct err *e)
{
	struct options *o = arg;

	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++) {
		if (strcasecmp(l->word[0], keywords[i].name) != 0)
			continue;
		if (o->n_tokens > 0 && !keywords[i].in_token)
			return err_set(e, ERR_USAGE, 0,
			    "%s must stand before the first Token block",
			    keywords[i].name);
		return keywords[i].fn(o, l, e);
	}
	return err_set(e, ERR_USAGE, 0, "unknown keyword \"%s\"", l->word[0]);
}

int
options_conf(struct options *o, struct span text, const char *file,
    struct err *e)
{
	return conf_parse(text, file, on_line, o, e);
}

/* --config must exist; of the default places the first that does. */
static int
load(struct options *o, struct err *e)
{
	char *path = NULL;
	int r;

	if (o->config != NULL)
		return conf_load(o->config, on_line, o, e);
	if ((r = paths_config_file(&path, e)) == 0)
		r = conf_load(path, on_line, o, e);
	if (r == ERR_NOTFOUND)
		r = conf_load("/etc/hsm-ssh-agent/config", on_line, o, e);
	free(path);
	return r == ERR_NOTFOUND ? 0 : r;
}

int
options_parse(struct options *o, int argc, char **argv, struct err *e)
{
	int ch, r;

	*o = (struct options){ .pin_fd = -1, .log_level = LOG_LEVEL_INFO };
	while ((ch = getopt_long(argc, argv, short_options, long_options,
	    NULL)) != -1)
		if ((r = apply(o, ch, optarg, e)) != 0)
			return r;
	if (optind < argc)
		o->command = argv + optind;
	if (o->help || o->version || o->kill_agent)
		return 0;
	if ((r = load(o, e)) != 0)
		return r;
	if (o->debug)
		o->log_level = LOG_LEVEL_DEBUG;
	if (o->command != NULL && o->foreground)
		return err_set(e, ERR_USAGE, 0,
		    "-d and -D do not go with a COMMAND");
	return 0;
}

void
options_free(struct options *o)
{
	for (size_t i = 0; i < o->n_tokens; i++) {
		free(o->tokens[i].name);
		free(o->tokens[i].pin_file);
	}
	free(o->tokens);
	free(o->socket);
	free(o->config);
	free(o->token);
	free(o->pin_file);
	free(o->providers);
	*o = (struct options){ .pin_fd = -1 };
}

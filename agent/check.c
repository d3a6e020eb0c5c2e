/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>
#include <sys/un.h>

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "agent/check.h"
#include "base/conf.h"
#include "pin/source.h"

struct check {
	FILE	*to;
	size_t	 n;
};

static int
is_program(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == -1 || access(path, X_OK) == -1)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, 0, "%s: not a program", path);
	return 0;
}

static int
program(const struct conf_line *l, struct err *e)
{
	char *path;
	int r;

	if ((r = conf_path(l, &path, e)) != 0)
		return r;
	/* A name without a slash is searched for, when it is wanted. */
	r = strchr(path, '/') != NULL ? is_program(path, e) : 0;
	free(path);
	return r;
}

static int
programs(const struct conf_line *l, struct err *e)
{
	int r = 0;

	for (size_t i = 1; i < l->n && r == 0; i++)
		r = is_program(l->word[i], e);
	return r;
}

static int
pin_command(const struct conf_line *l, struct err *e)
{
	return is_program(l->word[1], e);
}

static int
pin_credential(const struct conf_line *l, struct err *e)
{
	struct pin_source source = { .kind = PIN_SOURCE_CREDENTIAL };
	int fd, r;

	/* Only in the service that it is for is it there. */
	if (getenv("CREDENTIALS_DIRECTORY") == NULL)
		return 0;
	if ((source.value = strdup(l->word[1])) == NULL)
		return err_set(e, ERR_NOMEM, 0, "%s", l->word[0]);
	if ((r = pin_source_open(&source, &fd, e)) == 0)
		close(fd);
	free(source.value);
	return r;
}

static int
pin_file(const struct conf_line *l, struct err *e)
{
	struct pin_source source = { .kind = PIN_SOURCE_FILE };
	int fd, r;

	if ((r = conf_path(l, &source.value, e)) != 0)
		return r;
	if ((r = pin_source_open(&source, &fd, e)) == 0)
		close(fd);
	free(source.value);
	return r;
}

static int
socket_path(const struct conf_line *l, struct err *e)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	struct stat st;
	char *path;
	int r;

	if ((r = conf_path(l, &path, e)) != 0)
		return r;
	if (strlen(path) > max)
		r = err_set(e, ERR_LIMIT, 0, "%s: longer than the %zu bytes a "
		    "socket's path can have", path, max);
	else if (stat(dirname(path), &st) == -1)
		r = err_sys(e, "%s", path);
	free(path);
	return r;
}

/* By its path; what p11-kit calls one only p11-kit can find. */
static int
module(const struct conf_line *l, struct err *e)
{
	struct stat st;
	char *path;
	int r;

	if ((r = conf_path(l, &path, e)) != 0)
		return r;
	if (strchr(path, '/') == NULL)
		r = 0;
	else if (stat(path, &st) == -1 || access(path, R_OK) == -1)
		r = err_sys(e, "%s", path);
	else if (!S_ISREG(st.st_mode))
		r = err_set(e, ERR_USAGE, 0, "%s: not a module", path);
	free(path);
	return r;
}

/* The directory of the file; the journal has none. */
static int
place_of_file(const struct conf_line *l, struct err *e)
{
	struct stat st;
	char *path;
	int r;

	if ((r = conf_path(l, &path, e)) != 0)
		return r;
	if (path[0] == '/' && stat(dirname(path), &st) == -1)
		r = err_sys(e, "%s", l->word[1]);
	free(path);
	return r;
}

static const struct {
	const char	*keyword;
	int		(*fn)(const struct conf_line *, struct err *);
} checks[] = {
	{ "AskerProgram",	programs },
	{ "AuditLog",		place_of_file },
	{ "CygwinSocket",	place_of_file },
	{ "Module",		module },
	{ "NotifyCommand",	program },
	{ "PinCommand",		pin_command },
	{ "PinCredential",	pin_credential },
	{ "PinEntry",		program },
	{ "PinFile",		pin_file },
	{ "Socket",		socket_path },
	{ "Upstream",		socket_path },
};

/* A conf_line_fn that never ends the parse. */
static int
on_line(void *arg, const struct conf_line *l, struct err *e)
{
	struct check *c = arg;

	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		if (strcasecmp(l->word[0], checks[i].keyword) != 0 ||
		    l->n < 2 || checks[i].fn(l, e) == 0)
			continue;
		(void)conf_where(l, e);
		fprintf(c->to, "%s\n", e->msg);
		c->n++;
	}
	return 0;
}

int
check_files(const char *path, FILE *to, size_t *n, struct err *e)
{
	struct check c = { .to = to };
	int r = conf_load(path, on_line, &c, e);

	*n = c.n;
	return r;
}

int
check_run(struct options *o, struct err *e)
{
	size_t mistakes = 0;
	int r;

	if ((r = options_load(o, e)) == 0 && o->file != NULL)
		r = check_files(o->file, stderr, &mistakes, e);
	if (r == ERR_USAGE) {
		fprintf(stderr, "%s\n", e->msg);
		mistakes++;
	}
	if (mistakes > 0)
		return err_set(e, ERR_USAGE, 0, "%zu mistake%s", mistakes,
		    mistakes == 1 ? "" : "s");
	if (r == 0 && o->file == NULL)
		puts("there is no configuration file");
	else if (r == 0)
		printf("%s: no mistakes\n", o->file);
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/paths.h"
#include "keyutil/conffile.h"
#include "keyutil/newfile.h"
#include "keyutil/readfile.h"

#define OLD_MAX		1000

/* What its keywords mean is the agent's business. */
static int
pass_over(void *arg, const struct conf_line *l, struct err *e)
{
	(void)arg;
	(void)l;
	(void)e;
	return 0;
}

static int
find_path(struct conffile *c, const char *name, struct err *e)
{
	int r;

	if (name != NULL)
		return paths_absolute(&c->path, name, e);
	if ((r = paths_config_file(&c->path, e)) != 0)
		return r;
	if (access(c->path, F_OK) != 0 && errno == ENOENT &&
	    access(PATHS_SYSTEM_CONFIG, F_OK) == 0)
		return err_set(e, ERR_DENIED, 0, "the agent reads "
		    PATHS_SYSTEM_CONFIG ", and would no more beside \"%.150s\""
		    "; copy the one to the other first, or say with --config "
		    "which is to be changed", c->path);
	return 0;
}

static int
read_there(struct conffile *c, struct err *e)
{
	if ((c->real = realpath(c->path, NULL)) == NULL ||
	    stat(c->real, &c->was) != 0)
		return err_sys(e, "%s", c->path);
	c->n = CONF_TEXT_MAX;
	if ((c->text = malloc(c->n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "%s", c->path);
	c->there = true;
	return readfile(c->real, c->text, &c->n, e);
}

int
conffile_read(struct conffile *c, const char *name, struct err *e)
{
	int r;

	*c = (struct conffile){ 0 };
	if ((r = find_path(c, name, e)) != 0)
		return r;
	r = conf_load(c->path, pass_over, NULL, e);
	if (r == 0)
		return read_there(c, e);
	return r == ERR_NOTFOUND ? 0 : r;
}

void
conffile_free(struct conffile *c)
{
	free(c->path);
	free(c->real);
	free(c->text);
}

struct span
conffile_text(const struct conffile *c)
{
	return (struct span){ c->text, c->there ? c->n : 0 };
}

/* "config.old", or "config.old.2" and so on where that is taken. */
static int
keep_old(const struct conffile *c, char **old, struct err *e)
{
	char *name = NULL;
	int r = ERR_NONE;

	for (int i = 1; i < OLD_MAX; i++) {
		if (asprintf(&name, i == 1 ? "%s.old" : "%s.old.%d", c->path,
		    i) == -1)
			return err_set(e, ERR_NOMEM, 0, "file name");
		r = newfile_write(name, conffile_text(c), e);
		if (r == 0) {
			*old = name;
			return 0;
		}
		free(name);
		if (r != ERR_DENIED || e->detail != EEXIST)
			return r;
	}
	return r;
}

static int
make_directory(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int r;

	if ((dir = strndup(path, (size_t)(slash - path))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "file name");
	r = paths_make_dir(dir, e);
	free(dir);
	return r;
}

int
conffile_check(const struct conffile *c, struct err *e)
{
	int r;

	if (c->there)
		return access(c->real, W_OK) == 0 ? 0 :
		    err_sys(e, "cannot write \"%.200s\"", c->path);
	if ((r = make_directory(c->path, e)) != 0)
		return r;
	return newfile_check(c->path, e);
}

static int
replace(const struct conffile *c, const char *lines, char **old,
    struct err *e)
{
	const bool ends = c->n == 0 || c->text[c->n - 1] == '\n';
	char *text;
	int n, r;

	if (strlen(lines) + 2 >= CONF_TEXT_MAX - c->n)
		return err_set(e, ERR_LIMIT, 0, "\"%.200s\" would become too "
		    "long", c->path);
	n = asprintf(&text, "%.*s%s%s%s", (int)c->n, (const char *)c->text,
	    ends ? "" : "\n", c->n > 0 ? "\n" : "", lines);
	if (n == -1)
		return err_set(e, ERR_NOMEM, 0, "%s", c->path);
	if ((r = keep_old(c, old, e)) == 0)
		r = newfile_replace(c->real, &c->was, (struct span){
		    (const uint8_t *)text, (size_t)n }, e);
	if (r != 0 && *old != NULL) {
		/* Nothing has changed, so there is nothing to go back to. */
		unlink(*old);
		free(*old);
		*old = NULL;
	}
	free(text);
	return r;
}

int
conffile_add(const struct conffile *c, const char *lines, char **old,
    struct err *e)
{
	int r;

	*old = NULL;
	if ((r = conffile_check(c, e)) != 0)
		return r;
	if (c->there)
		return replace(c, lines, old, e);
	return newfile_write(c->path, span_cstr(lines), e);
}

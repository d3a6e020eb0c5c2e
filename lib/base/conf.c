/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/paths.h"

#define YEAR	(366U * 24 * 3600)

int
conf_where(const struct conf_line *l, struct err *e)
{
	return err_wrap(e, "%s:%u", l->file, l->number);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Take the quoted word that starts at *p, in place: unescaped, it can only
 * get shorter.  *p moves behind the closing quote; NULL when there is none.
 */
static char *
take_quoted(char **p)
{
	char *in = *p + 1, *out = in, *word = in;

	while (*in != '\0' && *in != '"') {
		if (*in == '\\' && (in[1] == '"' || in[1] == '\\'))
			in++;
		*out++ = *in++;
	}
	if (*in == '\0')
		return NULL;
	*p = in + 1;
	*out = '\0';
	return word;
}

static char *
take_plain(char **p)
{
	char *word = *p;

	while (**p != '\0' && !is_blank(**p) && **p != '=')
		(*p)++;
	return word;
}

/* Blanks, and behind the keyword one '=' among them. */
static void
skip_gap(char **p, bool equals)
{
	while (is_blank(**p) || (equals && **p == '=')) {
		if (**p == '=')
			equals = false;
		(*p)++;
	}
}

/* Cut one line, NUL-terminated, into l->word; it is written to. */
static int
split(char *line, struct conf_line *l, struct err *e)
{
	char *p = line, *end;

	l->n = 0;
	skip_gap(&p, false);
	while (*p != '\0' && *p != '#') {
		if (l->n == CONF_WORDS_MAX)
			return err_set(e, ERR_LIMIT, 0, "more than %d words",
			    CONF_WORDS_MAX);
		l->word[l->n] = *p == '"' ? take_quoted(&p) : take_plain(&p);
		if (l->word[l->n++] == NULL)
			return err_set(e, ERR_FORMAT, 0,
			    "a quote that does not end");
		end = p;
		if (*p != '\0' && !is_blank(*p) && !(*p == '=' && l->n == 1))
			return err_set(e, ERR_FORMAT, 0,
			    "'%c' where a blank is expected", *p);
		skip_gap(&p, l->n == 1);
		*end = '\0';
	}
	return 0;
}

/* The next line of *text, copied out with a NUL; NULL with *e set. */
static char *
next_line(struct span *text, struct err *e)
{
	const uint8_t *nl = memchr(text->p, '\n', text->n);
	size_t n = nl == NULL ? text->n : (size_t)(nl - text->p);
	char *line;

	if (memchr(text->p, '\0', n) != NULL) {
		(void)err_set(e, ERR_FORMAT, 0, "a NUL byte");
		return NULL;
	}
	if ((line = strndup((const char *)text->p, n)) == NULL) {
		(void)err_set(e, ERR_NOMEM, 0, "configuration");
		return NULL;
	}
	if (n > 0 && line[n - 1] == '\r')
		line[n - 1] = '\0';
	n += nl != NULL;
	text->p += n;
	text->n -= n;
	return line;
}

int
conf_parse(struct span text, const char *file, conf_line_fn *fn, void *arg,
    struct err *e)
{
	struct conf_line l = { .file = file };
	char *line;
	int r = 0;

	while (text.n > 0 && r == 0) {
		l.number++;
		if ((line = next_line(&text, e)) == NULL)
			return conf_where(&l, e);
		if ((r = split(line, &l, e)) != 0 ||
		    (l.n > 0 && (r = fn(arg, &l, e)) != 0))
			r = conf_where(&l, e);
		free(line);
	}
	return r;
}

static int
check_owner(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_DENIED, 0, "%s: not a regular file",
		    path);
	if ((st.st_uid != 0 && st.st_uid != getuid()) ||
	    (st.st_mode & 022) != 0)
		return err_set(e, ERR_DENIED, 0,
		    "%s: must belong to you or root, and be writable by "
		    "nobody else (chmod go-w)", path);
	return 0;
}

static int
read_all(int fd, const char *path, char *buf, size_t *n, struct err *e)
{
	ssize_t got;
	size_t have = 0;

	while (have < *n) {
		got = read(fd, buf + have, *n - have);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return err_sys(e, "%s", path);
		if (got == 0)
			break;
		have += (size_t)got;
	}
	if (have == *n)
		return err_set(e, ERR_LIMIT, 0, "%s: over 1 MiB", path);
	*n = have;
	return 0;
}

int
conf_load(const char *path, conf_line_fn *fn, void *arg, struct err *e)
{
	size_t n = CONF_TEXT_MAX;
	char *buf = NULL;
	int fd, r;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1) {
		if (errno == ENOENT)
			return err_set(e, ERR_NOTFOUND, ENOENT,
			    "%s: no such file", path);
		return err_sys(e, "%s", path);
	}
	if ((r = check_owner(fd, path, e)) != 0)
		goto out;
	if ((buf = malloc(n)) == NULL) {
		r = err_set(e, ERR_NOMEM, 0, "%s", path);
		goto out;
	}
	if ((r = read_all(fd, path, buf, &n, e)) == 0)
		r = conf_parse((struct span){ (const uint8_t *)buf, n }, path,
		    fn, arg, e);
out:
	free(buf);
	close(fd);
	return r;
}

/* *file is `path`, whose string is taken over; NULL: there is no memory. */
static int
load_as(char *path, char **file, conf_line_fn *fn, void *arg, struct err *e)
{
	int r;

	if (path == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	r = conf_load(path, fn, arg, e);
	if (r == ERR_NOTFOUND)
		free(path);
	else
		*file = path;
	return r;
}

int
conf_load_usual(const char *path, char **file, conf_line_fn *fn, void *arg,
    struct err *e)
{
	char *own;
	int r;

	*file = NULL;
	if (path != NULL)
		return load_as(strdup(path), file, fn, arg, e);
	if ((r = paths_config_file(&own, e)) == 0)
		r = load_as(own, file, fn, arg, e);
	if (r == ERR_NOTFOUND)
		r = load_as(strdup(PATHS_SYSTEM_CONFIG), file, fn, arg, e);
	return r == ERR_NOTFOUND ? 0 : r;
}

static int
one_value(const struct conf_line *l, struct err *e)
{
	if (l->n != 2)
		return err_set(e, ERR_USAGE, 0, "%s takes one value",
		    l->word[0]);
	return 0;
}

int
conf_bool(const struct conf_line *l, bool *out, struct err *e)
{
	int r;

	if ((r = one_value(l, e)) != 0)
		return r;
	if (strcmp(l->word[1], "yes") != 0 && strcmp(l->word[1], "no") != 0)
		return err_set(e, ERR_USAGE, 0, "%s takes yes or no",
		    l->word[0]);
	*out = l->word[1][0] == 'y';
	return 0;
}

int
conf_path(const struct conf_line *l, char **out, struct err *e)
{
	const char *home = getenv("HOME"), *p;
	int r;

	if ((r = one_value(l, e)) != 0)
		return r;
	p = l->word[1];
	if (strncmp(p, "~/", 2) != 0)
		*out = strdup(p);
	else if (home == NULL || asprintf(out, "%s%s", home, p + 1) == -1)
		*out = NULL;
	if (*out == NULL)
		return err_set(e, ERR_NOMEM, 0, "%s: no home directory, or no "
		    "memory", l->word[0]);
	return 0;
}

/* Would it be read as one word, and as it is, without quotes? */
static bool
is_plain(const char *text)
{
	return text[0] != '\0' && text[0] != '#' &&
	    text[strcspn(text, " \t\r=\"")] == '\0';
}

int
conf_quote(const char *text, char **out, struct err *e)
{
	char *p;

	*out = NULL;
	if (strchr(text, '\n') != NULL)
		return err_set(e, ERR_FORMAT, 0, "a line end cannot stand in "
		    "a configuration");
	if ((p = malloc(2 * strlen(text) + sizeof("\"\""))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	*out = p;
	if (is_plain(text)) {
		memcpy(p, text, strlen(text) + 1);
		return 0;
	}
	*p++ = '"';
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			*p++ = '\\';
		*p++ = *text;
	}
	*p++ = '"';
	*p = '\0';
	return 0;
}

static unsigned int
unit(char c)
{
	switch (c) {
	case '\0':
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 24 * 3600;
	case 'w':
		return 7 * 24 * 3600;
	default:
		return 0;
	}
}

int
conf_time(const char *text, unsigned int *seconds, struct err *e)
{
	unsigned long sum = 0, v, u;
	const char *p = text;

	do {
		for (v = 0; *p >= '0' && *p <= '9' && v <= YEAR; p++)
			v = v * 10 + (unsigned long)(*p - '0');
		u = unit(*p);
		if (p == text || u == 0 || v > YEAR || v * u > YEAR - sum)
			return err_set(e, ERR_USAGE, 0,
			    "\"%s\" is not a time like 90, 10m or 1h30m",
			    text);
		sum += v * u;
		if (*p != '\0')
			p++;
	} while (*p != '\0');
	*seconds = (unsigned int)sum;
	return 0;
}

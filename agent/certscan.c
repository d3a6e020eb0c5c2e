/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/certscan.h"

bool
certscan_is_passing(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

struct certscan_stamp
certscan_stamp(const struct stat *st)
{
	return (struct certscan_stamp){ st->st_dev, st->st_ino, st->st_size,
	    st->st_mtim, st->st_ctim };
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
certscan_same(const struct certscan_stamp *a, const struct certscan_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    same_time(a->mtime, b->mtime) && same_time(a->ctime, b->ctime);
}

/* Takes `path`, which may be NULL. */
static int
add(struct certscan *s, char *path, const struct stat *st, struct err *e)
{
	const size_t max = s->max > 0 ? s->max * 2 : 32;
	struct certscan_file *v = s->v;

	if (path != NULL && s->n == s->max) {
		if ((v = reallocarray(s->v, max, sizeof(*v))) != NULL) {
			s->v = v;
			s->max = max;
		}
	}
	if (path == NULL || v == NULL) {
		free(path);
		return err_set(e, ERR_NOMEM, 0, "certificates");
	}
	s->v[s->n++] = (struct certscan_file){ path, certscan_stamp(st) };
	return 0;
}

static char *
join(const char *dir, const char *name)
{
	const size_t n = strlen(dir) + strlen(name) + 2;
	const bool slash = dir[0] != '\0' && dir[strlen(dir) - 1] == '/';
	char *path = malloc(n);

	if (path != NULL)
		snprintf(path, n, "%s%s%s", dir, slash ? "" : "/", name);
	return path;
}

static bool
is_cert_name(const char *name)
{
	static const char end[] = "-cert.pub";
	const size_t n = strlen(name);

	return n >= sizeof(end) - 1 &&
	    strcmp(name + n - (sizeof(end) - 1), end) == 0;
}

/* Once for each change of what there is to tell. */
static void
tell(struct certscan_place *p, enum certscan_trouble what, const char *why,
    const struct log *log)
{
	if (p->told == what)
		return;
	switch (what) {
	case CERTSCAN_UNTOLD:
		break;
	case CERTSCAN_FINE:
		log_debug(log, "looking for certificates in %s", p->path);
		break;
	case CERTSCAN_MISSING:
		log_debug(log, "no certificates: %s is not there", p->path);
		break;
	case CERTSCAN_UNREADABLE:
		log_error(log, "no certificates: %s: %s", p->path, why);
		break;
	case CERTSCAN_TOO_MANY:
		log_error(log, "looked for certificates at %d files in %s, "
		    "and not at the rest", CERTSCAN_ENTRIES_MAX, p->path);
		break;
	}
	p->told = what;
}

static void
tell_errno(struct certscan_place *p, const struct log *log)
{
	tell(p, errno == ENOENT ? CERTSCAN_MISSING : CERTSCAN_UNREADABLE,
	    strerror(errno), log);
}

/* One that goes while we look is not there; that is no trouble. */
static int
scan_entries(struct certscan *s, struct certscan_place *p, DIR *dir,
    const struct log *log, struct err *e)
{
	size_t seen = 0;
	struct dirent *d;
	struct stat st;

	while ((d = readdir(dir)) != NULL && seen++ < CERTSCAN_ENTRIES_MAX) {
		if (!is_cert_name(d->d_name) ||
		    fstatat(dirfd(dir), d->d_name, &st, 0) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (add(s, join(p->path, d->d_name), &st, e) != 0)
			return (int)e->code;
	}
	tell(p, d != NULL ? CERTSCAN_TOO_MANY : CERTSCAN_FINE, "", log);
	return 0;
}

static int
scan_directory(struct certscan *s, struct certscan_place *p,
    const struct log *log, struct err *e)
{
	const int fd = open(p->path,
	    O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	DIR *dir;
	int r;

	if (fd == -1 && !certscan_is_passing(errno)) {
		tell_errno(p, log);
		return 0;
	}
	if (fd == -1 || (dir = fdopendir(fd)) == NULL) {
		r = err_sys(e, "cannot look into %s", p->path);
		if (fd != -1)
			close(fd);
		return r;
	}
	r = scan_entries(s, p, dir, log, e);
	closedir(dir);
	return r;
}

static int
scan_place(struct certscan *s, struct certscan_place *p,
    const struct log *log, struct err *e)
{
	struct stat st;

	if (stat(p->path, &st) != 0) {
		tell_errno(p, log);
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return scan_directory(s, p, log, e);
	if (S_ISREG(st.st_mode)) {
		tell(p, CERTSCAN_FINE, "", log);
		return add(s, strdup(p->path), &st, e);
	}
	tell(p, CERTSCAN_UNREADABLE, "neither a file nor a directory", log);
	return 0;
}

static int
by_path(const void *a, const void *b)
{
	const struct certscan_file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* A file in two places, or a place named twice. */
static void
drop_repeated(struct certscan *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (n > 0 && strcmp(s->v[n - 1].path, s->v[i].path) == 0)
			free(s->v[i].path);
		else
			s->v[n++] = s->v[i];
	}
	s->n = n;
}

int
certscan(struct certscan *s, struct certscan_place *places, size_t n,
    const struct log *log, struct err *e)
{
	int r;

	for (size_t i = 0; i < n; i++)
		if ((r = scan_place(s, &places[i], log, e)) != 0)
			return r;
	if (s->n > 0)
		qsort(s->v, s->n, sizeof(*s->v), by_path);
	drop_repeated(s);
	return 0;
}

void
certscan_free(struct certscan *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].path);
	free(s->v);
	*s = (struct certscan){ 0 };
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/ledger_file.h"

static int
not_there(const char *path, struct err *e)
{
	if (errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, ENOENT, "there is no %s",
		    path);
	return err_sys(e, "%s", path);
}

static int
check_owner(const struct stat *st, const char *path, struct err *e)
{
	if ((st->st_uid == geteuid() || st->st_uid == 0) &&
	    (st->st_mode & 022) == 0)
		return 0;
	return err_set(e, ERR_DENIED, 0, "%s: must belong to you or root, "
	    "and be writable by nobody else (chmod go-w)", path);
}

int
ledger_file_look(const char *path, struct ledger_file *f, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return not_there(path, e);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_DENIED, 0, "%s: not a regular file",
		    path);
	*f = (struct ledger_file){ .dev = st.st_dev, .ino = st.st_ino,
	    .size = st.st_size };
	return check_owner(&st, path, e);
}

/* free(3) */
static char *
dir_of(const char *path, struct err *e)
{
	char *dir = strdup(path), *slash;

	if (dir == NULL || (slash = strrchr(dir, '/')) == NULL) {
		(void)err_set(e, ERR_NOMEM, 0, "no memory");
		free(dir);
		return NULL;
	}
	slash[slash == dir] = '\0';
	return dir;
}

int
ledger_file_look_at_dir(const char *path, struct err *e)
{
	char *dir = dir_of(path, e);
	struct stat st;
	int r;

	if (dir == NULL)
		return e->code;
	r = stat(dir, &st) == -1 ? not_there(dir, e) :
	    check_owner(&st, dir, e);
	free(dir);
	return r;
}

int
ledger_file_make(const char *path, struct err *e)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);

	if (fd == -1)
		return errno == EEXIST ? 0 : err_sys(e, "%s", path);
	close(fd);
	return 0;
}

bool
ledger_file_is_at(const struct ledger_file *f, const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_dev == f->dev &&
	    st.st_ino == f->ino;
}

int
ledger_file_sync_dir(const char *path, struct err *e)
{
	char *dir = dir_of(path, e);
	int fd, r = 0;

	if (dir == NULL)
		return e->code;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || fsync(fd) == -1)
		r = err_sys(e, "%s", dir);
	if (fd != -1)
		close(fd);
	free(dir);
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyutil/newfile.h"

#define TEMPLATE	".hsm-keyutil-XXXXXX"
#define PRIVATE		0600		/* as mkostemp(3) makes it */
#define PUBLIC		0644

/* "dir/" of "dir/file", and nothing of "file". */
static int
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? (int)(slash - path + 1) : 0;
}

static int
failed(const char *path, struct err *e)
{
	return err_sys(e, "cannot write \"%.200s\"", path);
}

static int
exists(const char *path, struct err *e)
{
	return err_set(e, ERR_DENIED, EEXIST, "\"%.200s\" exists and is not "
	    "replaced: move it away or give another name", path);
}

static char *
directory_copy(const char *path)
{
	const int n = directory_of(path);

	return n == 0 ? strdup(".") : strndup(path, (size_t)n);
}

int
newfile_check(const char *path, struct err *e)
{
	char *dir = directory_copy(path);
	struct stat st;
	int r = 0;

	if (dir == NULL)
		return err_set(e, ERR_NOMEM, 0, "file name");
	if (lstat(path, &st) == 0)
		r = exists(path, e);
	else if (errno != ENOENT || access(dir, W_OK | X_OK) != 0)
		r = failed(path, e);
	free(dir);
	return r;
}

static int
write_all(int fd, struct span bytes)
{
	size_t done = 0;
	ssize_t n;

	while (done < bytes.n) {
		n = write(fd, bytes.p + done, bytes.n - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0)
			errno = EIO;
		if (n == 0 || (n == -1 && errno != EINTR))
			return -1;
	}
	return fsync(fd);
}

/* Not every file system has the first (9p), or the second (FAT). */
static int
give_name(const char *temporary, const char *path)
{
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path,
	    RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (link(temporary, path) != 0)
		return -1;
	unlink(temporary);
	return 0;
}

int
newfile_directory(const char *path)
{
	char *dir = directory_copy(path);
	int fd = -1;

	if (dir != NULL)
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	return fd;
}

/* A directory that cannot be opened or synced keeps its names all the same. */
static void
sync_directory(const char *path)
{
	const int fd = newfile_directory(path);

	if (fd != -1) {
		(void)fsync(fd);
		close(fd);
	}
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int
take_place(const char *temporary, const char *path, const struct stat *was,
    struct err *e)
{
	struct stat now;

	if (lstat(path, &now) != 0)
		return failed(path, e);
	if (!is_same(&now, was))
		return err_set(e, ERR_STALE, 0, "\"%.200s\" was changed "
		    "meanwhile; nothing was done: run the command again",
		    path);
	return rename(temporary, path) == 0 ? 0 : failed(path, e);
}

/* `was`: what it takes the place of, NULL for nothing. */
static int
write_file(const char *path, char *temporary, const struct stat *was,
    mode_t mode, struct span bytes, struct err *e)
{
	int fd, r = 0;

	if ((fd = mkostemp(temporary, O_CLOEXEC)) == -1)
		return failed(path, e);
	if ((mode != PRIVATE && fchmod(fd, mode) != 0) ||
	    write_all(fd, bytes) != 0)
		r = failed(path, e);
	if (close(fd) != 0 && r == 0)
		r = failed(path, e);
	if (r == 0 && was != NULL)
		r = take_place(temporary, path, was, e);
	else if (r == 0 && give_name(temporary, path) != 0)
		r = errno == EEXIST ? exists(path, e) : failed(path, e);
	if (r != 0)
		unlink(temporary);
	else
		sync_directory(path);
	return r;
}

static void
ending_signals(sigset_t *set)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(set, signals[i]);
}

static int
write_whole(const char *path, const struct stat *was, mode_t mode,
    struct span bytes, struct err *e)
{
	sigset_t ending, before;
	char *temporary;
	int r;

	if (asprintf(&temporary, "%.*s%s", directory_of(path), path,
	    TEMPLATE) == -1)
		return err_set(e, ERR_NOMEM, 0, "file name");
	ending_signals(&ending);
	if (pthread_sigmask(SIG_BLOCK, &ending, &before) != 0) {
		free(temporary);
		return err_set(e, ERR_SYS, 0, "cannot hold back signals");
	}
	r = write_file(path, temporary, was, mode, bytes, e);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	free(temporary);
	return r;
}

int
newfile_write(const char *path, struct span bytes, struct err *e)
{
	int r;

	if ((r = newfile_check(path, e)) != 0)
		return r;
	return write_whole(path, NULL, PRIVATE, bytes, e);
}

int
newfile_replace(const char *path, const struct stat *was, struct span bytes,
    struct err *e)
{
	if (access(path, W_OK) != 0)
		return failed(path, e);
	return write_whole(path, was, was->st_mode & 07777, bytes, e);
}

int
newfile_publish(const char *path, const struct stat *was, struct span bytes,
    struct err *e)
{
	int r;

	if (was == NULL && (r = newfile_check(path, e)) != 0)
		return r;
	return write_whole(path, was, PUBLIC, bytes, e);
}

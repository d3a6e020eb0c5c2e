/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/audit_file.h"

struct audit_file {
	const struct log *log;
	char		*path;
	int		 fd;
	bool		 torn;		/* it ends in half a line */
	bool		 astray;	/* not the path's; that was said */
};

static int
check(int fd, struct stat *st, struct err *e)
{
	if (fstat(fd, st) == -1)
		return err_sys(e, "fstat");
	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_DENIED, 0, "it is not a regular file");
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return err_set(e, ERR_DENIED, 0, "it belongs to user %ld, who "
		    "could change it", (long)st->st_uid);
	if ((st->st_mode & 022) != 0)
		return err_set(e, ERR_DENIED, 0, "others may write it: "
		    "chmod go-w");
	return 0;
}

static bool
ends_in_half_a_line(int fd, off_t size)
{
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static int
open_path(struct audit_file *f, struct err *e)
{
	struct stat st;
	int fd, r;

	fd = open(f->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC |
	    O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd == -1 && errno == ELOOP)
		return err_set(e, ERR_DENIED, 0, "it is a symbolic link");
	if (fd == -1)
		return err_set(e, ERR_SYS, errno, "%s", strerror(errno));
	if ((r = check(fd, &st, e)) != 0) {
		close(fd);
		return r;
	}
	if (f->fd != -1)
		close(f->fd);
	f->fd = fd;
	f->torn = ends_in_half_a_line(fd, st.st_size);
	return 0;
}

int
audit_file_new(struct audit_file **out, const struct log *log,
    const char *path, struct err *e)
{
	struct audit_file *f;
	int r;

	if ((f = calloc(1, sizeof(*f))) == NULL ||
	    (f->path = strdup(path)) == NULL) {
		free(f);
		return err_set(e, ERR_NOMEM, 0, "audit log");
	}
	f->log = log;
	f->fd = -1;
	if ((r = open_path(f, e)) != 0) {
		audit_file_free(f);
		return r;
	}
	*out = f;
	return 0;
}

void
audit_file_free(struct audit_file *f)
{
	if (f == NULL)
		return;
	if (f->fd != -1)
		close(f->fd);
	free(f->path);
	free(f);
}

void
audit_file_reopen(struct audit_file *f)
{
	struct err e;

	if (open_path(f, &e) == 0) {
		f->astray = false;
		return;
	}
	if (!f->astray)
		log_error(f->log, "audit log %s: %s; entries still go to the "
		    "file that was there", f->path, e.msg);
	f->astray = true;
}

static bool
is_there(const struct audit_file *f)
{
	struct stat ours, named;

	return fstat(f->fd, &ours) == 0 && lstat(f->path, &named) == 0 &&
	    ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* Over the limit of ulimit -f a signal comes, too: it must not end us. */
static ssize_t
write_quietly(int fd, const struct iovec *v, int n)
{
	const struct timespec now = { 0 };
	sigset_t one, before;
	ssize_t written;
	int saved;

	sigemptyset(&one);
	sigaddset(&one, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &one, &before);
	while ((written = writev(fd, v, n)) == -1 && errno == EINTR)
		;
	saved = errno;
	while (sigtimedwait(&one, NULL, &now) == SIGXFSZ)
		;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return written;
}

/* Unless somebody has added something behind it. */
static void
take_back(struct audit_file *f, ssize_t n)
{
	const off_t end = lseek(f->fd, 0, SEEK_CUR);
	struct stat st;

	if (fstat(f->fd, &st) == -1 || st.st_size != end || end < n ||
	    ftruncate(f->fd, end - n) == -1)
		f->torn = true;
}

int
audit_file_add(struct audit_file *f, char *line, struct err *e)
{
	char end[] = "\n";
	struct iovec v[] = { { end, 0 }, { line, strlen(line) }, { end, 1 } };
	ssize_t n;

	if (!is_there(f))
		audit_file_reopen(f);
	v[0].iov_len = f->torn ? 1 : 0;
	n = write_quietly(f->fd, v, 3);
	if (n == -1)
		return err_set(e, ERR_SYS, errno, "%s", strerror(errno));
	if ((size_t)n < v[0].iov_len + v[1].iov_len + 1) {
		take_back(f, n);
		return err_set(e, ERR_SYS, ENOSPC,
		    "there is room for half an entry only");
	}
	f->torn = false;
	return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pin/command.h"
#include "pin/source.h"

/* Where root owns it, others may have the mode bits of root_may. */
static int
check(int fd, mode_t kind, mode_t root_may, struct err *e)
{
	struct stat st;
	mode_t bad = 077;

	if (fstat(fd, &st) == -1)
		return err_sys(e, "fstat");
	if ((st.st_mode & S_IFMT) != kind)
		return err_set(e, ERR_DENIED, 0, "not a %s",
		    kind == S_IFREG ? "regular file" : "directory");
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(e, ERR_DENIED, 0, "belongs to another user");
	if (st.st_uid == 0)
		bad &= ~root_may;
	if ((st.st_mode & bad) != 0)
		return err_set(e, ERR_DENIED, 0,
		    "others can read or write it; run \"chmod go-rwx\"");
	return 0;
}

/* Not to hang on a FIFO before its kind is known. */
static int
open_regular(int dir, const char *path, mode_t root_may, int *fd,
    struct err *e)
{
	int r;

	*fd = openat(dir, path,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd == -1)
		return err_sys(e, "open");
	if ((r = check(*fd, S_IFREG, root_may, e)) != 0)
		close(*fd);
	return r;
}

static int
open_credential(const char *name, int *fd, struct err *e)
{
	const char *path = getenv("CREDENTIALS_DIRECTORY");
	int dir, r;

	if (path == NULL || path[0] != '/')
		return err_set(e, ERR_NOTFOUND, 0, "CREDENTIALS_DIRECTORY is "
		    "not set: not started by systemd, or with no "
		    "LoadCredential=");
	dir = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	if (dir == -1)
		return err_sys(e, "%s", path);
	if ((r = check(dir, S_IFDIR, 050, e)) != 0)
		r = err_wrap(e, "%s", path);
	else
		r = open_regular(dir, name, 040, fd, e);
	close(dir);
	return r;
}

/* What an error is about. */
static int
wrap(const struct pin_source *s, struct err *e)
{
	return err_wrap(e, "PIN %s %s",
	    s->kind == PIN_SOURCE_FILE ? "file" : "credential", s->value);
}

static int
check_credential_name(const char *name, struct err *e)
{
	if (name[0] == '\0' || strchr(name, '/') != NULL ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, ERR_USAGE, 0, "\"%s\" is not the name of a "
		    "credential", name);
	return 0;
}

int
pin_source_check(const struct pin_source *s, struct err *e)
{
	char **words = NULL;
	int r = 0;

	switch (s->kind) {
	case PIN_SOURCE_FILE:
		if (s->value[0] == '\0')
			r = err_set(e, ERR_USAGE, 0, "the name of a PIN "
			    "file is empty");
		break;
	case PIN_SOURCE_CREDENTIAL:
		r = check_credential_name(s->value, e);
		break;
	case PIN_SOURCE_COMMAND:
		r = pin_command_split(s->value, &words, e);
		free(words);
		break;
	}
	return r;
}

int
pin_source_open(const struct pin_source *s, int *fd, struct err *e)
{
	int r;

	if ((r = pin_source_check(s, e)) != 0)
		return r;
	r = s->kind == PIN_SOURCE_CREDENTIAL ?
	    open_credential(s->value, fd, e) :
	    open_regular(AT_FDCWD, s->value, 0, fd, e);
	return r == 0 ? 0 : wrap(s, e);
}

int
pin_source_read(const struct pin_source *s, int cancel_fd,
    struct secret *out, struct err *e)
{
	int fd, r;

	if (s->kind == PIN_SOURCE_COMMAND)
		return pin_command_read(s->value, PIN_COMMAND_SECONDS,
		    cancel_fd, out, e);
	if ((r = pin_source_open(s, &fd, e)) != 0)
		return r;
	r = secret_read_line(out, fd, cancel_fd, e);
	if (r == 0 && secret_len(out) == 0)
		r = err_set(e, ERR_FORMAT, 0, "empty");
	close(fd);
	return r == 0 ? 0 : wrap(s, e);
}

int
pin_source_changed(const struct pin_source *s, struct timespec *when,
    struct err *e)
{
	struct stat st;
	int fd, r;

	if (s->kind == PIN_SOURCE_COMMAND)
		return err_set(e, ERR_NOTFOUND, 0,
		    "nobody can tell when what a command prints changed");
	if ((r = pin_source_open(s, &fd, e)) != 0)
		return r;
	if (fstat(fd, &st) == -1)
		r = err_sys(e, "PIN %s", s->value);
	else
		*when = st.st_mtim;
	close(fd);
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "keyutil/readfile.h"

/* Up to the end or *n bytes, whichever comes first. */
static int
read_some(int fd, uint8_t *buf, size_t *n)
{
	const size_t room = *n;
	ssize_t got;

	for (*n = 0; *n < room; *n += (size_t)got) {
		got = read(fd, buf + *n, room - *n);
		if (got == 0)
			return 0;
		if (got == -1 && errno != EINTR)
			return -1;
		if (got == -1)
			got = 0;
	}
	return 0;
}

static int
read_whole(int fd, const char *name, uint8_t *buf, size_t *n, struct err *e)
{
	uint8_t more[1];
	size_t left = sizeof(more);

	if (read_some(fd, buf, n) != 0 || read_some(fd, more, &left) != 0)
		return err_sys(e, "cannot read \"%.200s\"", name);
	return left == 0 ? 0 : err_set(e, ERR_FORMAT, 0, "\"%.200s\" is too "
	    "long to be what it should be", name);
}

int
readfile(const char *path, uint8_t *buf, size_t *n, struct err *e)
{
	int fd, r;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return err_sys(e, "cannot open \"%.200s\"", path);
	r = read_whole(fd, path, buf, n, e);
	close(fd);
	return r;
}

bool
readfile_is_stdin(const char *arg)
{
	return strcmp(arg, "-") == 0;
}

const char *
readfile_name(const char *arg)
{
	return readfile_is_stdin(arg) ? "standard input" : arg;
}

int
readfile_or_stdin(const char *arg, uint8_t *buf, size_t *n, struct err *e)
{
	if (!readfile_is_stdin(arg))
		return readfile(arg, buf, n, e);
	return read_whole(STDIN_FILENO, readfile_name(arg), buf, n, e);
}

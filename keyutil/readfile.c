/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
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

int
readfile(const char *path, uint8_t *buf, size_t *n, struct err *e)
{
	uint8_t more[1];
	size_t left = sizeof(more);
	int fd, r = 0;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return err_sys(e, "cannot open \"%.200s\"", path);
	if (read_some(fd, buf, n) != 0 || read_some(fd, more, &left) != 0)
		r = err_sys(e, "cannot read \"%.200s\"", path);
	else if (left > 0)
		r = err_set(e, ERR_FORMAT, 0, "\"%.200s\" is too long to be "
		    "what it should be", path);
	close(fd);
	return r;
}

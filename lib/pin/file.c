/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include "pin/file.h"

static int
check(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(e, "PIN file %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_DENIED, 0,
		    "PIN file %s: not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(e, ERR_DENIED, 0,
		    "PIN file %s: belongs to another user", path);
	if ((st.st_mode & 077) != 0)
		return err_set(e, ERR_DENIED, 0,
		    "PIN file %s: others can read or write it; run "
		    "\"chmod 600\"", path);
	return 0;
}

int
pin_file_read(const char *path, struct secret *out, struct err *e)
{
	int fd, r;

	/* Not to hang on a FIFO before its kind is known. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return err_sys(e, "PIN file %s", path);
	if ((r = check(fd, path, e)) == 0)
		r = secret_read_line(out, fd, -1, e);
	if (r == 0 && secret_len(out) == 0)
		r = err_set(e, ERR_FORMAT, 0, "PIN file %s: empty", path);
	close(fd);
	return r;
}

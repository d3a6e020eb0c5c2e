/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cygwin_file.h"

#define COOKIE	"!<socket >"		/* what such a file begins with */

/*
 * A word of four bytes is written as the number that it is to a machine of
 * Windows; in capitals, as some clients look for no others.
 */
static uint32_t
word_of(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/* What is there, or "": nothing, or nothing that could be such a file. */
static void
read_text(const char *path, char *buf, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK);
	ssize_t n = -1;

	if (fd != -1) {
		n = read(fd, buf, size - 1);
		close(fd);
	}
	buf[n > 0 ? n : 0] = '\0';
}

static int
may_replace(const char *path, struct err *e)
{
	char text[sizeof(COOKIE)];
	struct stat st;

	if (lstat(path, &st) == -1)
		return errno == ENOENT ? 0 : err_sys(e, "%s", path);
	read_text(path, text, sizeof(text));
	if (S_ISREG(st.st_mode) && strcmp(text, COOKIE) == 0)
		return 0;
	return err_set(e, ERR_DENIED, 0, "%s: there is something that is not "
	    "the file of a Cygwin socket", path);
}

static int
write_new(const char *path, const char *text, struct err *e)
{
	const size_t n = strlen(text);
	char *temp;
	int fd, r = 0;

	if (asprintf(&temp, "%s.XXXXXX", path) == -1)
		return err_set(e, ERR_NOMEM, 0, "Cygwin socket");
	if ((fd = mkostemp(temp, O_CLOEXEC)) == -1) {
		r = err_sys(e, "%s", temp);
		free(temp);
		return r;
	}
	if (write(fd, text, n) != (ssize_t)n)
		r = err_sys(e, "%s", temp);
	if (close(fd) == -1 && r == 0)
		r = err_sys(e, "%s", temp);
	if (r == 0 && rename(temp, path) == -1)
		r = err_sys(e, "%s", path);
	if (r != 0)
		unlink(temp);
	free(temp);
	return r;
}

int
cygwin_file_write(struct cygwin_file *f, const char *path, uint16_t port,
    const uint8_t nonce[static CYGWIN_NONCE_BYTES], struct err *e)
{
	int r;

	*f = (struct cygwin_file){ 0 };
	snprintf(f->text, sizeof(f->text), COOKIE "%u s %08X-%08X-%08X-%08X",
	    (unsigned int)port, word_of(nonce), word_of(nonce + 4),
	    word_of(nonce + 8), word_of(nonce + 12));
	if ((r = may_replace(path, e)) != 0)
		return r;
	if ((f->path = strdup(path)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "Cygwin socket");
	if ((r = write_new(path, f->text, e)) != 0) {
		free(f->path);
		f->path = NULL;
	}
	return r;
}

void
cygwin_file_remove(struct cygwin_file *f)
{
	char now[sizeof(f->text)];

	if (f->path == NULL)
		return;
	read_text(f->path, now, sizeof(now));
	if (strcmp(now, f->text) == 0)
		unlink(f->path);
	free(f->path);
	*f = (struct cygwin_file){ 0 };
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cygwin_file.h"

#define COOKIE	"!<socket >"		/* what such a file begins with */
#define ANSWER_S	2		/* an agent has that long to be there */

/* In capitals, as some clients look for no others. */
void
cygwin_file_format(char out[static CYGWIN_FILE_MAX], uint16_t port,
    const uint8_t nonce[static CYGWIN_NONCE_BYTES])
{
	snprintf(out, CYGWIN_FILE_MAX, COOKIE "%u s %08X-%08X-%08X-%08X",
	    (unsigned int)port, cygwin_word(nonce), cygwin_word(nonce + 4),
	    cygwin_word(nonce + 8), cygwin_word(nonce + 12));
}

bool
cygwin_file_parse(const char *text, uint16_t *port,
    uint8_t nonce[static CYGWIN_NONCE_BYTES])
{
	char same[CYGWIN_FILE_MAX];
	unsigned int n, w[4];

	if (sscanf(text, COOKIE "%5u s %8X-%8X-%8X-%8X", &n, &w[0], &w[1],
	    &w[2], &w[3]) != 5 || n == 0 || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	for (size_t i = 0; i < CYGWIN_NONCE_BYTES; i++)
		nonce[i] = (uint8_t)(w[i / 4] >> 8 * (i % 4));
	/* sscanf() takes much that nobody would write. */
	cygwin_file_format(same, *port, nonce);
	return strcmp(text, same) == 0;
}

/* Whether an agent is there: only who wrote the file sends the nonce back. */
static bool
is_served(const char *text)
{
	const struct timeval patience = { .tv_sec = ANSWER_S };
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint8_t nonce[CYGWIN_NONCE_BYTES], back[CYGWIN_NONCE_BYTES];
	uint16_t port;
	bool served;
	int fd;

	if (!cygwin_file_parse(text, &port, nonce))
		return false;
	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return false;
	sin.sin_port = htons(port);
	served = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience)) == 0 &&
	    connect(fd, (const struct sockaddr *)&sin, sizeof(sin)) == 0 &&
	    send(fd, nonce, sizeof(nonce), MSG_NOSIGNAL) ==
	    (ssize_t)sizeof(nonce) &&
	    recv(fd, back, sizeof(back), MSG_WAITALL) ==
	    (ssize_t)sizeof(back) &&
	    memcmp(back, nonce, sizeof(nonce)) == 0;
	close(fd);
	return served;
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
	char text[CYGWIN_FILE_MAX];
	struct stat st;

	if (lstat(path, &st) == -1)
		return errno == ENOENT ? 0 : err_sys(e, "%s", path);
	read_text(path, text, sizeof(text));
	if (!S_ISREG(st.st_mode) ||
	    strncmp(text, COOKIE, sizeof(COOKIE) - 1) != 0)
		return err_set(e, ERR_DENIED, 0, "%s: there is something that "
		    "is not the file of a Cygwin socket", path);
	if (is_served(text))
		return err_set(e, ERR_DENIED, 0, "%s: an agent is listening "
		    "there already", path);
	return 0;
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
	cygwin_file_format(f->text, port, nonce);
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

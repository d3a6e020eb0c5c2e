/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/spawn.h"
#include "pin/command.h"
#include "pin/source.h"

#define OUTPUT_MAX	4096

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Copy the word at *in to *out, with a NUL; both move behind it. */
static bool
take_word(const char **in, char **out)
{
	const char *p = *in;
	bool quoted = false;
	char *q = *out;

	for (; *p != '\0' && (quoted || !is_blank(*p)); p++) {
		if (*p == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *p == '\\' && (p[1] == '"' || p[1] == '\\'))
			p++;
		*q++ = *p;
	}
	*q++ = '\0';
	*in = p;
	*out = q;
	return !quoted;
}

/* Into v, whose text is at `text`: as long as the line at most. */
static int
split(const char *line, char **v, char *text, struct err *e)
{
	size_t n = 0;

	for (;;) {
		while (is_blank(*line))
			line++;
		if (*line == '\0')
			break;
		if (n == PIN_COMMAND_WORDS)
			return err_set(e, ERR_USAGE, 0,
			    "PIN command: more than %d words",
			    PIN_COMMAND_WORDS);
		v[n++] = text;
		if (!take_word(&line, &text))
			return err_set(e, ERR_USAGE, 0,
			    "PIN command: a quote that does not end");
	}
	if (n == 0 || v[0][0] != '/')
		return err_set(e, ERR_USAGE, 0, "PIN command: it must start "
		    "with the absolute path of a program");
	return 0;
}

int
pin_command_split(const char *line, char ***words, struct err *e)
{
	const size_t room = (PIN_COMMAND_WORDS + 1) * sizeof(char *);
	char **v;
	int r;

	if ((v = calloc(1, room + strlen(line) + 1)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PIN command");
	if ((r = split(line, v, (char *)v + room, e)) != 0) {
		free(v);
		return r;
	}
	*words = v;
	return 0;
}

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* All that it prints: one that is cut off may well end with status 0. */
static int
read_all(int fd, int cancel_fd, long end, char *buf, size_t *n,
    struct err *e)
{
	size_t got, have = 0;
	long left;
	int r;

	do {
		left = end - now_ms();
		got = OUTPUT_MAX - have;
		if ((r = secret_read(buf + have, &got, fd, cancel_fd,
		    left > 0 ? (int)left : 0, e)) != 0)
			return r;
		have += got;
		if (have == OUTPUT_MAX)
			return err_set(e, ERR_LIMIT, 0,
			    "it prints %d bytes or more", OUTPUT_MAX);
	} while (got > 0);
	*n = have;
	return 0;
}

static int
take_line(const char *buf, size_t n, struct secret *out, struct err *e)
{
	const char *nl = memchr(buf, '\n', n);
	size_t len = nl == NULL ? n : (size_t)(nl - buf);

	if (len > 0 && buf[len - 1] == '\r')
		len--;
	if (len == 0)
		return err_set(e, ERR_FORMAT, 0, "it prints no PIN");
	if (secret_add(out, buf, len) != 0)
		return err_set(e, ERR_LIMIT, 0, "a PIN of more than %d bytes",
		    SECRET_MAX);
	return 0;
}

static int
run(char *const argv[], long end, int cancel_fd, char *buf, size_t *n,
    struct err *e)
{
	int fd, r, status;
	pid_t pid;
	long left;

	if ((r = spawn_reader(argv, &pid, &fd, e)) != 0)
		return r;
	r = read_all(fd, cancel_fd, end, buf, n, e);
	close(fd);
	left = end - now_ms();
	if (r == 0 && !spawn_wait(pid, left > 0 ? (unsigned int)left : 0,
	    &status))
		r = err_set(e, ERR_CANCELLED, ETIMEDOUT, "it took too long");
	else if (r == 0)
		return status == 0 ? 0 : err_set(e, ERR_DENIED, status,
		    "it ended with %d", status);
	spawn_kill(pid);
	return r;
}

int
pin_command_read(const char *line, unsigned int seconds, int cancel_fd,
    struct secret *out, struct err *e)
{
	const long end = now_ms() + seconds * 1000L;
	char **argv = NULL, *buf;
	size_t n = 0;
	int r;

	if ((r = pin_command_split(line, &argv, e)) != 0)
		return r;
	if ((buf = secret_page_new(OUTPUT_MAX)) == NULL)
		r = err_set(e, ERR_NOMEM, 0, "no memory");
	else if ((r = run(argv, end, cancel_fd, buf, &n, e)) == 0)
		r = take_line(buf, n, out, e);
	if (r != 0)
		r = err_wrap(e, "PIN command %s", argv[0]);
	secret_page_free(buf, OUTPUT_MAX);
	free(argv);
	return r;
}

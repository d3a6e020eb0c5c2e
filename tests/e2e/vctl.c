/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/vctl.h"

#define LINE	128

void
vctl_open(struct vctl *v, unsigned int token)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const char *path;
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "VHSM_CTL_%u", token);
	if ((path = getenv(name)) == NULL ||
	    strlen(path) >= sizeof(sa.sun_path))
		errx(2, "%s is not set, or too long: use with-vhsm", name);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == -1 ||
	    (v->out = fdopen(fd, "w")) == NULL ||
	    (v->in = fdopen(dup(fd), "r")) == NULL)
		err(2, "%s", path);
}

void
vctl_close(struct vctl *v)
{
	fclose(v->in);
	fclose(v->out);
}

/* The next line of data; false at the end, *ok says which. */
static bool
next_line(struct vctl *v, char line[LINE], bool *ok)
{
	if (fgets(line, LINE, v->in) == NULL)
		errx(2, "the virtual HSM hung up");
	line[strcspn(line, "\n")] = '\0';
	*ok = strcmp(line, "ok") == 0;
	return !*ok && strncmp(line, "error ", 6) != 0;
}

static void
ask(struct vctl *v, const char *line)
{
	fprintf(v->out, "%s\n", line);
	if (fflush(v->out) != 0)
		err(2, "the virtual HSM");
}

bool
vctl_try(struct vctl *v, const char *line)
{
	char answer[LINE];
	bool ok;

	ask(v, line);
	while (next_line(v, answer, &ok))
		;
	return ok;
}

void
vctl_tell(struct vctl *v, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!vctl_try(v, line))
		errx(2, "the virtual HSM refuses \"%s\"", line);
}

unsigned long
vctl_number(struct vctl *v, const char *line, unsigned long *second)
{
	char answer[LINE], *end;
	unsigned long n;
	bool ok;

	ask(v, line);
	if (!next_line(v, answer, &ok))
		errx(2, "the virtual HSM has no answer to \"%s\"", line);
	n = strtoul(answer, &end, 10);
	if (second != NULL)
		*second = strtoul(end, NULL, 10);
	while (next_line(v, answer, &ok))
		;
	return n;
}

/* "80680170 36 -> 73 9000", or "lost" in place of what follows the arrow */
static void
parse(const char *line, struct vctl_command *c)
{
	unsigned int h = 0, sw = 0;
	unsigned long n = 0, answered;

	if (sscanf(line, "%8x %lu -> %lu %x", &h, &n, &answered, &sw) < 2)
		errx(2, "a log line of the virtual HSM: %s", line);
	*c = (struct vctl_command){ .bytes = n, .sw = sw, .header = {
	    (uint8_t)(h >> 24), (uint8_t)(h >> 16), (uint8_t)(h >> 8),
	    (uint8_t)h } };
}

size_t
vctl_log(struct vctl *v, struct vctl_command log[VCTL_LOG])
{
	char line[LINE];
	size_t n = 0;
	bool ok;

	ask(v, "log");
	while (next_line(v, line, &ok))
		if (n < VCTL_LOG && line[0] != '-')
			parse(line, &log[n++]);
	return n;
}

bool
vctl_is_pin(const struct vctl_command *c)
{
	return c->header[1] == 0x20 && c->header[3] == 0x81 && c->bytes > 5;
}

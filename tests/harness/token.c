/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/vhsm/vhsm.h"

static int
connect_to(const struct card *c, const struct harness *h, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.90s/ctl-%u", h->dir,
	    c->number);
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == -1) {
		err_set(e, ERR_SYS, errno, "%s: %s", sa.sun_path,
		    strerror(errno));
		if (fd != -1)
			close(fd);
		return -1;
	}
	return fd;
}

/* Wait until the card has said something; false when it has died. */
static bool
wait_answer(const struct card *c, int fd)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = pidfd_open(c->pid, 0), .events = POLLIN },
	};
	int r;

	do {
		r = poll(p, 2, -1);
	} while (r == -1 && errno == EINTR);
	if (p[1].fd != -1)
		close(p[1].fd);
	return r > 0 && p[0].revents != 0;
}

#define ANSWER	512

static int
ask(struct harness *h, struct card *c, const char *line, char text[ANSWER],
    struct err *e)
{
	size_t used = 0;
	ssize_t n;
	char *bad;
	int fd;

	if ((fd = connect_to(c, h, e)) == -1)
		return e->code;
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) == -1)
		err_set(e, ERR_SYS, errno, "virtual HSM: %s",
		    strerror(errno));
	for (;;) {
		n = -1;
		if (wait_answer(c, fd))
			n = read(fd, text + used, ANSWER - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
		text[used] = '\0';
		if (strncmp(text, "error ", 6) == 0 ||
		    strstr(text, "ok\n") != NULL)
			break;
	}
	close(fd);
	if (n <= 0)
		return err_set(e, ERR_TOKEN_GONE, 0, "virtual HSM %u "
		    "ended", c->number);
	if (strncmp(text, "error ", 6) != 0)
		return 0;
	if ((bad = strchr(text, '\n')) != NULL)
		*bad = '\0';
	return err_set(e, ERR_TOKEN, 0, "%s", text + 6);
}

static int
talk(struct harness *h, struct card *c, const char *line, struct err *e)
{
	char text[ANSWER];

	return ask(h, c, line, text, e);
}

char
token_reader(struct harness *h, struct card *c)
{
	char text[ANSWER];
	struct err e;

	return ask(h, c, "reader\n", text, &e) == 0 ? text[0] : '\0';
}

/* TYPE:LABEL[:ID] */
static int
make_key(struct harness *h, struct card *c, const char *spec, struct err *e)
{
	const char *label = strchr(spec, ':'), *id;
	char line[400];

	if (label == NULL || strpbrk(spec, "\"\n") != NULL)
		return err_set(e, ERR_USAGE, 0, "--key %s: want "
		    "TYPE:LABEL[:ID]", spec);
	id = strchr(++label, ':');
	snprintf(line, sizeof(line), "generate \"%.*s\" \"%.*s\" %s\n",
	    (int)(label - 1 - spec), spec,
	    (int)(id != NULL ? (size_t)(id - label) : strlen(label)), label,
	    id != NULL ? id + 1 : "");
	if (strlen(line) >= sizeof(line) - 1)
		return err_set(e, ERR_LIMIT, 0, "--key %s: too long", spec);
	return talk(h, c, line, e) == 0 ? 0 : err_wrap(e, "--key %s", spec);
}

int
token_set_up(struct harness *h, struct card *c, struct err *e)
{
	int r = 0;

	if (c->foreign || c->is_old || h->opt.fresh)
		return talk(h, c, "ping\n", e);
	r = talk(h, c, "init " VHSM_PIN " " VHSM_SO_PIN " vhsm\n", e);
	for (size_t i = 0; r == 0 && c->number == 0 && i < h->opt.keys; i++)
		r = make_key(h, c, h->opt.key[i], e);
	return r;
}

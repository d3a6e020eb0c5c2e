/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/time.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/service.h"

#define LISTEN_FDS_START	3	/* sd_listen_fds(3) */
#define TELL_SECONDS		1	/* a manager that hangs, not we */
#define NEWS_MAX		512

/* A decimal number of at least 1; -1: it is none, or there is none. */
static long
number(const char *text)
{
	char *end;
	long v;

	if (text == NULL || text[0] < '1' || text[0] > '9')
		return -1;
	errno = 0;
	v = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' ? v : -1;
}

static int
take_socket(struct service *s, struct err *e)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	const long n = number(fds);
	int r = 0;

	/* For another process: who was to unset them did not. */
	if (pid == NULL || fds == NULL || number(pid) != (long)getpid())
		;
	else if (n != 1)
		r = err_set(e, ERR_USAGE, 0, "the service manager passes "
		    "\"%.20s\" sockets (LISTEN_FDS), and not one", fds);
	else
		s->listen_fd = LISTEN_FDS_START;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return r;
}

/* An absolute path, or '@' and a name in the abstract namespace. */
static int
take_address(struct service *s, const char *to, struct err *e)
{
	const struct timeval patience = { .tv_sec = TELL_SECONDS };
	const size_t n = strlen(to);

	if ((to[0] != '/' && to[0] != '@') || n < 2 ||
	    n >= sizeof(s->to.sun_path))
		return err_set(e, ERR_USAGE, 0, "NOTIFY_SOCKET is \"%.120s\", "
		    "which is no socket to tell anything", to);
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd == -1 || setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO,
	    &patience, sizeof(patience)) == -1)
		return err_sys(e, "NOTIFY_SOCKET");
	s->to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(s->to.sun_path, to, n);
	if (to[0] == '@')
		s->to.sun_path[0] = '\0';
	s->to_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return 0;
}

int
service_open(struct service *s, bool front, struct err *e)
{
	const char *to = getenv("NOTIFY_SOCKET");
	int r;

	*s = (struct service){ .listen_fd = -1, .fd = -1 };
	if ((r = take_socket(s, e)) == 0 && to != NULL &&
	    (front || s->listen_fd != -1))
		r = take_address(s, to, e);
	unsetenv("NOTIFY_SOCKET");
	if (r != 0)
		service_close(s);
	return r;
}

void
service_close(struct service *s)
{
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
}

/* Nobody is told that it did not arrive: there is no one else to tell. */
static void
tell(struct service *s, const char *news)
{
	if (s->fd != -1 && sendto(s->fd, news, strlen(news), MSG_NOSIGNAL,
	    (const struct sockaddr *)&s->to, s->to_n) == -1)
		errno = 0;
}

/* "VARIABLES\nSTATUS=line"; a line is a line, whatever a token said. */
static void
tell_status(struct service *s, const char *variables, const char *line)
{
	char news[NEWS_MAX];
	int n = snprintf(news, sizeof(news), "%sSTATUS=", variables);
	char *p = news + n;

	snprintf(p, sizeof(news) - (size_t)n, "%s", line);
	for (; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == '\177')
			*p = '?';
	tell(s, news);
}

void
service_ready(struct service *s)
{
	tell(s, "READY=1");
}

void
service_status(struct service *s, const char *line)
{
	if (strncmp(s->status, line, sizeof(s->status) - 1) == 0)
		return;
	snprintf(s->status, sizeof(s->status), "%s", line);
	tell_status(s, "", s->status);
}

void
service_reloading(struct service *s)
{
	char news[NEWS_MAX];
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(news, sizeof(news), "RELOADING=1\nMONOTONIC_USEC=%llu",
	    (unsigned long long)t.tv_sec * 1000000 +
	    (unsigned long long)t.tv_nsec / 1000);
	tell(s, news);
}

void
service_reloaded(struct service *s, const char *trouble)
{
	char line[sizeof(s->status)];

	snprintf(line, sizeof(line), "the configuration was not read again: "
	    "%.320s", trouble != NULL ? trouble : "");
	tell_status(s, "READY=1\n", trouble != NULL ? line : s->status);
}

void
service_stopping(struct service *s)
{
	tell(s, "STOPPING=1");
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * activate SOCKET NEWS COMMAND...: be the service manager of COMMAND.  It is
 * started at once and gets SOCKET, which listens already, and a place to tell
 * its news to.  Each piece of that becomes a line of the file NEWS, with "|"
 * where it had line ends, after a first line "pid N".  Exits as COMMAND does.
 */
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSED_FD	3

static int
bound(int type, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd == -1 || strlen(path) >= sizeof(sa.sun_path))
		err(125, "%s", path);
	memcpy(sa.sun_path, path, strlen(path));
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) == -1)
		err(125, "%s", path);
	return fd;
}

/* The end of the child, as a descriptor. */
static int
child_fd(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1 ||
	    (fd = signalfd(-1, &set, SFD_CLOEXEC)) == -1)
		err(125, "signals");
	return fd;
}

static void __attribute__((noreturn))
become(int fd, const char *notify, char **command)
{
	sigset_t none;
	char pid[24];

	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	sigemptyset(&none);
	if ((fd == PASSED_FD ? fcntl(fd, F_SETFD, 0) :
	    dup2(fd, PASSED_FD)) == -1 ||
	    setenv("LISTEN_PID", pid, 1) == -1 ||
	    setenv("LISTEN_FDS", "1", 1) == -1 ||
	    setenv("NOTIFY_SOCKET", notify, 1) == -1 ||
	    sigprocmask(SIG_SETMASK, &none, NULL) == -1)
		err(125, "%s", command[0]);
	execvp(command[0], command);
	err(127, "%s", command[0]);
}

static void
note(FILE *to, int fd)
{
	char text[1024];
	ssize_t n;

	while ((n = recv(fd, text, sizeof(text), MSG_DONTWAIT)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (text[i] == '\n')
				text[i] = '|';
		fprintf(to, "%.*s\n", (int)n, text);
	}
}

int
main(int argc, char **argv)
{
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };
	char notify[200];
	int fd, status;
	FILE *news;
	pid_t pid;

	if (argc < 4)
		errx(125, "usage: activate SOCKET NEWS COMMAND...");
	snprintf(notify, sizeof(notify), "%s.sock", argv[2]);
	fd = bound(SOCK_STREAM, argv[1]);
	p[0].fd = bound(SOCK_DGRAM, notify);
	p[1].fd = child_fd();
	if (listen(fd, 16) == -1 || (news = fopen(argv[2], "we")) == NULL)
		err(125, "%s", argv[2]);
	setvbuf(news, NULL, _IOLBF, 0);
	if ((pid = fork()) == -1)
		err(125, "fork");
	if (pid == 0)
		become(fd, notify, argv + 3);
	fprintf(news, "pid %ld\n", (long)pid);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (poll(p, 2, -1) == -1 && errno != EINTR)
			err(125, "poll");
		note(news, p[0].fd);
	}
	note(news, p[0].fd);		/* its last word, "STOPPING=1" */
	fclose(news);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
}

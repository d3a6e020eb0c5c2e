/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/launch.h"

#define FILES_MAX	8192

int
launch_harden(struct err *e)
{
	const struct rlimit none = { 0, 0 };
	int fd;

	/* Else a socket of ours could become standard input. */
	do {
		if ((fd = open("/dev/null", O_RDWR)) == -1)
			return err_sys(e, "/dev/null");
	} while (fd <= STDERR_FILENO);
	close(fd);
	if (setrlimit(RLIMIT_CORE, &none) == -1)
		return err_sys(e, "switching off core dumps");
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		return err_sys(e, "switching off core dumps and debuggers");
	return 0;
}

void
launch_more_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == -1 ||
	    files.rlim_cur >= FILES_MAX)
		return;
	files.rlim_cur = files.rlim_max < FILES_MAX ? files.rlim_max :
	    FILES_MAX;
	(void)setrlimit(RLIMIT_NOFILE, &files);	/* else fewer clients */
}

static bool
is_csh(const struct options *o)
{
	const char *shell = getenv("SHELL");
	size_t n;

	if (o->shell != SHELL_GUESS || shell == NULL)
		return o->shell == SHELL_CSH;
	n = strlen(shell);
	return n >= 3 && strcmp(shell + n - 3, "csh") == 0;
}

/* 'single quotes', which sh and csh both read, for a path of any kind. */
static void
print_quoted(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%";

	if (strspn(s, plain) == strlen(s)) {
		fputs(s, stdout);
		return;
	}
	putchar('\'');
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*s);
	}
	putchar('\'');
}

static void
print_lines(const struct options *o, const char *socket, pid_t pid)
{
	bool csh = is_csh(o);

	fputs(csh ? "setenv SSH_AUTH_SOCK " : "SSH_AUTH_SOCK=", stdout);
	print_quoted(socket);
	fputs(csh ? ";\n" : "; export SSH_AUTH_SOCK;\n", stdout);
	printf(csh ? "setenv SSH_AGENT_PID %ld;\n" :
	    "SSH_AGENT_PID=%ld; export SSH_AGENT_PID;\n", (long)pid);
	printf("echo Agent pid %ld;\n", (long)pid);
	fflush(stdout);
}

/* In front, after the agent is ready: the person's own program. */
static void __attribute__((noreturn))
become(char **command, const char *socket, pid_t pid)
{
	char number[24];

	snprintf(number, sizeof(number), "%ld", (long)pid);
	setenv("SSH_AUTH_SOCK", socket, 1);
	setenv("SSH_AGENT_PID", number, 1);
	execvp(command[0], command);
	fprintf(stderr, "hsm-ssh-agent: %s: %s\n", command[0],
	    strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void __attribute__((noreturn))
wait_in_front(const struct options *o, const char *socket, pid_t child,
    int fd)
{
	int status;
	ssize_t n;
	char byte;

	do {
		n = read(fd, &byte, 1);
	} while (n == -1 && errno == EINTR);
	close(fd);
	if (n != 1) {
		/* It has said why. */
		if (waitpid(child, &status, 0) == child && WIFEXITED(status))
			_exit(WEXITSTATUS(status));
		_exit(1);
	}
	if (o->command != NULL)
		become(o->command, socket, child);
	print_lines(o, socket, child);
	_exit(0);
}

int
launch_start(struct launch *l, const struct options *o, const char *socket,
    struct err *e)
{
	pid_t pid, parent = getpid();
	int p[2];

	*l = (struct launch){ .tell_fd = -1, .parent_fd = -1 };
	if (o->foreground) {
		print_lines(o, socket, parent);
		return 0;
	}
	if (pipe2(p, O_CLOEXEC) == -1)
		return err_sys(e, "pipe");
	if ((pid = fork()) == -1)
		return err_sys(e, "fork");
	if (pid != 0) {
		close(p[1]);
		wait_in_front(o, socket, pid, p[0]);
	}
	close(p[0]);
	l->tell_fd = p[1];
	if (o->command == NULL)
		return 0;
	if ((l->parent_fd = pidfd_open(parent, 0)) == -1 ||
	    getppid() != parent)
		return err_sys(e, "watching the command");
	return 0;
}

void
launch_ready(struct launch *l)
{
	int null;

	if (l->tell_fd == -1)
		return;
	/* First: when the one in front ends, its terminal may hang up. */
	(void)setsid();
	(void)chdir("/");
	if ((null = open("/dev/null", O_RDWR)) != -1) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	/* Should nobody read it any more, the agent serves all the same. */
	if (write(l->tell_fd, "R", 1) == -1)
		errno = 0;
	close(l->tell_fd);
	l->tell_fd = -1;
}

int
launch_kill(const struct options *o, struct err *e)
{
	const char *text = getenv("SSH_AGENT_PID");
	char *end;
	long pid;

	if (text == NULL)
		return err_set(e, ERR_USAGE, 0,
		    "SSH_AGENT_PID is not set, so which agent to end is not "
		    "known");
	errno = 0;
	pid = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || pid < 2 ||
	    pid != (pid_t)pid)
		return err_set(e, ERR_USAGE, 0,
		    "SSH_AGENT_PID is \"%s\", which is not a process", text);
	if (kill((pid_t)pid, SIGTERM) == -1)
		return err_sys(e, "process %ld", pid);
	if (is_csh(o))
		printf("unsetenv SSH_AUTH_SOCK;\nunsetenv SSH_AGENT_PID;\n");
	else
		printf("unset SSH_AUTH_SOCK;\nunset SSH_AGENT_PID;\n");
	printf("echo Agent pid %ld killed;\n", pid);
	return 0;
}

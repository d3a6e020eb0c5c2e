/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/spawn.h"

extern char **environ;

/* 0, or the errno of the step that failed. */
static int
start(char *const argv[], int out, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr,
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null",
	    O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&fa, out,
		    STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawnp(pid, argv[0], &fa, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return rc;
}

int
spawn_reader(char *const argv[], pid_t *pid, int *fd, struct err *e)
{
	int p[2], rc;

	if (pipe2(p, O_CLOEXEC) == -1)
		return err_sys(e, "pipe");
	rc = start(argv, p[1], pid);
	close(p[1]);
	if (rc != 0) {
		close(p[0]);
		errno = rc;
		return err_sys(e, "cannot start %s", argv[0]);
	}
	*fd = p[0];
	return 0;
}

int
spawn_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return 255;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
}

void
spawn_kill(pid_t pid)
{
	kill(pid, SIGTERM);
	(void)spawn_wait(pid);
}

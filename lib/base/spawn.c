/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/spawn.h"

#define FILES		1024	/* the child's soft limit, at most */
#define STEP_MS		10	/* between two looks at a child */
#define MERCY_MS	500	/* from SIGTERM to SIGKILL */

extern char **environ;

/* `from` as the child's `to`; -1: /dev/null. */
static int
give(posix_spawn_file_actions_t *fa, int from, int to)
{
	return from == -1 ? posix_spawn_file_actions_addopen(fa, to,
	    "/dev/null", to == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0) :
	    posix_spawn_file_actions_adddup2(fa, from, to);
}

/*
 * posix_spawnp(3) where the child is born with the limit.  Another thread
 * that needs a descriptor in this moment sees it, too, and may have to try
 * again: only where more than FILES are open.
 */
static int
spawn_limited(pid_t *pid, const posix_spawn_file_actions_t *fa,
    const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	struct rlimit ours, files;
	bool less;
	int rc;

	less = getrlimit(RLIMIT_NOFILE, &ours) == 0 && ours.rlim_cur > FILES;
	if (less) {
		files = (struct rlimit){ FILES, ours.rlim_max };
		less = setrlimit(RLIMIT_NOFILE, &files) == 0;
	}
	rc = posix_spawnp(pid, argv[0], fa, attr, argv, envp);
	if (less)
		(void)setrlimit(RLIMIT_NOFILE, &ours);
	return rc;
}

/* 0, or the errno of the step that failed. */
static int
start(char *const argv[], char *const envp[], int in, int out, pid_t *pid)
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
	rc = give(&fa, in, STDIN_FILENO);
	if (rc == 0)
		rc = give(&fa, out, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(&fa,
		    STDERR_FILENO + 1);
	if (rc == 0)
		rc = spawn_limited(pid, &fa, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return rc;
}

/* The child has ends[1], as its output or both; *fd is ends[0]. */
static int
start_with(char *const argv[], char *const envp[], const int ends[2],
    bool both, pid_t *pid, int *fd, struct err *e)
{
	int rc;

	rc = start(argv, envp, both ? ends[1] : -1, ends[1], pid);
	close(ends[1]);
	if (rc != 0) {
		close(ends[0]);
		errno = rc;
		return err_sys(e, "cannot start %s", argv[0]);
	}
	*fd = ends[0];
	return 0;
}

int
spawn_start(char *const argv[], pid_t *pid, struct err *e)
{
	int rc = start(argv, environ, -1, -1, pid);

	if (rc == 0)
		return 0;
	errno = rc;
	return err_sys(e, "cannot start %s", argv[0]);
}

static int
start_reader(char *const argv[], char *const envp[], pid_t *pid, int *fd,
    struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		return err_sys(e, "pipe");
	return start_with(argv, envp, ends, false, pid, fd, e);
}

int
spawn_reader(char *const argv[], pid_t *pid, int *fd, struct err *e)
{
	return start_reader(argv, environ, pid, fd, e);
}

/* Our variables and this one, for those who free the array alone. */
static char **
environment_with(char *variable)
{
	const size_t name = strcspn(variable, "=") + 1;
	size_t n = 0, used = 0;
	char **env;

	while (environ != NULL && environ[n] != NULL)
		n++;
	if ((env = calloc(n + 2, sizeof(*env))) == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], variable, name) != 0)
			env[used++] = environ[i];
	env[used] = variable;
	return env;
}

int
spawn_reader_with(char *const argv[], char *variable, pid_t *pid, int *fd,
    struct err *e)
{
	char **env = environment_with(variable);
	int r;

	if (env == NULL)
		return err_set(e, ERR_NOMEM, 0, "cannot start %s", argv[0]);
	r = start_reader(argv, env, pid, fd, e);
	free(env);
	return r;
}

int
spawn_talker(char *const argv[], pid_t *pid, int *fd, struct err *e)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		return err_sys(e, "socketpair");
	return start_with(argv, environ, ends, true, pid, fd, e);
}

/* As waitpid(2), with the status as spawn_wait() has it. */
static pid_t
look(pid_t pid, int flags, int *status)
{
	pid_t got;
	int raw = 0;

	while ((got = waitpid(pid, &raw, flags)) == -1 && errno == EINTR)
		;
	if (got == -1)
		*status = 255;
	else if (got > 0)
		*status = WIFEXITED(raw) ? WEXITSTATUS(raw) :
		    128 + WTERMSIG(raw);
	return got;
}

bool
spawn_wait(pid_t pid, unsigned int ms, int *status)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };

	while (look(pid, WNOHANG, status) == 0) {
		if (ms < STEP_MS)
			return false;
		ms -= STEP_MS;
		(void)nanosleep(&step, NULL);
	}
	return true;
}

void
spawn_kill(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	if (spawn_wait(pid, MERCY_MS, &status))
		return;
	kill(pid, SIGKILL);
	(void)look(pid, 0, &status);
}

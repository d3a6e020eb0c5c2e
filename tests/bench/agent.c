/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/agent.h"
#include "tests/bench/client.h"
#include "tests/bench/sample.h"

#define FILE_PIN	"bench-pin"
#define FILE_CONF	"bench-config"
#define FILE_ASKPASS	"bench-askpass"

struct path { char s[PATH_MAX + 64]; };

static struct path
in_dir(const char *dir, const char *name)
{
	struct path p;

	snprintf(p.s, sizeof(p.s), "%s/%s", dir, name);
	return p;
}

static int
write_file(const char *dir, const char *name, mode_t mode, const char *text,
    struct err *e)
{
	struct path p = in_dir(dir, name);
	FILE *f;
	int fd;

	fd = open(p.s, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd == -1 || (f = fdopen(fd, "w")) == NULL)
		return err_sys(e, "%s", p.s);
	fputs(text, f);
	return fclose(f) == 0 ? 0 : err_sys(e, "%s", p.s);
}

int
agent_prepare(const char *dir, const char *pin, struct err *e)
{
	struct path p = in_dir(dir, FILE_PIN);
	char text[sizeof(p.s) + 32];
	int r;

	/* So that ssh-agent's helper is ours to wait for. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		return err_sys(e, "prctl");
	if ((r = write_file(dir, FILE_PIN, 0600, pin, e)) != 0)
		return r;
	snprintf(text, sizeof(text), "PinFile \"%s\"\n", p.s);
	if ((r = write_file(dir, FILE_CONF, 0600, text, e)) != 0)
		return r;
	snprintf(text, sizeof(text), "#!/bin/sh\nexec cat '%s'\n", p.s);
	return write_file(dir, FILE_ASKPASS, 0700, text, e);
}

/* In the child: standard output to `out`, errors to a log, then exec. */
static void __attribute__((noreturn))
become(const struct agent *a, int out, const char *const argv[])
{
	struct path log = in_dir(a->dir, a->kind == AGENT_OURS ?
	    "bench-ours.log" : "bench-theirs.log");
	struct path askpass = in_dir(a->dir, FILE_ASKPASS);
	char name[32];
	int err, null;

	snprintf(name, sizeof(name), "bench-cache-%d-%u", (int)a->kind,
	    a->starts);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setenv("XDG_CACHE_HOME", in_dir(a->dir, name).s, 1);
	setenv("XDG_STATE_HOME", a->dir, 1);
	setenv("SSH_AUTH_SOCK", a->socket, 1);
	setenv("SSH_ASKPASS", askpass.s, 1);
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	err = open(log.s, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (err != -1 && null != -1 && dup2(null, 0) != -1 &&
	    dup2(out != -1 ? out : err, 1) != -1 && dup2(err, 2) != -1)
		execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* "ssh-add -s", and its exit status. */
static int
load_module(const struct agent *a, struct err *e)
{
	const char *const argv[] = { "ssh-add", "-s", a->module, NULL };
	int status = -1;
	pid_t pid;

	if ((pid = fork()) == -1)
		return err_sys(e, "fork");
	if (pid == 0)
		become(a, -1, argv);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return err_set(e, ERR_TOKEN, status,
		    "\"ssh-add -s %s\" failed; see %s/bench-theirs.log",
		    a->module, a->dir);
	return 0;
}

/* Both print where they listen, once they do. */
static int
wait_listening(const struct agent *a, int fd, struct err *e)
{
	char text[256];
	ssize_t n;

	do {
		n = read(fd, text, sizeof(text));
	} while (n == -1 && errno == EINTR);
	if (n > 0)
		return 0;
	return err_set(e, ERR_SYS, 0, "%s does not start; see its log in %s",
	    a->program, a->dir);
}

/* How long it took until somebody could connect. */
static int
note_listening(struct agent *a, double start, struct err *e)
{
	int fd, r;

	if ((r = client_connect(a->socket, &fd, e)) != 0)
		return r;
	a->listening_ms = now_ms() - start;
	close(fd);
	return 0;
}

static int
spawn(struct agent *a, struct err *e)
{
	struct path conf = in_dir(a->dir, FILE_CONF);
	const char *const ours[] = { a->program, "-D", "-a", a->socket,
	    "--config", conf.s, NULL };
	const char *const theirs[] = { a->program, "-D", "-a", a->socket,
	    "-P", a->module, NULL };
	double start = now_ms();
	int p[2], r;

	unlink(a->socket);
	if (pipe2(p, O_CLOEXEC) == -1)
		return err_sys(e, "pipe");
	if ((a->pid = fork()) == 0)
		become(a, p[1], a->kind == AGENT_OURS ? ours : theirs);
	close(p[1]);
	if (a->pid == -1) {
		a->pid = 0;
		r = err_sys(e, "fork");
	} else if ((r = wait_listening(a, p[0], e)) == 0) {
		r = note_listening(a, start, e);
	}
	close(p[0]);
	return r;
}

int
agent_start(struct agent *a, struct err *e)
{
	int r;

	if (!a->keep_cache)
		a->starts++;
	if ((r = spawn(a, e)) == 0 && a->kind == AGENT_THEIRS)
		r = load_module(a, e);
	if (r != 0)
		agent_stop(a);
	return r;
}

/* ssh-pkcs11-helper, the only child that ssh-agent has; 0: none. */
static pid_t
helper(const struct agent *a)
{
	char path[64];
	long pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children",
	    (long)a->pid, (long)a->pid);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	if (fscanf(f, "%ld", &pid) != 1)
		pid = 0;
	fclose(f);
	return (pid_t)pid;
}

void
agent_stop(struct agent *a)
{
	pid_t child;

	if (a->pid == 0)
		return;
	child = helper(a);
	kill(a->pid, SIGTERM);
	waitpid(a->pid, NULL, 0);
	if (child != 0)
		waitpid(child, NULL, 0);
	a->pid = 0;
}

/* The number after a name in a "status" file of /proc; 0: not there. */
static unsigned long
status_field(const char *path, const char *name)
{
	unsigned long v = 0;
	char line[256];
	size_t n = strlen(name);
	FILE *f;

	if ((f = fopen(path, "re")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, n) == 0 && line[n] == ':')
			v = strtoul(line + n + 1, NULL, 10);
	fclose(f);
	return v;
}

static int
add_process(pid_t pid, struct agent_usage *u, struct err *e)
{
	char path[64], file[400];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	u->resident_mib += (double)status_field(path, "VmRSS") / 1024;
	snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	if ((dir = opendir(path)) == NULL)
		return err_sys(e, "%s", path);
	while ((d = readdir(dir)) != NULL) {
		snprintf(file, sizeof(file), "%s/%s/status", path, d->d_name);
		u->wakeups += status_field(file, "voluntary_ctxt_switches");
	}
	closedir(dir);
	return 0;
}

int
agent_usage(const struct agent *a, struct agent_usage *u, struct err *e)
{
	pid_t child = helper(a);
	int r;

	*u = (struct agent_usage){ 0 };
	r = add_process(a->pid, u, e);
	if (r == 0 && child != 0)
		r = add_process(child, u, e);
	return r;
}

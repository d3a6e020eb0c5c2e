/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/pidfd.h>
#include <sys/prctl.h>
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

#include "tests/harness/harness.h"

#define PCSCD	"/usr/sbin/pcscd"
#define STOP_MS	2000

static void
exec_failed(const char *what)
{
	warn("%s", what);
	_exit(errno == ENOENT ? 127 : 126);
}

/* In a new child: die with the parent, take signals as usual. */
static void
become_child(pid_t parent, int death)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, death);
	if (getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static pid_t
start(int death, struct err *e)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == -1)
		err_set(e, ERR_SYS, errno, "fork: %s", strerror(errno));
	if (pid == 0)
		become_child(parent, death);
	return pid;
}

/* A daemon's: no terminal signals, no input, output to a log. */
static void
become_daemon(const struct harness *h, const char *log)
{
	char path[PATH_MAX + 32];
	int fd;

	setpgid(0, 0);
	snprintf(path, sizeof(path), "%s/%s", h->dir, log);
	if ((fd = open("/dev/null", O_RDONLY)) != -1)
		dup2(fd, 0);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600)) == -1)
		err(1, "%s", path);
	dup2(fd, 1);
	dup2(fd, 2);
}

static void
become_pcscd(const struct harness *h, pid_t parent)
{
	char conf[PATH_MAX + 32], pid[16];

	become_daemon(h, "pcscd.log");
	private_enter(h);
	prctl(PR_SET_PDEATHSIG, SIGTERM);	/* setuid(2) forgets it */
	if (getppid() != parent)
		_exit(1);
	if (dup2(h->listener, 3) == -1)
		err(1, "dup2");
	if (h->listener == 3)
		fcntl(3, F_SETFD, 0);
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	snprintf(conf, sizeof(conf), "%s/readers", h->dir);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_PID", pid, 1);
	execl(PCSCD, "pcscd", "--foreground", "--config", conf,
	    (char *)NULL);
	exec_failed(PCSCD);
}

int
child_start_pcscd(struct harness *h, struct err *e)
{
	pid_t parent = getpid();
	pid_t pid = start(SIGTERM, e);

	if (pid == 0)
		become_pcscd(h, parent);
	if (pid == -1)
		return e->code;
	h->pcscd = pid;
	return 0;
}

static void
become_card(const struct harness *h, const struct card *c)
{
	char prog[PATH_MAX + 8], port[16], state[PATH_MAX + 32], ctl[16],
	    serial[16], log[32];
	const char *argv[20];
	size_t n = 0;
	int fd;

	snprintf(log, sizeof(log), "vhsm-%u.log", c->number);
	become_daemon(h, log);
	if ((fd = dup(c->ctl)) == -1)		/* without close-on-exec */
		err(1, "dup");
	snprintf(prog, sizeof(prog), "%s/vhsm", h->bin);
	snprintf(port, sizeof(port), "%u", c->port);
	snprintf(state, sizeof(state), "%s/token-%u", h->dir, c->number);
	snprintf(ctl, sizeof(ctl), "%d", fd);
	snprintf(serial, sizeof(serial), "DENK01%05u", c->number % 100000);
	argv[n++] = prog;
	argv[n++] = "--port";
	argv[n++] = port;
	argv[n++] = "--ctl-fd";
	argv[n++] = ctl;
	argv[n++] = "--reconnect";
	if (c->foreign) {
		argv[n++] = "--foreign";
	} else {
		argv[n++] = "--serial";
		argv[n++] = serial;
		argv[n++] = "--state";
		argv[n++] = state;
	}
	if (h->opt.latency != NULL) {
		argv[n++] = "--latency";
		argv[n++] = h->opt.latency;
	}
	if (h->opt.firmware != NULL) {
		argv[n++] = "--firmware";
		argv[n++] = h->opt.firmware;
	}
	if (h->opt.is_short)
		argv[n++] = "--short";
	argv[n] = NULL;
	execv(prog, (char *const *)(uintptr_t)argv);
	exec_failed(prog);
}

int
child_start_card(struct harness *h, struct card *c, struct err *e)
{
	pid_t pid = start(SIGKILL, e);

	if (pid == 0)
		become_card(h, c);
	if (pid == -1)
		return e->code;
	c->pid = pid;
	return 0;
}

int
child_start_command(struct harness *h, struct err *e)
{
	pid_t pid = start(SIGTERM, e);

	if (pid == 0) {
		execvp(h->opt.command[0], h->opt.command);
		exec_failed(h->opt.command[0]);
	}
	if (pid == -1)
		return e->code;
	h->command = pid;
	return 0;
}

int
child_start_watcher(struct harness *h, size_t n, struct err *e)
{
	pid_t pid = start(SIGKILL, e);

	if (pid == 0)
		_exit(watch_cards(n));
	if (pid == -1)
		return e->code;
	h->helper = pid;
	return 0;
}

static void
note_end(struct harness *h, pid_t pid, int status, struct ended *x)
{
	if (pid == h->pcscd) {
		h->pcscd = 0;
		x->pcscd = true;
	} else if (pid == h->helper) {
		h->helper = 0;
		x->helper = true;
		x->helper_status = status;
	} else if (pid == h->command) {
		h->command = 0;
		x->command = true;
		x->command_status = status;
	}
	for (size_t i = 0; i < h->cards; i++)
		if (pid == h->card[i].pid) {
			h->card[i].pid = 0;
			x->card = true;
			x->card_status = status;
			x->which = &h->card[i];
		}
}

struct ended
child_reap(struct harness *h)
{
	struct ended x = { 0 };
	int status;
	pid_t pid;

	while (!x.card && (pid = waitpid(-1, &status, WNOHANG)) > 0)
		note_end(h, pid, status, &x);
	return x;
}

/* Ask first; what does not go in time is killed. */
static void
stop(pid_t *pid, int sig)
{
	struct pollfd p = { .events = POLLIN };

	if (*pid == 0)
		return;
	p.fd = pidfd_open(*pid, 0);
	kill(*pid, sig);
	if (p.fd != -1 && poll(&p, 1, STOP_MS) == 0)
		kill(*pid, SIGKILL);
	if (p.fd != -1)
		close(p.fd);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

/* The cards before pcscd: it cannot end while it waits for an answer. */
void
child_stop_all(struct harness *h)
{
	stop(&h->command, SIGTERM);
	stop(&h->helper, SIGKILL);
	for (size_t i = 0; i < h->cards; i++)
		stop(&h->card[i].pid, SIGKILL);
	stop(&h->pcscd, SIGTERM);
}

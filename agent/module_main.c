/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hsm-ssh-agent-module PATH|NAME: runs the PKCS#11 module at PATH, or that of
 * this name in p11-kit's configuration, for the program of ours that has
 * started it, which talks to it over standard input and output
 * (token/modproto.h).  Whatever the module does, it does it here.  It ends
 * when that program does.
 */
#include <sys/prctl.h>
#include <sys/resource.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "token/modhost.h"

struct loaded {
	const char	*path;
	struct p11_module *module;	/* NULL: not yet */
};

/* At the first request, so that there is one to tell of a failure. */
static int
load(struct loaded *l, struct err *e)
{
	return l->module != NULL ? 0 : p11_load(&l->module, l->path, e);
}

static int
list_slots(void *arg, struct p11_slots *out, struct err *e)
{
	struct loaded *l = arg;
	int r;

	if ((r = load(l, e)) != 0)
		return r;
	return p11_list(l->module, out, e);
}

static int
wait_for_event(void *arg, struct err *e)
{
	struct loaded *l = arg;
	int r;

	if ((r = load(l, e)) != 0)
		return r;
	return p11_wait(l->module, e);
}

static int
open_token(void *arg, uint64_t slot, struct token **out, struct err *e)
{
	struct loaded *l = arg;
	int r;

	if ((r = load(l, e)) != 0)
		return r;
	return p11_open(l->module, slot, out, e);
}

/*
 * PINs come through here: no core dumps, no debugger.  A module that is
 * stuck does not outlive the thread that asked it.
 */
static bool
harden(void)
{
	const struct rlimit none = { 0 };

	return setrlimit(RLIMIT_CORE, &none) == 0 &&
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0;
}

/* What a module prints is not for who talks to us. */
static int
take_socket(void)
{
	const int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd == -1 || null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(null, STDOUT_FILENO) == -1)
		return -1;
	close(null);
	return fd;
}

int
main(int argc, char **argv)
{
	static const struct modhost_ops ops = { .list = list_slots,
	    .wait = wait_for_event, .open = open_token };
	struct loaded l = { 0 };
	int fd;

	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: hsm-ssh-agent-module PATH|NAME\n"
		    "hsm-ssh-agent(1) and hsm-keyutil(1) start it by "
		    "themselves.\n");
		return 2;
	}
	l.path = argv[1];
	/* A key stroke that ends the agent is none of our business. */
	if (!harden() || signal(SIGINT, SIG_IGN) == SIG_ERR ||
	    (fd = take_socket()) == -1)
		return 1;
	modhost_serve(fd, &ops, &l);
	p11_unload(l.module);
	return 0;
}

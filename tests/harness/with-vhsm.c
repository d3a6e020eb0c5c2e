/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * with-vhsm [OPTIONS] COMMAND...: run COMMAND with a pcscd of its own whose
 * readers hold virtual SmartCard-HSMs, and clear all of it away afterwards.
 *
 * pcscd binds its socket at a path fixed when it was built, unless it is
 * handed one the way systemd does it (child.c); clients find the path in
 * PCSCLITE_CSOCK_NAME.  So no root is needed, and any number of these may
 * run at a time.  A pcscd or card that dies while COMMAND runs is started
 * again, with the state it had; SIGUSR1 restarts pcscd, with no answer when
 * that is done.
 *
 * vhsmctl has words for us.  Each is answered when it is done:
 *	pcscd stop	as an administrator does: SIGTERM, no socket any more
 *	pcscd kill	as if it crashed: SIGKILL, nobody listens at its socket
 *	pcscd start	when it sees each card that is in a reader
 *	pcscd restart	the same in one; its socket stays, as it does under
 *			systemd, so who connects meanwhile has to wait
 *	pcscd wait	until it sees each card that is in a reader, say
 *			after "insert" or "swap"
 *	pcscd pid
 *
 * COMMAND finds these in its environment:
 *	PCSCLITE_CSOCK_NAME	pcscd's socket
 *	VHSM_CTL, VHSM_CTL_N	control socket of the first, the Nth token from
 *				0 (vhsm's ctl.h); the foreign card is the last
 *	VHSM_PIN, VHSM_SO_PIN	as typed
 *	VHSM_DIR		a directory to work in, gone afterwards
 *	VHSM_HARNESS_PID	where SIGUSR1 goes
 *	VHSM_HARNESS_CTL	where vhsmctl finds us
 *	OPENSC_CONF		lets OpenSC use extended APDUs (not --short)
 *	PATH			vhsmctl and vhsmuser are in it
 * and the token N in the reader "Virtual HSM A 00 00", "A 00 01", "B 00 00"...
 * With --stick "A" is "A (DENK0100000)", as the readers of sticks have the
 * serial number of the token in their names.
 */
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/vhsm/vhsm.h"

#define ATTEMPTS	5
#define PATIENCE_MS	5000	/* until all cards are seen */
#define RESTARTS_MAX	500
#define RESTARTS_MS	60000

static const char usage_text[] =
    "usage: with-vhsm [OPTIONS] COMMAND...\n"
    "  --tokens N          virtual HSMs, 0 to 4; one if not given\n"
    "  --key TYPE:LABEL[:ID]  make a key on the first; again for more\n"
    "  --fresh             leave them uninitialised\n"
    "  --foreign           one more reader, with a card that is no HSM\n"
    "  --latency MS        every signature takes that much longer\n"
    "  --firmware X.Y|pico  3.5 if not given\n"
    "  --short             no extended APDUs\n"
    "  --keep DIR          work in DIR and leave the tokens there\n";

static void
usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static void
parse_tokens(struct options *o, const char *s)
{
	if (s[0] < '0' || s[0] > '0' + HARNESS_TOKENS || s[1] != '\0')
		errx(2, "--tokens %s: want 0 to %d", s, HARNESS_TOKENS);
	o->tokens = (unsigned)(s[0] - '0');
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "tokens", required_argument, NULL, 't' },
		{ "key", required_argument, NULL, 'k' },
		{ "fresh", no_argument, NULL, 'f' },
		{ "foreign", no_argument, NULL, 'F' },
		{ "latency", required_argument, NULL, 'l' },
		{ "firmware", required_argument, NULL, 'w' },
		{ "short", no_argument, NULL, 's' },
		{ "stick", no_argument, NULL, 'S' },
		{ "keep", required_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	o->tokens = 1;
	while ((c = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		if (c == 't')
			parse_tokens(o, optarg);
		else if (c == 'k' && o->keys < HARNESS_KEYS)
			o->key[o->keys++] = optarg;
		else if (c == 'f')
			o->fresh = true;
		else if (c == 'F')
			o->foreign = true;
		else if (c == 'l')
			o->latency = optarg;
		else if (c == 'w')
			o->firmware = optarg;
		else if (c == 's')
			o->is_short = true;
		else if (c == 'S')
			o->stick = true;
		else if (c == 'd')
			o->keep = optarg;
		else
			usage();
	}
	if (optind == argc)
		usage();
	o->command = argv + optind;
}

static int
need(const char *path, const char *package, struct err *e)
{
	if (access(path, R_OK) == 0)
		return 0;
	return err_set(e, ERR_NOTFOUND, 0, "%s is missing: install the "
	    "package %s", path, package);
}

/* vhsm lies beside this program, or where the build puts it. */
static int
find_programs(struct harness *h, struct err *e)
{
	static const char *const at[] = { "", "/../vhsm" };
	char self[PATH_MAX], try[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return err_set(e, ERR_SYS, errno, "/proc/self/exe: %s",
		    strerror(errno));
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < 2; i++) {
		snprintf(try, sizeof(try), "%s%s/vhsm", self, at[i]);
		if (access(try, X_OK) != 0)
			continue;
		*strrchr(try, '/') = '\0';
		if (realpath(try, h->bin) != NULL)
			return 0;
	}
	return err_set(e, ERR_NOTFOUND, 0, "no program vhsm beside %s", self);
}

static void
set_in_dir(const struct harness *h, const char *name, const char *file)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", h->dir, file);
	setenv(name, path, 1);
}

static void
set_environment(const struct harness *h)
{
	char name[32], file[32], text[2 * PATH_MAX];
	const char *path = getenv("PATH");

	setenv("PCSCLITE_CSOCK_NAME", h->sock, 1);
	setenv("VHSM_PIN", VHSM_PIN, 1);
	setenv("VHSM_SO_PIN", VHSM_SO_PIN, 1);
	setenv("VHSM_DIR", h->dir, 1);
	set_in_dir(h, "VHSM_CTL", "ctl-0");
	for (unsigned i = 0; i < h->cards; i++) {
		snprintf(name, sizeof(name), "VHSM_CTL_%u", i);
		snprintf(file, sizeof(file), "ctl-%u", i);
		set_in_dir(h, name, file);
	}
	set_in_dir(h, "VHSM_HARNESS_CTL", "harness");
	set_in_dir(h, "OPENSC_CONF", "opensc.conf");
	snprintf(text, sizeof(text), "%ld", (long)getpid());
	setenv("VHSM_HARNESS_PID", text, 1);
	snprintf(text, sizeof(text), "%s:%s", h->bin,
	    path != NULL ? path : "/usr/bin:/bin");
	setenv("PATH", text, 1);
}

static int
make_cards(struct harness *h, struct err *e)
{
	char path[PATH_MAX + 32];
	struct card *c;
	int r;

	h->cards = h->opt.tokens + (h->opt.foreign ? 1u : 0u);
	for (unsigned i = 0; i < h->cards; i++) {
		c = &h->card[i];
		c->number = i;
		c->foreign = i == h->opt.tokens;
		snprintf(path, sizeof(path), "%s/token-%u", h->dir, i);
		c->is_old = access(path, F_OK) == 0;
		snprintf(path, sizeof(path), "%s/ctl-%u", h->dir, i);
		if ((r = scratch_listen(path, &c->ctl, e)) != 0)
			return r;
	}
	return 0;
}

static int
block_signals(struct harness *h, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	h->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (h->signals == -1)
		return err_set(e, ERR_SYS, errno, "signalfd: %s",
		    strerror(errno));
	return 0;
}

static int
prepare(struct harness *h, struct err *e)
{
	char sock[PATH_MAX + 32];
	int r;

	if ((r = need("/usr/sbin/pcscd", "pcscd", e)) != 0 ||
	    (r = need("/usr/lib/pcsc/drivers/serial/libifdvpcd.so",
	    "vsmartcard-vpcd", e)) != 0 ||
	    (r = find_programs(h, e)) != 0 ||
	    (r = block_signals(h, e)) != 0 ||
	    (r = scratch_make(h, e)) != 0 || (r = make_cards(h, e)) != 0)
		return r;
	snprintf(sock, sizeof(sock), "%s/harness", h->dir);
	if ((r = control_start(h, sock, e)) != 0)
		return r;
	snprintf(sock, sizeof(sock), "%s/pcscd.comm", h->dir);
	if (strlen(sock) >= sizeof(h->sock))
		return err_set(e, ERR_LIMIT, 0, "%s: too long for a socket",
		    sock);
	memcpy(h->sock, sock, strlen(sock) + 1);
	set_environment(h);
	return scratch_listen(h->sock, &h->listener, e);
}

int64_t
harness_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The next signal, or 0 when none came in time (-1: wait for ever). */
static struct signalfd_siginfo
next_signal(const struct harness *h, int64_t ms)
{
	struct pollfd p = { .fd = h->signals, .events = POLLIN };
	struct signalfd_siginfo si = { 0 };

	if (poll(&p, 1, (int)ms) > 0 &&
	    read(h->signals, &si, sizeof(si)) != (ssize_t)sizeof(si))
		si.ssi_signo = 0;
	return si;
}

/* Wait for the watcher: 0 all seen, -1 try again, else a signal. */
static int
wait_seen(struct harness *h)
{
	int64_t deadline = harness_now() + PATIENCE_MS, left;
	struct ended x;
	uint32_t sig;

	for (;;) {
		x = child_reap(h);
		if (x.helper)
			return x.helper_status == 0 ? 0 : -1;
		if (h->pcscd == 0)
			return -1;
		for (size_t i = 0; i < h->cards; i++)
			if (h->card[i].pid == 0)
				return -1;
		if ((left = deadline - harness_now()) <= 0)
			return -1;
		sig = next_signal(h, left).ssi_signo;
		if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP)
			return (int)sig;
	}
}

static int
start_all(struct harness *h, struct err *e)
{
	int r;

	if ((r = ports_take(h, e)) != 0 ||
	    (r = scratch_configure(h, e)) != 0 ||
	    (r = child_start_pcscd(h, e)) != 0)
		return r;
	for (size_t i = 0; i < h->cards; i++)
		if ((r = child_start_card(h, &h->card[i], e)) != 0)
			return r;
	for (size_t i = 0; i < h->cards; i++)
		if ((r = token_set_up(h, &h->card[i], e)) != 0)
			return r;
	return child_start_watcher(h, h->cards, e);
}

/* All cards in their readers and seen; *sig if a signal came first. */
static int
bring_up(struct harness *h, int *sig, struct err *e)
{
	int r;

	for (int i = 0; i < ATTEMPTS; i++) {
		if ((r = start_all(h, e)) != 0)
			return r;
		*sig = wait_seen(h);
		if (*sig >= 0)
			return 0;
		child_stop_all(h);
		ports_give_back(h);
		h->restarts++;
		for (size_t k = 0; k < h->cards; k++)
			h->card[k].is_old = true;	/* done above */
	}
	return err_set(e, ERR_NO_TOKEN, 0, "pcscd does not see the cards");
}

/* Start again what died while COMMAND runs. */
static int
revive(struct harness *h, const struct ended *x, struct err *e)
{
	bool pcscd = x->pcscd && !h->stopped;
	int r = 0;

	if (!pcscd && !x->card)
		return 0;
	if (harness_now() > h->restarts_from + RESTARTS_MS) {
		h->restarts_from = harness_now();
		h->restarts = 0;
	}
	if (++h->restarts > RESTARTS_MAX)
		return err_set(e, ERR_LIMIT, 0, "pcscd or vhsm does not stay "
		    "up");
	if (pcscd)
		r = child_start_pcscd(h, e);
	if (r == 0 && x->card)
		r = child_start_card(h, x->which, e);
	return r;
}

/* Terminal signals reach COMMAND without us. */
static void
pass_on(const struct harness *h, const struct signalfd_siginfo *si)
{
	switch (si->ssi_signo) {
	case SIGUSR1:
		if (h->pcscd != 0)
			kill(h->pcscd, SIGTERM);
		break;
	case SIGINT: case SIGTERM: case SIGHUP:
		if (si->ssi_code <= 0 && h->command != 0)
			kill(h->command, (int)si->ssi_signo);
		break;
	}
}

/* A signal, a word at the control socket, or the time to look again. */
static void
wait_events(struct harness *h)
{
	struct signalfd_siginfo si;
	struct pollfd p[3] = {
		{ .events = POLLIN }, { .events = POLLIN },
		{ .fd = h->signals, .events = POLLIN },
	};
	int fd[2];
	int64_t ms;

	control_prepare(h, fd, &ms);
	p[0].fd = fd[0];
	p[1].fd = fd[1];
	if (poll(p, 3, (int)ms) <= 0)
		return;
	if (p[0].revents != 0 || p[1].revents != 0)
		control_read(h);
	if (p[2].revents != 0) {
		si = next_signal(h, 0);
		pass_on(h, &si);
	}
}

/* Wait for COMMAND; *status as a shell reports it. */
static int
run_command(struct harness *h, int *status, struct err *e)
{
	struct ended x;
	int r;

	if ((r = child_start_command(h, e)) != 0)
		return r;
	for (;;) {
		do {
			x = child_reap(h);
			if (x.command)
				break;
			if ((r = revive(h, &x, e)) != 0)
				return r;
			control_step(h, &x);
		} while (x.card || x.pcscd);
		if (x.command)
			break;
		wait_events(h);
	}
	*status = WIFSIGNALED(x.command_status) ?
	    128 + WTERMSIG(x.command_status) :
	    WEXITSTATUS(x.command_status);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct harness h;
	struct err e;
	int r, sig = 0, status = 1;

	parse_options(&h.opt, argc, argv);
	h.signals = h.listener = -1;
	if ((r = prepare(&h, &e)) == 0 &&
	    (r = bring_up(&h, &sig, &e)) == 0) {
		if (sig != 0)
			status = 128 + sig;
		else
			r = run_command(&h, &status, &e);
	}
	child_stop_all(&h);
	if (r != 0) {
		scratch_show_logs(&h);
		warnx("%s", e.msg);
	}
	scratch_remove(&h);
	return r != 0 ? 1 : status;
}

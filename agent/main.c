/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/signalfd.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "agent/absence.h"
#include "agent/core.h"
#include "agent/keyring.h"
#include "agent/launch.h"
#include "agent/listen.h"
#include "agent/loop.h"
#include "agent/options.h"
#include "agent/pins.h"
#include "agent/notice.h"
#include "agent/server.h"
#include "base/paths.h"

/* The parts, in the order in which they are made. */
struct agent {
	struct options	 opt;
	struct log	 log;
	struct listener	 listener;
	struct launch	 launch;
	struct loop	*loop;
	struct pins	*pins;
	struct vault	*vault;
	char		*cache_dir, *state_dir;	/* NULL: nothing is kept */
	struct keyring	*keyring;
	struct server	*server;
	struct core	*core;
	struct absence	*absence;
	struct notice	*notice;	/* NULL: none is wanted */
	int		 signal_fd;
};

static void
on_end(void *arg, short revents)
{
	struct agent *a = arg;

	(void)revents;
	loop_stop(a->loop);
}

/* Blocked before the first thread, so that all of them are. */
static int
catch_signals(struct agent *a, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 ||
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return err_sys(e, "signals");
	a->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (a->signal_fd == -1)
		return err_sys(e, "signals");
	if (loop_watch(a->loop, a->signal_fd, POLLIN, on_end, a) == NULL ||
	    (a->launch.parent_fd != -1 && loop_watch(a->loop,
	    a->launch.parent_fd, POLLIN, on_end, a) == NULL))
		return err_set(e, ERR_NOMEM, 0, "signals");
	return 0;
}

static void
on_ready(void *arg, const char *text)
{
	struct agent *a = arg;

	fprintf(stderr, "hsm-ssh-agent: %s\n", text);
	launch_ready(&a->launch);
}

/* Where there is no home directory, nothing outlives the agent. */
static int
make_vault(struct agent *a, struct err *e)
{
	struct vault_conf conf = { .lifetime = a->opt.lifetime,
	    .idle = a->opt.idle };

	if (paths_cache_dir(&a->cache_dir, e) != 0)
		log_debug(&a->log, "no cache of public keys: %s", e->msg);
	if (paths_state_dir(&a->state_dir, e) != 0)
		log_debug(&a->log, "rejected PINs are not remembered when "
		    "the agent ends: %s", e->msg);
	conf.state_dir = a->state_dir;
	return vault_new(&a->vault, &conf, e);
}

static void
on_locked(void *arg)
{
	struct agent *a = arg;

	absence_done(a->absence);
}

static void
on_absence(void *arg, enum absence_why why)
{
	struct agent *a = arg;

	log_info(&a->log, "%s: locking all tokens", why == ABSENCE_SUSPEND ?
	    "the machine goes to sleep" : "the screen was locked");
	keyring_lock_all(a->keyring, why == ABSENCE_SUSPEND ?
	    "the machine went to sleep" : "the screen was locked", on_locked,
	    a);
}

static int
watch_absence(struct agent *a, struct err *e)
{
	const struct absence_conf conf = { .loop = a->loop, .log = &a->log,
	    .suspend = a->opt.lock_on_suspend,
	    .screen_lock = a->opt.lock_on_screen_lock, .fn = on_absence,
	    .arg = a };

	return absence_new(&a->absence, &conf, e);
}

static int
make_parts(struct agent *a, struct err *e)
{
	const struct options *o = &a->opt;
	struct keyring_conf keyring_conf = {
	    .worker = { .log = &a->log, .opt = o },
	    .asker = { .pinentry = o->pinentry, .timeout = o->pin_timeout } };
	struct core_conf core_conf = { .log = &a->log,
	    .policy = { .allow_sha1 = o->allow_sha1 },
	    .providers = o->providers, .reply = server_reply };
	struct server_conf server_conf = { .listen_fd = a->listener.fd,
	    .log = &a->log };
	int r;

	if ((r = loop_new(&a->loop, e)) != 0 ||
	    (r = catch_signals(a, e)) != 0 ||
	    (r = pins_new(&a->pins, o, e)) != 0 ||
	    (r = make_vault(a, e)) != 0)
		return r;
	keyring_conf.worker.pins = a->pins;
	keyring_conf.worker.vault = a->vault;
	keyring_conf.worker.cache_dir = a->cache_dir;
	server_conf.loop = a->loop;
	if ((r = keyring_new(&a->keyring, a->loop, &keyring_conf, e)) != 0 ||
	    (r = server_new(&a->server, &server_conf, e)) != 0)
		return r;
	if (o->notify != NULL && (r = notice_new(&a->notice, a->loop,
	    &a->log, o->notify, e)) != 0)
		return r;
	core_conf.notice = a->notice;
	core_conf.holder = keyring_holder(a->keyring);
	core_conf.reply_arg = a->server;
	if ((a->core = core_new(&core_conf)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "agent");
	server_set_core(a->server, a->core);
	keyring_set_core(a->keyring, a->core);
	keyring_on_ready(a->keyring, o->unlock, on_ready, a);
	return watch_absence(a, e);
}

static int
serve(struct agent *a, struct err *e)
{
	const struct options *o = &a->opt;
	int r;

	/* A COMMAND must not inherit the PIN. */
	if (o->pin_fd != -1 && fcntl(o->pin_fd, F_SETFD, FD_CLOEXEC) == -1)
		return err_sys(e, "--pin-fd %d", o->pin_fd);
	if ((r = launch_harden(e)) != 0 ||
	    (r = listen_open(&a->listener, o->socket, o->command != NULL,
	    e)) != 0)
		return r;
	a->log.level = o->log_level;
	a->log.to_syslog = !o->foreground;
	openlog("hsm-ssh-agent", LOG_PID, LOG_AUTH);
	r = launch_start(&a->launch, o, a->listener.path, e);
	launch_more_files();
	if (r == 0 && (r = make_parts(a, e)) == 0)
		r = loop_run(a->loop, e);
	listen_close(&a->listener, true);
	absence_free(a->absence);
	server_free(a->server);
	core_free(a->core);
	notice_free(a->notice);
	keyring_free(a->keyring);
	vault_free(a->vault);
	pins_free(a->pins);
	free(a->cache_dir);
	free(a->state_dir);
	loop_free(a->loop);
	return r;
}

int
main(int argc, char **argv)
{
	struct agent a = { .log = { .name = "hsm-ssh-agent" },
	    .listener = { .fd = -1 }, .launch = { -1, -1 },
	    .signal_fd = -1 };
	struct err e;
	int r;

	if ((r = options_parse(&a.opt, argc, argv, &e)) != 0)
		goto out;
	if (a.opt.help)
		fputs(options_usage, stdout);
	else if (a.opt.version)
		puts("hsm-ssh-agent " PACKAGE_VERSION);
	else if (a.opt.kill_agent)
		r = launch_kill(&a.opt, &e);
	else
		r = serve(&a, &e);
out:
	if (r != 0)
		fprintf(stderr, "hsm-ssh-agent: %s\n", e.msg);
	options_free(&a.opt);
	return r == 0 ? 0 : r == ERR_USAGE ? 2 : 1;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <termios.h>
#include <unistd.h>

#include "agent/absence.h"
#include "agent/check.h"
#include "agent/core.h"
#include "agent/cygwin.h"
#include "agent/keyring.h"
#include "agent/launch.h"
#include "agent/listen.h"
#include "agent/loop.h"
#include "agent/notice.h"
#include "agent/recorder.h"
#include "agent/renewing.h"
#include "agent/pins.h"
#include "agent/server.h"
#include "agent/service.h"
#include "agent/settings.h"
#include "base/paths.h"
#include "ssh/key.h"

/* The parts, in the order in which they are made. */
struct agent {
	struct settings	*settings;
	struct service	 service;
	struct log	 log;
	struct listener	 listener;
	struct launch	 launch;
	bool		 on_terminal;
	struct loop	*loop;
	struct pins	*pins;
	struct vault	*vault;
	char		*cache_dir, *state_dir;	/* NULL: nothing is kept */
	struct pin_asker asker;
	struct keyring	*keyring;
	struct server	*server;
	struct cygwin	*cygwin;	/* NULL: no CygwinSocket */
	struct core	*core;
	struct confirming *confirming;
	struct upstream	*upstream;	/* NULL: there is none */
	struct certs	*certs;		/* NULL: none are looked for */
	struct audit	*audit;		/* NULL: none is written */
	struct recorder	*recorder;	/* NULL: it has no place */
	struct renewing	*renewing;	/* NULL: nothing is renewed */
	struct absence	*absence;
	struct notice	*notice;
	int		 signal_fd;
};

static void	 reload(struct agent *a);

static void
on_end(void *arg, short revents)
{
	struct agent *a = arg;

	(void)revents;
	loop_stop(a->loop);
}

/* SIGHUP may mean that the terminal is gone on which the agent is in front. */
static bool
has_terminal(const struct agent *a)
{
	return a->on_terminal && (settings_get(a->settings)->foreground ||
	    a->launch.tell_fd != -1);
}

static void
on_signal(void *arg, short revents)
{
	struct agent *a = arg;
	struct signalfd_siginfo info;

	(void)revents;
	if (read(a->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP && !has_terminal(a))
		reload(a);
	else
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
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return err_sys(e, "signals");
	a->on_terminal = tcgetsid(STDIN_FILENO) != (pid_t)-1;
	a->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (a->signal_fd == -1)
		return err_sys(e, "signals");
	if (loop_watch(a->loop, a->signal_fd, POLLIN, on_signal, a) == NULL ||
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

static void
on_summary(void *arg, const char *text)
{
	struct agent *a = arg;

	service_status(&a->service, text);
}

/* Where there is no home directory, nothing outlives the agent. */
static int
make_vault(struct agent *a, struct err *e)
{
	const struct options *o = settings_get(a->settings);
	struct vault_conf conf = { .lifetime = o->lifetime, .idle = o->idle };

	if (paths_cache_dir(&a->cache_dir, e) != 0)
		log_debug(&a->log, "no cache of public keys: %s", e->msg);
	if (paths_state_dir(&a->state_dir, e) != 0)
		log_debug(&a->log, "rejected PINs are not remembered when "
		    "the agent ends: %s", e->msg);
	conf.state_dir = a->state_dir;
	return vault_new(&a->vault, &conf, e);
}

static void
on_relayed(void *arg, int fd, const struct peer *peer)
{
	struct agent *a = arg;

	server_admit(a->server, fd, peer);
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

/* Anew, if it is watched already. */
static int
watch_absence(struct agent *a, const struct options *o, struct err *e)
{
	const struct absence_conf conf = { .loop = a->loop, .log = &a->log,
	    .suspend = o->lock_on_suspend,
	    .screen_lock = o->lock_on_screen_lock, .fn = on_absence,
	    .arg = a };
	struct absence *fresh;
	int r;

	if ((r = absence_new(&fresh, &conf, e)) != 0)
		return r;
	absence_free(a->absence);
	a->absence = fresh;
	return 0;
}

/* Where certificates are, unless somebody said it. */
static int
make_certs(struct agent *a, const struct options *o, struct certs **out,
    struct err *e)
{
	char *dir;
	int r;

	*out = NULL;
	if (o->no_certificates)
		return 0;
	if (o->n_certificates > 0)
		return certs_new(out, &a->log, o->certificates,
		    o->n_certificates, e);
	if (paths_ssh_dir(&dir, e) != 0)
		return 0;		/* nobody's home */
	r = certs_new(out, &a->log, &dir, 1, e);
	free(dir);
	return r;
}

/* Without a home there is none, and no certificate is signed. */
static int
make_recorder(struct agent *a, struct err *e)
{
	struct recorder_conf conf = { .loop = a->loop, .log = &a->log,
	    .answer = core_recorded, .arg = a->core };
	char *path;
	int r;

	if (a->state_dir == NULL)
		return 0;
	if (asprintf(&path, "%s/" LEDGER_FILE, a->state_dir) == -1)
		return err_set(e, ERR_NOMEM, 0, "ledger");
	conf.path = path;
	r = recorder_new(&a->recorder, &conf, e);
	free(path);
	return r;
}

static int
put_record(void *arg, const struct record *r, struct err *e)
{
	return recorder_put(arg, r, e);
}

/* --- renewing --- */

static struct certs *
certs_of(void *arg)
{
	return ((struct agent *)arg)->certs;
}

static const struct idents *
idents_of(void *arg)
{
	const struct holder h = keyring_holder(((struct agent *)arg)->keyring);

	return h.idents(h.arg);
}

/* Begin, or leave off. */
static int
watch_certificates(struct agent *a, const struct options *o, struct err *e)
{
	struct sockaddr_un sun = { 0 };
	socklen_t n = sizeof(sun) - 1;
	const struct renewing_conf conf = { .loop = a->loop, .log = &a->log,
	    .socket = sun.sun_path, .arg = a, .certs = certs_of,
	    .idents = idents_of };

	if (o->renew == (a->renewing != NULL))
		return 0;
	if (!o->renew) {
		renewing_free(a->renewing);
		a->renewing = NULL;
		return 0;
	}
	if (getsockname(a->listener.fd, (struct sockaddr *)&sun, &n) == -1)
		return err_sys(e, "RenewCertificates");
	return renewing_new(&a->renewing, &conf, e);
}

static void
set_others(struct agent *a)
{
	core_set_others(a->core, &(const struct core_others){
	    .confirming = a->confirming, .upstream = a->upstream,
	    .certs = a->certs, .audit = a->audit,
	    .recording = { a->recorder, a->recorder != NULL ?
	    put_record : NULL } });
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Another certificate place or audit log takes over, if it can. */
static void
apply_to_core(struct agent *a, const struct options *o)
{
	struct audit *audit = NULL;
	struct certs *certs;
	struct err e;

	if (make_certs(a, o, &certs, &e) == 0) {
		certs_free(a->certs);
		a->certs = certs;
	} else {
		log_error(&a->log, "Certificates: %s", e.msg);
	}
	if (same(audit_where(a->audit), o->audit)) {
		audit_reopen(a->audit);
	} else if (o->audit == NULL || audit_new(&audit, &a->log, o->audit,
	    &e) == 0) {
		audit_free(a->audit);
		a->audit = audit;
	} else {
		log_error(&a->log, "AuditLog stays as it was: %s", e.msg);
	}
	set_others(a);
}

/*
 * Tell the parts that live in the loop which options hold now; the others
 * ask settings_get() when they need to know.  What fails leaves a part as it
 * was, and the rest is told all the same.
 */
static void
apply(struct agent *a, const struct options *old, const struct options *o)
{
	struct err e;

	a->log.level = o->log_level;
	a->asker = (struct pin_asker){ .pinentry = o->pinentry,
	    .timeout = o->pin_timeout };
	vault_set_times(a->vault, o->lifetime, o->idle);
	apply_to_core(a, o);
	if (notice_set_command(a->notice, o->notify, &e) != 0)
		log_error(&a->log, "NotifyCommand: %s", e.msg);
	if (watch_certificates(a, o, &e) != 0)
		log_error(&a->log, "%s", e.msg);
	if ((o->lock_on_suspend != old->lock_on_suspend ||
	    o->lock_on_screen_lock != old->lock_on_screen_lock) &&
	    watch_absence(a, o, &e) != 0)
		log_error(&a->log, "LockOnSuspend, LockOnScreenLock: %s",
		    e.msg);
	keyring_recheck(a->keyring);
}

/* What was changed and holds only when the agent is started again. */
static void
note_restart(struct agent *a, const struct options *old,
    const struct options *o)
{
	if (!same(old->socket, o->socket))
		log_error(&a->log, "Socket is another now: that takes a "
		    "restart");
	if (!same(old->upstream, o->upstream))
		log_error(&a->log, "Upstream is another now: that takes a "
		    "restart");
	if (!same(old->cygwin, o->cygwin))
		log_error(&a->log, "CygwinSocket is another now: that takes "
		    "a restart");
}

static void
reload(struct agent *a)
{
	const struct options *old = settings_get(a->settings), *o;
	struct err e;

	service_reloading(&a->service);
	if (settings_reload(a->settings, &e) != 0) {
		log_error(&a->log, "the configuration stays as it was: %s",
		    e.msg);
		service_reloaded(&a->service, e.msg);
		return;
	}
	o = settings_get(a->settings);
	note_restart(a, old, o);
	apply(a, old, o);
	log_info(&a->log, "the configuration was read again%s%s",
	    o->file != NULL ? ": " : "; there is no file",
	    o->file != NULL ? o->file : "");
	service_reloaded(&a->service, NULL);
}

/* The other agent's keys may not be our own, or we would ask for ever. */
static int
make_upstream(struct agent *a, const char *path, struct err *e)
{
	int r;

	if (path == NULL)
		return 0;
	if ((r = upstream_new(&a->upstream, a->loop, path, core_upstream,
	    a->core, e)) != 0)
		return err_wrap(e, "Upstream");
	if (a->listener.path != NULL &&
	    upstream_is(a->upstream, a->listener.path))
		return err_set(e, ERR_USAGE, 0, "Upstream: %s is the socket of "
		    "this agent itself", path);
	return 0;
}

/* For programs that are not of this system, and so for no COMMAND. */
static int
make_cygwin(struct agent *a, struct err *e)
{
	const struct options *o = settings_get(a->settings);
	const struct cygwin_conf conf = { .loop = a->loop, .log = &a->log,
	    .path = o->cygwin, .admit = on_relayed, .arg = a };

	return conf.path != NULL && o->command == NULL ?
	    cygwin_new(&a->cygwin, &conf, e) : 0;
}

/* The core, and what works for it. */
static int
make_core(struct agent *a, struct err *e)
{
	const struct options *o = settings_get(a->settings);
	const struct core_conf conf = { .holder = keyring_holder(a->keyring),
	    .loop = a->loop, .settings = a->settings, .log = &a->log,
	    .notice = a->notice, .reply = server_reply,
	    .reply_arg = a->server };
	struct confirming_conf confirming = { .loop = a->loop,
	    .log = &a->log, .asker = &a->asker, .answer = core_confirmed };
	int r;

	if ((a->core = core_new(&conf)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "agent");
	confirming.arg = a->core;
	if ((r = confirming_new(&a->confirming, &confirming, e)) != 0 ||
	    (r = make_upstream(a, o->upstream, e)) != 0 ||
	    (r = make_certs(a, o, &a->certs, e)) != 0 ||
	    (r = make_recorder(a, e)) != 0)
		return r;
	if (o->audit != NULL &&
	    (r = audit_new(&a->audit, &a->log, o->audit, e)) != 0)
		return r;
	set_others(a);
	server_set_core(a->server, a->core);
	keyring_set_core(a->keyring, a->core);
	return 0;
}

static int
make_parts(struct agent *a, struct err *e)
{
	const struct options *o = settings_get(a->settings);
	struct keyring_conf keyring_conf = { .worker = { .log = &a->log,
	    .settings = a->settings }, .asker = &a->asker,
	    .on_summary = on_summary, .arg = a };
	struct server_conf server_conf = { .listen_fd = a->listener.fd,
	    .log = &a->log, .self = getpid() };
	int r;

	a->asker = (struct pin_asker){ .pinentry = o->pinentry,
	    .timeout = o->pin_timeout };
	if ((r = loop_new(&a->loop, e)) != 0 ||
	    (r = catch_signals(a, e)) != 0 ||
	    (r = pins_new(&a->pins, a->settings, e)) != 0 ||
	    (r = make_vault(a, e)) != 0)
		return r;
	keyring_conf.worker.pins = a->pins;
	keyring_conf.worker.vault = a->vault;
	keyring_conf.worker.cache_dir = a->cache_dir;
	server_conf.loop = a->loop;
	if ((r = keyring_new(&a->keyring, a->loop, &keyring_conf, e)) != 0 ||
	    (r = server_new(&a->server, &server_conf, e)) != 0 ||
	    (r = notice_new(&a->notice, a->loop, &a->log, o->notify, e)) != 0 ||
	    (r = make_core(a, e)) != 0 ||
	    (r = make_cygwin(a, e)) != 0)
		return r;
	keyring_on_ready(a->keyring, o->unlock, on_ready, a);
	if ((r = watch_certificates(a, o, e)) != 0)
		return r;
	return watch_absence(a, o, e);
}

/* The socket, and the place in front or in the background. */
static int
take_place(struct agent *a, struct err *e)
{
	const struct options *o = settings_get(a->settings);
	const int fd = a->service.listen_fd;
	int r;

	r = fd != -1 ? listen_adopt(&a->listener, fd, e) :
	    listen_open(&a->listener, o->socket, o->command != NULL, e);
	if (r != 0)
		return r;
	a->log.level = o->log_level;
	a->log.to_syslog = !o->foreground;
	openlog("hsm-ssh-agent", LOG_PID, LOG_AUTH);
	/* Whoever has passed a socket knows where it is. */
	if (fd == -1)
		r = launch_start(&a->launch, o, a->listener.path, e);
	launch_more_files();
	return r;
}

static int
serve(struct agent *a, struct err *e)
{
	const struct options *o = settings_get(a->settings);
	int r;

	key_stay_small();
	/* A COMMAND must not inherit the PIN. */
	if (o->pin_fd != -1 && fcntl(o->pin_fd, F_SETFD, FD_CLOEXEC) == -1)
		return err_sys(e, "--pin-fd %d", o->pin_fd);
	/* What a service manager says to a COMMAND is not for us. */
	if (o->command == NULL &&
	    (r = service_open(&a->service, o->foreground, e)) != 0)
		return r;
	if ((r = launch_harden(e)) == 0 && (r = take_place(a, e)) == 0 &&
	    (r = make_parts(a, e)) == 0) {
		service_ready(&a->service);
		r = loop_run(a->loop, e);
	}
	service_stopping(&a->service);
	listen_close(&a->listener, true);
	absence_free(a->absence);
	cygwin_free(a->cygwin);
	server_free(a->server);
	core_free(a->core);
	confirming_free(a->confirming);
	upstream_free(a->upstream);
	certs_free(a->certs);
	recorder_free(a->recorder);
	renewing_free(a->renewing);
	audit_free(a->audit);
	notice_free(a->notice);
	keyring_free(a->keyring);
	vault_free(a->vault);
	pins_free(a->pins);
	free(a->cache_dir);
	free(a->state_dir);
	loop_free(a->loop);
	service_close(&a->service);
	return r;
}

/* Takes *o over. */
static int
start(struct options *o, int argc, char **argv, struct err *e)
{
	struct agent a = { .log = { .name = "hsm-ssh-agent" },
	    .service = { .listen_fd = -1, .fd = -1 },
	    .listener = { .fd = -1 }, .launch = { -1, -1 },
	    .signal_fd = -1 };
	int r;

	if ((r = options_load(o, e)) != 0 ||
	    (r = settings_new(&a.settings, o, argc, argv, e)) != 0)
		return r;
	r = serve(&a, e);
	settings_free(a.settings);
	return r;
}

int
main(int argc, char **argv)
{
	struct options o;
	struct err e;
	int r;

	if ((r = options_args(&o, argc, argv, &e)) != 0)
		goto out;
	if (o.help)
		fputs(options_usage, stdout);
	else if (o.version)
		puts("hsm-ssh-agent " PACKAGE_VERSION);
	else if (o.kill_agent)
		r = launch_kill(&o, &e);
	else if (o.check)
		r = check_run(&o, &e);
	else
		r = start(&o, argc, argv, &e);
out:
	if (r != 0)
		fprintf(stderr, "hsm-ssh-agent: %s\n", e.msg);
	options_free(&o);
	return r == 0 ? 0 : r == ERR_USAGE ? 2 : 1;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/absence.h"

/*
 * What logind and a screen saver tell, on a bus of our own, by the program
 * tests/e2e/fake-logind.
 */

#define WAIT_MS		10000
#define SAVER		"org.gnome.ScreenSaver"

extern char **environ;

/* A program that we talk to by lines. */
struct program {
	pid_t	 pid;
	FILE	*in, *out;
};

struct fixture {
	char	 dir[64], address[96];
	struct program daemon, logind;
	struct log log;
	struct loop *loop;
	struct absence *a;
	struct absence_conf conf;
	int	 suspends, locks;
	char	 agent[64];		/* its name on the bus */
};

static struct program
run(const char *const *argv)
{
	posix_spawn_file_actions_t fa;
	struct program p;
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out[1], STDOUT_FILENO);
	assert_int_equal(posix_spawnp(&p.pid, argv[0], &fa, NULL,
	    (char *const *)(uintptr_t)argv, environ), 0);
	posix_spawn_file_actions_destroy(&fa);
	close(in[0]);
	close(out[1]);
	assert_non_null(p.in = fdopen(in[1], "w"));
	assert_non_null(p.out = fdopen(out[0], "r"));
	setvbuf(p.in, NULL, _IOLBF, 0);
	setvbuf(p.out, NULL, _IONBF, 0);
	return p;
}

static void
end(struct program *p)
{
	if (p->pid == 0)
		return;
	fclose(p->in);
	fclose(p->out);
	kill(p->pid, SIGTERM);
	while (waitpid(p->pid, NULL, 0) == -1)
		assert_int_equal(errno, EINTR);
	p->pid = 0;
}

/* The next line, which must begin so; what follows is in `rest`. */
static void
expect(struct program *p, const char *start, char *rest, size_t len)
{
	struct pollfd pfd = { fileno(p->out), POLLIN, 0 };
	char line[256];
	size_t n = strlen(start);

	assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
	assert_non_null(fgets(line, sizeof(line), p->out));
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, start, n) != 0)
		fail_msg("\"%s\", not \"%s\"", line, start);
	if (rest != NULL)
		snprintf(rest, len, "%s", line + n);
}

static void
tell(struct program *p, const char *command)
{
	fprintf(p->in, "%s\n", command);
	expect(p, "ok", NULL, 0);
}

/* The loop, until `fd` can be read: has it been told something? */
static void
on_fd(void *arg, short revents)
{
	(void)revents;
	loop_stop(arg);
}

static void
stop(void *arg)
{
	loop_stop(arg);
}

static void
too_late(void *arg)
{
	(void)arg;
	fail_msg("nothing came");
}

/* The loop, until the program prints a line that begins so. */
static void
await(struct fixture *f, struct program *p, const char *start, char *rest,
    size_t len)
{
	struct timer *t;
	struct watch *w;
	struct err e;

	w = loop_watch(f->loop, fileno(p->out), POLLIN, on_fd, f->loop);
	t = loop_timer(f->loop, WAIT_MS, too_late, NULL);
	assert_true(w != NULL && t != NULL);
	assert_int_equal(loop_run(f->loop, &e), 0);
	watch_free(w);
	timer_free(t);
	expect(p, start, rest, len);
}

/* The loop, until fn was called that often; true if not more often. */
static bool
called(struct fixture *f, const int *count, int want)
{
	struct timer *t = loop_timer(f->loop, WAIT_MS, too_late, NULL);
	struct err e;

	while (*count < want)
		assert_int_equal(loop_run(f->loop, &e), 0);
	timer_free(t);
	return *count == want;
}

static void
on_absence(void *arg, enum absence_why why)
{
	struct fixture *f = arg;

	if (why == ABSENCE_SUSPEND)
		f->suspends++;
	else
		f->locks++;
	loop_stop(f->loop);
}

/* The shell ends it with our end of the pipe, even if we die. */
static void
start_daemon(struct fixture *f)
{
	char config[128];
	const char *argv[] = { "sh", "-c", "dbus-daemon --nofork "
	    "--print-address --config-file=\"$0\" 2>/dev/null & trap : TERM\n"
	    "cat >/dev/null; kill $!; wait $!", config, NULL };

	snprintf(config, sizeof(config), "%s/bus.conf", f->dir);
	f->daemon = run(argv);
	expect(&f->daemon, "unix:", NULL, 0);
}

static struct program
start_fake(const char *option)
{
	const char *top = getenv("top_builddir");
	char path[256];
	const char *argv[] = { path, option, NULL };
	struct program p;

	snprintf(path, sizeof(path), "%s/tests/e2e/fake-logind",
	    top != NULL ? top : ".");
	p = run(argv);
	expect(&p, "ready", NULL, 0);
	return p;
}

/* A bus and a logind, if there is to be one. */
static void
setup(struct fixture *f, bool daemon)
{
	char path[96];
	FILE *config;

	*f = (struct fixture){ .log = { .level = LOG_LEVEL_QUIET,
	    .name = "unit" }, .dir = "/tmp/absence.XXXXXX" };
	f->conf = (struct absence_conf){ .log = &f->log, .suspend = true,
	    .screen_lock = true, .fn = on_absence, .arg = f };
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->address, sizeof(f->address), "unix:path=%s/bus", f->dir);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", f->address, 1);
	setenv("DBUS_SESSION_BUS_ADDRESS", f->address, 1);
	snprintf(path, sizeof(path), "%s/bus.conf", f->dir);
	assert_non_null(config = fopen(path, "w"));
	fprintf(config, "<busconfig><type>session</type>\n"
	    "<listen>%s</listen><policy context=\"default\">\n"
	    "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/>\n"
	    "<allow own=\"*\"/></policy></busconfig>\n", f->address);
	fclose(config);
	if (daemon)
		start_daemon(f);
}

/* The loop, until the log says that each bus is there. */
static void
await_buses(struct fixture *f, struct program *log, int n)
{
	char line[256];

	while (n > 0) {
		await(f, log, "unit: ", line, sizeof(line));
		if (strstr(line, "bus is there") != NULL)
			n--;
	}
}

/* Start to watch, with `n` buses; and a logind, if it is there. */
static void
start(struct fixture *f, int n)
{
	struct program log = { 0 };
	int stderr_fd = dup(STDERR_FILENO), p[2];
	struct err e;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_non_null(log.out = fdopen(p[0], "r"));
	setvbuf(log.out, NULL, _IONBF, 0);
	assert_int_equal(loop_new(&f->loop, &e), 0);
	f->conf.loop = f->loop;
	f->log.level = LOG_LEVEL_DEBUG;
	assert_int_equal(dup2(p[1], STDERR_FILENO), STDERR_FILENO);
	close(p[1]);
	assert_int_equal(absence_new(&f->a, &f->conf, &e), 0);
	await_buses(f, &log, n);
	assert_int_equal(dup2(stderr_fd, STDERR_FILENO), STDERR_FILENO);
	close(stderr_fd);
	fclose(log.out);
	f->log.level = LOG_LEVEL_QUIET;
	if (f->logind.pid == 0 || !f->conf.suspend)
		return;
	await(f, &f->logind, "inhibit ", f->agent, sizeof(f->agent));
	assert_non_null(strstr(f->agent, " sleep delay"));
	*strchr(f->agent, ' ') = '\0';
}

static void
teardown(struct fixture *f)
{
	char path[96];

	absence_free(f->a);
	loop_free(f->loop);
	end(&f->logind);
	end(&f->daemon);
	snprintf(path, sizeof(path), "%s/bus.conf", f->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/bus", f->dir);
	unlink(path);
	assert_int_equal(rmdir(f->dir), 0);
}

static void
test_sleep_waits_until_it_is_done(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	f.logind = start_fake(NULL);
	start(&f, 2);
	for (int i = 1; i <= 2; i++) {
		tell(&f.logind, "sleep");
		assert_true(called(&f, &f.suspends, i));
		/* Its answer would come after "released". */
		tell(&f.logind, "hint 2 0");
		absence_done(f.a);
		expect(&f.logind, "released", NULL, 0);
		tell(&f.logind, "wake");
		await(&f, &f.logind, "inhibit ", NULL, 0);
	}
	assert_int_equal(f.locks, 0);
	absence_done(f.a);		/* nobody sleeps: nothing to release */
	tell(&f.logind, "sleep");
	assert_true(called(&f, &f.suspends, 3));
	teardown(&f);
}

static void
test_only_ones_own_screen_counts(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	f.logind = start_fake(NULL);
	start(&f, 2);
	tell(&f.logind, "lock 2");
	await(&f, &f.logind, "asked 2", NULL, 0);
	tell(&f.logind, "hint 2 1");
	await(&f, &f.logind, "asked 2", NULL, 0);
	tell(&f.logind, "hint 1 0");
	tell(&f.logind, "lock 1");
	await(&f, &f.logind, "asked 1", NULL, 0);
	assert_true(called(&f, &f.locks, 1));
	tell(&f.logind, "hint 1 1");
	await(&f, &f.logind, "asked 1", NULL, 0);
	assert_true(called(&f, &f.locks, 2));
	assert_int_equal(f.suspends, 0);
	teardown(&f);
}

static void
test_a_screen_saver_counts(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	f.logind = start_fake(NULL);
	start(&f, 2);
	tell(&f.logind, "saver " SAVER " 1");	/* not its name yet */
	tell(&f.logind, "name " SAVER);
	tell(&f.logind, "saver " SAVER " 0");
	tell(&f.logind, "saver " SAVER " 1");
	assert_true(called(&f, &f.locks, 1));
	tell(&f.logind, "saver org.freedesktop.ScreenSaver 1");
	tell(&f.logind, "name org.freedesktop.ScreenSaver");
	tell(&f.logind, "saver org.freedesktop.ScreenSaver 1");
	assert_true(called(&f, &f.locks, 2));
	teardown(&f);
}

static void
test_only_what_is_asked_for_is_watched(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	f.logind = start_fake(NULL);
	f.conf.screen_lock = false;
	start(&f, 1);
	tell(&f.logind, "lock 1");
	tell(&f.logind, "sleep");
	assert_true(called(&f, &f.suspends, 1));
	assert_int_equal(f.locks, 0);
	absence_free(f.a);
	loop_free(f.loop);
	expect(&f.logind, "released", NULL, 0);

	f.conf.suspend = false;
	f.conf.screen_lock = true;
	start(&f, 2);
	tell(&f.logind, "sleep");
	tell(&f.logind, "lock 1");
	await(&f, &f.logind, "asked 1", NULL, 0);
	assert_true(called(&f, &f.locks, 1));
	assert_int_equal(f.suspends, 1);
	teardown(&f);
}

static void
test_an_impostor_is_not_believed(void **state)
{
	static const char *const lies[] = { "sleep", "lock 1", "hint 1 1",
	    "saver " SAVER " 1", "claim org.freedesktop.login1",
	    "claim " SAVER, "sleep", "lock 1", "hint 1 1",
	    "saver " SAVER " 1" };
	struct program impostor;
	char to[80];
	struct fixture f;

	(void)state;
	setup(&f, true);
	f.logind = start_fake(NULL);
	start(&f, 2);
	impostor = start_fake("--impostor");
	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < sizeof(lies) / sizeof(*lies); k++)
			tell(&impostor, lies[k]);
		snprintf(to, sizeof(to), "to %s", f.agent);
		tell(&impostor, to);
	}
	tell(&f.logind, "sleep");
	assert_true(called(&f, &f.suspends, 1));
	tell(&f.logind, "lock 1");
	await(&f, &f.logind, "asked 1", NULL, 0);	/* once */
	assert_true(called(&f, &f.locks, 1));
	end(&impostor);
	teardown(&f);
}

static void
test_logind_may_be_restarted(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	f.logind = start_fake(NULL);
	start(&f, 2);
	end(&f.logind);
	f.logind = start_fake(NULL);
	await(&f, &f.logind, "inhibit ", NULL, 0);
	tell(&f.logind, "sleep");
	assert_true(called(&f, &f.suspends, 1));
	absence_done(f.a);
	expect(&f.logind, "released", NULL, 0);
	teardown(&f);
}

static void
test_the_bus_may_be_restarted(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	f.logind = start_fake(NULL);
	start(&f, 2);
	end(&f.logind);
	end(&f.daemon);
	start_daemon(&f);
	f.logind = start_fake(NULL);
	await(&f, &f.logind, "inhibit ", NULL, 0);
	tell(&f.logind, "lock 1");
	await(&f, &f.logind, "asked 1", NULL, 0);
	assert_true(called(&f, &f.locks, 1));
	teardown(&f);
}

static void
test_logind_may_come_later(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	start(&f, 2);
	f.logind = start_fake(NULL);
	await(&f, &f.logind, "inhibit ", NULL, 0);
	teardown(&f);
}

static void
test_no_bus_is_no_error(void **state)
{
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, false);
	start(&f, 0);
	assert_non_null(loop_timer(f.loop, 0, stop, f.loop));
	assert_int_equal(loop_run(f.loop, &e), 0);
	absence_done(f.a);
	teardown(&f);
}

/* Connections are taken, and that is all. */
static void
test_a_bus_that_hangs_stops_nobody(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct fixture f;
	struct err e;
	int fd;

	(void)state;
	setup(&f, false);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/bus", f.dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 5), 0);
	alarm(WAIT_MS / 1000);
	start(&f, 0);
	for (int i = 0; i < 3; i++) {
		assert_non_null(loop_timer(f.loop, 0, stop, f.loop));
		assert_int_equal(loop_run(f.loop, &e), 0);
	}
	absence_done(f.a);
	teardown(&f);
	alarm(0);
	close(fd);
}

static bool
have_dbus(void)
{
	const char *argv[] = { "dbus-daemon", "--version", NULL };
	pid_t pid;
	posix_spawn_file_actions_t fa;
	int r;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null",
	    O_WRONLY, 0);
	r = posix_spawnp(&pid, argv[0], &fa, NULL,
	    (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	return r == 0 && waitpid(pid, NULL, 0) == pid;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sleep_waits_until_it_is_done),
		cmocka_unit_test(test_only_ones_own_screen_counts),
		cmocka_unit_test(test_a_screen_saver_counts),
		cmocka_unit_test(test_only_what_is_asked_for_is_watched),
		cmocka_unit_test(test_an_impostor_is_not_believed),
		cmocka_unit_test(test_logind_may_be_restarted),
		cmocka_unit_test(test_the_bus_may_be_restarted),
		cmocka_unit_test(test_logind_may_come_later),
		cmocka_unit_test(test_no_bus_is_no_error),
		cmocka_unit_test(test_a_bus_that_hangs_stops_nobody),
	};

	if (!have_dbus()) {
		puts("1..0 # SKIP dbus-daemon is missing "
		    "(package dbus-daemon)");
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

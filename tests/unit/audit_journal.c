/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/audit.h"

/*
 * In a mount namespace, whose /run is ours, so that what libsystemd says to
 * the journal comes to us.
 */
#define SOCKET	"/run/systemd/journal/socket"

static const struct log quiet = { .level = LOG_LEVEL_QUIET, .name = "unit" };

static bool
put(const char *path, const char *line)
{
	const ssize_t n = (ssize_t)strlen(line);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd == -1)
		return false;
	ok = write(fd, line, strlen(line)) == n;
	close(fd);
	return ok;
}

/* Our own number inside, too. */
static bool
put_id(const char *path, unsigned int id)
{
	char line[64];

	snprintf(line, sizeof(line), "%u %u 1", id, id);
	return put(path, line);
}

/* As root at once, else where the kernel lets users be theirs. */
static bool
enter_namespace(uid_t uid, gid_t gid)
{
	if (uid == 0)
		return unshare(CLONE_NEWNS) == 0;
	return unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0 &&
	    put("/proc/self/setgroups", "deny") &&
	    put_id("/proc/self/uid_map", uid) &&
	    put_id("/proc/self/gid_map", gid);
}

static bool
hide_run(void)
{
	return enter_namespace(geteuid(), getegid()) &&
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=0755,size=1m") == 0;
}

static int
listen_as_journal(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX,
	    .sun_path = SOCKET };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd != -1);
	(void)mkdir("/run/systemd", 0755);
	(void)mkdir("/run/systemd/journal", 0755);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)),
	    0);
	return fd;
}

/* One message, as lines. */
static void
take(int fd, char *buf, size_t size)
{
	ssize_t n = recv(fd, buf + 1, size - 2, MSG_DONTWAIT);

	assert_true(n > 0);
	buf[0] = '\n';
	buf[n + 1] = '\0';
	assert_int_equal(strlen(buf), (size_t)n + 1);
}

static void
has(const char *all, const char *field)
{
	char line[512];

	snprintf(line, sizeof(line), "\n%s\n", field);
	if (strstr(all, line) == NULL)
		fail_msg("no %s in %s", field, all);
}

static void
test_without_a_journal_there_is_no_such_log(void **state)
{
	struct audit *a;
	struct err e;

	(void)state;
	assert_int_equal(audit_new(&a, &quiet, "journal", &e), ERR_NOTFOUND);
	assert_non_null(strstr(e.msg, "name a file"));
}

static void
test_an_entry_has_fields_in_the_journal(void **state)
{
	static const uint8_t names[] = "\0\0\0\5alice\0\0\0\3bob";
	const struct peer self = { .pid = getpid(), .uid = 1234 };
	const struct cert c = { .type = CERT_USER, .serial = 42,
	    .key_id = span_cstr("id"), .n_principals = 2,
	    .principals = { names, sizeof(names) - 1 },
	    .valid_before = CERT_FOREVER };
	struct audit_entry en = { .peer = &self, .action = "sign",
	    .what = "user certificate\nHSM_VERDICT=allowed", .key = "ca",
	    .cert = &c, .forwarded = true, .duration_ms = 7 };
	int fd = listen_as_journal();
	char all[8192], field[64];
	struct audit *a;
	struct err e;

	(void)state;
	assert_int_equal(audit_new(&a, &quiet, "journal", &e), 0);
	audit_write(a, &en);
	take(fd, all, sizeof(all));
	has(all, "MESSAGE_ID=dd7dfac806634d4f95ee5e0f06e53548");
	has(all, "PRIORITY=6");
	assert_non_null(strstr(all, "\nMESSAGE=allowed: sign, "
	    "user certificate?HSM_VERDICT=allowed, key ca, for /"));
	has(all, "HSM_VERDICT=allowed");
	has(all, "HSM_ACTION=sign");
	snprintf(field, sizeof(field), "HSM_PID=%ld", (long)getpid());
	has(all, field);
	has(all, "HSM_UID=1234");
	has(all, "HSM_KEY=ca");
	has(all, "HSM_FORWARDED=yes");
	has(all, "HSM_CONFIRMED=no");
	has(all, "HSM_DURATION_MS=7");
	has(all, "HSM_CERTIFICATE_TYPE=user");
	has(all, "HSM_CERTIFICATE_SERIAL=42");
	has(all, "HSM_CERTIFICATE_PRINCIPALS=alice");
	has(all, "HSM_CERTIFICATE_PRINCIPALS=bob");
	has(all, "HSM_CERTIFICATE_VALID_BEFORE=forever");

	(void)err_set(&e, ERR_DENIED, 0, "not for this key");
	en.refused = &e;
	audit_write(a, &en);
	take(fd, all, sizeof(all));
	has(all, "PRIORITY=4");
	has(all, "HSM_VERDICT=denied");
	has(all, "HSM_REASON=denied");
	has(all, "HSM_WHY=not for this key");
	audit_reopen(a);

	/* The journal goes and comes back. */
	close(fd);
	assert_int_equal(unlink(SOCKET), 0);
	audit_write(a, &en);
	audit_write(a, &en);
	fd = listen_as_journal();
	audit_write(a, &en);
	take(fd, all, sizeof(all));
	has(all, "HSM_LOST=2");
	audit_free(a);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_journal_there_is_no_such_log),
		cmocka_unit_test(test_an_entry_has_fields_in_the_journal),
	};

	if (!hide_run()) {
		puts("1..0 # SKIP no mount namespace of our own");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

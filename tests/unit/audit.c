/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <jansson.h>

#include "agent/audit.h"
#include "ssh/wire.h"

#define ENTRY_MAX	32

/* A log in a directory of its own; what goes to stderr comes to us. */
struct fixture {
	char	 dir[32], path[64];
	struct log log;
	struct audit *a;
	int	 err_fd;		/* the real one */
	int	 said_fd;
	char	 said[8192];
};

static void
setup(struct fixture *f)
{
	struct err e;
	int fds[2];

	*f = (struct fixture){ .dir = "/tmp/audit-XXXXXX",
	    .log = { .level = LOG_LEVEL_DEBUG, .name = "unit" } };
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/audit.log", f->dir);
	assert_int_equal(audit_new(&f->a, &f->log, f->path, &e), 0);
	f->err_fd = dup(STDERR_FILENO);
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	f->said_fd = fds[0];
}

static void
teardown(struct fixture *f)
{
	audit_free(f->a);
	dup2(f->err_fd, STDERR_FILENO);
	close(f->err_fd);
	close(f->said_fd);
	unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
}

static size_t
read_file(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	fclose(f);
	return n;
}

/* How often was that said in the log? */
static int
said(struct fixture *f, const char *what)
{
	const size_t used = strlen(f->said);
	const char *p = f->said;
	int n = 0;

	(void)!read(f->said_fd, f->said + used, sizeof(f->said) - 1 - used);
	for (; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

/* Each line, whole and an object of its own; how many. */
static size_t
read_entries(const char *path, json_t *out[ENTRY_MAX])
{
	static char text[1 << 16];
	size_t n = 0;
	char *p = text, *nl;

	(void)read_file(path, text, sizeof(text));
	for (; *p != '\0'; p = nl + 1) {
		assert_non_null(nl = strchr(p, '\n'));
		*nl = '\0';
		assert_true(n < ENTRY_MAX);
		out[n] = json_loads(p, JSON_REJECT_DUPLICATES, NULL);
		assert_true(json_is_object(out[n]));
		n++;
	}
	return n;
}

static size_t
count(const struct fixture *f)
{
	json_t *j[ENTRY_MAX];
	size_t n = read_entries(f->path, j);

	for (size_t i = 0; i < n; i++)
		json_decref(j[i]);
	return n;
}

static json_t *
last(const char *path)
{
	json_t *j[ENTRY_MAX];
	size_t n = read_entries(path, j);

	assert_true(n > 0);
	for (size_t i = 0; i < n - 1; i++)
		json_decref(j[i]);
	return j[n - 1];
}

static void
has_text(const json_t *o, const char *name, const char *want)
{
	const json_t *j = json_object_get(o, name);

	assert_true(json_is_string(j));
	assert_string_equal(json_string_value(j), want);
}

static void
has_number(const json_t *o, const char *name, json_int_t want)
{
	const json_t *j = json_object_get(o, name);

	assert_true(json_is_integer(j));
	assert_int_equal(json_integer_value(j), want);
}

static struct audit_entry
entry(const char *action)
{
	return (struct audit_entry){ .action = action, .duration_ms = -1 };
}

static void
put(struct fixture *f, const char *action)
{
	const struct audit_entry en = entry(action);

	audit_write(f->a, &en);
}

/* It is of this second, in UTC. */
static void
has_time(const json_t *o, time_t from)
{
	const char *text = json_string_value(json_object_get(o, "time"));
	const char *rest;
	struct tm tm = { 0 };
	time_t t;

	assert_non_null(text);
	assert_int_equal(strlen(text), strlen("2026-11-25T23:25:10.123Z"));
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	assert_non_null(rest);
	assert_int_equal(rest[0], '.');
	assert_string_equal(rest + 4, "Z");
	t = timegm(&tm);
	assert_true(t >= from && t <= time(NULL));
}

static void
test_an_entry_says_who_asked_for_what_and_where(void **state)
{
	const struct peer self = { .pid = getpid(), .uid = 1234,
	    .name = "other" };
	const time_t from = time(NULL);
	struct audit_entry en = { .peer = &self, .action = "sign",
	    .token = "DENK0100000", .key = "login key",
	    .fingerprint = "SHA256:abc", .kind = "login-hostbound",
	    .what = "login as alice (host-bound)", .user = span_cstr("alice"),
	    .ns = span_cstr("git"), .host = "SHA256:def", .forwarded = true,
	    .confirmed = true, .duration_ms = 12 };
	char exe[4096];
	struct fixture f;
	json_t *o;
	ssize_t n;

	(void)state;
	setup(&f);
	audit_write(f.a, &en);
	o = last(f.path);
	has_time(o, from);
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	assert_true(n > 0);
	exe[n] = '\0';
	has_number(o, "pid", getpid());
	has_number(o, "uid", 1234);
	has_text(o, "exe", exe);
	has_text(o, "action", "sign");
	has_text(o, "verdict", "allowed");
	has_text(o, "token", "DENK0100000");
	has_text(o, "key", "login key");
	has_text(o, "fingerprint", "SHA256:abc");
	has_text(o, "kind", "login-hostbound");
	has_text(o, "what", "login as alice (host-bound)");
	has_text(o, "user", "alice");
	has_text(o, "namespace", "git");
	has_text(o, "host", "SHA256:def");
	assert_true(json_is_true(json_object_get(o, "forwarded")));
	assert_true(json_is_true(json_object_get(o, "confirmed")));
	has_number(o, "duration_ms", 12);
	assert_true(json_is_false(json_object_get(o, "relayed")));
	assert_int_equal(json_object_size(o), 18);
	json_decref(o);
	teardown(&f);
}

static void
test_of_who_is_relayed_only_his_own_word_is_known(void **state)
{
	struct audit_entry en = entry("sign");
	struct fixture f;
	struct peer peer;
	json_t *o;

	(void)state;
	setup(&f);
	peer_set_relayed(&peer, (uint32_t)getpid());
	en.peer = &peer;
	audit_write(f.a, &en);
	o = last(f.path);
	has_number(o, "pid", getpid());
	has_number(o, "uid", getuid());
	assert_null(json_object_get(o, "exe"));
	assert_true(json_is_true(json_object_get(o, "relayed")));
	json_decref(o);
	teardown(&f);
}

static void
test_what_does_not_apply_is_left_out(void **state)
{
	const struct peer gone = { .pid = 0x7ffffff0, .uid = 0 };
	struct audit_entry en = entry("lock");
	struct fixture f;
	json_t *o;

	(void)state;
	setup(&f);
	en.host = en.key = "";
	audit_write(f.a, &en);
	o = last(f.path);
	/* time, action, verdict, forwarded, confirmed */
	assert_int_equal(json_object_size(o), 5);
	has_text(o, "action", "lock");
	assert_true(json_is_false(json_object_get(o, "forwarded")));
	assert_true(json_is_false(json_object_get(o, "confirmed")));
	json_decref(o);
	en.peer = &gone;
	audit_write(f.a, &en);
	o = last(f.path);
	has_number(o, "pid", 0x7ffffff0);
	assert_null(json_object_get(o, "exe"));
	json_decref(o);
	audit_write(NULL, &en);
	audit_reopen(NULL);
	teardown(&f);
}

static void
test_a_refusal_has_its_reason(void **state)
{
	struct audit_entry en = entry("sign");
	struct fixture f;
	struct err e;
	json_t *o;

	(void)state;
	setup(&f);
	(void)err_set(&e, ERR_PIN_WRONG, 2, "PIN wrong, 2 tries left");
	en.refused = &e;
	audit_write(f.a, &en);
	o = last(f.path);
	has_text(o, "verdict", "denied");
	has_text(o, "reason", "pin-wrong");
	has_text(o, "why", "PIN wrong, 2 tries left");
	json_decref(o);
	teardown(&f);
}

static void
put_names(struct wire_w *w, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		wire_put_cstring(w, names[i]);
}

static void
test_a_certificate_is_written_with_its_fields(void **state)
{
	static const char *const names[] = { "alice", "b\n\xff", "" };
	struct cert c = { .type = CERT_HOST, .serial = UINT64_MAX,
	    .key_id = span_cstr("id \"1\""), .n_principals = 3,
	    .valid_after = 1795649110, .valid_before = CERT_FOREVER };
	struct audit_entry en = entry("sign");
	struct fixture f;
	struct wire_w w;
	json_t *o, *j, *p;

	(void)state;
	setup(&f);
	assert_true(wire_write(&w, 1024));
	put_names(&w, names, 3);
	c.principals = wire_bytes(&w);
	en.cert = &c;
	audit_write(f.a, &en);
	o = last(f.path);
	j = json_object_get(o, "certificate");
	assert_int_equal(json_object_size(j), 6);
	has_text(j, "type", "host");
	has_text(j, "key_id", "id \"1\"");
	has_text(j, "serial", "18446744073709551615");
	p = json_object_get(j, "principals");
	assert_int_equal(json_array_size(p), 3);
	assert_string_equal(json_string_value(json_array_get(p, 0)), "alice");
	assert_string_equal(json_string_value(json_array_get(p, 1)), "b??");
	assert_string_equal(json_string_value(json_array_get(p, 2)), "");
	has_text(j, "valid_after", "2026-11-25T23:25:10Z");
	has_text(j, "valid_before", "forever");
	json_decref(o);

	/* No principals is an empty list; times beyond the calendar. */
	c = (struct cert){ .type = CERT_USER, .valid_after = 0,
	    .valid_before = CERT_FOREVER - 1 };
	audit_write(f.a, &en);
	o = last(f.path);
	j = json_object_get(o, "certificate");
	has_text(j, "type", "user");
	has_text(j, "serial", "0");
	assert_true(json_is_array(json_object_get(j, "principals")));
	assert_int_equal(json_array_size(json_object_get(j, "principals")),
	    0);
	has_text(j, "valid_after", "1970-01-01T00:00:00Z");
	has_text(j, "valid_before", "18446744073709551614");
	json_decref(o);
	wire_free(&w);
	teardown(&f);
}

static void
test_hostile_bytes_neither_forge_nor_lose_a_line(void **state)
{
	static const uint8_t bytes[] = "a\0b\n{\"verdict\":\"allowed\"}\r"
	    "\033[2J\xff\xc0\xaf\xed\xa0\x80\xe2\x80\xae\\\xe2\x82\xac";
	struct audit_entry en = entry("sign");
	struct fixture f;
	struct err e;
	json_t *o;
	char *big;

	(void)state;
	setup(&f);
	(void)err_set(&e, ERR_DENIED, 0, "no\n\xff");
	en.refused = &e;
	en.key = "k\n\x80";
	en.what = "w\n\xfe";
	en.user = en.ns = (struct span){ bytes, sizeof(bytes) - 1 };
	audit_write(f.a, &en);
	assert_int_equal(count(&f), 1);
	o = last(f.path);
	has_text(o, "verdict", "denied");
	has_text(o, "key", "k??");
	has_text(o, "what", "w??");
	has_text(o, "why", "no??");
	has_text(o, "user", "a?b?{\"verdict\":\"allowed\"}??[2J???????"
	    "\\\xe2\x82\xac");
	json_decref(o);

	/* Of any length. */
	big = malloc(30000);
	assert_non_null(big);
	memset(big, '"', 30000);
	en.user = (struct span){ (const uint8_t *)big, 20000 };
	en.ns = (struct span){ NULL, 0 };
	audit_write(f.a, &en);
	free(big);
	o = last(f.path);
	assert_int_equal(strlen(json_string_value(json_object_get(o,
	    "user"))), 20000);
	json_decref(o);
	teardown(&f);
}

static void
limit_file_size(rlim_t size)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static off_t
size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void
test_what_is_lost_is_counted_and_said_once(void **state)
{
	struct fixture f;
	json_t *o;

	(void)state;
	setup(&f);
	for (int i = 1; i <= 2; i++) {
		limit_file_size((rlim_t)size_of(f.path));
		put(&f, "lost");
		put(&f, "lost");
		put(&f, "lost");
		limit_file_size(RLIM_INFINITY);
		assert_int_equal(said(&f, "entries are lost"), i);
		put(&f, "again");
		o = last(f.path);
		has_number(o, "lost", 3);
		json_decref(o);
		put(&f, "again");
		assert_int_equal(said(&f, "3 entries were lost"), i);
		o = last(f.path);
		assert_null(json_object_get(o, "lost"));
		json_decref(o);
	}
	assert_int_equal(count(&f), 4);
	assert_int_equal(said(&f, "\n"), 4);
	teardown(&f);
}

static void
test_a_log_is_named_by_an_absolute_path(void **state)
{
	const struct log log = { .level = LOG_LEVEL_QUIET, .name = "unit" };
	struct audit *a = NULL;
	struct err e;

	(void)state;
	assert_int_equal(audit_new(&a, &log, "audit.log", &e), ERR_USAGE);
	assert_int_equal(audit_new(&a, &log, "", &e), ERR_USAGE);
	assert_int_equal(audit_new(&a, &log, "/no/such/file", &e), ERR_SYS);
	assert_string_equal(e.msg,
	    "audit log /no/such/file: No such file or directory");
	assert_null(a);
	audit_free(a);
}

static void
test_a_line_says_what_was_lost_before(void **state)
{
	const struct audit_entry en = entry("unlock");
	char *line = audit_line(&en, 3);
	json_t *o;

	(void)state;
	assert_non_null(line);
	assert_null(strchr(line, '\n'));
	o = json_loads(line, 0, NULL);
	has_number(o, "lost", 3);
	json_decref(o);
	free(line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_an_entry_says_who_asked_for_what_and_where),
		cmocka_unit_test(
		    test_of_who_is_relayed_only_his_own_word_is_known),
		cmocka_unit_test(test_what_does_not_apply_is_left_out),
		cmocka_unit_test(test_a_refusal_has_its_reason),
		cmocka_unit_test(
		    test_a_certificate_is_written_with_its_fields),
		cmocka_unit_test(
		    test_hostile_bytes_neither_forge_nor_lose_a_line),
		cmocka_unit_test(test_what_is_lost_is_counted_and_said_once),
		cmocka_unit_test(test_a_log_is_named_by_an_absolute_path),
		cmocka_unit_test(test_a_line_says_what_was_lost_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

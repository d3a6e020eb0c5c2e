/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/glob.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/spawn.h"

static void
test_errors_gain_context_and_never_overflow(void **state)
{
	char longer[1000];
	struct err e;

	(void)state;
	assert_int_equal(err_set(&e, ERR_LIMIT, 7, "%d bytes", 9), ERR_LIMIT);
	assert_int_equal(err_wrap(&e, "file %s", "x"), ERR_LIMIT);
	assert_string_equal(e.msg, "file x: 9 bytes");
	assert_int_equal(e.detail, 7);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	for (size_t n = 300; n < 330; n++) {
		(void)err_set(&e, ERR_SYS, 0, "why");
		(void)err_wrap(&e, "%.*s", (int)n, longer);
		assert_true(strlen(e.msg) < sizeof(e.msg));
	}
}

static void
test_each_code_has_a_name_of_its_own(void **state)
{
	(void)state;
	assert_string_equal(err_name(ERR_PIN_WRONG), "pin-wrong");
	for (int i = ERR_NONE; i <= ERR_TOKEN; i++) {
		assert_string_not_equal(err_name((enum err_code)i), "unknown");
		for (int k = ERR_NONE; k < i; k++)
			assert_string_not_equal(err_name((enum err_code)i),
			    err_name((enum err_code)k));
	}
	assert_string_equal(err_name((enum err_code)4711), "unknown");
}

static void
test_secrets_hold_up_to_their_capacity(void **state)
{
	unsigned char bytes[SECRET_MAX + 1] = { 1, 2, 3 };
	struct secret *a = secret_new(), *b = secret_new();

	(void)state;
	assert_int_equal(secret_add(a, bytes, SECRET_MAX + 1), -1);
	assert_int_equal(secret_len(a), 0);
	assert_int_equal(secret_add(a, bytes, SECRET_MAX), 0);
	assert_int_equal(secret_add(a, bytes, 1), -1);
	assert_false(secret_eq(a, b));
	secret_copy(b, a);
	assert_true(secret_eq(a, b));
	secret_clear(a);
	assert_int_equal(secret_len(a), 0);
	assert_false(secret_eq(a, b));
	secret_free(a);
	secret_free(b);
	secret_free(NULL);
}

static void
test_a_secret_is_one_line_of_a_descriptor(void **state)
{
	static const struct {
		const char *text, *secret;
	} t[] = {
		{ "648219\n", "648219" }, { "648219", "648219" },
		{ "648219\r\nmore\n", "648219" }, { "\n", "" }, { "", "" },
		{ " a b \n", " a b " },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct secret *s = secret_new();
		int p[2];

		assert_int_equal(pipe(p), 0);
		assert_int_equal(write(p[1], t[i].text, strlen(t[i].text)),
		    strlen(t[i].text));
		close(p[1]);
		assert_int_equal(secret_read_line(s, p[0], -1, &e), 0);
		assert_int_equal(secret_len(s), strlen(t[i].secret));
		assert_memory_equal(secret_bytes(s), t[i].secret,
		    secret_len(s));
		close(p[0]);
		secret_free(s);
	}
}

static void
test_an_endless_line_is_refused(void **state)
{
	struct secret *s = secret_new();
	char bytes[600];
	struct err e;
	int p[2];

	(void)state;
	memset(bytes, '1', sizeof(bytes));
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(secret_read_line(s, p[0], -1, &e), ERR_LIMIT);
	assert_int_equal(secret_len(s), 0);
	close(p[0]);
	close(p[1]);
	secret_free(s);
}

static void
test_waiting_for_a_secret_can_be_ended(void **state)
{
	struct secret *s = secret_new();
	int p[2], cancel = eventfd(1, 0);
	struct err e;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(secret_read_line(s, p[0], cancel, &e),
	    ERR_CANCELLED);
	close(cancel);
	close(p[0]);
	close(p[1]);
	secret_free(s);
}

static void
test_spawn_gives_output_and_status(void **state)
{
	char echo[] = "echo", word[] = "hello", none[] = "/no/such/program";
	char *argv[] = { echo, word, NULL }, *bad[] = { none, NULL };
	char buf[16] = "";
	int fd, status;
	struct err e;
	pid_t pid;

	(void)state;
	assert_int_equal(spawn_reader(argv, &pid, &fd, &e), 0);
	assert_int_equal(read(fd, buf, sizeof(buf)), 6);
	assert_string_equal(buf, "hello\n");
	close(fd);
	assert_true(spawn_wait(pid, 10000, &status));
	assert_int_equal(status, 0);
	/* Under valgrind, what exec fails with is not reported back. */
	if (getenv("UNDER_VALGRIND") != NULL)
		return;
	assert_int_equal(spawn_reader(bad, &pid, &fd, &e), ERR_SYS);
	assert_non_null(strstr(e.msg, none));
}

static void
test_a_program_has_the_usual_limit_of_descriptors(void **state)
{
	char sh[] = "sh", c[] = "-c", what[] = "ulimit -Sn", buf[40] = "";
	char *const argv[] = { sh, c, what, NULL };
	struct rlimit old, many, now;
	int fd, status = -1;
	struct err e;
	pid_t pid;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	/* Valgrind keeps a limit of its own. */
	if (old.rlim_max < 2048 || getenv("UNDER_VALGRIND") != NULL)
		skip();
	many = (struct rlimit){ 2048, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &many), 0);
	assert_int_equal(spawn_reader(argv, &pid, &fd, &e), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, 2048);
	assert_true(read(fd, buf, sizeof(buf) - 1) > 0);
	assert_string_equal(buf, "1024\n");
	close(fd);
	assert_true(spawn_wait(pid, 10000, &status));
	assert_int_equal(status, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

static void
test_a_log_line_cannot_be_forged(void **state)
{
	const struct log l = { .level = LOG_LEVEL_INFO, .name = "t" };
	int p[2], saved = dup(STDERR_FILENO);
	char buf[200] = "";
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(p), 0);
	dup2(p[1], STDERR_FILENO);
	log_info(&l, "a\nb\033[1mc");
	log_debug(&l, "below the level");
	dup2(saved, STDERR_FILENO);
	close(p[1]);
	close(saved);
	n = read(p[0], buf, sizeof(buf) - 1);
	close(p[0]);
	assert_true(n > 0);
	assert_string_equal(buf, "t: a?b?[1mc\n");
}

static void
test_patterns_have_two_wildcards(void **state)
{
	static const struct {
		const char *text, *pattern;
		bool matches;
	} t[] = {
		{ "", "", true }, { "", "*", true }, { "", "?", false },
		{ "a", "", false }, { "abc", "abc", true },
		{ "abc", "a?c", true }, { "abc", "*", true },
		{ "abc", "a*", true }, { "abc", "*c", true },
		{ "abc", "*b*", true }, { "abc", "ab", false },
		{ "abc", "*b", false }, { "abcabd", "*abd", true },
		{ "aaab", "a*a?b", true }, { "ab", "a*a?b", false },
		{ "abc", "[a-c]bc", false }, { "a*c", "a\\*c", false },
		{ "ABC", "abc", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		if (glob_matches(span_cstr(t[i].text),
		    span_cstr(t[i].pattern)) != t[i].matches)
			fail_msg("%s %s", t[i].text, t[i].pattern);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_gain_context_and_never_overflow),
		cmocka_unit_test(test_each_code_has_a_name_of_its_own),
		cmocka_unit_test(test_secrets_hold_up_to_their_capacity),
		cmocka_unit_test(test_a_secret_is_one_line_of_a_descriptor),
		cmocka_unit_test(test_an_endless_line_is_refused),
		cmocka_unit_test(test_waiting_for_a_secret_can_be_ended),
		cmocka_unit_test(test_spawn_gives_output_and_status),
		cmocka_unit_test(
		    test_a_program_has_the_usual_limit_of_descriptors),
		cmocka_unit_test(test_a_log_line_cannot_be_forged),
		cmocka_unit_test(test_patterns_have_two_wildcards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

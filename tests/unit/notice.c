/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/notice.h"

#define WAIT_MS		10000

/* A command that writes its arguments down, and goes on if it is told to. */
struct fixture {
	char	 dir[64], command[96], said[96];
	struct log log;
	struct loop *loop;
	struct notice *n;
};

static void
setup(struct fixture *f, const char *script)
{
	FILE *file;
	struct err e;

	*f = (struct fixture){ .dir = "/tmp/notice.XXXXXX",
	    .log = { .level = LOG_LEVEL_QUIET, .name = "unit" } };
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->said, sizeof(f->said), "%s/said", f->dir);
	snprintf(f->command, sizeof(f->command), "%s/notify", f->dir);
	assert_non_null(file = fopen(f->command, "w"));
	fprintf(file, "#!/bin/sh\nprintf '[%%s]' \"$#\" \"$@\" >>%s/new\n"
	    "mv %s/new %s\n%s\n", f->dir, f->dir, f->said, script);
	fclose(file);
	assert_int_equal(chmod(f->command, 0700), 0);
	assert_int_equal(loop_new(&f->loop, &e), 0);
	assert_int_equal(notice_new(&f->n, f->loop, &f->log, f->command, &e),
	    0);
}

static void
teardown(struct fixture *f)
{
	notice_free(f->n);
	loop_free(f->loop);
	unlink(f->said);
	unlink(f->command);
	assert_int_equal(rmdir(f->dir), 0);
	/* Nobody is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void
stop(void *arg)
{
	loop_stop(arg);
}

static void
run_for(struct loop *l, int64_t ms)
{
	struct err e;

	assert_non_null(loop_timer(l, ms, stop, l));
	assert_int_equal(loop_run(l, &e), 0);
}

/* The loop, until all children have been waited for. */
static void
run_to_end(struct fixture *f)
{
	siginfo_t si;

	for (int i = 0; i < WAIT_MS / 10; i++) {
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == -1)
			return;
		run_for(f->loop, 10);
	}
	fail_msg("a child has not been waited for");
}

static void
said(const struct fixture *f, const char *want)
{
	char text[1024] = "";
	FILE *file = fopen(f->said, "r");

	assert_non_null(file);
	assert_int_not_equal(fread(text, 1, sizeof(text) - 1, file), 0);
	fclose(file);
	assert_string_equal(text, want);
	assert_int_equal(unlink(f->said), 0);
}

static void
test_a_notice_is_a_program_with_two_arguments(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "");
	notice_send(NULL, "nobody", "listens");
	notice_send(f.n, "Token locked", "a text of words");
	run_to_end(&f);
	said(&f, "[2][Token locked][a text of words]");
	teardown(&f);
}

static void
test_the_command_may_be_another_or_none(void **state)
{
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, "");
	assert_int_equal(notice_set_command(f.n, NULL, &e), 0);
	notice_send(f.n, "nobody", "listens");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(notice_set_command(f.n, f.command, &e), 0);
	notice_send(f.n, "a", "b");
	/* The one that runs may end in peace. */
	assert_int_equal(notice_set_command(f.n, "/no/such", &e), 0);
	run_to_end(&f);
	said(&f, "[2][a][b]");
	teardown(&f);
}

static void
test_text_is_neither_option_nor_markup_nor_lines(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "");
	notice_send(f.n, "--icon=x", "-<b>a</b>\n&amp;\033[0m\xff");
	run_to_end(&f);
	said(&f, "[2][?-icon=x][??b?a?/b???amp;?[0m?]");
	teardown(&f);
}

static void
test_only_one_a_second_is_shown(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "");
	notice_send(f.n, "t", "one");
	notice_send(f.n, "t", "while it runs");
	run_to_end(&f);
	notice_send(f.n, "t", "soon after");
	run_to_end(&f);
	said(&f, "[2][t][one]");
	/* Not before its time; what is sent then is shown. */
	while (access(f.said, F_OK) != 0) {
		notice_send(f.n, "t", "two");
		run_to_end(&f);
		run_for(f.loop, 20);
	}
	said(&f, "[2][t][two]");
	teardown(&f);
}

/* It is not waited for, neither in the loop nor at the end; no more start. */
static void
test_a_program_that_hangs_holds_nobody_up(void **state)
{
	struct timespec a, b;
	struct fixture f;

	(void)state;
	setup(&f, "exec sleep 60");
	clock_gettime(CLOCK_MONOTONIC, &a);
	notice_send(f.n, "t", "one");
	while (access(f.said, F_OK) != 0)
		run_for(f.loop, 10);
	said(&f, "[2][t][one]");
	run_for(f.loop, 1100);		/* until another one could be shown */
	notice_send(f.n, "t", "two");
	run_for(f.loop, 50);
	assert_int_equal(access(f.said, F_OK), -1);
	teardown(&f);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(b.tv_sec - a.tv_sec < 9);
}

static void
test_a_program_that_is_not_there_is_no_error(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "");
	assert_int_equal(unlink(f.command), 0);
	notice_send(f.n, "t", "one");
	run_for(f.loop, 0);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_notice_is_a_program_with_two_arguments),
		cmocka_unit_test(test_the_command_may_be_another_or_none),
		cmocka_unit_test(
		    test_text_is_neither_option_nor_markup_nor_lines),
		cmocka_unit_test(test_only_one_a_second_is_shown),
		cmocka_unit_test(test_a_program_that_hangs_holds_nobody_up),
		cmocka_unit_test(
		    test_a_program_that_is_not_there_is_no_error),
	};

	/* Valgrind 3.19 has no pidfd_open(2). */
	if (getenv("UNDER_VALGRIND") != NULL) {
		puts("1..0 # SKIP valgrind");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/confirming.h"

#define WAIT_MS	10000
#define STEP_MS	5
#define MAX	64

/*
 * An askpass that writes its process and the question down each time that it
 * is run, and ends with the status that is written into a FIFO.
 */
struct fixture {
	struct pin_asker asker;
	struct loop	*loop;
	struct log	 log;
	struct confirming *c;
	char		 dir[32];
	int		 answer;	/* the FIFO, both ends */

	struct { uint64_t request; int r; struct err err; } got[MAX];
	size_t		 n;
	uint64_t	 add, drop;	/* when one is answered; 0: none */
};

static void
on_answer(void *arg, uint64_t request, int r, const struct err *e)
{
	struct fixture *f = arg;
	struct err ignored;

	assert_true(f->n < MAX);
	f->got[f->n].request = request;
	f->got[f->n].r = r;
	if (r != 0)
		f->got[f->n].err = *e;
	f->n++;
	if (f->add != 0)
		assert_int_equal(confirming_add(f->c, f->add, "added",
		    &ignored), 0);
	if (f->drop != 0)
		assert_true(confirming_drop(f->c, f->drop));
	f->add = f->drop = 0;
}

static char *
path(const struct fixture *f, const char *name)
{
	static char p[64];

	snprintf(p, sizeof(p), "%s/%s", f->dir, name);
	return p;
}

static void
make_askpass(struct fixture *f)
{
	FILE *s = fopen(path(f, "askpass"), "w");

	assert_non_null(s);
	fprintf(s, "#!/bin/sh\necho $$ \"$1\" >>%s/runs\n"
	    "read -r status <%s/answer\nexit \"$status\"\n", f->dir, f->dir);
	assert_int_equal(fchmod(fileno(s), 0700), 0);
	assert_int_equal(fclose(s), 0);
	assert_int_equal(mkfifo(path(f, "answer"), 0600), 0);
	f->answer = open(path(f, "answer"), O_RDWR | O_CLOEXEC);
	assert_int_not_equal(f->answer, -1);
	setenv("SSH_ASKPASS", path(f, "askpass"), 1);
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
}

static void
setup(struct fixture *f, unsigned int timeout)
{
	struct confirming_conf conf = { .log = &f->log, .answer = on_answer,
	    .arg = f, .asker = &f->asker };
	struct err e;

	*f = (struct fixture){ .dir = "/tmp/confirm-test-XXXXXX",
	    .log = { .level = LOG_LEVEL_QUIET, .name = "unit" } };
	f->asker.timeout = timeout;
	assert_non_null(mkdtemp(f->dir));
	make_askpass(f);
	assert_int_equal(loop_new(&f->loop, &e), 0);
	conf.loop = f->loop;
	assert_int_equal(confirming_new(&f->c, &conf, &e), 0);
}

static void
teardown(struct fixture *f)
{
	confirming_free(f->c);
	loop_free(f->loop);
	close(f->answer);
	(void)unlink(path(f, "runs"));
	assert_int_equal(unlink(path(f, "answer")), 0);
	assert_int_equal(unlink(path(f, "askpass")), 0);
	assert_int_equal(rmdir(f->dir), 0);
}

static int
add(struct fixture *f, uint64_t request)
{
	char text[PIN_CONFIRM_MAX] = "";
	struct err e;

	pin_confirm_add(text, "request%d", (int)request);
	return confirming_add(f->c, request, text, &e);
}

/* How often somebody was asked; *pid and *request are of the last time. */
static int
runs(struct fixture *f, int *pid, int *request)
{
	FILE *s = fopen(path(f, "runs"), "r");
	char what[32];
	int n = 0;

	*request = -1;
	while (s != NULL && fscanf(s, "%d %31s", pid, what) == 2) {
		n++;
		if (sscanf(what, "request%d", request) != 1)
			*request = 0;
	}
	if (s != NULL)
		fclose(s);
	return n;
}

static void
stop(void *arg)
{
	loop_stop(arg);
}

static void
run_loop(struct fixture *f)
{
	struct err e;

	assert_non_null(loop_timer(f->loop, STEP_MS, stop, f->loop));
	assert_int_equal(loop_run(f->loop, &e), 0);
}

/* Run the loop until so many are answered. */
static void
await(struct fixture *f, size_t n)
{
	for (int i = 0; i < WAIT_MS / STEP_MS && f->n < n; i++)
		run_loop(f);
	assert_int_equal(f->n, n);
}

/* Run the loop until somebody was asked that often, then for this. */
static int
await_question(struct fixture *f, int n, int want)
{
	int pid = 0, request;

	for (int i = 0; i < WAIT_MS / STEP_MS &&
	    runs(f, &pid, &request) < n; i++)
		run_loop(f);
	assert_int_equal(runs(f, &pid, &request), n);
	assert_int_equal(request, want);
	assert_true(pid > 0);
	return pid;
}

static void
answer(struct fixture *f, const char *line)
{
	assert_int_equal(write(f->answer, line, strlen(line)), strlen(line));
}

static void
check(const struct fixture *f, size_t i, uint64_t request, int r)
{
	assert_true(i < f->n);
	assert_int_equal(f->got[i].request, request);
	assert_int_equal(f->got[i].r, r);
	if (r != 0)
		assert_int_equal(f->got[i].err.code, r);
}

/* The question goes away by itself, and its program is waited for. */
static void
await_end(pid_t pid)
{
	for (int i = 0; i < 1000 && kill(pid, 0) == 0; i++)
		usleep(10000);
	assert_int_equal(kill(pid, 0), -1);
}

static void
test_each_request_is_asked_for_in_its_turn(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 0);
	assert_int_equal(add(&f, 1), 0);
	assert_int_equal(add(&f, 2), 0);
	assert_int_equal(add(&f, 3), 0);
	(void)await_question(&f, 1, 1);
	assert_int_equal(f.n, 0);
	answer(&f, "0\n");
	await(&f, 1);
	check(&f, 0, 1, 0);
	/* What was said of one says nothing of the others. */
	(void)await_question(&f, 2, 2);
	answer(&f, "1\n");
	await(&f, 2);
	check(&f, 1, 2, ERR_CANCELLED);
	(void)await_question(&f, 3, 3);
	answer(&f, "0\n");
	await(&f, 3);
	check(&f, 2, 3, 0);
	teardown(&f);
}

static void
test_who_comes_while_one_is_answered_is_the_last(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 0);
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(add(&f, i), 0);
	f.add = 4;
	f.drop = 3;
	(void)await_question(&f, 1, 1);
	answer(&f, "0\n");
	await(&f, 1);
	(void)await_question(&f, 2, 2);
	answer(&f, "0\n");
	await(&f, 2);
	check(&f, 1, 2, 0);
	(void)await_question(&f, 3, 0);		/* "added" */
	answer(&f, "1\n");
	await(&f, 3);
	check(&f, 2, 4, ERR_CANCELLED);
	teardown(&f);
}

static void
test_only_so_many_wait(void **state)
{
	struct fixture f;
	struct err e;
	int pid;

	(void)state;
	setup(&f, 0);
	for (uint64_t i = 0; i <= CONFIRMING_MAX; i++)
		assert_int_equal(add(&f, i + 1), 0);
	pid = await_question(&f, 1, 1);
	assert_int_equal(confirming_add(f.c, 99, "one more", &e), ERR_LIMIT);
	assert_non_null(strstr(e.msg, "16 requests wait"));
	assert_false(confirming_drop(f.c, 99));
	/* One that goes makes room for another. */
	assert_true(confirming_drop(f.c, 7));
	assert_int_equal(add(&f, 100), 0);
	assert_int_equal(add(&f, 101), ERR_LIMIT);
	assert_int_equal(f.n, 0);
	teardown(&f);
	await_end(pid);
}

static void
test_a_client_that_goes_takes_its_question_along(void **state)
{
	struct fixture f;
	int pid;

	(void)state;
	setup(&f, 0);
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(add(&f, i), 0);
	pid = await_question(&f, 1, 1);
	assert_true(confirming_drop(f.c, 2));
	assert_false(confirming_drop(f.c, 2));
	assert_int_equal(kill(pid, 0), 0);
	assert_true(confirming_drop(f.c, 1));
	await_end(pid);
	(void)await_question(&f, 2, 3);
	answer(&f, "0\n");
	await(&f, 1);
	check(&f, 0, 3, 0);
	assert_false(confirming_drop(f.c, 3));

	/* The last one, too. */
	assert_int_equal(add(&f, 4), 0);
	pid = await_question(&f, 3, 4);
	assert_true(confirming_drop(f.c, 4));
	await_end(pid);
	assert_int_equal(f.n, 1);
	teardown(&f);
}

static void
test_a_question_stays_open_for_so_long(void **state)
{
	struct fixture f;
	int pid;

	(void)state;
	setup(&f, 2);
	assert_int_equal(add(&f, 1), 0);
	assert_int_equal(add(&f, 2), 0);
	pid = await_question(&f, 1, 1);
	await(&f, 1);
	await_end(pid);
	check(&f, 0, 1, ERR_CANCELLED);
	assert_string_equal(f.got[0].err.msg,
	    "nobody answered within 2 seconds (PinTimeout)");
	/* The next has its own time. */
	(void)await_question(&f, 2, 2);
	answer(&f, "0\n");
	await(&f, 2);
	check(&f, 1, 2, 0);
	teardown(&f);
}

static void
test_with_nobody_to_ask_all_are_refused(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 0);
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	unsetenv("SSH_ASKPASS");
	unsetenv("DISPLAY");
	unsetenv("WAYLAND_DISPLAY");
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(add(&f, i), 0);
	assert_int_equal(f.n, 0);	/* never from inside the call */
	await(&f, 3);
	for (size_t i = 0; i < 3; i++) {
		check(&f, i, i + 1, ERR_DENIED);
		assert_non_null(strstr(f.got[i].err.msg, "SSH_ASKPASS"));
	}
	teardown(&f);
}

static void
test_the_end_takes_the_open_question_away(void **state)
{
	struct fixture f;
	int pid;

	(void)state;
	setup(&f, 0);
	assert_int_equal(add(&f, 1), 0);
	assert_int_equal(add(&f, 2), 0);
	pid = await_question(&f, 1, 1);
	teardown(&f);
	await_end(pid);
	assert_int_equal(f.n, 0);
	confirming_free(NULL);
	confirm_free(NULL);
}

struct one {
	struct loop	*loop;
	struct confirm	*confirm;
	int		 r;
};

static void
on_one(void *arg, int r, const struct err *e)
{
	struct one *o = arg;

	(void)e;
	o->r = r;
	confirm_free(o->confirm);
	loop_stop(o->loop);
}

static void
test_a_question_may_be_freed_by_who_hears_its_answer(void **state)
{
	char pinentry[64], text[] = "Allow it?";
	struct one o = { .r = -1 };
	struct confirm_conf conf = { .fn = on_one, .arg = &o,
	    .asker = { .pinentry = pinentry } };
	struct fixture f;
	struct err e;
	FILE *s;

	(void)state;
	setup(&f, 0);
	unsetenv("SSH_ASKPASS_REQUIRE");
	snprintf(pinentry, sizeof(pinentry), "%s/runs", f.dir);
	assert_non_null(s = fopen(pinentry, "w"));
	fputs("#!/bin/sh\necho OK\nwhile read -r w r; do case $w$r in "
	    "SETDESCAllow*) echo OK; seen=1 ;; CONFIRM) echo ${seen+OK} ;; "
	    "*) echo OK ;; esac; done\n", s);
	assert_int_equal(fchmod(fileno(s), 0700), 0);
	assert_int_equal(fclose(s), 0);
	conf.loop = o.loop = f.loop;
	assert_int_equal(confirm_new(&o.confirm, &conf, text, &e), 0);
	/* Both are copied. */
	memset(text, 'x', sizeof(text) - 1);
	pinentry[0] = '\0';
	assert_int_equal(loop_run(f.loop, &e), 0);
	assert_int_equal(o.r, 0);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_request_is_asked_for_in_its_turn),
		cmocka_unit_test(
		    test_who_comes_while_one_is_answered_is_the_last),
		cmocka_unit_test(test_only_so_many_wait),
		cmocka_unit_test(
		    test_a_client_that_goes_takes_its_question_along),
		cmocka_unit_test(test_a_question_stays_open_for_so_long),
		cmocka_unit_test(test_with_nobody_to_ask_all_are_refused),
		cmocka_unit_test(test_the_end_takes_the_open_question_away),
		cmocka_unit_test(
		    test_a_question_may_be_freed_by_who_hears_its_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

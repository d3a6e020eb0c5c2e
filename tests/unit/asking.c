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

#include "agent/asking.h"

#define PIN	"648219"
#define WAIT_MS	10000
#define STEP_MS	5

/*
 * Jobs that need a PIN, and an askpass that writes a line for each time
 * that it is run and then says what is written into a FIFO.
 */
struct fixture {
	struct pin_asker asker;
	struct loop	*loop;
	struct log	 log;
	struct asking	*a;
	char		 dir[32];
	int		 answer;	/* the FIFO, both ends */

	struct jobs	 submitted, refused;
	size_t		 n_submitted, n_refused;
	struct job	*again;		/* to be added when one is refused */
};

static void
submit(void *arg, struct job *j)
{
	struct fixture *f = arg;

	TAILQ_INSERT_TAIL(&f->submitted, j, next);
	f->n_submitted++;
}

static void
refuse(void *arg, struct job *j)
{
	struct fixture *f = arg;
	struct job *again = f->again;

	TAILQ_INSERT_TAIL(&f->refused, j, next);
	f->n_refused++;
	f->again = NULL;
	if (again != NULL)
		asking_add(f->a, again);
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
	fprintf(s, "#!/bin/sh\necho $$ >>%s/runs\nexec head -n 1 %s/answer\n",
	    f->dir, f->dir);
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
	struct asking_conf conf = { .log = &f->log, .submit = submit,
	    .refuse = refuse, .arg = f, .asker = &f->asker };
	struct err e;

	*f = (struct fixture){ .dir = "/tmp/asking-test-XXXXXX",
	    .asker = { .timeout = timeout },
	    .log = { .level = LOG_LEVEL_QUIET, .name = "unit" } };
	TAILQ_INIT(&f->submitted);
	TAILQ_INIT(&f->refused);
	assert_non_null(mkdtemp(f->dir));
	make_askpass(f);
	assert_int_equal(loop_new(&f->loop, &e), 0);
	conf.loop = f->loop;
	assert_int_equal(asking_new(&f->a, &conf, &e), 0);
}

static void
free_jobs(struct jobs *jobs)
{
	struct job *j;

	while ((j = TAILQ_FIRST(jobs)) != NULL) {
		TAILQ_REMOVE(jobs, j, next);
		job_free(j);
	}
}

static void
teardown(struct fixture *f)
{
	asking_free(f->a);
	loop_free(f->loop);
	free_jobs(&f->submitted);
	free_jobs(&f->refused);
	close(f->answer);
	(void)unlink(path(f, "runs"));
	assert_int_equal(unlink(path(f, "answer")), 0);
	assert_int_equal(unlink(path(f, "askpass")), 0);
	assert_int_equal(rmdir(f->dir), 0);
}

/* A job of that request that has found no PIN. */
static struct job *
need(uint64_t request)
{
	struct job *j = job_new(JOB_SIGN, request);

	assert_non_null(j);
	snprintf(j->serial, sizeof(j->serial), "DENK0100000");
	j->r = err_set(&j->err, ERR_PIN_NEEDED, 3, "the PIN is needed");
	return j;
}

/* How often somebody was asked; *pid is the last askpass. */
static int
runs(struct fixture *f, int *pid)
{
	FILE *s = fopen(path(f, "runs"), "r");
	int n = 0;

	while (s != NULL && fscanf(s, "%d", pid) == 1)
		n++;
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

/* Run the loop until so many have been submitted and refused. */
static void
await(struct fixture *f, size_t submitted, size_t refused)
{
	for (int i = 0; i < WAIT_MS / STEP_MS && (f->n_submitted < submitted ||
	    f->n_refused < refused); i++)
		run_loop(f);
	assert_int_equal(f->n_submitted, submitted);
	assert_int_equal(f->n_refused, refused);
}

/* Run the loop until somebody was asked that often; the last askpass. */
static int
await_prompt(struct fixture *f, int n)
{
	int pid = 0;

	for (int i = 0; i < WAIT_MS / STEP_MS && runs(f, &pid) < n; i++)
		run_loop(f);
	assert_int_equal(runs(f, &pid), n);
	assert_true(pid > 0);
	return pid;
}

static void
answer(struct fixture *f, const char *line)
{
	assert_int_equal(write(f->answer, line, strlen(line)), strlen(line));
}

/* What the worker would say of a job that it was given. */
static struct job *
take_submitted(struct fixture *f, int r, const char *why)
{
	struct job *j = TAILQ_FIRST(&f->submitted);

	assert_non_null(j);
	TAILQ_REMOVE(&f->submitted, j, next);
	j->r = r;
	j->unlocked = r == 0;
	if (r != 0)
		(void)err_set(&j->err, (enum err_code)r, 2, "%s", why);
	asking_note(f->a, j);
	return j;
}

static void
check_refused(struct fixture *f, uint64_t request, int r, const char *why)
{
	struct job *j = TAILQ_FIRST(&f->refused);

	assert_non_null(j);
	assert_int_equal(j->request, request);
	assert_int_equal(j->r, r);
	assert_int_equal(j->err.code, r);
	assert_non_null(strstr(j->err.msg, why));
	TAILQ_REMOVE(&f->refused, j, next);
	job_free(j);
}

static bool
has_pin(const struct job *j)
{
	return j->pin != NULL && secret_len(j->pin) == strlen(PIN) &&
	    memcmp(secret_bytes(j->pin), PIN, strlen(PIN)) == 0;
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
test_one_answer_serves_all_that_wait(void **state)
{
	struct fixture f;
	struct job *j;

	(void)state;
	setup(&f, 0);
	for (uint64_t i = 1; i <= 5; i++)
		asking_add(f.a, need(i));
	(void)await_prompt(&f, 1);
	answer(&f, PIN "\n");
	await(&f, 1, 0);

	/* The first takes it to the token; who comes meanwhile waits. */
	assert_true(has_pin(TAILQ_FIRST(&f.submitted)));
	assert_int_equal(TAILQ_FIRST(&f.submitted)->request, 1);
	asking_add(f.a, need(6));
	assert_int_equal(f.n_submitted, 1);
	j = take_submitted(&f, 0, NULL);
	job_free(j);
	assert_int_equal(f.n_submitted, 6);
	for (uint64_t i = 2; i <= 6; i++) {
		j = take_submitted(&f, 0, NULL);
		assert_int_equal(j->request, i);
		assert_null(j->pin);
		job_free(j);
	}
	assert_int_equal(runs(&f, &(int){ 0 }), 1);
	teardown(&f);
}

static void
test_a_wrong_pin_fails_all_that_wait(void **state)
{
	static const int fatal[] = { ERR_PIN_WRONG, ERR_PIN_BLOCKED,
	    ERR_DENIED };
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		setup(&f, 0);
		asking_add(f.a, need(1));
		asking_add(f.a, need(2));
		answer(&f, "111111\n");
		await(&f, 1, 0);
		asking_add(f.a, need(3));
		job_free(take_submitted(&f, fatal[i], "not this one"));
		assert_int_equal(f.n_refused, 2);
		check_refused(&f, 2, fatal[i], "not this one");
		check_refused(&f, 3, fatal[i], "not this one");
		assert_int_equal(f.n_submitted, 1);
		teardown(&f);
	}
}

static void
test_another_failure_says_nothing_of_the_pin(void **state)
{
	struct fixture f;
	struct job *j;

	(void)state;
	setup(&f, 0);
	asking_add(f.a, need(1));
	asking_add(f.a, need(2));
	answer(&f, PIN "\n");
	await(&f, 1, 0);
	job_free(take_submitted(&f, ERR_TOKEN_GONE, "it was removed"));
	/* The other one goes and sees, and may be asked for by itself. */
	await(&f, 2, 0);
	j = take_submitted(&f, ERR_PIN_NEEDED, "the PIN is needed");
	assert_null(j->pin);
	asking_add(f.a, j);
	(void)await_prompt(&f, 2);
	answer(&f, PIN "\n");
	await(&f, 3, 0);
	assert_true(has_pin(TAILQ_FIRST(&f.submitted)));
	teardown(&f);
}

static void
test_a_pin_is_carried_once_for_a_request(void **state)
{
	struct fixture f;
	struct job *j;

	(void)state;
	setup(&f, 0);
	asking_add(f.a, need(1));
	answer(&f, PIN "\n");
	await(&f, 1, 0);
	j = take_submitted(&f, ERR_PIN_NEEDED, "the PIN is needed");
	asking_add(f.a, j);
	check_refused(&f, 1, ERR_PIN_NEEDED, "lost again");
	assert_int_equal(runs(&f, &(int){ 0 }), 1);
	teardown(&f);
}

static void
test_whoever_unlocks_the_token_ends_the_question(void **state)
{
	struct fixture f;
	struct job *j;
	int pid;

	(void)state;
	setup(&f, 0);
	asking_add(f.a, need(1));
	asking_add(f.a, need(2));
	pid = await_prompt(&f, 1);
	j = job_new(JOB_UNLOCK, 9);
	j->r = ERR_PIN_WRONG;		/* of no use to anybody else */
	asking_note(f.a, j);
	assert_int_equal(f.n_submitted + f.n_refused, 0);
	assert_int_equal(kill(pid, 0), 0);
	j->r = 0;
	j->unlocked = true;
	asking_note(f.a, j);
	job_free(j);
	assert_int_equal(f.n_submitted, 2);
	await_end(pid);
	teardown(&f);
}

static void
test_the_last_to_go_takes_the_question_away(void **state)
{
	struct fixture f;
	int pid;

	(void)state;
	setup(&f, 0);
	asking_add(f.a, need(1));
	asking_add(f.a, need(2));
	pid = await_prompt(&f, 1);
	assert_false(asking_drop(f.a, 3));
	assert_true(asking_drop(f.a, 1));
	assert_false(asking_drop(f.a, 1));
	assert_int_equal(kill(pid, 0), 0);
	assert_true(asking_drop(f.a, 2));
	await_end(pid);
	assert_int_equal(f.n_submitted + f.n_refused, 0);

	asking_add(f.a, need(4));
	(void)await_prompt(&f, 2);
	answer(&f, PIN "\n");
	await(&f, 1, 0);
	teardown(&f);
}

static void
test_an_end_is_the_same_for_all(void **state)
{
	struct fixture f;
	struct err e;
	int pid;

	(void)state;
	setup(&f, 0);
	asking_add(f.a, need(1));
	asking_add(f.a, need(2));
	pid = await_prompt(&f, 1);
	(void)err_set(&e, ERR_CANCELLED, 0, "locked meanwhile");
	asking_end(f.a, &e);
	await_end(pid);
	check_refused(&f, 1, ERR_CANCELLED, "locked meanwhile");
	check_refused(&f, 2, ERR_CANCELLED, "locked meanwhile");
	asking_end(f.a, &e);		/* nobody is there */
	assert_int_equal(f.n_refused, 2);

	/* With the PIN on its way, only those that wait are told. */
	asking_add(f.a, need(3));
	answer(&f, PIN "\n");
	await(&f, 1, 2);
	asking_add(f.a, need(4));
	asking_end(f.a, &e);
	check_refused(&f, 4, ERR_CANCELLED, "locked meanwhile");
	job_free(take_submitted(&f, 0, NULL));
	assert_int_equal(f.n_submitted, 1);
	teardown(&f);
}

static void
test_who_comes_while_others_are_refused_is_asked_for(void **state)
{
	struct fixture f;
	struct err e;
	int pid;

	(void)state;
	setup(&f, 0);
	asking_add(f.a, need(1));
	asking_add(f.a, need(2));
	pid = await_prompt(&f, 1);
	f.again = need(3);
	(void)err_set(&e, ERR_CANCELLED, 0, "locked meanwhile");
	asking_end(f.a, &e);
	assert_int_equal(f.n_refused, 2);
	(void)await_prompt(&f, 2);
	await_end(pid);		/* it would take the answer */
	answer(&f, PIN "\n");
	await(&f, 1, 2);
	assert_int_equal(TAILQ_FIRST(&f.submitted)->request, 3);
	assert_true(has_pin(TAILQ_FIRST(&f.submitted)));
	teardown(&f);
}

static void
test_a_declined_question_refuses_all(void **state)
{
	struct fixture f;
	int pid;

	(void)state;
	setup(&f, 0);
	asking_add(f.a, need(1));
	asking_add(f.a, need(2));
	pid = await_prompt(&f, 1);
	assert_int_equal(kill(pid, SIGTERM), 0);
	await(&f, 0, 2);
	check_refused(&f, 1, ERR_CANCELLED, "cancelled");
	check_refused(&f, 2, ERR_CANCELLED, "cancelled");

	asking_add(f.a, need(3));
	answer(&f, "\n");			/* nothing typed */
	await(&f, 0, 3);
	check_refused(&f, 3, ERR_CANCELLED, "");
	teardown(&f);
}

static void
test_nobody_answers_in_time(void **state)
{
	struct fixture f;
	int pid;

	(void)state;
	setup(&f, 1);
	asking_add(f.a, need(1));
	pid = await_prompt(&f, 1);
	await(&f, 0, 1);
	check_refused(&f, 1, ERR_CANCELLED, "PinTimeout");
	await_end(pid);
	teardown(&f);
}

static void
test_nobody_to_ask_is_a_reason(void **state)
{
	struct fixture f;
	struct job *j;

	(void)state;
	setup(&f, 0);
	unsetenv("SSH_ASKPASS");
	unsetenv("DISPLAY");
	unsetenv("WAYLAND_DISPLAY");
	j = need(1);
	snprintf(j->problem, sizeof(j->problem), "PinFile is empty.");
	asking_add(f.a, j);
	await(&f, 0, 1);
	check_refused(&f, 1, ERR_DENIED, "PinFile is empty.: nobody to ask");
	assert_int_equal(f.n_submitted, 0);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_answer_serves_all_that_wait),
		cmocka_unit_test(test_a_wrong_pin_fails_all_that_wait),
		cmocka_unit_test(test_another_failure_says_nothing_of_the_pin),
		cmocka_unit_test(test_a_pin_is_carried_once_for_a_request),
		cmocka_unit_test(
		    test_whoever_unlocks_the_token_ends_the_question),
		cmocka_unit_test(test_the_last_to_go_takes_the_question_away),
		cmocka_unit_test(test_an_end_is_the_same_for_all),
		cmocka_unit_test(
		    test_who_comes_while_others_are_refused_is_asked_for),
		cmocka_unit_test(test_a_declined_question_refuses_all),
		cmocka_unit_test(test_nobody_answers_in_time),
		cmocka_unit_test(test_nobody_to_ask_is_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

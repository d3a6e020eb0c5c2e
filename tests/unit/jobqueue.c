/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/jobqueue.h"

/* A job for each letter; '0' is one of our own. */
static void
put(struct jobqueue *q, const char *peers)
{
	struct job *j;

	for (; *peers != '\0'; peers++) {
		j = TAILQ_LAST(&q->jobs, jobs);
		j = job_new(JOB_SIGN, j == NULL ? 1 : j->request + 1);
		assert_non_null(j);
		j->peer = *peers == '0' ? 0 : *peers;
		jobqueue_put(q, j);
	}
}

/* Whose jobs come next; "-": there is none. */
static void
expect(struct jobqueue *q, const char *peers)
{
	struct job *j;

	for (; *peers != '\0'; peers++) {
		j = jobqueue_take(q);
		assert_int_equal(*peers, j == NULL ? '-' : j->peer == 0 ?
		    '0' : j->peer);
		job_free(j);
	}
}

static void
test_processes_take_turns(void **state)
{
	struct jobqueue q;

	(void)state;
	jobqueue_init(&q);
	assert_true(jobqueue_is_empty(&q));
	put(&q, "aaaabbc");
	assert_false(jobqueue_is_empty(&q));
	expect(&q, "abcabaa-");
	assert_true(jobqueue_is_empty(&q));
}

static void
test_the_jobs_of_one_process_stay_in_order(void **state)
{
	uint64_t last[128] = { 0 };
	struct jobqueue q;
	struct job *j;

	(void)state;
	jobqueue_init(&q);
	put(&q, "abacabadabacaba0bd0cc");
	while ((j = jobqueue_take(&q)) != NULL) {
		assert_true(j->request > last[j->peer]);
		last[j->peer] = j->request;
		job_free(j);
	}
}

static void
test_our_own_come_first(void **state)
{
	struct jobqueue q;

	(void)state;
	jobqueue_init(&q);
	put(&q, "aab00");
	expect(&q, "00a");
	put(&q, "0");
	expect(&q, "0ba-");
}

static void
test_one_who_asks_for_little_waits_for_the_job_that_runs(void **state)
{
	struct jobqueue q;

	(void)state;
	jobqueue_init(&q);
	put(&q, "aaaaaaaaaabbbbbbbbbb");
	expect(&q, "ababa");
	put(&q, "g");
	expect(&q, "gbab");
	put(&q, "g");
	expect(&q, "gaba");
	put(&q, "g");
	expect(&q, "gbabababab-");
}

/* Nobody has a job waiting while his own is done: as clients mostly do. */
static void
test_turns_are_kept_by_those_with_one_job_at_a_time(void **state)
{
	struct jobqueue q;

	(void)state;
	jobqueue_init(&q);
	put(&q, "abc");
	expect(&q, "a");
	for (int i = 0; i < 20; i++) {
		put(&q, "a");
		expect(&q, "b");
		put(&q, "b");
		expect(&q, "c");
		put(&q, "c");
		expect(&q, "a");
	}
	expect(&q, "bc-");
}

/* What he had is forgotten at last, however many new ones come. */
static void
test_new_processes_without_end_do_not_hold_up_the_others(void **state)
{
	struct jobqueue q;
	char name[2] = "";
	int i;

	(void)state;
	jobqueue_init(&q);
	put(&q, "\1\1");
	expect(&q, "\1");
	for (i = 2; i < 2 + JOBQUEUE_SERVED; i++) {
		name[0] = (char)i;
		put(&q, name);
		expect(&q, name);
	}
	put(&q, "\3\4");
	expect(&q, "\1\3\4-");
}

static void
test_no_job_is_lost_when_many_processes_ask(void **state)
{
	const pid_t n = 2 * JOBQUEUE_SERVED + 3;
	struct jobqueue q;
	struct job *j;

	(void)state;
	jobqueue_init(&q);
	for (int i = 0; i < 3; i++) {
		for (pid_t p = 1; p <= n; p++) {
			assert_non_null(j = job_new(JOB_SIGN, 1));
			j->peer = p;
			jobqueue_put(&q, j);
		}
	}
	for (pid_t i = 0; i < 3 * n; i++) {
		assert_non_null(j = jobqueue_take(&q));
		job_free(j);
	}
	assert_null(jobqueue_take(&q));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes_take_turns),
		cmocka_unit_test(test_the_jobs_of_one_process_stay_in_order),
		cmocka_unit_test(test_our_own_come_first),
		cmocka_unit_test(
		    test_one_who_asks_for_little_waits_for_the_job_that_runs),
		cmocka_unit_test(
		    test_turns_are_kept_by_those_with_one_job_at_a_time),
		cmocka_unit_test(
		    test_new_processes_without_end_do_not_hold_up_the_others),
		cmocka_unit_test(test_no_job_is_lost_when_many_processes_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

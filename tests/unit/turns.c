/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/turns.h"

#define COST	10
#define SLACK	40		/* five turns at once, and it is busy */
#define PEOPLE	128

/* Connections with letters for names; 'a' and 'A' are one process. */
struct fixture {
	struct turns	*turns;
	struct turn	 who[PEOPLE];
	char		 name[PEOPLE];
};

static void
join(struct fixture *f, const char *names, int64_t now)
{
	for (; *names != '\0'; names++) {
		f->name[(int)*names] = *names;
		assert_true(turns_join(f->turns, &f->who[(int)*names],
		    &f->name[(int)*names], *names | 0x20, now));
	}
}

static void
leave(struct fixture *f, const char *names)
{
	for (; *names != '\0'; names++)
		turns_leave(f->turns, &f->who[(int)*names]);
}

static void
want(struct fixture *f, const char *names, int64_t now)
{
	for (; *names != '\0'; names++)
		turns_want(f->turns, &f->who[(int)*names], now);
}

/* One round gives just these their turns. */
static void
expect(struct fixture *f, const char *names, int64_t now)
{
	struct turn *t;

	turns_begin(f->turns);
	while ((t = turns_next(f->turns, now)) != NULL) {
		assert_int_equal(*(char *)t->owner, *names);
		names++;
	}
	assert_int_equal(*names, '\0');
}

/* They have so many turns, one a round. */
static void
use_up(struct fixture *f, const char *names, int n, int64_t now)
{
	while (n-- > 0) {
		want(f, names, now);
		expect(f, names, now);
	}
}

static void
setup(struct fixture *f, const char *names)
{
	*f = (struct fixture){ .turns = turns_new(COST, SLACK) };
	assert_non_null(f->turns);
	join(f, names, 1000);
}

static void
test_a_process_has_one_turn_in_a_round(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "aAbc");
	assert_int_equal(turns_together(&f.who['a']), 2);
	want(&f, "aAbab", 1000);
	expect(&f, "ab", 1000);
	assert_true(turns_waiting(f.turns));
	want(&f, "c", 1000);
	expect(&f, "Ac", 1000);
	assert_false(turns_waiting(f.turns));
	expect(&f, "", 1000);
	leave(&f, "aAbc");
	turns_free(f.turns);
}

static void
test_who_had_many_turns_comes_behind(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "ab");
	use_up(&f, "a", 5, 1000);
	want(&f, "ab", 1000);
	assert_true(turns_is_behind(f.turns, &f.who['a']));
	assert_false(turns_is_behind(f.turns, &f.who['b']));
	expect(&f, "ba", 1000);
	assert_false(turns_is_behind(f.turns, &f.who['a']));
	/* Time pays: 60 ms are owed, and 20 of them are over. */
	want(&f, "ab", 1020);
	expect(&f, "ab", 1020);
	leave(&f, "ab");
	turns_free(f.turns);
}

static void
test_few_of_the_busy_are_let_in_at_a_time(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "abcdefgq");
	use_up(&f, "abcdefg", 5, 1000);
	want(&f, "abcdefgq", 1000);
	assert_int_equal(TURNS_BUSY, 4);
	expect(&f, "qabcd", 1000);
	want(&f, "abq", 1000);
	expect(&f, "qefga", 1000);
	expect(&f, "b", 1000);
	leave(&f, "abcdefgq");
	turns_free(f.turns);
}

static void
test_many_connections_of_a_busy_process_take_turns(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "aAb");
	use_up(&f, "a", 5, 1000);
	use_up(&f, "b", 5, 1000);
	want(&f, "aAb", 1000);
	expect(&f, "abA", 1000);
	leave(&f, "aAb");
	turns_free(f.turns);
}

/* A flood that lasts is busy all the time, and soon forgiven when it ends. */
static void
test_a_flood_is_busy_and_then_forgiven(void **state)
{
	struct fixture f;
	int64_t now = 1000;

	(void)state;
	setup(&f, "aq");
	use_up(&f, "a", 5, now);
	for (; now < 2000; now += COST) {
		want(&f, "aq", now);
		expect(&f, "qa", now);
		use_up(&f, "a", 20, now);
	}
	now += SLACK;
	want(&f, "aq", now);
	expect(&f, "aq", now);
	leave(&f, "aq");
	turns_free(f.turns);
}

static void
test_what_is_owed_outlives_the_connection(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "ab");
	use_up(&f, "a", 5, 1000);
	leave(&f, "a");
	join(&f, "A", 1000);
	assert_int_equal(turns_together(&f.who['A']), 1);
	want(&f, "Ab", 1000);
	expect(&f, "bA", 1000);
	leave(&f, "A");
	/* Later it is as good as new. */
	join(&f, "c", 2000);
	join(&f, "a", 2000);
	want(&f, "abc", 2000);
	expect(&f, "abc", 2000);
	leave(&f, "abc");
	turns_free(f.turns);
}

static void
test_one_who_waits_may_leave(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "aAbc");
	use_up(&f, "c", 5, 1000);
	want(&f, "aAbc", 1000);
	leave(&f, "ac");
	expect(&f, "Ab", 1000);
	assert_false(turns_waiting(f.turns));
	want(&f, "bA", 1000);
	leave(&f, "bA");
	assert_false(turns_waiting(f.turns));
	expect(&f, "", 1000);
	turns_free(f.turns);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_process_has_one_turn_in_a_round),
		cmocka_unit_test(test_who_had_many_turns_comes_behind),
		cmocka_unit_test(test_few_of_the_busy_are_let_in_at_a_time),
		cmocka_unit_test(
		    test_many_connections_of_a_busy_process_take_turns),
		cmocka_unit_test(test_a_flood_is_busy_and_then_forgiven),
		cmocka_unit_test(test_what_is_owed_outlives_the_connection),
		cmocka_unit_test(test_one_who_waits_may_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/eventfd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/absence.h"
#include "agent/absence_clock.h"

/* Clocks that the test sets, and what came of it. */
struct fixture {
	struct loop	*loop;
	struct absence_clock *clock;
	int		 fd;
	int64_t		 asleep_ms;
	int		 reports;
	int64_t		 reported_ms;
};

static int
open_fake(void *arg)
{
	struct fixture *f = arg;

	return dup(f->fd);
}

static int64_t
fake_asleep_ms(void *arg)
{
	struct fixture *f = arg;

	return f->asleep_ms;
}

static void
on_slept(void *arg, int64_t ms)
{
	struct fixture *f = arg;

	f->reports++;
	f->reported_ms = ms;
}

static void
setup(struct fixture *f)
{
	struct clock_source source = { open_fake, fake_asleep_ms, NULL };
	struct err e;

	*f = (struct fixture){ .asleep_ms = 86400000 };
	source.arg = f;
	assert_int_not_equal(f->fd = eventfd(0, EFD_NONBLOCK), -1);
	assert_int_equal(loop_new(&f->loop, &e), 0);
	assert_int_equal(absence_clock_new(&f->clock, f->loop, &source,
	    on_slept, f, &e), 0);
}

static void
teardown(struct fixture *f)
{
	absence_clock_free(f->clock);
	loop_free(f->loop);
	close(f->fd);
}

static void
stop(void *arg)
{
	loop_stop(arg);
}

/* The loop, until it has looked at everything that was there. */
static void
run_once(struct loop *l)
{
	struct err e;

	assert_non_null(loop_timer(l, 0, stop, l));
	assert_int_equal(loop_run(l, &e), 0);
}

/* The clock is set, as it is when the machine wakes up. */
static void
set_clock(struct fixture *f)
{
	const uint64_t one = 1;

	assert_int_equal(write(f->fd, &one, sizeof(one)), sizeof(one));
	run_once(f->loop);
}

static void
test_a_sleep_is_noticed_when_it_is_over(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	f.asleep_ms += 3600000;
	set_clock(&f);
	assert_int_equal(f.reports, 1);
	assert_int_equal(f.reported_ms, 3600000);
	set_clock(&f);
	assert_int_equal(f.reports, 1);
	f.asleep_ms += 1001;
	set_clock(&f);
	assert_int_equal(f.reports, 2);
	teardown(&f);
}

static void
test_a_clock_that_is_set_is_no_sleep(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	set_clock(&f);
	f.asleep_ms += 1000;	/* two clocks are not read in one go */
	set_clock(&f);
	f.asleep_ms -= 1000;
	set_clock(&f);
	assert_int_equal(f.reports, 0);
	teardown(&f);
}

static void
test_short_sleeps_add_up(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	f.asleep_ms += 600;
	set_clock(&f);
	assert_int_equal(f.reports, 0);
	f.asleep_ms += 600;
	set_clock(&f);
	assert_int_equal(f.reports, 1);
	teardown(&f);
}

static void
on_absence(void *arg, enum absence_why why)
{
	int *count = arg;

	(void)why;
	++*count;
}

static void
test_nothing_happens_while_nobody_leaves(void **state)
{
	struct log log = { .level = LOG_LEVEL_QUIET, .name = "unit" };
	int count = 0;
	struct absence_conf conf = { .log = &log, .fn = on_absence,
	    .arg = &count };
	struct absence *a;
	struct err e;

	(void)state;
	for (int i = 0; i < 4; i++) {
		conf.suspend = i & 1;
		conf.screen_lock = i & 2;
		assert_int_equal(loop_new(&conf.loop, &e), 0);
		assert_int_equal(absence_new(&a, &conf, &e), 0);
		run_once(conf.loop);
		absence_done(a);
		run_once(conf.loop);
		assert_int_equal(count, 0);
		absence_free(a);
		loop_free(conf.loop);
	}
	absence_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sleep_is_noticed_when_it_is_over),
		cmocka_unit_test(test_a_clock_that_is_set_is_no_sleep),
		cmocka_unit_test(test_short_sleeps_add_up),
		cmocka_unit_test(test_nothing_happens_while_nobody_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keyutil/agentline.h"
#include "ssh/agentmsg.h"
#include "tests/unit/fakeagent.h"

#define PATIENCE_MS	10000

static const struct span ask = { (const uint8_t *)"\13", 1 };
static const struct span again = { (const uint8_t *)"\15xyz", 4 };
static const struct span yes = { (const uint8_t *)"\6", 1 };
static const struct span longer = { (const uint8_t *)"\16signature", 10 };

/* Wait for the answer as a caller would, who has nothing else to do. */
static int
answer_of(struct agentline *l, struct span *answer, struct err *e)
{
	struct pollfd p;
	int r;

	while ((r = agentline_go_on(l, answer, e)) == 0 && answer->n == 0) {
		p = agentline_pollfd(l);
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	}
	return r;
}

static void
start(struct fake *f, const struct fake_step *steps, size_t n,
    struct agentline **l)
{
	struct err e;

	fake_listen(f);
	fake_start(f, steps, n);
	assert_int_equal(agentline_open(l, f->path, &e), 0);
}

static void
end(struct fake *f, struct agentline *l)
{
	agentline_close(l);
	fake_join(f);
	fake_remove(f);
}

static void
test_one_connection_asks_many_times(void **state)
{
	const struct fake_step steps[] = { ACCEPT, GET(ask), PUT(yes),
	    GET(again), DRIP(longer), GET(ask), PUT(yes), UNTIL_CLOSED };
	struct agentline *l;
	struct span got;
	struct fake f;
	struct err e;

	(void)state;
	start(&f, steps, sizeof(steps) / sizeof(steps[0]), &l);
	assert_int_equal(agentline_ask(l, ask, &e), 0);
	assert_int_equal(answer_of(l, &got, &e), 0);
	assert_true(span_eq(got, yes));
	assert_int_equal(agentline_ask(l, again, &e), 0);
	assert_int_equal(answer_of(l, &got, &e), 0);
	assert_true(span_eq(got, longer));
	assert_int_equal(agentline_ask(l, ask, &e), 0);
	assert_int_equal(answer_of(l, &got, &e), 0);
	assert_true(span_eq(got, yes));
	end(&f, l);
}

static void
test_nothing_blocks_while_the_agent_thinks(void **state)
{
	const struct fake_step steps[] = { ACCEPT, GET(ask), TELL, AWAIT,
	    PUT(yes), UNTIL_CLOSED };
	struct agentline *l;
	struct span got;
	struct fake f;
	struct err e;

	(void)state;
	start(&f, steps, sizeof(steps) / sizeof(steps[0]), &l);
	assert_int_equal(agentline_ask(l, ask, &e), 0);
	assert_int_equal(agentline_pollfd(l).events, POLLOUT);
	assert_int_equal(agentline_go_on(l, &got, &e), 0);
	fake_wait(&f);
	assert_int_equal(agentline_go_on(l, &got, &e), 0);
	assert_int_equal(got.n, 0);
	assert_int_equal(agentline_pollfd(l).events, POLLIN);
	fake_go(&f);
	assert_int_equal(answer_of(l, &got, &e), 0);
	assert_true(span_eq(got, yes));
	end(&f, l);
}

static void
test_an_agent_that_goes_is_gone(void **state)
{
	const struct fake_step steps[] = { ACCEPT, GET(ask), RAW(again),
	    SHUT };
	struct agentline *l;
	struct span got;
	struct fake f;
	struct err e;

	(void)state;
	start(&f, steps, sizeof(steps) / sizeof(steps[0]), &l);
	assert_int_equal(agentline_ask(l, ask, &e), 0);
	assert_int_not_equal(answer_of(l, &got, &e), 0);
	assert_int_equal(got.n, 0);
	end(&f, l);
	assert_int_equal(agentline_open(&l, f.path, &e), ERR_NOTFOUND);
}

static void
refuses(struct span raw)
{
	const struct fake_step steps[] = { ACCEPT, GET(ask), RAW(raw),
	    UNTIL_CLOSED };
	struct agentline *l;
	struct span got;
	struct fake f;
	struct err e;

	start(&f, steps, sizeof(steps) / sizeof(steps[0]), &l);
	assert_int_equal(agentline_ask(l, ask, &e), 0);
	assert_int_equal(answer_of(l, &got, &e), ERR_FORMAT);
	end(&f, l);
}

static void
test_answers_without_a_byte_or_too_long_are_refused(void **state)
{
	(void)state;
	refuses((struct span){ (const uint8_t *)"\0\0\0\0", 4 });
	refuses((struct span){ (const uint8_t *)"\0\4\0\1", 4 });
	refuses((struct span){ (const uint8_t *)"\377\377\377\377", 4 });
}

static void
test_a_message_has_a_limit(void **state)
{
	const struct fake_step steps[] = { ACCEPT, UNTIL_CLOSED };
	uint8_t *big = calloc(1, AGENT_MAX_MSG + 1);
	struct agentline *l;
	struct fake f;
	struct err e;

	(void)state;
	assert_non_null(big);
	start(&f, steps, sizeof(steps) / sizeof(steps[0]), &l);
	assert_int_equal(agentline_ask(l, (struct span){ big,
	    AGENT_MAX_MSG + 1 }, &e), ERR_LIMIT);
	free(big);
	end(&f, l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_connection_asks_many_times),
		cmocka_unit_test(test_nothing_blocks_while_the_agent_thinks),
		cmocka_unit_test(test_an_agent_that_goes_is_gone),
		cmocka_unit_test(
		    test_answers_without_a_byte_or_too_long_are_refused),
		cmocka_unit_test(test_a_message_has_a_limit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/relay.h"
#include "ssh/agentmsg.h"
#include "tests/unit/fakeagent.h"

#define BOUND_MS	10000
#define LIST		B("\x0b")
#define KEYS		B("\x0c\0\0\0\0")
#define SUCCESS		B("\6")
#define FAILURE		B("\5")

/* The bytes of a string literal. */
#define B(s)		{ (const uint8_t *)(s), sizeof(s) - 1 }
#define SPAN(x)		((struct span)x)
#define STEPS(s)	s, sizeof(s) / sizeof(*(s))

struct fixture {
	struct fake	 fake;
	struct loop	*loop;
	struct upstream	*up;
	struct relay	*relay;
	int		 answers;	/* counted; stop at `until` */
	int		 until;
	uint64_t	 id;		/* of the last answer */
	struct err	 e;
	uint8_t		 reply[64];
	size_t		 reply_n;
	bool		 frees;		/* the relay, when answered */
	bool		 asks;		/* LIST as 2, when answered */
};

static void
on_answer(void *arg, uint64_t id, int r, struct span reply,
    const struct err *e)
{
	struct fixture *f = arg;

	assert_int_equal(r == 0, e == NULL);
	f->e = e != NULL ? *e : (struct err){ 0 };
	assert_int_equal(r, f->e.code);
	f->id = id;
	if (f->asks && id == 1)
		assert_int_equal(relay_ask(f->relay, 2, SPAN(LIST), BOUND_MS,
		    &f->e), 0);
	if (f->frees) {
		relay_free(f->relay);
		f->relay = NULL;
	}
	f->reply_n = reply.n < sizeof(f->reply) ? reply.n : sizeof(f->reply);
	if (reply.n > 0)
		memcpy(f->reply, reply.p, f->reply_n);
	if (++f->answers == f->until)
		loop_stop(f->loop);
}

static void
setup(struct fixture *f)
{
	struct err e;

	*f = (struct fixture){ 0 };
	fake_listen(&f->fake);
	assert_int_equal(loop_new(&f->loop, &e), 0);
	assert_int_equal(upstream_new(&f->up, f->loop, f->fake.path,
	    on_answer, f, &e), 0);
	assert_int_equal(relay_new(&f->relay, f->up, &e), 0);
}

static void
teardown(struct fixture *f)
{
	relay_free(f->relay);
	upstream_free(f->up);
	loop_free(f->loop);
	fake_remove(&f->fake);
}

/* The same, once the fake agent has seen the relay go. */
static void
finish(struct fixture *f)
{
	relay_free(f->relay);
	f->relay = NULL;
	fake_join(&f->fake);
	teardown(f);
}

static void
ask(struct fixture *f, uint64_t id, struct span msg, int timeout_ms)
{
	struct err e;

	assert_int_equal(relay_ask(f->relay, id, msg, timeout_ms, &e), 0);
}

/* Run until one more answer is there; its code. */
static int
answer(struct fixture *f)
{
	struct err e;

	f->until = f->answers + 1;
	assert_int_equal(loop_run(f->loop, &e), 0);
	return f->e.code;
}

static int
list(struct fixture *f, uint64_t id)
{
	int r;

	ask(f, id, SPAN(LIST), BOUND_MS);
	r = answer(f);
	assert_int_equal(f->id, id);
	return r;
}

static void
preface(struct fixture *f, struct span msg)
{
	struct err e;

	assert_int_equal(relay_preface(f->relay, msg, &e), 0);
}

/* One question to an agent that does so, with a relay of its own. */
static int
against(const struct fake_step *steps, size_t n, int timeout_ms)
{
	struct fixture f;
	int r;

	setup(&f);
	fake_start(&f.fake, steps, n);
	ask(&f, 1, SPAN(LIST), timeout_ms);
	r = answer(&f);
	if (r != 0)
		assert_non_null(strstr(f.e.msg, f.fake.path));
	finish(&f);
	return r;
}

static void
test_questions_share_a_connection_and_answers_may_drip(void **state)
{
	static const struct fake_step steps[] = { ACCEPT,
	    GET(LIST), PUT(KEYS),
	    GET(LIST), DRIP(KEYS),
	    UNTIL_CLOSED };
	const struct span keys = KEYS;
	struct fixture f;

	(void)state;
	setup(&f);
	fake_start(&f.fake, STEPS(steps));
	for (uint64_t id = 7; id < 9; id++) {
		assert_int_equal(list(&f, id), 0);
		assert_true(span_eq((struct span){ f.reply, f.reply_n },
		    keys));
	}
	finish(&f);
}

static void
test_nothing_is_answered_from_inside_the_question(void **state)
{
	struct fixture f;
	struct stat st;

	(void)state;
	setup(&f);
	assert_int_equal(unlink(f.fake.path), 0);
	ask(&f, 1, SPAN(LIST), 0);
	assert_int_equal(f.answers, 0);
	assert_int_equal(answer(&f), ERR_NOTFOUND);
	assert_int_equal(stat(f.fake.path, &st), -1);
	teardown(&f);
}

static void
test_a_socket_nobody_listens_on_is_told_and_tried_again(void **state)
{
	static const struct fake_step steps[] = { ACCEPT,
	    GET(LIST), PUT(KEYS), UNTIL_CLOSED };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct fixture f;

	(void)state;
	setup(&f);
	close(f.fake.listener);
	assert_int_equal(list(&f, 1), ERR_NOTFOUND);
	assert_int_equal(unlink(f.fake.path), 0);
	memcpy(sa.sun_path, f.fake.path, strlen(f.fake.path) + 1);
	f.fake.listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(f.fake.listener, (const struct sockaddr *)&sa,
	    sizeof(sa)), 0);
	assert_int_equal(list(&f, 2), ERR_NOTFOUND);
	assert_int_equal(listen(f.fake.listener, 1), 0);
	fake_start(&f.fake, STEPS(steps));
	assert_int_equal(list(&f, 3), 0);
	finish(&f);
}

static void
test_an_answer_cut_anywhere_is_an_error(void **state)
{
	static const uint8_t bytes[] = { 0, 0, 0, 5, 12, 0, 0, 0, 0 };

	(void)state;
	for (size_t n = 0; n < sizeof(bytes); n++) {
		const struct span cut = { bytes, n };
		const struct fake_step steps[] = { ACCEPT, GET(LIST),
		    RAW(cut), SHUT };

		assert_int_equal(against(STEPS(steps), BOUND_MS),
		    ERR_FORMAT);
	}
}

static void
test_nonsense_closes_the_connection(void **state)
{
	static const struct span nonsense[] = {
		B("\0\0\0\0"),				/* empty */
		B("\0\4\0\1"),				/* over 256 KiB */
		B("\xff\xff\xff\xff\x0c"),
		B("\0\0\0\5\x0c\0\0\0\0\0"),		/* a byte behind it */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(*nonsense); i++) {
		const struct fake_step steps[] = { ACCEPT, GET(LIST),
		    RAW(nonsense[i]), UNTIL_CLOSED };
		struct fixture f;

		setup(&f);
		fake_start(&f.fake, STEPS(steps));
		assert_int_equal(list(&f, 1), ERR_FORMAT);
		fake_join(&f.fake);	/* closed, though the relay is here */
		teardown(&f);
	}
}

static void
test_the_largest_messages_pass_both_ways(void **state)
{
	uint8_t *big = calloc(1, AGENT_MAX_MSG + 1);
	const struct span most = { big, AGENT_MAX_MSG };
	const struct fake_step steps[] = { ACCEPT,
	    GET(most), PUT(most), UNTIL_CLOSED };
	struct fixture f;
	struct err e;

	(void)state;
	assert_non_null(big);
	memset(big, 'x', AGENT_MAX_MSG + 1);
	setup(&f);
	assert_int_equal(relay_ask(f.relay, 1,
	    (struct span){ big, AGENT_MAX_MSG + 1 }, 0, &e), ERR_LIMIT);
	assert_int_equal(relay_ask(f.relay, 1, (struct span){ 0 }, 0, &e),
	    ERR_LIMIT);
	fake_start(&f.fake, STEPS(steps));
	ask(&f, 1, most, BOUND_MS);
	assert_int_equal(answer(&f), 0);
	assert_memory_equal(f.reply, big, sizeof(f.reply));
	finish(&f);
	free(big);
}

static void
test_a_silent_agent_ends_in_time_and_its_late_answer_is_lost(void **state)
{
	static const struct fake_step steps[] = { ACCEPT,
	    GET(LIST), RAW(B("\0\0\0\5\x0c")),
	    UNTIL_CLOSED,
	    ACCEPT, GET(LIST), PUT(KEYS),
	    UNTIL_CLOSED };
	struct fixture f;

	(void)state;
	setup(&f);
	fake_start(&f.fake, STEPS(steps));
	ask(&f, 1, SPAN(LIST), 50);
	assert_int_equal(answer(&f), ERR_CANCELLED);
	assert_int_equal(list(&f, 2), 0);
	finish(&f);
}

static void
test_a_full_backlog_is_waited_for_within_the_time(void **state)
{
	static const struct fake_step steps[] = { ACCEPT,
	    ACCEPT, ACCEPT, GET(LIST),
	    PUT(KEYS), UNTIL_CLOSED };
	struct fixture f;
	struct err e;
	int fd[2];

	(void)state;
	setup(&f);
	for (int i = 0; i < 2; i++)
		assert_int_equal(upstream_connect(f.up, &fd[i], &e), 0);
	ask(&f, 1, SPAN(LIST), 120);
	assert_int_equal(answer(&f), ERR_CANCELLED);
	ask(&f, 2, SPAN(LIST), BOUND_MS);
	fake_start(&f.fake, STEPS(steps));
	assert_int_equal(answer(&f), 0);
	close(fd[0]);
	close(fd[1]);
	finish(&f);
}

static void
test_a_second_question_fails_and_the_first_goes_on(void **state)
{
	static const struct fake_step steps[] = { ACCEPT,
	    GET(LIST), PUT(KEYS), UNTIL_CLOSED };
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f);
	fake_start(&f.fake, STEPS(steps));
	ask(&f, 1, SPAN(LIST), BOUND_MS);
	assert_int_equal(relay_ask(f.relay, 2, SPAN(LIST), 0, &e),
	    ERR_AGAIN);
	assert_int_equal(answer(&f), 0);
	assert_int_equal(f.id, 1);
	assert_int_equal(f.answers, 1);
	finish(&f);
}

static void
test_the_preface_is_said_in_order_on_each_connection(void **state)
{
	static const struct fake_step steps[] = { ACCEPT,
	    GET(B("one")), PUT(SUCCESS),
	    GET(B("two")), DRIP(FAILURE),
	    GET(LIST), PUT(KEYS),
	    GET(B("three")), PUT(FAILURE),
	    GET(LIST), PUT(KEYS),
	    SHUT, TELL, ACCEPT,
	    GET(B("one")), PUT(SUCCESS),
	    GET(B("two")), PUT(SUCCESS),
	    GET(B("three")), PUT(SUCCESS),
	    GET(LIST), PUT(KEYS),
	    UNTIL_CLOSED };
	struct fixture f;

	(void)state;
	setup(&f);
	fake_start(&f.fake, STEPS(steps));
	preface(&f, span_cstr("one"));
	preface(&f, span_cstr("two"));
	assert_int_equal(list(&f, 1), 0);
	preface(&f, span_cstr("three"));	/* on the open connection */
	assert_int_equal(list(&f, 2), 0);
	fake_wait(&f.fake);
	assert_int_equal(list(&f, 3), 0);
	assert_int_equal(f.reply[0], MSG_IDENTITIES_ANSWER);
	finish(&f);
}

static void
test_a_question_that_was_not_read_is_put_once_more(void **state)
{
	static const struct fake_step steps[] = { ACCEPT,
	    GET(B("bind")), PUT(SUCCESS),
	    GET(LIST), PUT(KEYS),
	    SHUT_UNREAD, ACCEPT,
	    GET(B("bind")), PUT(SUCCESS),
	    GET(LIST), PUT(KEYS),
	    SHUT_UNREAD, ACCEPT,
	    GET(B("bind")), SHUT };
	struct fixture f;

	(void)state;
	setup(&f);
	fake_start(&f.fake, STEPS(steps));
	preface(&f, span_cstr("bind"));
	assert_int_equal(list(&f, 1), 0);
	assert_int_equal(list(&f, 2), 0);
	assert_int_equal(list(&f, 3), ERR_FORMAT);	/* twice is enough */
	fake_join(&f.fake);
	teardown(&f);
}

static void
test_a_question_that_was_read_is_not_put_again(void **state)
{
	static const struct fake_step steps[] = { ACCEPT,
	    GET(LIST), PUT(KEYS),
	    GET(LIST), SHUT };
	struct fixture f;

	(void)state;
	setup(&f);
	fake_start(&f.fake, STEPS(steps));
	assert_int_equal(list(&f, 1), 0);
	assert_int_equal(list(&f, 2), ERR_FORMAT);
	fake_join(&f.fake);
	teardown(&f);
}

static void
test_bytes_nobody_asked_for_are_no_answer(void **state)
{
	static const struct fake_step steps[] = { ACCEPT,
	    GET(LIST), PUT(KEYS), AWAIT, PUT(SUCCESS), TELL, UNTIL_CLOSED,
	    ACCEPT, GET(LIST), PUT(KEYS), UNTIL_CLOSED };
	struct fixture f;

	(void)state;
	setup(&f);
	fake_start(&f.fake, STEPS(steps));
	assert_int_equal(list(&f, 1), 0);
	fake_go(&f.fake);
	fake_wait(&f.fake);
	assert_int_equal(list(&f, 2), 0);
	assert_int_equal(f.reply[0], MSG_IDENTITIES_ANSWER);
	finish(&f);
}

static void
on_told(void *arg, short revents)
{
	(void)revents;
	loop_stop(arg);
}

static void
test_an_idle_connection_is_let_go_when_the_other_end_stirs(void **state)
{
	static const struct fake_step steps[] = { ACCEPT,
	    GET(LIST), PUT(KEYS), AWAIT, RAW(B("\0")), UNTIL_CLOSED, TELL };
	struct watch *told;
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f);
	fake_start(&f.fake, STEPS(steps));
	assert_int_equal(list(&f, 1), 0);
	fake_go(&f.fake);
	told = loop_watch(f.loop, f.fake.told, POLLIN, on_told, f.loop);
	assert_non_null(told);
	assert_int_equal(loop_run(f.loop, &e), 0);
	watch_free(told);
	assert_int_equal(f.answers, 1);
	finish(&f);
}

static void
test_without_its_whole_preface_a_relay_asks_nothing(void **state)
{
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f);
	for (int i = 0; i < RELAY_PREFACE_MAX; i++)
		preface(&f, span_cstr("bind"));
	assert_int_equal(relay_preface(f.relay, span_cstr("bind"), &e),
	    ERR_LIMIT);
	assert_int_equal(relay_ask(f.relay, 1, SPAN(LIST), 0, &e),
	    ERR_DENIED);
	assert_int_equal(f.answers, 0);
	teardown(&f);
}

static void
test_who_is_answered_may_ask_again_or_free_the_relay(void **state)
{
	static const struct fake_step steps[] = { ACCEPT,
	    GET(LIST), PUT(KEYS),
	    GET(LIST), PUT(KEYS), UNTIL_CLOSED };
	const struct span keys = KEYS;
	struct fixture f;

	(void)state;
	setup(&f);
	f.asks = true;
	fake_start(&f.fake, STEPS(steps));
	assert_int_equal(list(&f, 1), 0);
	f.frees = true;
	assert_int_equal(answer(&f), 0);
	assert_int_equal(f.id, 2);
	assert_null(f.relay);
	/* What was lent is there although the relay is gone. */
	assert_true(span_eq((struct span){ f.reply, f.reply_n }, keys));
	fake_join(&f.fake);
	teardown(&f);

	setup(&f);
	f.frees = true;
	assert_int_equal(unlink(f.fake.path), 0);
	assert_int_equal(list(&f, 1), ERR_NOTFOUND);
	assert_null(f.relay);
	teardown(&f);
}

static void
test_a_hanging_connection_delays_no_other_and_may_be_freed(void **state)
{
	static const struct fake_step steps[] = { ACCEPT,
	    GET(LIST), PUT(KEYS), UNTIL_CLOSED };
	struct relay *stuck;
	struct fixture f;
	struct err e;
	int fd;

	(void)state;
	setup(&f);
	assert_int_equal(relay_new(&stuck, f.up, &e), 0);
	assert_int_equal(relay_ask(stuck, 1, SPAN(LIST), 0, &e), 0);
	ask(&f, 2, SPAN(LIST), 1);
	assert_int_equal(answer(&f), ERR_CANCELLED);
	/* Both were connected to by now; the stuck one stays so, unread. */
	fd = accept(f.fake.listener, NULL, NULL);
	assert_int_not_equal(fd, -1);
	assert_int_equal(close(accept(f.fake.listener, NULL, NULL)), 0);
	fake_start(&f.fake, STEPS(steps));
	assert_int_equal(list(&f, 3), 0);
	relay_free(stuck);
	assert_int_equal(f.answers, 2);
	close(fd);
	finish(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_questions_share_a_connection_and_answers_may_drip),
		cmocka_unit_test(
		    test_nothing_is_answered_from_inside_the_question),
		cmocka_unit_test(
		    test_a_socket_nobody_listens_on_is_told_and_tried_again),
		cmocka_unit_test(test_an_answer_cut_anywhere_is_an_error),
		cmocka_unit_test(test_nonsense_closes_the_connection),
		cmocka_unit_test(test_the_largest_messages_pass_both_ways),
		cmocka_unit_test(
    test_a_silent_agent_ends_in_time_and_its_late_answer_is_lost),
		cmocka_unit_test(
		    test_a_full_backlog_is_waited_for_within_the_time),
		cmocka_unit_test(
		    test_a_second_question_fails_and_the_first_goes_on),
		cmocka_unit_test(
		    test_the_preface_is_said_in_order_on_each_connection),
		cmocka_unit_test(
		    test_a_question_that_was_not_read_is_put_once_more),
		cmocka_unit_test(
		    test_a_question_that_was_read_is_not_put_again),
		cmocka_unit_test(test_bytes_nobody_asked_for_are_no_answer),
		cmocka_unit_test(
		    test_an_idle_connection_is_let_go_when_the_other_end_stirs),
		cmocka_unit_test(
		    test_without_its_whole_preface_a_relay_asks_nothing),
		cmocka_unit_test(
		    test_who_is_answered_may_ask_again_or_free_the_relay),
		cmocka_unit_test(
		    test_a_hanging_connection_delays_no_other_and_may_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

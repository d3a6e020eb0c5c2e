/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/data.h"
#include "tests/unit/fakeagent.h"
#include "tests/unit/holder.h"

/* The bytes of a string literal. */
#define B(s)		{ (const uint8_t *)(s), sizeof(s) - 1 }
#define REMOVE_ALL	B("\x13")
#define LOCK		B("\x16\0\0\0\4word")
#define ADD		B("\x11key")
#define SIGNATURE	B("\x0e\0\0\0\11signature")
#define SUCCESS		B("\6")
#define STEPS(s)	s, sizeof(s) / sizeof(*(s))

/* A core whose upstream agent is the fake. */
struct both {
	struct fixture	 f;
	struct fake	 fake;
	struct upstream	*up;
	struct wire_w	 sign;		/* with a key that no token has */
};

static int
setup(void **state)
{
	struct both *b = calloc(1, sizeof(*b));
	struct data key;
	struct err e;

	assert_non_null(b);
	holder_setup(&b->f, "Use any");
	fake_listen(&b->fake);
	assert_int_equal(upstream_new(&b->up, b->f.loop, b->fake.path,
	    core_upstream, b->f.core, &e), 0);
	core_set_others(b->f.core, &(const struct core_others){
	    .confirming = b->f.confirming, .upstream = b->up });
	key = data_pub("p384");
	holder_put_sign(&b->sign, data_span(&key), span_cstr("data"), 0);
	data_free(&key);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct both *b = *state;

	wire_free(&b->sign);
	holder_teardown(&b->f);
	upstream_free(b->up);
	fake_remove(&b->fake);
	free(b);
	return 0;
}

/* The client goes, and with it the connection; the fake has seen that. */
static void
finish(struct both *b)
{
	core_goodbye(b->f.core, &b->f.me, HOLDER_ME);
	fake_join(&b->fake);
}

static void
test_a_signature_of_the_other_agent_is_passed_on(void **state)
{
	struct both *b = *state;
	const struct fake_step steps[] = { ACCEPT, GET(wire_bytes(&b->sign)),
	    PUT(SIGNATURE), UNTIL_CLOSED };

	fake_start(&b->fake, STEPS(steps));
	holder_ask(&b->f, wire_bytes(&b->sign));
	assert_int_equal(holder_wait(&b->f, HOLDER_ME), MSG_SIGN_RESPONSE);
	finish(b);
}

/* So it is with the signatures of tokens, too. */
static void
test_a_locked_agent_hands_out_no_signature_of_another(void **state)
{
	struct both *b = *state;
	const struct fake_step steps[] = { ACCEPT, GET(wire_bytes(&b->sign)),
	    PUT(SIGNATURE), UNTIL_CLOSED };

	fake_start(&b->fake, STEPS(steps));
	holder_ask(&b->f, wire_bytes(&b->sign));
	holder_ask_as(&b->f, HOLDER_OTHER, (struct span)LOCK);
	assert_int_equal(b->f.reply[0], MSG_SUCCESS);
	assert_int_equal(holder_wait(&b->f, HOLDER_ME), MSG_FAILURE);
	finish(b);
}

/* Agents have more than one way to say no. */
static void
test_what_is_no_success_is_a_refusal(void **state)
{
	struct both *b = *state;
	const struct fake_step steps[] = { ACCEPT,
	    GET(wire_bytes(&b->sign)), PUT(B("\x66")),
	    GET(wire_bytes(&b->sign)), PUT(SUCCESS),
	    GET(ADD), PUT(B("\x1c")), UNTIL_CLOSED };

	fake_start(&b->fake, STEPS(steps));
	for (int i = 0; i < 2; i++) {
		holder_ask(&b->f, wire_bytes(&b->sign));
		assert_int_equal(holder_wait(&b->f, HOLDER_ME), MSG_FAILURE);
	}
	assert_true(holder_told(&b->f, "no token that is plugged in"));
	holder_ask(&b->f, (struct span)ADD);
	assert_int_equal(holder_wait(&b->f, HOLDER_ME), MSG_FAILURE);
	assert_true(holder_told(&b->f, "did not take it"));
	finish(b);
}

/* Whoever locks the tokens has no time for another agent's troubles. */
static void
test_an_agent_that_hangs_keeps_no_token_unlocked(void **state)
{
	static const struct fake_step steps[] = { ACCEPT, GET(REMOVE_ALL),
	    UNTIL_CLOSED };
	struct both *b = *state;

	fake_start(&b->fake, STEPS(steps));
	holder_ask(&b->f, (struct span)REMOVE_ALL);
	holder_wait_lock(&b->f);
	core_done(b->f.core, HOLDER_ME, 0, NULL);
	holder_check_reply(&b->f, MSG_SUCCESS);
	finish(b);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_signature_of_the_other_agent_is_passed_on),
		TEST(test_a_locked_agent_hands_out_no_signature_of_another),
		TEST(test_what_is_no_success_is_a_refusal),
		TEST(test_an_agent_that_hangs_keeps_no_token_unlocked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

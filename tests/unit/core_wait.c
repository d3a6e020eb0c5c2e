/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/holder.h"

#define LONG	(AGENT_MAX_MSG - 120)	/* to sign, in one message */

/* Requests that are answered later, when keys are there; or not at all. */
static void
test_requests_wait_until_the_tokens_are_known(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "Use any");
	f.known = false;
	holder_ask(&f, span_cstr("\x0b"));
	assert_int_equal(f.replies, 0);
	f.known = true;
	core_idents_known(f.core);
	holder_check_reply(&f, MSG_IDENTITIES_ANSWER);
	f.known = false;
	holder_ask(&f, span_cstr("\x0b"));	/* freed with the core, no leak
	    */
	holder_teardown(&f);
}

/* A signature with a key that no token has for now. */
static void
ask_sign_missing(struct fixture *f)
{
	f->n_hidden = f->ids.n;
	f->ids.n = 0;
	holder_ask_sign(f, 0, span_cstr("data"), 0);
}

static void
show_keys(struct fixture *f)
{
	f->ids.n = f->n_hidden;
	core_idents_known(f->core);
}

static void
test_a_signature_waits_for_a_key_that_may_be_back(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "Use any");
	f.expecting = true;
	ask_sign_missing(&f);
	core_idents_known(f.core);	/* of others: this one waits on */
	assert_int_equal(f.replies, 0);
	assert_int_equal(f.sign_request, 0);
	show_keys(&f);
	assert_int_equal(f.replies, 0);
	assert_int_equal(f.sign_request, 1);
	assert_int_equal(f.alg, SIG_ECDSA_P256);
	core_signed(f.core, 1, 0, NULL, span_cstr("signature"));
	holder_check_reply(&f, MSG_SIGN_RESPONSE);
	core_idents_known(f.core);	/* nothing is left of it */
	assert_int_equal(f.replies, 1);
	holder_teardown(&f);
}

static void
test_a_key_that_is_not_there_is_looked_for_once(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "Use any");
	f.looking = true;
	ask_sign_missing(&f);
	assert_int_equal(f.replies, 0);
	show_keys(&f);			/* another program had made it */
	assert_int_equal(f.sign_request, 1);
	core_signed(f.core, 1, 0, NULL, span_cstr("signature"));
	ask_sign_missing(&f);
	core_idents_known(f.core);
	holder_check_reply(&f, MSG_FAILURE);
	f.ids.n = f.n_hidden;
	holder_teardown(&f);
}

static void
test_it_waits_no_longer_when_none_is_expected(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "Use any");
	f.expecting = true;
	ask_sign_missing(&f);
	assert_int_equal(f.replies, 0);
	f.expecting = false;
	f.why = "the reader is on fire";
	core_idents_known(f.core);
	holder_check_reply(&f, MSG_FAILURE);
	assert_true(holder_told(&f, "has this key; the reader is on fire"));
	f.ids.n = f.n_hidden;
	holder_teardown(&f);
}

/* The bound is in core.c; ten times that is too long for anybody. */
static void
test_patience_has_an_end(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "Use any");
	f.expecting = true;
	ask_sign_missing(&f);
	for (int i = 0; i < 5000 && f.replies == 0; i++) {
		usleep(10000);
		core_idents_known(f.core);
	}
	holder_check_reply(&f, MSG_FAILURE);
	f.ids.n = f.n_hidden;
	holder_teardown(&f);
}

static void
test_a_list_waits_only_when_there_is_nothing_to_show(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "Use any");
	f.expecting = true;
	holder_ask(&f, span_cstr("\x0b"));
	holder_check_reply(&f, MSG_IDENTITIES_ANSWER);

	f.n_hidden = f.ids.n;
	f.ids.n = 0;
	holder_ask(&f, span_cstr("\x0b"));
	assert_int_equal(f.replies, 0);
	show_keys(&f);
	holder_check_reply(&f, MSG_IDENTITIES_ANSWER);
	assert_int_equal(f.reply[4], 2);

	/* With nothing to come, an empty list is the answer. */
	f.ids.n = 0;
	f.expecting = false;
	holder_ask(&f, span_cstr("\x0b"));
	holder_check_reply(&f, MSG_IDENTITIES_ANSWER);
	assert_int_equal(f.reply[4], 0);
	f.ids.n = f.n_hidden;
	holder_teardown(&f);
}

static void
test_a_client_that_goes_gets_no_answer(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "Use any");
	holder_ask_sign(&f, 0, span_cstr("data"), 0);
	core_goodbye(f.core, &f.me, 2);		/* another's */
	assert_int_equal(f.cancelled, 0);
	core_goodbye(f.core, &f.me, 1);
	assert_int_equal(f.cancelled, 1);
	core_signed(f.core, 1, 0, NULL, span_cstr("signature"));
	assert_int_equal(f.replies, 0);
	f.cancelled = 0;
	core_goodbye(f.core, &f.me, 1);			/* is over */
	assert_int_equal(f.cancelled, 0);

	/* One that waits for its key was never anybody's. */
	f.expecting = true;
	ask_sign_missing(&f);
	core_goodbye(f.core, &f.me, 1);
	show_keys(&f);
	assert_int_equal(f.sign_request, 0);
	assert_int_equal(f.replies, 0);
	assert_false(holder_told(&f, "refused"));
	holder_teardown(&f);
}

/* As long as a message can be, from the process of `who`. */
static void
ask_long(struct fixture *f, struct caller *who, uint64_t id)
{
	uint8_t *bytes = calloc(1, LONG);
	struct wire_w w;

	assert_non_null(bytes);
	holder_put_sign(&w, holder_blob_of(f, 0),
	    (struct span){ bytes, LONG }, 0);
	core_request(f->core, who, id, wire_bytes(&w));
	wire_free(&w);
	free(bytes);
}

/* A token is slow, and to ask is not. */
static void
test_what_is_kept_for_one_process_has_an_end(void **state)
{
	struct fixture *f = *state;
	struct caller flood = { .peer = { .pid = 7, .name = "flood" } };
	const uint8_t little[1000] = { 0 };

	for (uint64_t id = 100; id < 100 + 24 * 4; id++)
		ask_long(f, &flood, id);
	f->me.peer.pid = flood.peer.pid;
	ask_long(f, &f->me, HOLDER_ME);
	holder_check_reply(f, MSG_FAILURE);
	assert_true(holder_told(f, "too many requests wait"));
	holder_ask_sign(f, 0, (struct span){ little, sizeof(little) }, 0);
	assert_int_equal(f->replies, 0);
	holder_signed(f, MSG_SIGN_RESPONSE);
	f->me.peer.pid = 1;
	f->replies = 0;
	ask_long(f, &f->me, HOLDER_ME);
	assert_int_equal(f->replies, 0);
	holder_signed(f, MSG_SIGN_RESPONSE);
	for (uint64_t id = 100; id < 100 + 24 * 4; id++)
		core_goodbye(f->core, &flood, id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_requests_wait_until_the_tokens_are_known),
		cmocka_unit_test(
		    test_a_signature_waits_for_a_key_that_may_be_back),
		cmocka_unit_test(
		    test_a_key_that_is_not_there_is_looked_for_once),
		cmocka_unit_test(
		    test_it_waits_no_longer_when_none_is_expected),
		cmocka_unit_test(test_patience_has_an_end),
		HOLDER_TEST(test_what_is_kept_for_one_process_has_an_end),
		cmocka_unit_test(
		    test_a_list_waits_only_when_there_is_nothing_to_show),
		cmocka_unit_test(test_a_client_that_goes_gets_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

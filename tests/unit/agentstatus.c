/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ssh/agentmsg.h"
#include "ssh/agentstatus.h"
#include "tests/unit/data.h"

/* An answer with two tokens and one refusal. */
static void
put_answer(struct wire_w *w)
{
	assert_true(wire_write(w, 4096));
	wire_put_u8(w, MSG_EXTENSION_RESPONSE);
	wire_put_cstring(w, AGENT_EXT_STATUS);
	wire_put_cstring(w, "0.1");
	wire_put_u32(w, 4242);
	wire_put_u32(w, 2);
	for (int i = 0; i < 2; i++) {
		wire_put_cstring(w, "reader");
		wire_put_cstring(w, i == 0 ? "DENK0100000" : "");
		wire_put_cstring(w, "label");
		wire_put_cstring(w, "locked");
		wire_put_u32(w, 3);
		wire_put_cstring(w, "");
	}
	wire_put_u32(w, 1);
	wire_put_u64(w, 1700000000);
	wire_put_cstring(w, "denied");
	wire_put_cstring(w, "sign: denied");
}

static void
test_answer_is_read_whole(void **state)
{
	struct agentstatus s;
	struct wire_w w;
	struct err e;

	(void)state;
	put_answer(&w);
	assert_int_equal(agentstatus_parse(wire_bytes(&w), &s, &e), 0);
	assert_true(span_is(s.version, "0.1"));
	assert_int_equal(s.pid, 4242);
	assert_int_equal(s.n_tokens, 2);
	assert_true(span_is(s.tokens[0].serial, "DENK0100000"));
	assert_int_equal(s.tokens[1].serial.n, 0);
	assert_int_equal(s.tokens[1].keys, 3);
	assert_int_equal(s.n_refusals, 1);
	assert_true(s.refusals[0].time == 1700000000);
	assert_true(span_is(s.refusals[0].code, "denied"));
	assert_true(span_is(s.refusals[0].text, "sign: denied"));
	agentstatus_free(&s);
	wire_free(&w);
}

static void
test_fields_of_a_later_version_are_passed_over(void **state)
{
	struct agentstatus s;
	struct wire_w w;
	struct err e;

	(void)state;
	put_answer(&w);
	wire_put_cstring(&w, "news");
	assert_int_equal(agentstatus_parse(wire_bytes(&w), &s, &e), 0);
	assert_int_equal(s.n_refusals, 1);
	agentstatus_free(&s);
	wire_free(&w);
}

static void
parse_cut(struct span cut, void *arg)
{
	struct agentstatus s;
	struct err e;

	(void)arg;
	assert_int_not_equal(agentstatus_parse(cut, &s, &e), 0);
	assert_null(s.tokens);
	assert_null(s.refusals);
}

static void
test_cut_anywhere_is_refused(void **state)
{
	struct wire_w w;

	(void)state;
	put_answer(&w);
	data_each_cut(wire_bytes(&w), parse_cut, NULL);
	wire_free(&w);
}

static void
test_count_beyond_the_bytes_is_refused(void **state)
{
	struct agentstatus s;
	struct wire_w w;
	struct err e;

	(void)state;
	assert_true(wire_write(&w, 4096));
	wire_put_u8(&w, MSG_EXTENSION_RESPONSE);
	wire_put_cstring(&w, AGENT_EXT_STATUS);
	wire_put_cstring(&w, "0.1");
	wire_put_u32(&w, 1);
	wire_put_u32(&w, UINT32_MAX);
	wire_put_u32(&w, 0);
	assert_int_equal(agentstatus_parse(wire_bytes(&w), &s, &e),
	    ERR_FORMAT);
	wire_free(&w);
}

static void
test_another_agent_is_told_apart(void **state)
{
	static const uint8_t failure[] = { MSG_FAILURE };
	static const uint8_t extension[] = { MSG_EXTENSION_FAILURE };
	struct agentstatus s;
	struct wire_w w;
	struct err e;

	(void)state;
	assert_int_equal(agentstatus_parse((struct span){ failure, 1 }, &s,
	    &e), ERR_UNSUPPORTED);
	assert_int_equal(agentstatus_parse((struct span){ extension, 1 }, &s,
	    &e), ERR_UNSUPPORTED);
	assert_true(wire_write(&w, 4096));
	wire_put_u8(&w, MSG_EXTENSION_RESPONSE);
	wire_put_cstring(&w, "query");
	assert_int_equal(agentstatus_parse(wire_bytes(&w), &s, &e),
	    ERR_FORMAT);
	wire_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer_is_read_whole),
		cmocka_unit_test(
		    test_fields_of_a_later_version_are_passed_over),
		cmocka_unit_test(test_cut_anywhere_is_refused),
		cmocka_unit_test(test_count_beyond_the_bytes_is_refused),
		cmocka_unit_test(test_another_agent_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

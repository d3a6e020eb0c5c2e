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

/* An answer with two tokens and one refusal, as it was once. */
static void
put_old_answer(struct wire_w *w)
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

/* As it is now, with two certificates. */
static void
put_answer(struct wire_w *w)
{
	put_old_answer(w);
	wire_put_u32(w, 2);
	for (int i = 0; i < 2; i++) {
		wire_put_cstring(w, i == 0 ? "/home/a/x-cert.pub" : "");
		wire_put_cstring(w, "SHA256:abc");
		wire_put_cstring(w, "login");
		wire_put_cstring(w, "expired");
		wire_put_cstring(w, "user certificate \"a\"");
		wire_put_u64(w, 1700000000);
		wire_put_u64(w, i == 0 ? 1700003600 : UINT64_MAX);
	}
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
	assert_int_equal(s.n_certs, 2);
	assert_true(span_is(s.certs[0].path, "/home/a/x-cert.pub"));
	assert_int_equal(s.certs[1].path.n, 0);
	assert_true(span_is(s.certs[0].fingerprint, "SHA256:abc"));
	assert_true(span_is(s.certs[0].comment, "login"));
	assert_true(span_is(s.certs[0].state, "expired"));
	assert_true(span_is(s.certs[0].words, "user certificate \"a\""));
	assert_true(s.certs[0].valid_after == 1700000000);
	assert_true(s.certs[0].valid_before == 1700003600);
	assert_true(s.certs[1].valid_before == UINT64_MAX);
	agentstatus_free(&s);
	wire_free(&w);
}

static void
test_an_older_agent_tells_of_no_certificates(void **state)
{
	struct agentstatus s;
	struct wire_w w;
	struct err e;

	(void)state;
	put_old_answer(&w);
	assert_int_equal(agentstatus_parse(wire_bytes(&w), &s, &e), 0);
	assert_int_equal(s.n_refusals, 1);
	assert_int_equal(s.n_certs, 0);
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
	assert_int_equal(s.n_certs, 2);
	agentstatus_free(&s);
	wire_free(&w);
}

/* `arg` is the length of an older agent's answer, which is whole. */
static void
parse_cut(struct span cut, void *arg)
{
	const size_t *whole = arg;
	struct agentstatus s;
	struct err e;

	if (cut.n == *whole)
		return;
	assert_int_not_equal(agentstatus_parse(cut, &s, &e), 0);
	assert_null(s.tokens);
	assert_null(s.refusals);
	assert_null(s.certs);
}

static void
test_cut_anywhere_is_refused(void **state)
{
	struct wire_w w;
	size_t whole;

	(void)state;
	put_old_answer(&w);
	whole = wire_bytes(&w).n;
	wire_free(&w);
	put_answer(&w);
	data_each_cut(wire_bytes(&w), parse_cut, &whole);
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
test_count_of_certificates_is_no_better_believed(void **state)
{
	struct agentstatus s;
	struct wire_w w;
	struct err e;

	(void)state;
	put_old_answer(&w);
	wire_put_u32(&w, UINT32_MAX);
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
		cmocka_unit_test(test_an_older_agent_tells_of_no_certificates),
		cmocka_unit_test(
		    test_fields_of_a_later_version_are_passed_over),
		cmocka_unit_test(test_cut_anywhere_is_refused),
		cmocka_unit_test(test_count_beyond_the_bytes_is_refused),
		cmocka_unit_test(
		    test_count_of_certificates_is_no_better_believed),
		cmocka_unit_test(test_another_agent_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

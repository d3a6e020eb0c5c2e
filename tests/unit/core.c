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

#include "agent/conn.h"
#include "tests/unit/data.h"
#include "tests/unit/holder.h"

static void
test_lists_keys_with_comments(void **state)
{
	struct fixture f;
	struct wire_r r;

	(void)state;
	holder_setup(&f, NULL);
	holder_ask(&f, span_cstr("\x0b"));
	holder_check_reply(&f, MSG_IDENTITIES_ANSWER);
	wire_read(&r, (struct span){ f.reply + 1, f.reply_n - 1 });
	assert_int_equal(wire_get_u32(&r), 2);
	(void)wire_get_string(&r);
	assert_true(span_is(wire_get_string(&r), "ec"));
	(void)wire_get_string(&r);
	assert_true(span_is(wire_get_string(&r), "rsa"));
	assert_true(wire_end(&r));
	holder_teardown(&f);
}

static void
test_any_junk_gets_one_failure(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} junk[] = { { "", 0 }, { "\x0b!", 2 }, { "\x0d", 1 },
	    { "\x0d\xff\xff\xff\xff", 5 }, { "\xff", 1 }, { "\x01", 1 },
	    { "\x11", 1 }, { "\x14\0\0\0", 4 }, { "\x15", 1 },
	    { "\x13x", 2 }, { "\x1b", 1 }, { "\x1b\0\0\0\1x", 6 } };
	struct fixture f;

	(void)state;
	holder_setup(&f, NULL);
	for (size_t i = 0; i < sizeof(junk) / sizeof(*junk); i++) {
		holder_ask(&f, (struct span){ (const uint8_t *)junk[i].p,
		    junk[i].n });
		holder_check_reply(&f, MSG_FAILURE);
		assert_int_equal(f.reply_n, 1);
	}
	assert_int_equal(f.sign_request, 0);
	holder_teardown(&f);
}

static void
test_a_sign_request_cut_anywhere_gets_one_failure(void **state)
{
	struct fixture f;
	struct wire_w w;
	struct span all;

	(void)state;
	holder_setup(&f, NULL);
	assert_true(wire_write(&w, 4096));
	wire_put_u8(&w, MSG_SIGN_REQUEST);
	wire_put_string(&w, (struct span){ f.ids.v[0].blob,
	    f.ids.v[0].blob_n });
	wire_put_cstring(&w, "data");
	wire_put_u32(&w, 0);
	all = wire_bytes(&w);
	for (size_t n = 0; n < all.n; n++) {
		holder_ask(&f, (struct span){ all.p, n });
		holder_check_reply(&f, MSG_FAILURE);
	}
	assert_int_equal(f.sign_request, 0);
	wire_free(&w);
	holder_teardown(&f);
}

static void
test_the_answer_to_a_signature_comes_later(void **state)
{
	struct fixture f;
	struct err e;

	(void)state;
	holder_setup(&f, "Use any");
	holder_ask_sign(&f, 0, span_cstr("data"), 0);
	assert_int_equal(f.replies, 0);
	assert_int_equal(f.sign_request, 1);
	assert_int_equal(f.alg, SIG_ECDSA_P256);
	core_signed(f.core, 1, 0, NULL, span_cstr("signature"));
	holder_check_reply(&f, MSG_SIGN_RESPONSE);
	/* Nobody waits any more. */
	core_signed(f.core, 1, 0, NULL, span_cstr("signature"));
	assert_int_equal(f.replies, 1);

	holder_ask_sign(&f, 0, span_cstr("data"), 0);
	core_signed(f.core, 1, err_set(&e, ERR_PIN_WRONG, 2, "wrong PIN"),
	    &e, (struct span){ 0 });
	holder_check_reply(&f, MSG_FAILURE);
	holder_ask(&f, (struct span){ (const uint8_t *)
	    "\x1b\0\0\0\x14" "status@hsm-ssh-agent", 25 });
	assert_non_null(memmem(f.reply, f.reply_n, "\0\x09pin-wrong\0", 12));
	holder_teardown(&f);
}

/* Data of a login that names this signature algorithm. */
static void
put_userauth(struct wire_w *w, const struct ident *i, const char *alg)
{
	uint8_t id[32] = { 7 };

	assert_true(wire_write(w, 8192));
	wire_put_string(w, (struct span){ id, sizeof(id) });
	wire_put_u8(w, 50);
	wire_put_cstring(w, "alice");
	wire_put_cstring(w, "ssh-connection");
	wire_put_cstring(w, "publickey");
	wire_put_u8(w, 1);
	wire_put_cstring(w, alg);
	wire_put_string(w, (struct span){ i->blob, i->blob_n });
}

static void
test_flags_choose_the_rsa_algorithm(void **state)
{
	static const struct {
		const char *named;	/* NULL: data names nothing */
		uint32_t flags;
		bool allow;
		int alg;		/* -1: refused */
	} t[] = {
		{ "rsa-sha2-256", 2, false, SIG_RSA_SHA256 },
		{ "rsa-sha2-512", 4, false, SIG_RSA_SHA512 },
		{ NULL, 6, false, SIG_RSA_SHA256 },
		{ NULL, 0, false, SIG_RSA_SHA256 },
		{ NULL, 0, true, SIG_RSA_SHA1 },
		{ "ssh-rsa", 0, false, -1 },
		{ "ssh-rsa", 0, true, SIG_RSA_SHA1 },
		{ "rsa-sha2-512", 0, false, SIG_RSA_SHA512 },
		{ NULL, 1, true, -1 },
		{ NULL, 8, true, -1 },
		{ NULL, 0x82, true, -1 },
		{ NULL, 0xffffffff, true, -1 },
	};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct wire_w w = { 0 };

		holder_setup(&f, t[i].allow ? "AllowSHA1 yes\nUse any" :
		    "Use any");
		if (t[i].named != NULL)
			put_userauth(&w, &f.ids.v[1], t[i].named);
		holder_ask_sign(&f, 1, t[i].named != NULL ? wire_bytes(&w) :
		    span_cstr("some data"), t[i].flags);
		if (t[i].alg == -1) {
			holder_check_reply(&f, MSG_FAILURE);
			assert_int_equal(f.sign_request, 0);
		} else {
			assert_int_equal(f.replies, 0);
			assert_int_equal(f.alg, t[i].alg);
		}
		if (t[i].named != NULL)
			wire_free(&w);
		holder_teardown(&f);
	}
}

static void
test_an_unknown_key_is_refused_with_a_reason(void **state)
{
	struct fixture f;
	struct span s;

	(void)state;
	holder_setup(&f, NULL);
	f.ids.v[0].blob[60] ^= 1;
	holder_ask(&f, (struct span){ (const uint8_t *)
	    "\x0d\0\0\0\1x\0\0\0\1y\0\0\0\0", 15 });
	holder_check_reply(&f, MSG_FAILURE);
	holder_ask(&f, (struct span){ (const uint8_t *)
	    "\x1b\0\0\0\x14" "status@hsm-ssh-agent", 25 });
	holder_check_reply(&f, MSG_EXTENSION_RESPONSE);
	s = (struct span){ f.reply, f.reply_n };
	assert_non_null(memmem(s.p, s.n, "has this key", 12));
	assert_non_null(memmem(s.p, s.n, "\0\0\0\x09not-found\0", 14));
	assert_non_null(memmem(s.p, s.n, "refused (not-found): ", 21));
	holder_teardown(&f);
}

static void
test_what_the_agent_does_not_do_has_a_reason(void **state)
{
	static const uint8_t types[] = { 17, 25 };
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		holder_setup(&f, NULL);
		holder_ask(&f, (struct span){ &types[i], 1 });
		holder_check_reply(&f, MSG_FAILURE);
		holder_ask(&f, (struct span){ (const uint8_t *)
		    "\x1b\0\0\0\x14" "status@hsm-ssh-agent", 25 });
		assert_non_null(memmem(f.reply, f.reply_n,
		    "refused (unsupported): ", 23));
		holder_teardown(&f);
	}
}

static void
test_query_names_the_extensions(void **state)
{
	struct fixture f;
	struct wire_r r;

	(void)state;
	holder_setup(&f, NULL);
	holder_ask(&f, (struct span){ (const uint8_t *)"\x1b\0\0\0\5query",
	    10 });
	holder_check_reply(&f, MSG_EXTENSION_RESPONSE);
	wire_read(&r, (struct span){ f.reply + 1, f.reply_n - 1 });
	assert_true(span_is(wire_get_string(&r), "query"));
	assert_true(span_is(wire_get_string(&r), AGENT_EXT_SESSION_BIND));
	assert_true(span_is(wire_get_string(&r), AGENT_EXT_STATUS));
	assert_true(span_is(wire_get_string(&r), AGENT_EXT_SERIALS));
	assert_true(span_is(wire_get_string(&r), AGENT_EXT_APPROVALS));
	assert_true(wire_end(&r));
	holder_teardown(&f);
}

/* It tells of tokens, files and programs, and of keys that are hidden. */
static void
test_another_machine_is_not_told_the_status(void **state)
{
	static const struct span status = { (const uint8_t *)
	    "\x1b\0\0\0\x14" "status@hsm-ssh-agent", 25 };
	struct fixture f;
	struct hostkey host;

	(void)state;
	hostkey_make(&host, HOSTKEY_ED25519);
	holder_setup(&f, NULL);
	assert_int_equal(holder_bind(&f, HOLDER_OTHER, &(struct holder_bind){
	    .key = &host, .session = span_cstr("s") }), MSG_SUCCESS);
	holder_ask_as(&f, HOLDER_OTHER, status);
	assert_int_equal(f.reply[0], MSG_EXTENSION_RESPONSE);
	assert_int_equal(holder_bind(&f, HOLDER_ME, &(struct holder_bind){
	    .key = &host, .session = span_cstr("s"), .forwarding = true }),
	    MSG_SUCCESS);
	holder_ask(&f, status);
	holder_check_reply(&f, MSG_EXTENSION_FAILURE);
	assert_int_equal(f.reply_n, 1);
	holder_teardown(&f);
	hostkey_free(&host);
}

static void
test_tokens_are_unlocked_and_locked_by_name(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, NULL);
	holder_ask(&f, (struct span){ (const uint8_t *)
	    "\x14\0\0\0\4DENK\0\0\0\6" "648219", 19 });
	assert_int_equal(f.replies, 0);
	assert_int_equal(f.unlock_request, 1);
	assert_true(f.had_pin);
	assert_string_equal(f.name, "DENK");
	core_done(f.core, 1, 0, NULL);
	holder_check_reply(&f, MSG_SUCCESS);

	holder_ask(&f, (struct span){ (const uint8_t *)
	    "\x15\0\0\0\4DENK\0\0\0\0", 13 });
	assert_int_equal(f.lock_request, 1);
	core_done(f.core, 1, 0, NULL);
	holder_check_reply(&f, MSG_SUCCESS);

	holder_ask(&f, span_cstr("\x13"));
	assert_string_equal(f.name, "*");
	core_done(f.core, 1, 0, NULL);
	holder_check_reply(&f, MSG_SUCCESS);
	holder_teardown(&f);
}

static void
test_a_name_with_a_nul_or_a_path_not_allowed_is_refused(void **state)
{
	static const char *const bad[] = { "/no/such/module.so",
	    "/etc/passwd" };
	struct fixture f;
	struct wire_w w;

	(void)state;
	holder_setup(&f, NULL);
	holder_ask(&f, (struct span){ (const uint8_t *)
	    "\x14\0\0\0\3a\0b\0\0\0\6" "648219", 18 });
	holder_check_reply(&f, MSG_FAILURE);
	for (size_t i = 0; i < 2; i++) {
		assert_true(wire_write(&w, 100));
		wire_put_u8(&w, MSG_ADD_SMARTCARD_KEY);
		wire_put_cstring(&w, bad[i]);
		wire_put_cstring(&w, "648219");
		holder_ask(&f, wire_bytes(&w));
		holder_check_reply(&f, MSG_FAILURE);
		wire_free(&w);
	}
	assert_int_equal(f.unlock_request, 0);
	holder_teardown(&f);
}

static void
test_frames_at_every_split(void **state)
{
	static const uint8_t three[] = "\0\0\0\1\x0b\0\0\0\0\0\0\0\2ab";
	static const size_t lengths[] = { 1, 0, 2 };
	const size_t n = sizeof(three) - 1;

	(void)state;
	for (size_t cut = 0; cut <= n; cut++) {
		struct span part[2] = { { three, cut },
		    { three + cut, n - cut } };
		struct conn_in c = { 0 };
		struct span msg;
		size_t msgs = 0;

		for (int i = 0; i < 2; i++) {
			while (conn_in_feed(&c, &part[i], &msg) == 1) {
				assert_int_equal(msg.n, lengths[msgs++]);
				conn_in_next(&c);
			}
			assert_int_equal(part[i].n, 0);
		}
		assert_int_equal(msgs, 3);
	}
}

static void
test_a_frame_over_the_limit_drops_the_client(void **state)
{
	struct span in = { (const uint8_t *)"\0\4\0\1", 4 }, msg;
	struct conn_in c = { 0 };

	(void)state;
	assert_int_equal(conn_in_feed(&c, &in, &msg), -1);
	conn_in_next(&c);
	in = (struct span){ (const uint8_t *)"\0\4\0\0", 4 };
	assert_int_equal(conn_in_feed(&c, &in, &msg), 0);
	conn_in_next(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists_keys_with_comments),
		cmocka_unit_test(test_any_junk_gets_one_failure),
		cmocka_unit_test(
		    test_a_sign_request_cut_anywhere_gets_one_failure),
		cmocka_unit_test(test_the_answer_to_a_signature_comes_later),
		cmocka_unit_test(test_flags_choose_the_rsa_algorithm),
		cmocka_unit_test(test_an_unknown_key_is_refused_with_a_reason),
		cmocka_unit_test(test_what_the_agent_does_not_do_has_a_reason),
		cmocka_unit_test(test_query_names_the_extensions),
		cmocka_unit_test(test_another_machine_is_not_told_the_status),
		cmocka_unit_test(test_tokens_are_unlocked_and_locked_by_name),
		cmocka_unit_test(
		    test_a_name_with_a_nul_or_a_path_not_allowed_is_refused),
		cmocka_unit_test(test_frames_at_every_split),
		cmocka_unit_test(test_a_frame_over_the_limit_drops_the_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

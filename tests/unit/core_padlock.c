/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/constrained.h"
#include "tests/unit/holder.h"

#define LATE_MS	100		/* after the first wrong password */

static void
put_password(struct wire_w *w, enum agent_msg type, const char *password)
{
	assert_true(wire_write(w, 1000));
	wire_put_u8(w, (uint8_t)type);
	wire_put_cstring(w, password);
}

static uint8_t
lock(struct fixture *f, const char *password)
{
	struct wire_w w;

	put_password(&w, MSG_LOCK, password);
	return holder_put(f, HOLDER_ME, &w);
}

static uint8_t
unlock(struct fixture *f, enum holder_client who, const char *password)
{
	struct wire_w w;

	put_password(&w, MSG_UNLOCK, password);
	return holder_put(f, who, &w);
}

static uint8_t
ask_extension(struct fixture *f, const char *name)
{
	struct wire_w w;

	assert_true(wire_write(&w, 1000));
	wire_put_u8(&w, MSG_EXTENSION);
	wire_put_cstring(&w, name);
	return holder_put(f, HOLDER_ME, &w);
}

/* 2g.15 */
static void
test_a_locked_agent_has_no_keys_and_does_nothing(void **state)
{
	static const uint8_t types[] = { MSG_ADD_IDENTITY,
		MSG_ADD_ID_CONSTRAINED, MSG_REMOVE_ALL_IDENTITIES, 0, 255 };
	struct fixture *f = *state;
	struct wire_w w;

	assert_int_equal(lock(f, "word"), MSG_SUCCESS);
	assert_string_equal(holder_list(f, HOLDER_ME), "");
	assert_string_equal(holder_list(f, HOLDER_OTHER), "");
	for (size_t i = 0; i < sizeof(types); i++) {
		holder_ask(f, (struct span){ &types[i], 1 });
		holder_check_reply(f, MSG_FAILURE);
	}
	holder_ask_sign(f, 0, span_cstr("data"), 0);
	holder_check_reply(f, MSG_FAILURE);
	assert_int_equal(holder_remove(f, HOLDER_ME, holder_blob_of(f, 0)),
	    MSG_FAILURE);
	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), MSG_FAILURE);
	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), MSG_FAILURE);
	holder_put_add(&w, MSG_REMOVE_SMARTCARD_KEY);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), MSG_FAILURE);
	assert_int_equal(f->sign_request + f->unlock_request +
	    f->lock_request, 0);

	assert_int_equal(unlock(f, HOLDER_OTHER, "word"), MSG_SUCCESS);
	assert_string_equal(holder_list(f, HOLDER_ME), "ec rsa");
	assert_true(holder_told(f, "the agent is locked"));
}

static void
test_extensions_of_a_locked_agent(void **state)
{
	struct fixture *f = *state;
	struct hostkey a, b;

	hostkey_make(&a, HOSTKEY_ED25519);
	hostkey_make(&b, HOSTKEY_ED25519);
	assert_int_equal(lock(f, "word"), MSG_SUCCESS);
	assert_int_equal(ask_extension(f, AGENT_EXT_QUERY), MSG_FAILURE);
	assert_int_equal(ask_extension(f, AGENT_EXT_STATUS), MSG_FAILURE);
	assert_int_equal(ask_extension(f, "x@y"), MSG_FAILURE);
	/* 2b.7: whoever connects meanwhile is not taken for a local one. */
	assert_int_equal(holder_bind(f, HOLDER_ME, &(struct holder_bind){
	    .key = &a, .signer = &b, .session = span_cstr("1") }),
	    MSG_EXTENSION_FAILURE);
	assert_int_equal(holder_bind(f, HOLDER_ME, &(struct holder_bind){
	    .key = &a, .session = span_cstr("1"), .forwarding = true }),
	    MSG_SUCCESS);
	assert_true(bind_is_forwarded(&f->me.bind));
	assert_int_equal(unlock(f, HOLDER_ME, "word"), MSG_SUCCESS);
	assert_true(bind_is_forwarded(&f->me.bind));
	assert_int_equal(ask_extension(f, AGENT_EXT_QUERY),
	    MSG_EXTENSION_RESPONSE);
	hostkey_free(&a);
	hostkey_free(&b);
}

static void
test_lock_and_unlock_take_turns(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlock(f, HOLDER_ME, "word"), MSG_FAILURE);
	assert_int_equal(lock(f, ""), MSG_FAILURE);
	assert_string_equal(holder_list(f, HOLDER_ME), "ec rsa");
	assert_int_equal(lock(f, "word"), MSG_SUCCESS);
	assert_int_equal(lock(f, "other"), MSG_FAILURE);
	assert_int_equal(unlock(f, HOLDER_ME, "word"), MSG_SUCCESS);
	assert_int_equal(unlock(f, HOLDER_ME, "word"), MSG_FAILURE);
	assert_string_equal(holder_list(f, HOLDER_ME), "ec rsa");
}

static void
ask_cut(struct span cut, void *arg)
{
	struct fixture *f = arg;

	holder_ask(f, cut);
	holder_check_reply(f, MSG_FAILURE);
}

/* At once: it is no guess. */
static void
test_malformed_passwords_are_none(void **state)
{
	struct fixture *f = *state;
	struct wire_w w;

	put_password(&w, MSG_LOCK, "word");
	data_each_cut(wire_bytes(&w), ask_cut, f);
	wire_put_u8(&w, 0);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), MSG_FAILURE);
	assert_string_equal(holder_list(f, HOLDER_ME), "ec rsa");
	assert_int_equal(lock(f, "word"), MSG_SUCCESS);
	put_password(&w, MSG_UNLOCK, "word");
	data_each_cut(wire_bytes(&w), ask_cut, f);
	wire_put_u8(&w, 0);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), MSG_FAILURE);
	assert_string_equal(holder_list(f, HOLDER_ME), "");
}

static void
test_a_wrong_password_is_answered_late_to_its_client_only(void **state)
{
	struct fixture *f = *state;
	int64_t since;

	assert_int_equal(lock(f, "word"), MSG_SUCCESS);
	for (int i = 1; i <= 2; i++) {
		since = loop_now();
		assert_int_equal(unlock(f, HOLDER_ME, "guess"), 0);
		assert_string_equal(holder_list(f, HOLDER_OTHER), "");
		assert_int_equal(holder_wait(f, HOLDER_ME), MSG_FAILURE);
		assert_true(loop_now() - since >= i * LATE_MS);
	}
	/* Nor does one that waits keep the right one waiting. */
	assert_int_equal(unlock(f, HOLDER_ME, "guess"), 0);
	assert_int_equal(unlock(f, HOLDER_OTHER, "word"), MSG_SUCCESS);
	assert_string_equal(holder_list(f, HOLDER_OTHER), "ec rsa");
	assert_int_equal(f->replies, 0);
	assert_int_equal(holder_wait(f, HOLDER_ME), MSG_FAILURE);
	assert_true(holder_told(f, "the password is wrong"));
}

static void
test_who_guesses_and_goes_gets_no_answer(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(lock(f, "word"), MSG_SUCCESS);
	assert_int_equal(unlock(f, HOLDER_ME, "guess"), 0);
	core_goodbye(f->core, &f->me, HOLDER_ME);
	/* The other one's answer comes after when that one's was due. */
	assert_int_equal(unlock(f, HOLDER_OTHER, "guess"), 0);
	assert_int_equal(holder_wait(f, HOLDER_OTHER), MSG_FAILURE);
	assert_int_equal(f->replies, 0);
	assert_int_equal(f->cancelled, 0);
	/* Freed with the core while it waits. */
	assert_int_equal(unlock(f, HOLDER_ME, "guess"), 0);
}

static void
test_consent_comes_too_late_for_a_locked_agent(void **state)
{
	struct fixture *f = *state;
	struct wire_w w;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_confirm(&w);
	holder_add(f, HOLDER_OTHER, &w);
	f->consents = true;
	holder_ask_sign(f, 0, span_cstr("data"), 0);
	put_password(&w, MSG_LOCK, "word");
	assert_int_equal(holder_put(f, HOLDER_OTHER, &w), MSG_SUCCESS);
	assert_int_equal(holder_wait(f, HOLDER_ME), MSG_FAILURE);
	assert_int_equal(f->sign_request, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HOLDER_TEST(test_a_locked_agent_has_no_keys_and_does_nothing),
		HOLDER_TEST(test_extensions_of_a_locked_agent),
		HOLDER_TEST(test_lock_and_unlock_take_turns),
		HOLDER_TEST(test_malformed_passwords_are_none),
		HOLDER_TEST(
		    test_a_wrong_password_is_answered_late_to_its_client_only),
		HOLDER_TEST(test_who_guesses_and_goes_gets_no_answer),
		HOLDER_TEST(test_consent_comes_too_late_for_a_locked_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

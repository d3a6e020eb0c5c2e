/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/constrained.h"
#include "tests/unit/holder.h"

/* --- unlocking --- */

/* 2g.13: nothing is added, and no PIN try is spent. */
static void
test_constraints_that_cannot_be_kept_reach_no_token(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
#define BYTES(s)	{ s, sizeof(s) - 1 }
		BYTES("\0"), BYTES("\3\0\0\0\1"), BYTES("\4"),
		BYTES("\1"), BYTES("\1\0\0\0"), BYTES("\1\0\0\0\1\1\0\0\0\1"),
		BYTES("\2\2"), BYTES("\2\1\0\0\0"), BYTES("\2x"),
		BYTES("\377"), BYTES("\377\0\0\0\3x@y"),
		BYTES("\377\0\0\0\3x@y\0\0\0\0"),
		BYTES("\377\0\0\0\44restrict-destination-v00@openssh.com"),
		BYTES("\377\0\0\0\44restrict-destination-v00@openssh.com"
		    "\0\0\0\1x"),
		BYTES("\377\0\0\0\40associated-certs-v00@openssh.com"),
		BYTES("\377\0\0\0\40associated-certs-v00@openssh.com"
		    "\0\0\0\0\5\0\0\0\1x"),
#undef BYTES
	};
	struct fixture *f = *state;
	struct wire_w w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
		wire_put_raw(&w, (struct span){
		    (const uint8_t *)bad[i].bytes, bad[i].n });
		assert_int_equal(holder_put(f, HOLDER_ME, &w), MSG_FAILURE);
		assert_int_equal(f->unlock_request, 0);
	}
	assert_true(holder_told(f, "unlock of token " HOLDER_SERIAL));
}

/* What is whole before its end, and so an add of its own. */
struct whole {
	struct fixture	*f;
	size_t		 at[8], n;
};

static void
ask_cut(struct span cut, void *arg)
{
	const struct whole *whole = arg;
	struct fixture *f = whole->f;
	bool ok = false;
	struct err e;

	for (size_t i = 0; i < whole->n; i++)
		ok |= whole->at[i] == cut.n;
	f->unlock_request = 0;
	holder_ask(f, cut);
	assert_int_equal(f->unlock_request != 0, ok);
	if (ok)
		core_done(f->core, HOLDER_ME, err_set(&e, ERR_DENIED, 0, "-"),
		    &e);
	holder_check_reply(f, MSG_FAILURE);
}

static void
test_an_add_cut_anywhere_reaches_no_token(void **state)
{
	struct fixture *f = *state;
	struct whole whole = { .f = f };
	struct data cert = holder_cert_of(f, 0);
	struct hostkey host;
	struct wire_w w;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY);
	data_each_cut(wire_bytes(&w), ask_cut, &whole);
	wire_put_u8(&w, 0);			/* and one byte too long */
	assert_int_equal(holder_put(f, HOLDER_ME, &w), MSG_FAILURE);
	assert_int_equal(f->unlock_request, 0);

	hostkey_make(&host, HOSTKEY_ED25519);
	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	whole.at[whole.n++] = wire_bytes(&w).n;
	constrained_lifetime(&w, 100);
	whole.at[whole.n++] = wire_bytes(&w).n;
	constrained_confirm(&w);
	whole.at[whole.n++] = wire_bytes(&w).n;
	constrained_steps(&w, &(struct constrained_step){ .to = &host }, 1);
	whole.at[whole.n++] = wire_bytes(&w).n;
	constrained_certs(&w, true, &cert, 1);
	data_each_cut(wire_bytes(&w), ask_cut, &whole);
	wire_free(&w);
	hostkey_free(&host);
	data_free(&cert);
}

static uint8_t
add_named(struct fixture *f, struct span name, struct span pin)
{
	struct wire_w w;

	f->unlock_request = 0;
	assert_true(wire_write(&w, AGENT_MAX_MSG));
	wire_put_u8(&w, MSG_ADD_SMARTCARD_KEY);
	wire_put_string(&w, name);
	wire_put_string(&w, pin);
	return holder_put(f, HOLDER_ME, &w);
}

static void
test_names_and_pins_that_none_can_have_reach_no_token(void **state)
{
	static const struct span nul = { (const uint8_t *)"12\0" "4", 4 };
	struct fixture *f = *state;
	char many[1025];

	memset(many, '1', sizeof(many));
	assert_int_equal(add_named(f, span_cstr(HOLDER_SERIAL),
	    (struct span){ (uint8_t *)many, 256 }), MSG_FAILURE);
	assert_int_equal(add_named(f, span_cstr(HOLDER_SERIAL), nul),
	    MSG_FAILURE);
	assert_int_equal(add_named(f, nul, span_cstr(HOLDER_PIN)), MSG_FAILURE);
	assert_int_equal(add_named(f, span_cstr(""), span_cstr(HOLDER_PIN)),
	    MSG_FAILURE);
	assert_int_equal(add_named(f, (struct span){ (uint8_t *)many,
	    sizeof(many) }, span_cstr(HOLDER_PIN)), MSG_FAILURE);
	assert_int_equal(f->unlock_request, 0);

	assert_int_equal(add_named(f, (struct span){ (uint8_t *)many, 16 },
	    (struct span){ (uint8_t *)many, 255 }), 0);
	assert_true(f->had_pin);
	assert_string_equal(f->name, "1111111111111111");
	core_done(f->core, HOLDER_ME, 0, NULL);
	/* Without a PIN the agent is to find one. */
	assert_int_equal(add_named(f, span_cstr(HOLDER_SERIAL),
	    span_cstr("")), 0);
	assert_int_equal(f->unlock_request, HOLDER_ME);
	assert_false(f->had_pin);
}

/* People are used to URIs that bring it along. */
static void
test_a_pin_in_a_uri_is_told_nobody(void **state)
{
	static const char *const names[] = {
		"pkcs11:token=mine?pin-value=" HOLDER_PIN,
		"PKCS11:token=mine;pin-value=" HOLDER_PIN,
	};
	struct fixture *f = *state;
	struct wire_w w;
	struct err e;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(add_named(f, span_cstr(names[i]),
		    span_cstr("")), 0);
		core_done(f->core, HOLDER_ME, err_set(&e, ERR_DENIED, 0,
		    "no"), &e);
		assert_true(wire_write(&w, 1000));
		wire_put_u8(&w, MSG_REMOVE_SMARTCARD_KEY);
		wire_put_cstring(&w, names[i]);
		wire_put_cstring(&w, "");
		assert_int_equal(holder_put(f, HOLDER_ME, &w), 0);
		core_done(f->core, HOLDER_ME, err_set(&e, ERR_DENIED, 0,
		    "no"), &e);
	}
	assert_true(holder_told(f, "unlock of token pkcs11:token=mine for"));
	assert_true(holder_told(f, "lock of token PKCS11:token=mine for"));
	assert_false(holder_told(f, HOLDER_PIN));
}

/* 2g.14: whether or not the host could prove itself. */
static void
test_who_tried_to_bind_brings_no_pin(void **state)
{
	static const enum agent_msg types[] = { MSG_ADD_SMARTCARD_KEY,
	    MSG_ADD_SMARTCARD_KEY_CONSTRAINED };
	struct fixture *f = *state;
	struct hostkey a, b;
	struct wire_w w;

	hostkey_make(&a, HOSTKEY_ED25519);
	hostkey_make(&b, HOSTKEY_ED25519);
	for (int good = 0; good < 2; good++) {
		assert_int_equal(holder_bind(f, HOLDER_ME,
		    &(struct holder_bind){ .key = &a,
		    .signer = good ? &a : &b, .session = span_cstr("s") }),
		    good ? MSG_SUCCESS : MSG_EXTENSION_FAILURE);
		for (size_t i = 0; i < 2; i++) {
			holder_put_add(&w, types[i]);
			assert_int_equal(holder_put(f, HOLDER_ME, &w),
			    MSG_FAILURE);
			assert_int_equal(f->unlock_request, 0);
		}
	}
	assert_true(holder_told(f, "may not bring a PIN"));
	holder_add_plainly(f, HOLDER_OTHER);
	hostkey_free(&a);
	hostkey_free(&b);
}

static void
test_the_lifetime_goes_to_the_holder(void **state)
{
	static const uint32_t seconds[] = { 1, 100, 0xffffffff };
	struct fixture *f = *state;
	struct wire_w w;

	for (size_t i = 0; i < 3; i++) {
		holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
		constrained_lifetime(&w, seconds[i]);
		holder_add(f, HOLDER_ME, &w);
		assert_int_equal(f->lifetime, seconds[i]);
	}
	holder_add_plainly(f, HOLDER_ME);
	assert_int_equal(f->lifetime, 0);
}

/* 2d: and that is known before the PIN is. */
static void
test_certificates_for_no_key_of_the_token_unlock_nothing(void **state)
{
	struct fixture *f = *state;
	struct data certs[2] = { data_pub("p384-cert"), holder_cert_of(f, 1) };
	struct wire_w w;
	struct err e;
	int r;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_certs(&w, true, certs, 1);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), 0);
	r = core_unlocking(f->core, HOLDER_ME, HOLDER_SERIAL, &e);
	assert_int_equal(r, ERR_NOTFOUND);
	core_done(f->core, HOLDER_ME, r, &e);
	holder_check_reply(f, MSG_FAILURE);
	assert_string_equal(holder_list(f, HOLDER_ME), "ec rsa");

	/* One of them suffices, but for this token. */
	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_certs(&w, true, certs, 2);
	holder_begin_add(f, HOLDER_ME, &w);
	assert_int_equal(core_unlocking(f->core, HOLDER_ME, "DENK0200000",
	    &e), ERR_NOTFOUND);
	core_done(f->core, HOLDER_ME, r, &e);

	/* Beside the plain keys there need not be any. */
	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_certs(&w, false, certs, 1);
	holder_add(f, HOLDER_ME, &w);
	assert_string_equal(holder_list(f, HOLDER_ME), "ec rsa");
	data_free(&certs[0]);
	data_free(&certs[1]);
}

static void
put_life(struct wire_w *w)
{
	constrained_lifetime(w, 100);
}

static void
put_nowhere(struct wire_w *w)
{
	struct hostkey host;

	hostkey_make(&host, HOSTKEY_ED25519);
	constrained_steps(w, &(struct constrained_step){ .to = &host }, 1);
	hostkey_free(&host);
}

/* A certificate that is well formed, for a key that none can have. */
static struct data
cert_of_no_key(void)
{
	struct hostkey ca;
	struct wire_w key;
	struct data d;

	assert_true(wire_write(&key, 1000));
	wire_put_cstring(&key, "ssh-rsa");
	wire_put_cstring(&key, "\3");
	wire_put_cstring(&key, "\41");
	hostkey_make(&ca, HOSTKEY_ED25519);
	d = hostkey_certify_user(wire_bytes(&key), &ca, 1);
	hostkey_free(&ca);
	wire_free(&key);
	return d;
}

/* Else it would be unlocked, and without what was to limit it. */
static void
test_a_certificate_that_cannot_be_kept_unlocks_nothing(void **state)
{
	struct fixture *f = *state;
	struct data cert = cert_of_no_key();
	struct wire_w w;
	struct err e;
	int r;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_confirm(&w);
	constrained_certs(&w, false, &cert, 1);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), 0);
	r = core_unlocking(f->core, HOLDER_ME, HOLDER_SERIAL, &e);
	assert_int_equal(r, ERR_LIMIT);
	core_done(f->core, HOLDER_ME, r, &e);
	holder_check_reply(f, MSG_FAILURE);
	data_free(&cert);
}

static void
test_constraints_hold_from_success_on(void **state)
{
	struct fixture *f = *state;
	struct data cert = holder_cert_of(f, 0);
	struct wire_w w;
	struct err e;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_certs(&w, true, &cert, 1);
	holder_begin_add(f, HOLDER_ME, &w);
	assert_string_equal(holder_list(f, HOLDER_OTHER), "ec rsa");
	core_done(f->core, HOLDER_ME, 0, NULL);
	holder_check_reply(f, MSG_SUCCESS);
	assert_string_equal(holder_list(f, HOLDER_OTHER), "ec#1");

	/* One that fails changes nothing. */
	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY);
	holder_begin_add(f, HOLDER_ME, &w);
	core_done(f->core, HOLDER_ME, err_set(&e, ERR_PIN_WRONG, 2, "wrong"),
	    &e);
	holder_check_reply(f, MSG_FAILURE);
	assert_string_equal(holder_list(f, HOLDER_OTHER), "ec#1");
	holder_add_plainly(f, HOLDER_ME);
	assert_string_equal(holder_list(f, HOLDER_OTHER), "ec rsa");
	data_free(&cert);
}

/*
 * The agent may have the PIN, or need none: whoever has it not could take
 * off what its owner said.
 */
static void
test_who_brings_no_pin_changes_no_constraints(void **state)
{
	void (*const limits[])(struct wire_w *) = { constrained_confirm,
	    put_life, put_nowhere };
	struct fixture *f = *state;
	struct wire_w w;
	struct err e;
	int r;

	assert_int_equal(add_named(f, span_cstr(HOLDER_SERIAL),
	    span_cstr("")), 0);
	assert_int_equal(core_unlocking(f->core, HOLDER_ME, HOLDER_SERIAL,
	    &e), 0);
	core_done(f->core, HOLDER_ME, 0, NULL);
	holder_check_reply(f, MSG_SUCCESS);
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
		limits[i](&w);
		holder_add(f, HOLDER_ME, &w);
		assert_int_equal(add_named(f, span_cstr(HOLDER_SERIAL),
		    span_cstr("")), 0);
		r = core_unlocking(f->core, HOLDER_ME, HOLDER_SERIAL, &e);
		assert_int_equal(r, ERR_DENIED);
		core_done(f->core, HOLDER_ME, r, &e);
		holder_check_reply(f, MSG_FAILURE);
		assert_true(holder_told(f, "without its PIN"));
	}
	holder_add_plainly(f, HOLDER_ME);
	assert_string_equal(holder_list(f, HOLDER_OTHER), "ec rsa");
}

/* Their token is unlocked all the same, and must not be so for everything. */
static void
test_constraints_hold_when_their_client_has_gone(void **state)
{
	struct fixture *f = *state;
	struct data cert = holder_cert_of(f, 0);
	struct wire_w w;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_certs(&w, true, &cert, 1);
	holder_begin_add(f, HOLDER_ME, &w);
	core_goodbye(f->core, &f->me, HOLDER_ME);
	core_done(f->core, HOLDER_ME, 0, NULL);
	assert_int_equal(f->replies, 0);
	assert_string_equal(holder_list(f, HOLDER_OTHER), "ec#1");
	data_free(&cert);
}

/* The labels of tokens are read first, and that takes a while. */
static void
test_nothing_is_unlocked_for_a_client_that_has_gone(void **state)
{
	struct fixture *f = *state;
	struct wire_w w;
	struct err e;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_confirm(&w);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), 0);
	core_goodbye(f->core, &f->me, HOLDER_ME);
	assert_int_not_equal(core_unlocking(f->core, HOLDER_ME,
	    HOLDER_SERIAL, &e), 0);
}

static struct data
login_with(struct span key, const char *algorithm)
{
	struct wire_w w;
	struct data d;

	assert_true(wire_write(&w, 4096));
	wire_put_cstring(&w, "11111111111111111111111111111111");
	wire_put_u8(&w, 50);
	wire_put_cstring(&w, "alice");
	wire_put_cstring(&w, "ssh-connection");
	wire_put_cstring(&w, "publickey");
	wire_put_u8(&w, 1);
	wire_put_cstring(&w, algorithm);
	wire_put_string(&w, key);
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	return d;
}

/* Anybody can make a certificate of a key; these were said to be for it. */
static void
test_certs_only_signs_with_the_certificate_only(void **state)
{
	struct fixture *f = *state;
	struct data cert = holder_cert_of(f, 0), own = holder_cert_of(f, 0);
	struct wire_w w;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_certs(&w, true, &cert, 1);
	holder_add(f, HOLDER_ME, &w);
	holder_ask_sign(f, 0, span_cstr("data"), 0);
	holder_check_reply(f, MSG_FAILURE);
	assert_true(holder_told(f, "certificates only"));
	holder_put_sign(&w, data_span(&own), span_cstr("data"), 0);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), MSG_FAILURE);
	assert_int_equal(f->sign_request, 0);
	holder_put_sign(&w, data_span(&cert), span_cstr("data"), 0);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), 0);
	assert_int_equal(f->sign_request, HOLDER_ME);
	data_free(&cert);
	data_free(&own);
}

/* A login as the certificate, asked for; and then as the key. */
static void
test_certs_only_logs_in_with_the_certificate_only(void **state)
{
	struct fixture *f = *state;
	struct data cert = holder_cert_of(f, 0), plain, login;
	struct wire_w w;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_certs(&w, true, &cert, 1);
	holder_add(f, HOLDER_ME, &w);
	plain = login_with(holder_blob_of(f, 0), "ecdsa-sha2-nistp256");
	login = login_with(data_span(&cert),
	    "ecdsa-sha2-nistp256-cert-v01@openssh.com");
	holder_put_sign(&w, data_span(&cert), data_span(&plain), 0);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), MSG_FAILURE);
	assert_true(holder_told(f, "login as alice with key ec"));
	assert_true(holder_told(f, "certificates only"));
	holder_put_sign(&w, data_span(&cert), data_span(&login), 0);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), 0);
	assert_int_equal(f->sign_request, HOLDER_ME);
	data_free(&cert);
	data_free(&plain);
	data_free(&login);
}

/* --- locking, and single keys --- */

static void
test_locking_a_token_loosens_nothing(void **state)
{
	struct fixture *f = *state;

	holder_add_certs_only(f, HOLDER_ME, 0);
	holder_ask(f, (struct span){ (const uint8_t *)
	    "\x15\0\0\0\x0b" HOLDER_SERIAL "\0\0\0\0", 20 });
	assert_int_equal(f->lock_request, HOLDER_ME);
	core_done(f->core, HOLDER_ME, 0, NULL);
	holder_check_reply(f, MSG_SUCCESS);
	holder_ask(f, span_cstr("\x13"));
	core_done(f->core, HOLDER_ME, 0, NULL);
	assert_string_equal(holder_list(f, HOLDER_ME), "ec#1");
}

static void
test_a_malformed_lock_locks_nothing(void **state)
{
	static const struct span bad[] = {
		{ (const uint8_t *)"\x15\0\0\0\0\0\0\0\0", 9 },
		{ (const uint8_t *)"\x15\0\0\0\1S\0\0\0\0x", 11 },
		{ (const uint8_t *)"\x15\0\0\0\1\0\0\0\0\0", 10 },
		{ (const uint8_t *)"\x15\0\0\0\1S\0\0\0", 9 },
		{ (const uint8_t *)"\x13\0", 2 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		holder_ask(f, bad[i]);
		holder_check_reply(f, MSG_FAILURE);
		assert_int_equal(f->lock_request, 0);
	}
}

static void
test_a_removed_key_is_back_when_its_token_is_added(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(holder_remove(f, HOLDER_ME, holder_blob_of(f, 0)),
	    MSG_SUCCESS);
	assert_string_equal(holder_list(f, HOLDER_OTHER), "rsa");
	holder_ask_sign(f, 0, span_cstr("data"), 0);
	holder_check_reply(f, MSG_FAILURE);
	assert_int_equal(f->sign_request, 0);
	assert_true(holder_told(f, "\"ssh-add -s " HOLDER_SERIAL "\""));
	assert_int_equal(holder_remove(f, HOLDER_ME, holder_blob_of(f, 0)),
	    MSG_FAILURE);
	holder_add_plainly(f, HOLDER_ME);
	assert_string_equal(holder_list(f, HOLDER_OTHER), "ec rsa");
	holder_ask_sign(f, 0, span_cstr("data"), 0);
	assert_int_equal(f->sign_request, HOLDER_ME);
}

static void
test_what_is_no_key_of_a_token_cannot_be_removed(void **state)
{
	struct fixture *f = *state;
	struct data other = data_pub("p384"), cert = holder_cert_of(f, 0);
	struct wire_w w;

	assert_int_equal(holder_remove(f, HOLDER_ME, data_span(&other)),
	    MSG_FAILURE);
	assert_true(holder_told(f, "not-found"));
	assert_int_equal(holder_remove(f, HOLDER_ME, data_span(&cert)),
	    MSG_FAILURE);
	assert_true(holder_told(f, "removed one by one"));
	assert_true(wire_write(&w, 1000));
	wire_put_u8(&w, MSG_REMOVE_IDENTITY);
	wire_put_string(&w, holder_blob_of(f, 0));
	wire_put_u8(&w, 0);
	assert_int_equal(holder_put(f, HOLDER_ME, &w), MSG_FAILURE);
	assert_string_equal(holder_list(f, HOLDER_ME), "ec rsa");
	data_free(&other);
	data_free(&cert);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HOLDER_TEST(
		    test_constraints_that_cannot_be_kept_reach_no_token),
		HOLDER_TEST(test_an_add_cut_anywhere_reaches_no_token),
		HOLDER_TEST(
		    test_names_and_pins_that_none_can_have_reach_no_token),
		HOLDER_TEST(test_a_pin_in_a_uri_is_told_nobody),
		HOLDER_TEST(test_who_tried_to_bind_brings_no_pin),
		HOLDER_TEST(test_the_lifetime_goes_to_the_holder),
		HOLDER_TEST(
		    test_certificates_for_no_key_of_the_token_unlock_nothing),
		HOLDER_TEST(
		    test_a_certificate_that_cannot_be_kept_unlocks_nothing),
		HOLDER_TEST(test_constraints_hold_from_success_on),
		HOLDER_TEST(test_who_brings_no_pin_changes_no_constraints),
		HOLDER_TEST(test_constraints_hold_when_their_client_has_gone),
		HOLDER_TEST(
		    test_nothing_is_unlocked_for_a_client_that_has_gone),
		HOLDER_TEST(test_certs_only_signs_with_the_certificate_only),
		HOLDER_TEST(test_certs_only_logs_in_with_the_certificate_only),
		HOLDER_TEST(test_locking_a_token_loosens_nothing),
		HOLDER_TEST(test_a_malformed_lock_locks_nothing),
		HOLDER_TEST(test_a_removed_key_is_back_when_its_token_is_added),
		HOLDER_TEST(test_what_is_no_key_of_a_token_cannot_be_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

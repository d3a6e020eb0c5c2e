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

#include "agent/session.h"
#include "tests/unit/card.h"
#include "token/schsm.h"

/* A session over a card in memory, with the PIN of --pin-fd. */
struct fixture {
	struct card	 card;
	struct settings	*settings;
	struct log	 log;
	struct pins	*pins;
	struct vault	*vault;
	unsigned int	 lifetime;	/* set before setup() */
	struct session	*s;
};

static void
open_session(struct fixture *f)
{
	struct session_conf conf = { .log = &f->log,
	    .settings = f->settings, .pins = f->pins, .vault = f->vault,
	    .cancel_fd = -1 };
	struct token *t;
	struct err e;

	assert_int_equal(schsm_open(card_io(&f->card), card_atr(&f->card), &t,
	    &e), 0);
	assert_int_equal(session_new(&f->s, t, &conf, &e), 0);
	(void)card_take_count(&f->card);
}

static struct options
options_with(enum login_scope scope, enum pin_cache cache)
{
	struct options o;

	options_default(&o);
	o.all.scope = scope;
	o.all.cache = cache;
	return o;
}

static void
setup_policy(struct fixture *f, const char *pin, enum login_scope scope,
    enum pin_cache cache)
{
	static const char *const keys[] = { "p256:a", "rsa1024:b" };
	const struct vault_conf vc = { .lifetime = f->lifetime };
	struct options opt = options_with(scope, cache);
	struct err e;
	int p[2];

	*f = (struct fixture){ .lifetime = f->lifetime,
	    .log = { .level = LOG_LEVEL_QUIET, .name = "unit" } };
	if (pin != NULL) {
		assert_int_equal(pipe(p), 0);
		assert_int_equal(write(p[1], pin, strlen(pin)), strlen(pin));
		close(p[1]);
		opt.pin_fd = p[0];
	}
	card_open(&f->card, NULL);
	card_keys(&f->card, keys, 2);
	assert_int_equal(settings_new(&f->settings, &opt, 0, NULL, &e), 0);
	assert_int_equal(pins_new(&f->pins, f->settings, &e), 0);
	pins_set_present(f->pins, 1);
	assert_int_equal(vault_new(&f->vault, &vc, &e), 0);
	open_session(f);
}

static void
setup(struct fixture *f, const char *pin)
{
	setup_policy(f, pin, LOGIN_SCOPE_SESSION, PIN_CACHE_MEMORY);
}

static bool
card_is_logged_in(struct card *c)
{
	uint8_t rsp[2];

	assert_int_equal(vhsm_apdu(c->vhsm, (struct span){ (const uint8_t *)
	    "\x00\x20\x00\x81", 4 }, rsp, sizeof(rsp)), 2);
	return rsp[0] == 0x90;
}

static void
teardown(struct fixture *f)
{
	session_free(f->s);
	pins_free(f->pins);
	vault_free(f->vault);
	settings_free(f->settings);
	card_close(&f->card);
}

/* With `text` as the PIN that was typed for it, or NULL. */
static int
sign_with(struct fixture *f, const char *text, struct err *e)
{
	struct secret *pin = NULL;
	const struct token_key *k = &session_keys(f->s)->v[0];
	uint8_t blob[256];		/* the keys may be read again */
	struct wire_w w;
	int r;

	if (text != NULL) {
		pin = secret_new();
		assert_int_equal(secret_add(pin, text, strlen(text)), 0);
	}
	assert_true(k->blob_n <= sizeof(blob));
	memcpy(blob, k->blob, k->blob_n);
	assert_true(wire_write(&w, SIG_BLOB_MAX));
	r = session_sign(f->s, pin, &(struct session_work){
	    .blob = { blob, k->blob_n }, .alg = SIG_ECDSA_P256,
	    .data = span_cstr("data") }, &w, e);
	wire_free(&w);
	secret_free(pin);
	assert_false(f->card.in_transaction);
	return r;
}

static int
sign(struct fixture *f, struct err *e)
{
	return sign_with(f, NULL, e);
}

static int
unlock(struct fixture *f, const char *text, struct err *e)
{
	struct secret *pin = secret_new();
	int r;

	assert_int_equal(secret_add(pin, text, strlen(text)), 0);
	r = session_unlock(f->s, pin, e);
	secret_free(pin);
	return r;
}

static void
test_the_pin_is_asked_for_at_first_need(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, VHSM_PIN "\n");
	assert_false(session_unlocked(f.s));
	assert_int_equal(sign(&f, &e), 0);
	assert_true(session_unlocked(f.s));
	assert_int_equal(f.card.verify_count, 1);
	(void)card_take_count(&f.card);
	assert_int_equal(sign(&f, &e), 0);
	assert_int_equal(card_take_count(&f.card), 1);
	teardown(&f);
}

static void
test_a_rejected_pin_is_never_sent_again(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, "000000\n");
	/* Now it takes a person, who is told why. */
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	assert_int_equal(e.detail, 2);
	assert_non_null(strstr(session_problem(f.s), "--pin-fd was rejected"));
	assert_false(session_unlocked(f.s));
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	assert_int_equal(unlock(&f, "000000", &e), ERR_DENIED);
	assert_int_equal(f.card.verify_count, 1);

	/* Another one is, and the last try is not. */
	assert_int_equal(unlock(&f, "111111", &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 1);
	assert_int_equal(unlock(&f, VHSM_PIN, &e), ERR_DENIED);
	assert_int_equal(sign(&f, &e), ERR_DENIED);
	assert_int_equal(f.card.verify_count, 2);
	teardown(&f);
}

static void
test_only_a_person_ends_the_bar_on_given_pins(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, "000000\n");
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	/* RESET RETRY COUNTER with the SO-PIN: the PIN is 000000 now. */
	card_do(&f.card, "002C00810E" "3537363231383830" "303030303030");
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	assert_int_equal(f.card.verify_count, 1);
	assert_int_equal(sign_with(&f, "000000", &e), 0);
	assert_string_equal(session_problem(f.s), "");
	assert_int_equal(session_lock(f.s, &e), 0);
	assert_int_equal(sign(&f, &e), 0);	/* it is right, and given */
	teardown(&f);
}

static void
test_a_rejected_pin_may_be_right_after_somebody_set_it(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, NULL);
	assert_int_equal(unlock(&f, "000000", &e), ERR_PIN_WRONG);
	assert_int_equal(unlock(&f, "000000", &e), ERR_DENIED);
	assert_int_equal(f.card.verify_count, 1);
	card_do(&f.card, "002C00810E" "3537363231383830" "303030303030");
	assert_int_equal(unlock(&f, "000000", &e), 0);
	teardown(&f);
}

static void
test_a_lost_login_is_taken_back_once(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, VHSM_PIN "\n");
	assert_int_equal(sign(&f, &e), 0);
	/* Another program selects the applet, another one resets the card. */
	card_do(&f.card, "00A404000BE82B0601040181C31F020100");
	vhsm_power(f.card.vhsm);
	f.card.reset = true;
	assert_int_equal(sign(&f, &e), 0);
	assert_int_equal(f.card.verify_count, 2);

	/* The PIN was changed: one try with the old, then a person. */
	vhsm_power(f.card.vhsm);
	card_do(&f.card, "002C00810E" "3537363231383830" "303030303030");
	vhsm_power(f.card.vhsm);
	f.card.reset = true;
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	assert_int_equal(e.detail, 2);
	assert_false(session_unlocked(f.s));
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	assert_int_equal(f.card.verify_count, 3);
	assert_int_equal(sign_with(&f, "000000", &e), 0);
	assert_int_equal(sign(&f, &e), 0);
	teardown(&f);
}

/* SIGN, tries left, VERIFY: its answer is lost, and the session with it. */
static void
lose_the_answer_to_a_pin(struct fixture *f)
{
	struct err e;

	card_logout(&f->card);
	f->card.lose_at = 3;
	assert_int_equal(sign(f, &e), ERR_TOKEN_GONE);
	session_free(f->s);
	open_session(f);
}

static void
test_a_pin_of_which_nothing_was_heard(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, VHSM_PIN "\n");
	assert_int_equal(sign(&f, &e), 0);
	lose_the_answer_to_a_pin(&f);
	assert_int_equal(sign(&f, &e), 0);

	card_do(&f.card, "002C00810E" "3537363231383830" "303030303030");
	lose_the_answer_to_a_pin(&f);
	f.card.verify_count = 0;
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	assert_int_equal(e.detail, 2);
	assert_non_null(strstr(session_problem(f.s), "was rejected"));
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	assert_int_equal(f.card.verify_count, 0);
	assert_int_equal(sign_with(&f, "000000", &e), 0);
	teardown(&f);
}

static void
test_a_card_in_use_is_waited_for(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, VHSM_PIN "\n");
	assert_int_equal(sign(&f, &e), 0);
	(void)card_take_count(&f.card);
	f.card.busy = true;
	assert_int_equal(sign(&f, &e), 0);
	assert_int_equal(card_take_count(&f.card), 1);
	teardown(&f);
}

static void
test_what_a_login_and_its_loss_cost(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, VHSM_PIN "\n");
	assert_int_equal(sign(&f, &e), 0);
	/* Tries left, VERIFY, SIGN. */
	assert_int_equal(card_take_count(&f.card), 3);
	card_logout(&f.card);
	assert_int_equal(sign(&f, &e), 0);
	/* SIGN refused, then as above. */
	assert_int_equal(card_take_count(&f.card), 4);
	vhsm_power(f.card.vhsm);
	f.card.reset = true;
	assert_int_equal(sign(&f, &e), 0);
	/* SELECT, serial number, then as at first. */
	assert_int_equal(card_take_count(&f.card), 5);
	teardown(&f);
}

static void
test_somebody_elses_login_is_not_used(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, NULL);
	/* Somebody logs in on the card; we have no PIN. */
	card_login(&f.card);
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	teardown(&f);
}

static void
test_locking_ends_the_login_and_forgets_the_pin(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, NULL);
	assert_int_equal(unlock(&f, VHSM_PIN, &e), 0);
	assert_int_equal(session_lock(f.s, &e), 0);
	assert_false(session_unlocked(f.s));
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	/* Nothing to lock: nobody else is logged out. */
	(void)card_take_count(&f.card);
	assert_int_equal(session_lock(f.s, &e), 0);
	assert_int_equal(card_take_count(&f.card), 0);
	teardown(&f);
}

static void
wait_until_locked(struct fixture *f)
{
	for (int i = 0; i < 1000 && session_unlocked(f->s); i++)
		usleep(10000);
	assert_false(session_unlocked(f->s));
}

static void
test_an_unlock_that_ends_by_itself_leaves_no_login(void **state)
{
	struct fixture f = { .lifetime = 1 };
	struct err e;

	(void)state;
	setup(&f, NULL);
	assert_int_equal(sign_with(&f, VHSM_PIN, &e), 0);
	session_settle(f.s);
	assert_true(card_is_logged_in(&f.card));
	wait_until_locked(&f);
	session_settle(f.s);
	assert_false(card_is_logged_in(&f.card));

	/* Nor does who has to ask for the PIN wait with that. */
	assert_int_equal(sign_with(&f, VHSM_PIN, &e), 0);
	wait_until_locked(&f);
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	assert_int_equal(e.detail, 3);
	assert_false(card_is_logged_in(&f.card));
	teardown(&f);
}

static void
test_a_removed_token_is_said_to_be_gone(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, VHSM_PIN "\n");
	assert_int_equal(sign(&f, &e), 0);
	f.card.gone = true;
	assert_int_equal(sign(&f, &e), ERR_TOKEN_GONE);
	teardown(&f);
}

static void
test_the_session_cache_keeps_no_pin(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup_policy(&f, NULL, LOGIN_SCOPE_SESSION, PIN_CACHE_SESSION);
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	assert_int_equal(sign_with(&f, VHSM_PIN, &e), 0);
	assert_int_equal(sign(&f, &e), 0);
	card_logout(&f.card);
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	assert_false(session_unlocked(f.s));
	assert_int_equal(sign_with(&f, VHSM_PIN, &e), 0);
	assert_int_equal(f.card.verify_count, 2);
	teardown(&f);
}

static void
test_never_asks_for_each_signature(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup_policy(&f, NULL, LOGIN_SCOPE_SESSION, PIN_CACHE_NEVER);
	assert_int_equal(unlock(&f, VHSM_PIN, &e), ERR_DENIED);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
		assert_int_equal(sign_with(&f, VHSM_PIN, &e), 0);
		assert_false(session_unlocked(f.s));
		assert_false(card_is_logged_in(&f.card));
	}
	teardown(&f);
}

static void
test_a_transaction_leaves_nobody_logged_in(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup_policy(&f, NULL, LOGIN_SCOPE_TRANSACTION, PIN_CACHE_MEMORY);
	assert_int_equal(unlock(&f, VHSM_PIN, &e), 0);
	assert_true(session_unlocked(f.s));
	assert_false(card_is_logged_in(&f.card));
	(void)card_take_count(&f.card);
	assert_int_equal(sign(&f, &e), 0);
	/* Tries left, VERIFY, SIGN, SELECT. */
	assert_int_equal(card_take_count(&f.card), 4);
	assert_false(card_is_logged_in(&f.card));
	teardown(&f);
}

static void
test_a_changed_token_is_read_again(void **state)
{
	struct fixture f = { 0 };
	unsigned int version;
	struct err e;

	(void)state;
	setup(&f, VHSM_PIN "\n");
	version = session_version(f.s);
	assert_int_equal(session_check(f.s, &e), 0);
	assert_int_equal(card_take_count(&f.card), 2);
	assert_int_equal(session_version(f.s), version);
	card_keys(&f.card, (const char *const[]){ "p256:c" }, 1);
	assert_int_equal(session_check(f.s, &e), 0);
	assert_int_equal(session_version(f.s), version + 1);
	assert_int_equal(session_keys(f.s)->n, 3);

	/* The same place holds another key, and nobody has looked. */
	card_do(&f.card, "00E4020002CC01");
	card_do(&f.card, "00E4020002CE01");
	card_do(&f.card, "00E4020002C401");
	card_keys(&f.card, (const char *const[]){ "p256:a" }, 1);
	assert_int_equal(sign(&f, &e), ERR_NOTFOUND);
	assert_int_equal(session_version(f.s), version + 2);
	assert_int_equal(session_keys(f.s)->n, 3);
	assert_int_equal(sign(&f, &e), 0);
	teardown(&f);
}

static void
test_a_new_session_needs_no_person_when_the_pin_is_kept(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, NULL);
	assert_int_equal(sign_with(&f, VHSM_PIN, &e), 0);
	session_free(f.s);
	open_session(&f);
	assert_true(session_unlocked(f.s));
	assert_int_equal(sign(&f, &e), 0);
	vault_lock(f.vault, session_serial(f.s));
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	teardown(&f);
}

/* As a reload of the configuration does it. */
static void
change_policy(struct fixture *f, enum login_scope scope, enum pin_cache cache)
{
	struct options o = options_with(scope, cache);
	struct err e;

	assert_int_equal(settings_publish(f->settings, &o, &e), 0);
}

static void
test_a_new_policy_holds_from_the_next_use_on(void **state)
{
	struct fixture f = { 0 };
	struct err e;

	(void)state;
	setup(&f, NULL);
	assert_int_equal(sign_with(&f, VHSM_PIN, &e), 0);
	change_policy(&f, LOGIN_SCOPE_SESSION, PIN_CACHE_MEMORY);
	assert_int_equal(sign(&f, &e), 0);
	assert_true(card_is_logged_in(&f.card));
	change_policy(&f, LOGIN_SCOPE_TRANSACTION, PIN_CACHE_MEMORY);
	assert_int_equal(sign(&f, &e), 0);
	assert_false(card_is_logged_in(&f.card));
	change_policy(&f, LOGIN_SCOPE_SESSION, PIN_CACHE_MEMORY);
	assert_int_equal(sign(&f, &e), 0);
	assert_true(card_is_logged_in(&f.card));

	/* A check is a use, so that nothing is kept for too long. */
	change_policy(&f, LOGIN_SCOPE_TRANSACTION, PIN_CACHE_MEMORY);
	assert_int_equal(session_check(f.s, &e), 0);
	session_settle(f.s);
	assert_false(card_is_logged_in(&f.card));
	assert_true(session_unlocked(f.s));
	change_policy(&f, LOGIN_SCOPE_SESSION, PIN_CACHE_NEVER);
	assert_int_equal(session_check(f.s, &e), 0);
	assert_false(session_unlocked(f.s));
	assert_int_equal(sign(&f, &e), ERR_PIN_NEEDED);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_pin_is_asked_for_at_first_need),
		cmocka_unit_test(test_a_rejected_pin_is_never_sent_again),
		cmocka_unit_test(
		    test_a_rejected_pin_may_be_right_after_somebody_set_it),
		cmocka_unit_test(test_a_lost_login_is_taken_back_once),
		cmocka_unit_test(test_a_pin_of_which_nothing_was_heard),
		cmocka_unit_test(test_a_card_in_use_is_waited_for),
		cmocka_unit_test(test_what_a_login_and_its_loss_cost),
		cmocka_unit_test(test_somebody_elses_login_is_not_used),
		cmocka_unit_test(
		    test_locking_ends_the_login_and_forgets_the_pin),
		cmocka_unit_test(
		    test_an_unlock_that_ends_by_itself_leaves_no_login),
		cmocka_unit_test(test_a_removed_token_is_said_to_be_gone),
		cmocka_unit_test(
		    test_only_a_person_ends_the_bar_on_given_pins),
		cmocka_unit_test(test_the_session_cache_keeps_no_pin),
		cmocka_unit_test(test_never_asks_for_each_signature),
		cmocka_unit_test(test_a_transaction_leaves_nobody_logged_in),
		cmocka_unit_test(test_a_changed_token_is_read_again),
		cmocka_unit_test(
		    test_a_new_session_needs_no_person_when_the_pin_is_kept),
		cmocka_unit_test(test_a_new_policy_holds_from_the_next_use_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

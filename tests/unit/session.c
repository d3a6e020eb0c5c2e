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
	struct options	 opt;
	struct log	 log;
	struct pins	*pins;
	struct session	*s;
};

static void
setup(struct fixture *f, const char *pin)
{
	static const char *const keys[] = { "p256:a", "rsa1024:b" };
	struct session_conf conf = { .cancel_fd = -1 };
	struct token *t;
	struct err e;
	int p[2];

	*f = (struct fixture){ .opt = { .pin_fd = -1 },
	    .log = { .level = LOG_LEVEL_QUIET, .name = "unit" } };
	/* Where there is nobody to ask, a missing PIN shows at once. */
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	unsetenv("SSH_ASKPASS");
	unsetenv("DISPLAY");
	unsetenv("WAYLAND_DISPLAY");
	if (pin != NULL) {
		assert_int_equal(pipe(p), 0);
		assert_int_equal(write(p[1], pin, strlen(pin)), strlen(pin));
		close(p[1]);
		f->opt.pin_fd = p[0];
	}
	card_open(&f->card, NULL);
	card_keys(&f->card, keys, 2);
	assert_int_equal(pins_new(&f->pins, &f->opt, &e), 0);
	pins_set_present(f->pins, 1);
	conf.log = &f->log;
	conf.pins = f->pins;
	assert_int_equal(schsm_open(card_io(&f->card), card_atr(&f->card), &t,
	    &e), 0);
	assert_int_equal(session_new(&f->s, t, &conf, &e), 0);
	(void)card_take_count(&f->card);
}

static void
teardown(struct fixture *f)
{
	session_free(f->s);
	pins_free(f->pins);
	card_close(&f->card);
}

static int
sign(struct fixture *f, struct err *e)
{
	const struct token_key *k = &session_keys(f->s)->v[0];
	struct wire_w w;
	int r;

	assert_true(wire_write(&w, SIG_BLOB_MAX));
	r = session_sign(f->s, (struct span){ k->blob, k->blob_n },
	    SIG_ECDSA_P256, span_cstr("data"), &w, e);
	wire_free(&w);
	assert_false(f->card.in_transaction);
	return r;
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
	struct fixture f;
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
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, "000000\n");
	assert_int_equal(sign(&f, &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 2);
	assert_false(session_unlocked(f.s));
	assert_int_equal(sign(&f, &e), ERR_DENIED);
	assert_int_equal(unlock(&f, "000000", &e), ERR_DENIED);
	assert_int_equal(f.card.verify_count, 1);

	/* Another one is, and the last try is not. */
	assert_int_equal(unlock(&f, "111111", &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 1);
	assert_int_equal(unlock(&f, VHSM_PIN, &e), ERR_DENIED);
	assert_int_equal(f.card.verify_count, 2);
	teardown(&f);
}

static void
test_a_rejected_pin_may_be_right_after_somebody_set_it(void **state)
{
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, "000000\n");
	assert_int_equal(sign(&f, &e), ERR_PIN_WRONG);
	/* RESET RETRY COUNTER with the SO-PIN: the PIN is 000000 now. */
	card_do(&f.card, "002C00810E" "3537363231383830" "303030303030");
	assert_int_equal(sign(&f, &e), 0);
	teardown(&f);

	/* The same when it comes with "ssh-add -s". */
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
	struct fixture f;
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

	/* The PIN was changed: one try with the old, then a reason. */
	vhsm_power(f.card.vhsm);
	card_do(&f.card, "002C00810E" "3537363231383830" "303030303030");
	vhsm_power(f.card.vhsm);
	f.card.reset = true;
	assert_int_equal(sign(&f, &e), ERR_PIN_WRONG);
	assert_false(session_unlocked(f.s));
	assert_int_equal(f.card.verify_count, 3);
	teardown(&f);
}

static void
test_a_card_in_use_is_waited_for(void **state)
{
	struct fixture f;
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
	struct fixture f;
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
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, NULL);
	/* Somebody logs in on the card; we have no PIN. */
	card_login(&f.card);
	assert_int_equal(sign(&f, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "nobody to ask"));
	teardown(&f);
}

static void
test_locking_ends_the_login_and_forgets_the_pin(void **state)
{
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, NULL);
	assert_int_equal(unlock(&f, VHSM_PIN, &e), 0);
	assert_int_equal(session_lock(f.s, &e), 0);
	assert_false(session_unlocked(f.s));
	assert_int_equal(sign(&f, &e), ERR_DENIED);
	/* Nothing to lock: nobody else is logged out. */
	(void)card_take_count(&f.card);
	assert_int_equal(session_lock(f.s, &e), 0);
	assert_int_equal(card_take_count(&f.card), 0);
	teardown(&f);
}

static void
test_a_removed_token_is_said_to_be_gone(void **state)
{
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, VHSM_PIN "\n");
	assert_int_equal(sign(&f, &e), 0);
	f.card.gone = true;
	assert_int_equal(sign(&f, &e), ERR_TOKEN_GONE);
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
		cmocka_unit_test(test_a_card_in_use_is_waited_for),
		cmocka_unit_test(test_what_a_login_and_its_loss_cost),
		cmocka_unit_test(test_somebody_elses_login_is_not_used),
		cmocka_unit_test(
		    test_locking_ends_the_login_and_forgets_the_pin),
		cmocka_unit_test(test_a_removed_token_is_said_to_be_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

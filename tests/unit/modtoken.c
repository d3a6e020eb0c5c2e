/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/card.h"
#include "token/manage.h"
#include "token/modhost.h"
#include "token/modtoken.h"
#include "token/schsm.h"

/*
 * A token at the other end of a socket, served by a thread where else there
 * is a process: a virtual card, which the driver for it speaks to.
 */
struct fixture {
	struct card	 card;
	int		 fd;		/* the thread's */
	pthread_t	 thread;
	struct token	*t;
};

static int
list_slots(void *arg, struct p11_slots *out, struct err *e)
{
	(void)arg;
	(void)out;
	return err_set(e, ERR_UNSUPPORTED, 0, "there are no slots here");
}

static int
wait_for_event(void *arg, struct err *e)
{
	(void)arg;
	return err_set(e, ERR_UNSUPPORTED, 0, "there are no events here");
}

static int
open_token(void *arg, uint64_t slot, struct token **out, struct err *e)
{
	struct fixture *f = arg;

	if (slot != 7)
		return err_set(e, ERR_NO_TOKEN, 0, "no slot %llu",
		    (unsigned long long)slot);
	return schsm_open(card_io(&f->card), card_atr(&f->card), out, e);
}

static const struct modhost_ops ops = { .list = list_slots,
    .wait = wait_for_event, .open = open_token };

static void *
host_main(void *arg)
{
	struct fixture *f = arg;

	modhost_serve(f->fd, &ops, f);
	close(f->fd);
	return NULL;
}

/* The socket to a thread that serves. */
static int
serve(struct fixture *f)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    ends), 0);
	f->fd = ends[1];
	assert_int_equal(pthread_create(&f->thread, NULL, host_main, f), 0);
	return ends[0];
}

static int
setup(void **state)
{
	static const char *const keys[] = { "p256:a", "rsa2048:b" };
	struct fixture *f = calloc(1, sizeof(*f));
	struct modclient *c;
	struct err e;

	assert_non_null(f);
	card_open(&f->card, NULL);
	card_keys(&f->card, keys, 2);
	assert_int_equal(modclient_over(&c, serve(f), 0, &e), 0);
	assert_int_equal(modtoken_over(&f->t, c, 7, &e), 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	token_close(f->t);
	pthread_join(f->thread, NULL);
	card_close(&f->card);
	free(f);
	return 0;
}

static int
login(struct fixture *f, const char *text, struct err *e)
{
	struct secret *pin = secret_new();
	int r;

	assert_int_equal(secret_add(pin, text, strlen(text)), 0);
	r = token_login(f->t, pin, e);
	secret_free(pin);
	return r;
}

static int
sign(struct fixture *f, const struct token_key *k, enum sig_alg alg,
    struct span data, struct err *e)
{
	struct wire_w w;
	int r;

	assert_true(wire_write(&w, SIG_BLOB_MAX));
	r = token_sign(f->t, k, alg, data, &w, e);
	if (r == 0)
		r = sig_verify((struct span){ k->blob, k->blob_n }, alg, data,
		    wire_bytes(&w), e);
	else
		assert_int_equal(wire_bytes(&w).n, 0);
	wire_free(&w);
	return r;
}

static void
test_a_token_over_there_is_like_one_here(void **state)
{
	struct fixture *f = *state;
	struct token_info i = { 0 };
	struct token_keys keys, same;
	enum token_pin_state st;
	struct err e;
	int tries;

	assert_string_equal(f->t->serial, "DENK0100000");
	assert_int_equal(token_begin(f->t, &e), 0);
	assert_int_equal(token_get_info(f->t, TOKEN_INFO_LABEL, &i, &e), 0);
	assert_string_equal(i.label, "unit");
	assert_int_equal(i.dkek_shares, -1);
	assert_int_equal(token_pin_state(f->t, &st, &tries, &e), 0);
	assert_int_equal(st, TOKEN_PIN_NEEDED);
	assert_int_equal(tries, 3);
	assert_int_equal(token_list(f->t, NULL, &keys, &e), 0);
	assert_int_equal(keys.n, 2);
	assert_string_equal(keys.v[0].label, "a");
	assert_string_equal(keys.v[1].algo, "RSA-2048");
	assert_int_equal(token_list(f->t, &keys, &same, &e), 0);
	assert_int_equal(same.n, 2);
	assert_memory_equal(same.stamp, keys.stamp, sizeof(keys.stamp));
	token_keys_free(&same);
	assert_int_equal(sign(f, &keys.v[0], SIG_ECDSA_P256, span_cstr("x"),
	    &e), ERR_PIN_NEEDED);
	assert_int_equal(login(f, VHSM_PIN, &e), 0);
	assert_int_equal(sign(f, &keys.v[0], SIG_ECDSA_P256, span_cstr("x"),
	    &e), 0);
	assert_int_equal(token_logout(f->t, &e), 0);
	token_end(f->t);
	assert_false(f->card.in_transaction);
	token_keys_free(&keys);
}

static void
test_data_of_any_size_is_signed(void **state)
{
	static const size_t sizes[] = { 0, 10000, 200000, 262000 };
	struct fixture *f = *state;
	struct token_keys keys;
	uint8_t *data = calloc(1, 262000);
	struct err e;

	assert_int_equal(token_begin(f->t, &e), 0);
	assert_non_null(data);
	assert_int_equal(token_list(f->t, NULL, &keys, &e), 0);
	assert_int_equal(login(f, VHSM_PIN, &e), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		assert_int_equal(sign(f, &keys.v[1], SIG_RSA_SHA512,
		    (struct span){ data, sizes[i] }, &e), 0);
	token_keys_free(&keys);
	free(data);
	token_end(f->t);
}

static void
test_a_wrong_pin_is_told_with_its_tries(void **state)
{
	struct fixture *f = *state;
	struct err e;

	assert_int_equal(token_begin(f->t, &e), 0);
	assert_int_equal(login(f, "000000", &e), ERR_PIN_WRONG);
	assert_int_equal(e.detail, 2);
	assert_int_equal(token_pin_doubt(f->t), 0);
	assert_int_equal(login(f, "000000", &e), ERR_PIN_WRONG);
	assert_int_equal(login(f, "000000", &e), ERR_DENIED);
	assert_int_equal(f->card.verify_count, 2);
	token_end(f->t);
}

static void
test_a_pin_of_which_nothing_was_heard_may_be_wrong(void **state)
{
	struct fixture *f = *state;
	struct err e;

	assert_int_equal(token_begin(f->t, &e), 0);
	f->card.lose_at = 3;		/* two looks at the tries before */
	assert_int_equal(login(f, "000000", &e), ERR_TOKEN_GONE);
	assert_int_equal(f->card.verify_count, 1);
	assert_true(token_pin_doubt(f->t) > 3);
	token_end(f->t);
}

static void
test_a_signature_that_is_wrong_goes_no_further(void **state)
{
	struct fixture *f = *state;
	struct token_keys keys;
	struct token_key k;
	struct err e;

	assert_int_equal(token_begin(f->t, &e), 0);
	assert_int_equal(token_list(f->t, NULL, &keys, &e), 0);
	assert_int_equal(login(f, VHSM_PIN, &e), 0);
	k = keys.v[0];
	f->card.spoil = 1;
	assert_int_not_equal(sign(f, &k, SIG_ECDSA_P256, span_cstr("x"), &e),
	    0);
	token_keys_free(&keys);
	token_end(f->t);
}

static void
test_a_key_can_be_made_and_removed_there(void **state)
{
	const struct token_key_spec spec = { .type = "p256", .label = "new" };
	struct fixture *f = *state;
	struct token_keys keys;
	struct token_key k;
	struct err e;

	assert_int_equal(token_begin(f->t, &e), 0);
	assert_int_equal(login(f, VHSM_PIN, &e), 0);
	assert_int_equal(token_generate(f->t, &spec, &k, &e), 0);
	assert_string_equal(k.label, "new");
	assert_int_equal(token_set_label(f->t, k.ref, "newer", &e), 0);
	assert_int_equal(token_list(f->t, NULL, &keys, &e), 0);
	assert_int_equal(keys.n, 3);
	assert_string_equal(keys.v[2].label, "newer");
	assert_int_equal(token_remove(f->t, k.ref, &e), 0);
	token_keys_free(&keys);
	free(k.blob);
	token_end(f->t);
}

static void
test_a_slot_that_cannot_be_opened_says_why(void **state)
{
	struct fixture f = { 0 };
	struct modclient *c;
	struct token *t;
	struct err e;

	(void)state;
	assert_int_equal(modclient_over(&c, serve(&f), 0, &e), 0);
	assert_int_equal(modtoken_over(&t, c, 8, &e), ERR_NO_TOKEN);
	assert_string_equal(e.msg, "no slot 8");
	pthread_join(f.thread, NULL);
}

/* --- who is at the other end is no friend --- */

static struct modclient *
client_of(int *other, unsigned int timeout)
{
	struct modclient *c;
	struct err e;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    ends), 0);
	assert_int_equal(modclient_over(&c, ends[0], timeout, &e), 0);
	*other = ends[1];
	return c;
}

static void
test_one_that_does_not_answer_is_given_up(void **state)
{
	const struct mod_request q = { .kind = MOD_BEGIN };
	const struct mod_answer *a;
	struct modclient *c;
	struct err e;
	int other;

	(void)state;
	c = client_of(&other, 1);
	assert_int_equal(modclient_ask(c, &q, NULL, &a, &e), ERR_TOKEN_GONE);
	assert_int_equal(e.detail, ETIMEDOUT);
	assert_non_null(strstr(e.msg, "did not answer within 1 s"));
	close(other);
	assert_int_equal(modclient_ask(c, &q, NULL, &a, &e), ERR_TOKEN_GONE);
	assert_non_null(strstr(e.msg, "did not answer within 1 s"));
	modclient_free(c);
}

static void
test_one_that_is_gone_is_told_of(void **state)
{
	const struct mod_request q = { .kind = MOD_BEGIN };
	const struct mod_answer *a;
	struct modclient *c;
	struct err e;
	int other;

	(void)state;
	c = client_of(&other, 0);
	close(other);
	assert_int_equal(modclient_ask(c, &q, NULL, &a, &e), ERR_TOKEN_GONE);
	assert_int_equal(e.detail, 0);
	modclient_free(c);
}

static void
test_bytes_that_are_no_answer_end_it(void **state)
{
	static const char *const answers[] = { "\0\0\0\1\4", "\377\377\377\377",
	    "\0\0\0\0", "\0\0\0\2\4\0" };
	static const size_t sizes[] = { 5, 4, 4, 6 };
	const struct mod_request q = { .kind = MOD_BEGIN };
	const struct mod_answer *a;
	struct modclient *c;
	struct err e;
	int other;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		c = client_of(&other, 0);
		assert_int_equal(write(other, answers[i], sizes[i]),
		    sizes[i]);
		assert_int_equal(modclient_ask(c, &q, NULL, &a, &e),
		    ERR_TOKEN_GONE);
		assert_non_null(strstr(e.msg, "answers what cannot be"));
		close(other);
		modclient_free(c);
	}
}

/* Every part of a message that was cut off is none. */
static void
test_an_answer_that_is_cut_is_none(void **state)
{
	struct token_key key = { .ref = "01", .label = "a" };
	struct mod_answer a = { .kind = MOD_LIST, .serial = "1",
	    .keys = { .v = &key, .n = 1 } }, b;
	struct wire_w w;
	struct span all;

	(void)state;
	assert_true(wire_write(&w, MODPROTO_MAX));
	mod_answer_put(&a, &w);
	all = wire_bytes(&w);
	assert_true(mod_answer_parse(all, &b));
	assert_string_equal(b.keys.v[0].label, "a");
	mod_answer_free(&b);
	for (size_t n = 0; n < all.n; n++)
		assert_false(mod_answer_parse((struct span){ all.p, n }, &b));
	wire_free(&w);
}

static void
test_a_request_that_is_cut_is_none(void **state)
{
	const struct mod_request q = { .kind = MOD_SIGN, .ref = span_cstr("1"),
	    .data = span_cstr("data") };
	struct mod_request p;
	struct wire_w w;
	struct span all;

	(void)state;
	assert_true(wire_write(&w, MODPROTO_MAX));
	mod_request_put(&q, &w);
	all = wire_bytes(&w);
	assert_true(mod_request_parse(all, &p));
	assert_true(span_eq(p.data, span_cstr("data")));
	for (size_t n = 0; n < all.n; n++)
		assert_false(mod_request_parse((struct span){ all.p, n },
		    &p));
	wire_free(&w);
}

static void
test_what_a_module_says_is_made_fit_to_print(void **state)
{
	struct p11_slot slot = { .id = 1, .present = true,
	    .name = "a\033[31mslot\n", .serial = "1" };
	struct mod_answer a = { .kind = MOD_SLOTS,
	    .slots = { .v = &slot, .n = 1 } }, b;
	struct wire_w w;

	(void)state;
	assert_true(wire_write(&w, MODPROTO_MAX));
	mod_answer_put(&a, &w);
	assert_true(mod_answer_parse(wire_bytes(&w), &b));
	assert_string_equal(b.slots.v[0].name, "a?[31mslot?");
	mod_answer_free(&b);
	wire_free(&w);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_a_token_over_there_is_like_one_here),
		WITH(test_data_of_any_size_is_signed),
		WITH(test_a_wrong_pin_is_told_with_its_tries),
		WITH(test_a_pin_of_which_nothing_was_heard_may_be_wrong),
		WITH(test_a_signature_that_is_wrong_goes_no_further),
		WITH(test_a_key_can_be_made_and_removed_there),
		cmocka_unit_test(test_a_slot_that_cannot_be_opened_says_why),
		cmocka_unit_test(test_one_that_does_not_answer_is_given_up),
		cmocka_unit_test(test_one_that_is_gone_is_told_of),
		cmocka_unit_test(test_bytes_that_are_no_answer_end_it),
		cmocka_unit_test(test_an_answer_that_is_cut_is_none),
		cmocka_unit_test(test_a_request_that_is_cut_is_none),
		cmocka_unit_test(test_what_a_module_says_is_made_fit_to_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

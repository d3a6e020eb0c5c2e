/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keyring.h"
#include "agent/keywords.h"
#include "token/pcsc.h"

/*
 * What talks to PC/SC, from pcsc.c up to the keyring, with a real pcscd:
 * the program starts itself again under tests/harness/with-vhsm.
 */
struct fixture {
	struct loop	*loop;
	struct settings	*settings;
	struct log	 log;
	struct pin_asker asker;
	struct pins	*pins;
	struct vault	*vault;
	struct keyring	*kr;
	struct core	*core;
	bool		 running;
	char		 ready[400];
	uint8_t		 reply[8192];
	size_t		 reply_n;
	struct caller	 me;
};

static void
on_reply(void *arg, uint64_t id, struct span reply)
{
	struct fixture *f = arg;

	(void)id;
	assert_true(reply.n <= sizeof(f->reply));
	memcpy(f->reply, reply.p, reply.n);
	f->reply_n = reply.n;
	if (f->running)
		loop_stop(f->loop);
}

static void
on_ready(void *arg, const char *text)
{
	struct fixture *f = arg;

	snprintf(f->ready, sizeof(f->ready), "%s", text);
}

static void
setup(struct fixture *f, bool unlock, const char *pin)
{
	struct keyring_conf conf = { .asker = &f->asker };
	struct options opt;
	struct core_conf cc = { .reply = on_reply, .reply_arg = f };
	struct err e;
	int p[2];

	*f = (struct fixture){ .log = { .name = "unit" },
	    .me = { .peer = { .pid = 1, .name = "unit" } } };
	options_default(&opt);
	assert_int_equal(keywords_parse(&opt, span_cstr("Use any"), "unit",
	    &e), 0);
	if (pin != NULL) {
		assert_int_equal(pipe(p), 0);
		assert_int_equal(write(p[1], pin, strlen(pin)), strlen(pin));
		close(p[1]);
		opt.pin_fd = p[0];
	}
	assert_int_equal(loop_new(&f->loop, &e), 0);
	assert_int_equal(settings_new(&f->settings, &opt, 0, NULL, &e), 0);
	assert_int_equal(pins_new(&f->pins, f->settings, &e), 0);
	assert_int_equal(vault_new(&f->vault, &(struct vault_conf){ 0 }, &e),
	    0);
	conf.worker = (struct worker_conf){ .log = &f->log,
	    .settings = f->settings, .pins = f->pins, .vault = f->vault };
	assert_int_equal(keyring_new(&f->kr, f->loop, &conf, &e), 0);
	cc.log = &f->log;
	cc.loop = f->loop;
	cc.settings = f->settings;
	cc.holder = keyring_holder(f->kr);
	f->core = core_new(&cc);
	keyring_set_core(f->kr, f->core);
	keyring_on_ready(f->kr, unlock, on_ready, f);
}

static void
teardown(struct fixture *f)
{
	core_free(f->core);
	keyring_free(f->kr);
	pins_free(f->pins);
	vault_free(f->vault);
	settings_free(f->settings);
	loop_free(f->loop);
}

/* Ask the core and run the loop until it has answered. */
static uint8_t
ask(struct fixture *f, struct span msg)
{
	struct err e;

	f->reply_n = 0;
	core_request(f->core, &f->me, 1, msg);
	f->running = true;
	if (f->reply_n == 0)
		assert_int_equal(loop_run(f->loop, &e), 0);
	f->running = false;
	assert_true(f->reply_n > 0);
	return f->reply[0];
}

static uint32_t
count_keys(struct fixture *f)
{
	struct wire_r r;

	assert_int_equal(ask(f, span_cstr("\x0b")), MSG_IDENTITIES_ANSWER);
	wire_read(&r, (struct span){ f->reply + 1, f->reply_n - 1 });
	return wire_get_u32(&r);
}

static void
end_turn(void *arg)
{
	loop_stop(((struct fixture *)arg)->loop);
}

/* Let the loop hear of the readers until that many keys are listed. */
static void
wait_for_keys(struct fixture *f, uint32_t n)
{
	struct err e;

	while (count_keys(f) != n) {
		assert_non_null(loop_timer(f->loop, 10, end_turn, f));
		assert_int_equal(loop_run(f->loop, &e), 0);
	}
}

static uint8_t
ask_sign(struct fixture *f, const char *data)
{
	struct wire_r r;
	struct span blob;
	struct wire_w w;
	uint8_t copy[256], type;

	assert_true(count_keys(f) > 0);
	wire_read(&r, (struct span){ f->reply + 5, f->reply_n - 5 });
	blob = wire_get_string(&r);
	assert_true(blob.n > 0 && blob.n <= sizeof(copy));
	memcpy(copy, blob.p, blob.n);
	assert_true(wire_write(&w, 8192));
	wire_put_u8(&w, MSG_SIGN_REQUEST);
	wire_put_string(&w, (struct span){ copy, blob.n });
	wire_put_cstring(&w, data);
	wire_put_u32(&w, 0);
	type = ask(f, wire_bytes(&w));
	wire_free(&w);
	return type;
}

static uint8_t
ask_named(struct fixture *f, enum agent_msg msg, const char *name,
    const char *pin)
{
	struct wire_w w;
	uint8_t type;

	assert_true(wire_write(&w, 300));
	wire_put_u8(&w, (uint8_t)msg);
	wire_put_cstring(&w, name);
	wire_put_cstring(&w, pin);
	type = ask(f, wire_bytes(&w));
	wire_free(&w);
	return type;
}

static void
shell(const char *command)
{
	assert_int_equal(system(command), 0);
}

static void
test_pcsc_lists_connects_and_waits(void **state)
{
	struct pcsc_readers rs, later;
	uint8_t rsp[300];
	size_t n = sizeof(rsp);
	struct card_io io;
	struct pcsc *p;
	struct err e;
	enum card_since since;

	(void)state;
	assert_int_equal(pcsc_open(&p, &e), 0);
	assert_int_equal(pcsc_list(p, &rs, &e), 0);
	assert_true(rs.n >= 1);
	assert_true(rs.v[0].present);
	assert_true(rs.v[0].atr_n > 4);
	assert_int_equal(pcsc_connect(rs.v[0].name, &io, &e), 0);
	assert_int_equal(io.begin(io.ctx, &since, &e), 0);
	assert_int_equal(since, CARD_KEPT);
	assert_int_equal(io.transmit(io.ctx, (struct span){ (const uint8_t *)
	    "\x00\x84\x00\x00\x08", 5 }, rsp, &n, &e), 0);
	assert_int_equal(n, 2);		/* not selected: 6d00 */
	io.end(io.ctx);
	io.close(io.ctx);
	assert_int_equal(pcsc_connect("no such reader", &io, &e),
	    ERR_TOKEN_GONE);

	shell("vhsmctl pull");
	assert_int_equal(pcsc_wait(p, &rs, &e), 0);
	do
		assert_int_equal(pcsc_list(p, &later, &e), 0);
	while (later.v[0].present);
	shell("vhsmctl insert");
	assert_int_equal(pcsc_wait(p, &later, &e), 0);
	pcsc_close(p);
}

static void
test_keys_are_listed_and_sign(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, false, "648219\n");
	assert_int_equal(count_keys(&f), 1);
	assert_string_equal(f.ready, "1 token, 1 key");
	assert_int_equal(ask_sign(&f, "data"), MSG_SIGN_RESPONSE);
	teardown(&f);
}

static void
test_unlock_at_start_uses_the_given_pin(void **state)
{
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, true, "648219\n");
	while (f.ready[0] == '\0') {
		assert_non_null(loop_timer(f.loop, 10, end_turn, &f));
		assert_int_equal(loop_run(f.loop, &e), 0);
	}
	assert_int_equal(count_keys(&f), 1);
	assert_int_equal(ask(&f, (struct span){ (const uint8_t *)
	    "\x1b\0\0\0\x14" "status@hsm-ssh-agent", 25 }),
	    MSG_EXTENSION_RESPONSE);
	assert_non_null(memmem(f.reply, f.reply_n, "unlocked", 8));
	teardown(&f);
}

static void
test_a_prompt_at_start_delays_no_listing(void **state)
{
	char path[] = "./keyring-askpass.XXXXXX";
	struct fixture f;
	FILE *out;
	int fd;

	(void)state;
	fd = mkstemp(path);
	assert_int_not_equal(fd, -1);
	assert_non_null(out = fdopen(fd, "w"));
	fputs("#!/bin/sh\nexec sleep 60\n", out);
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(fclose(out), 0);
	setenv("SSH_ASKPASS", path, 1);
	setup(&f, true, NULL);
	assert_int_equal(count_keys(&f), 1);
	assert_string_equal(f.ready, "");
	teardown(&f);
	unsetenv("SSH_ASKPASS");
	unlink(path);
}

static void
test_tokens_go_by_serial_label_and_reader(void **state)
{
	static const char *const names[] = { "DENK0100000", "vhsm",
	    "Virtual HSM A 00 00" };
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		setup(&f, false, NULL);
		assert_int_equal(ask_named(&f, MSG_ADD_SMARTCARD_KEY,
		    names[i], "648219"), MSG_SUCCESS);
		assert_int_equal(ask_sign(&f, "x"), MSG_SIGN_RESPONSE);
		assert_int_equal(ask_named(&f, MSG_REMOVE_SMARTCARD_KEY,
		    names[i], ""), MSG_SUCCESS);
		assert_int_equal(ask_sign(&f, "x"), MSG_FAILURE);
		teardown(&f);
	}
	setup(&f, false, NULL);
	assert_int_equal(ask_named(&f, MSG_ADD_SMARTCARD_KEY, "other",
	    "648219"), MSG_FAILURE);
	assert_int_equal(ask(&f, span_cstr("\x13")), MSG_SUCCESS);
	teardown(&f);
}

/* The agent has the PIN; that is no reason for whoever has it not. */
static void
test_who_brings_no_pin_prolongs_no_unlock(void **state)
{
	struct fixture f;
	int64_t first;

	(void)state;
	setup(&f, false, NULL);
	vault_set_times(f.vault, 100, 0);
	assert_int_equal(ask_named(&f, MSG_ADD_SMARTCARD_KEY, "DENK0100000",
	    "648219"), MSG_SUCCESS);
	first = vault_ends_in(f.vault, "DENK0100000");
	assert_true(first > 0 && first <= 100000);
	vault_set_times(f.vault, 1000, 0);
	assert_int_equal(ask_named(&f, MSG_ADD_SMARTCARD_KEY, "DENK0100000",
	    ""), MSG_SUCCESS);
	assert_true(vault_ends_in(f.vault, "DENK0100000") <= first);
	assert_int_equal(ask_named(&f, MSG_ADD_SMARTCARD_KEY, "DENK0100000",
	    "648219"), MSG_SUCCESS);
	assert_true(vault_ends_in(f.vault, "DENK0100000") > first);
	teardown(&f);
}

static void
test_a_pulled_token_takes_its_keys_along_and_brings_them_back(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, false, "648219\n");
	assert_int_equal(ask_sign(&f, "x"), MSG_SIGN_RESPONSE);
	shell("vhsmctl pull");
	wait_for_keys(&f, 0);
	shell("vhsmctl insert");
	wait_for_keys(&f, 1);
	assert_int_equal(ask_sign(&f, "x"), MSG_SIGN_RESPONSE);
	teardown(&f);
}

static void
test_a_reset_by_another_program_costs_no_prompt(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, false, "648219\n");
	assert_int_equal(ask_sign(&f, "x"), MSG_SIGN_RESPONSE);
	shell("vhsmctl reset");
	assert_int_equal(ask_sign(&f, "x"), MSG_SIGN_RESPONSE);
	shell("vhsmctl apdu 00A404000BE82B0601040181C31F020100 >/dev/null");
	assert_int_equal(ask_sign(&f, "x"), MSG_SIGN_RESPONSE);
	teardown(&f);
}

int
main(int argc, char **argv)
{
	char with[] = "tests/harness/with-vhsm", key[] = "--key",
	    p256[] = "p256:login", *again[] = { with, key, p256, argv[0],
	    NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcsc_lists_connects_and_waits),
		cmocka_unit_test(test_keys_are_listed_and_sign),
		cmocka_unit_test(test_unlock_at_start_uses_the_given_pin),
		cmocka_unit_test(test_a_prompt_at_start_delays_no_listing),
		cmocka_unit_test(test_tokens_go_by_serial_label_and_reader),
		cmocka_unit_test(test_who_brings_no_pin_prolongs_no_unlock),
		cmocka_unit_test(
    test_a_pulled_token_takes_its_keys_along_and_brings_them_back),
		cmocka_unit_test(
		    test_a_reset_by_another_program_costs_no_prompt),
	};

	(void)argc;
	if (getenv("VHSM_CTL") == NULL) {
		execv(again[0], again);
		perror(again[0]);
		return 1;
	}
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	unsetenv("SSH_ASKPASS");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

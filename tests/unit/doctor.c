/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "keyutil/doctor.h"
#include "tests/unit/root.h"

#define RELEASE	"/proc/sys/kernel/osrelease"
#define POLICY	"/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy"

/* A patient: nothing is there but what a test puts there. */
struct patient {
	struct doctor	 d;
	char		*root;
	char		 socket[128];
};

static int
set_up(void **state)
{
	struct patient *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->root = root_make();
	snprintf(p->socket, sizeof(p->socket), "%s/run/pcscd/pcscd.comm",
	    p->root);
	p->d = (struct doctor){ .root = p->root, .pcscd_socket = p->socket,
	    .check = "test" };
	p->d.cards = calloc(1, sizeof(*p->d.cards));
	assert_non_null(p->d.cards);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct patient *p = *state;

	root_remove(p->root);
	doctor_free(&p->d);
	free(p);
	return 0;
}

/* What the check says when it looks at the patient as he is now. */
static const struct doctor_finding *
ask(struct patient *p, doctor_check_fn *check)
{
	host_look(p->root, &p->d.host);
	p->d.usb_listed = host_usb(p->root, p->d.usb, HOST_USB_MAX,
	    &p->d.n_usb);
	p->d.n = 0;
	check(&p->d);
	assert_in_range(p->d.n, 1, 20);
	return p->d.v;
}

static void
assert_finding(const struct doctor_finding *f, enum doctor_result r,
    const char *text, const char *fix)
{
	if (f->result != r || strstr(f->text, text) == NULL ||
	    strstr(f->fix, fix) == NULL || (fix[0] == '\0') !=
	    (f->fix[0] == '\0'))
		fail_msg("result %d: \"%s\", fix \"%s\"", (int)f->result,
		    f->text, f->fix);
}

static void
put_token_on_usb(struct patient *p, const char *product)
{
	root_put(p->root, "/sys/bus/usb/devices/1-1/idVendor", "20a0\n");
	root_put(p->root, "/sys/bus/usb/devices/1-1/idProduct", product);
}

/* A token in a reader, as it comes from the factory but for its PIN. */
static struct slot *
put_token(struct patient *p, const char *serial)
{
	struct tokens *ts = &p->d.cards->tokens;
	struct slot *s = &ts->v[ts->n++];

	*s = (struct slot){ .state = SLOT_TOKEN, .info = {
	    .model = "SmartCard-HSM", .firmware = "3.5",
	    .pin = TOKEN_PIN_NEEDED, .pin_tries = 3, .so_tries = 15,
	    .dkek_shares = -1 } };
	snprintf(s->reader, sizeof(s->reader), "Reader %zu", ts->n);
	snprintf(s->info.serial, sizeof(s->info.serial), "%s", serial);
	return s;
}

static void
test_kinds_of_systems_are_told(void **state)
{
	struct patient *p = *state;

	assert_finding(ask(p, doctor_system), DOCTOR_PASS, "Linux", "");
	root_put(p->root, RELEASE, "4.4.0-19041-Microsoft");
	assert_finding(ask(p, doctor_system), DOCTOR_FAIL, "WSL 1",
	    "--set-version");
	root_put(p->root, RELEASE, "5.15.90.1-microsoft-standard-WSL2");
	p->d.cards->rc = ERR_NO_TOKEN;
	assert_finding(ask(p, doctor_system), DOCTOR_WARN, "without systemd",
	    "wsl.conf");
	p->d.cards->rc = 0;
	assert_finding(ask(p, doctor_system), DOCTOR_PASS, "WSL 2", "");
	root_put(p->root, "/run/systemd/system/x", "");
	assert_finding(ask(p, doctor_system), DOCTOR_PASS, "systemd", "");
	root_put(p->root, "/run/.containerenv", "");
	assert_finding(ask(p, doctor_system), DOCTOR_PASS, "container", "");
}

static void
test_device_on_usb_is_named(void **state)
{
	struct patient *p = *state;

	assert_finding(ask(p, doctor_usb), DOCTOR_SKIP, "no USB", "");
	root_put(p->root, "/sys/bus/usb/devices/usb1/idVendor", "1d6b\n");
	assert_finding(ask(p, doctor_usb), DOCTOR_FAIL, "no token is seen",
	    "plug the token in");
	put_token_on_usb(p, "4230\n");
	assert_finding(ask(p, doctor_usb), DOCTOR_PASS,
	    "Nitrokey HSM (20a0:4230)", "");
	put_token_on_usb(p, "42b2\n");
	assert_finding(ask(p, doctor_usb), DOCTOR_WARN,
	    "Nitrokey 3 (20a0:42b2) is no HSM", "Nitrokey HSM");
	assert_finding(&p->d.v[1], DOCTOR_FAIL, "no token", "plug");
	(void)put_token(p, "A");
	assert_finding(ask(p, doctor_usb), DOCTOR_SKIP, "not a USB device",
	    "");
}

static void
test_token_comes_to_wsl_by_usbipd(void **state)
{
	struct patient *p = *state;

	root_put(p->root, RELEASE, "5.15.90.1-microsoft-standard-WSL2");
	assert_finding(ask(p, doctor_usb), DOCTOR_FAIL, "kernel of WSL",
	    "wsl.exe --update");
	root_put(p->root, "/sys/bus/usb/devices/usb1/idVendor", "1d6b\n");
	assert_finding(ask(p, doctor_usb), DOCTOR_FAIL, "no token is seen",
	    "usbipd.exe attach --wsl --hardware-id 20a0:4230");
}

static void
test_pcscd_that_does_not_run_is_started(void **state)
{
	struct patient *p = *state;

	p->d.cards->rc = ERR_NO_TOKEN;
	assert_finding(ask(p, doctor_pcscd), DOCTOR_FAIL, "not installed",
	    "install pcsc-lite");
	root_put(p->root, "/usr/bin/apt-get", "");
	assert_finding(ask(p, doctor_pcscd), DOCTOR_FAIL, "not installed",
	    "apt-get install pcscd");
	root_put(p->root, "/.dockerenv", "");
	assert_finding(ask(p, doctor_pcscd), DOCTOR_FAIL, "container",
	    "-v /run/pcscd:/run/pcscd");
	root_put(p->root, "/usr/sbin/pcscd", "");
	assert_finding(ask(p, doctor_pcscd), DOCTOR_FAIL, "does not run",
	    "pcscd");
	root_put(p->root, "/etc/init.d/pcscd", "");
	assert_finding(ask(p, doctor_pcscd), DOCTOR_FAIL, "does not run",
	    "service pcscd start");
	root_put(p->root, "/run/systemd/system/x", "");
	assert_finding(ask(p, doctor_pcscd), DOCTOR_FAIL, "does not run",
	    "systemctl enable --now pcscd.socket");
	p->d.socket_named = true;
	assert_finding(ask(p, doctor_pcscd), DOCTOR_FAIL,
	    "PCSCLITE_CSOCK_NAME names", "unset PCSCLITE_CSOCK_NAME");
}

static void
test_socket_tells_why_pcscd_does_not_serve(void **state)
{
	struct patient *p = *state;
	int fd = root_listen(p->root, "/run/pcscd/pcscd.comm");

	p->d.cards->rc = ERR_NO_TOKEN;
	(void)err_set(&p->d.cards->why, ERR_NO_TOKEN, 0, "the reason");
	assert_finding(ask(p, doctor_pcscd), DOCTOR_FAIL, "the reason",
	    "pcscd");
	root_put(p->root, POLICY, "");
	assert_finding(ask(p, doctor_pcscd), DOCTOR_FAIL, "polkit",
	    "/etc/polkit-1/rules.d/");
	close(fd);
	assert_finding(ask(p, doctor_pcscd), DOCTOR_FAIL, "has died",
	    "pcscd");
	p->d.cards->rc = 0;
	assert_finding(ask(p, doctor_pcscd), DOCTOR_PASS, "answers", "");
}

static void
test_driver_is_missed_where_the_token_is_seen(void **state)
{
	struct patient *p = *state;

	put_token_on_usb(p, "4230\n");
	assert_finding(ask(p, doctor_reader), DOCTOR_FAIL, "no driver",
	    "CCID");
	root_put(p->root, "/usr/lib/pcsc/drivers/ifd-ccid.bundle/x", "");
	assert_finding(ask(p, doctor_reader), DOCTOR_FAIL,
	    "has not noticed it", "pcscd");
	put_token_on_usb(p, "4108\n");
	assert_finding(ask(p, doctor_reader), DOCTOR_FAIL, "no reader",
	    "plug the token in");
	p->d.cards->rc = ERR_NO_TOKEN;
	assert_finding(ask(p, doctor_reader), DOCTOR_SKIP, "", "");
}

static void
test_other_cards_matter_only_without_a_token(void **state)
{
	struct patient *p = *state;
	struct tokens *ts = &p->d.cards->tokens;

	p->d.cards->readers.n = ts->n = 2;
	ts->v[0].state = SLOT_EMPTY;
	ts->v[1].state = SLOT_FOREIGN;
	assert_finding(ask(p, doctor_card), DOCTOR_FAIL, "no card", "put");
	assert_finding(&p->d.v[1], DOCTOR_FAIL, "not a SmartCard-HSM", "put");
	(void)put_token(p, "A");
	assert_finding(ask(p, doctor_card), DOCTOR_SKIP, "no card", "");
	assert_finding(&p->d.v[1], DOCTOR_SKIP, "not a SmartCard-HSM", "");
	assert_finding(&p->d.v[2], DOCTOR_PASS, "token A", "");
}

static void
test_who_shares_the_card_is_told(void **state)
{
	struct patient *p = *state;

	assert_finding(ask(p, doctor_holders), DOCTOR_SKIP, "", "");
	(void)put_token(p, "A");
	assert_finding(ask(p, doctor_holders), DOCTOR_PASS, "nobody", "");
	root_put(p->root, "/proc/7/comm", "scdaemon\n");
	root_put(p->root, "/proc/7/maps", "7f-8f r-xp 0 0 0 "
	    "/usr/lib/libpcsclite.so.1\n");
	assert_finding(ask(p, doctor_holders), DOCTOR_WARN,
	    "scdaemon (pid 7)", "gpgconf --kill scdaemon");
	p->d.cards->tokens.v[0].state = SLOT_FAILED;
	p->d.cards->tokens.v[0].err.code = ERR_DENIED;
	assert_finding(ask(p, doctor_holders), DOCTOR_FAIL,
	    "for itself alone", "gpgconf --kill scdaemon");
	p->d.cards->tokens.n = 0;
	p->d.cards->late = true;
	assert_finding(ask(p, doctor_holders), DOCTOR_FAIL,
	    "does not answer", "gpgconf --kill scdaemon");
}

static void
test_pin_states_have_their_commands(void **state)
{
	struct patient *p = *state;
	struct slot *s;

	assert_finding(ask(p, doctor_pin), DOCTOR_SKIP, "", "");
	s = put_token(p, "A");
	assert_finding(ask(p, doctor_pin), DOCTOR_PASS, "3 tries", "");
	s->info.pin_tries = 2;
	assert_finding(ask(p, doctor_pin), DOCTOR_WARN, "2 tries", "test");
	s->info.pin_tries = 1;
	assert_finding(ask(p, doctor_pin), DOCTOR_FAIL, "one try left",
	    "hsm-keyutil unlock --last-try A");
	s->info.pin = TOKEN_PIN_VERIFIED;
	assert_finding(ask(p, doctor_pin), DOCTOR_PASS, "logged in", "");
	s->info.pin = TOKEN_PIN_BLOCKED;
	assert_finding(ask(p, doctor_pin), DOCTOR_FAIL, "blocked",
	    "hsm-keyutil pin unblock");
	s->info.pin = TOKEN_PIN_TRANSPORT;
	assert_finding(ask(p, doctor_pin), DOCTOR_FAIL, "transport",
	    "hsm-keyutil pin change");
	s->info.pin = TOKEN_PIN_UNSET;
	assert_finding(ask(p, doctor_pin), DOCTOR_FAIL, "never set up",
	    "hsm-keyutil init");
	s->info.pin = TOKEN_PIN_UNKNOWN;
	assert_finding(ask(p, doctor_pin), DOCTOR_WARN, "not known", "");
}

static void
test_so_pin_warns_in_time(void **state)
{
	struct patient *p = *state;
	struct slot *s = put_token(p, "A");

	assert_finding(ask(p, doctor_so_pin), DOCTOR_PASS, "15 tries", "");
	s->info.so_tries = 3;
	assert_finding(ask(p, doctor_so_pin), DOCTOR_WARN, "3 tries", "");
	s->info.so_tries = 1;
	assert_finding(ask(p, doctor_so_pin), DOCTOR_WARN, "1 try left", "");
	s->info.so_tries = 0;
	assert_finding(ask(p, doctor_so_pin), DOCTOR_WARN, "for ever",
	    "hsm-keyutil backup --all");
	s->info.so_tries = -1;
	assert_finding(ask(p, doctor_so_pin), DOCTOR_SKIP, "", "");
}

static void
test_backup_needs_a_whole_dkek(void **state)
{
	struct patient *p = *state;
	struct slot *s = put_token(p, "A");

	assert_finding(ask(p, doctor_backup), DOCTOR_WARN, "no DKEK", "");
	s->info.dkek_shares = 0;
	assert_finding(ask(p, doctor_backup), DOCTOR_WARN, "this token only",
	    "");
	s->info.dkek_shares = 3;
	s->info.dkek_missing = 2;
	assert_finding(ask(p, doctor_backup), DOCTOR_WARN, "2 of 3",
	    "hsm-keyutil dkek import-share FILE");
	s->info.dkek_missing = 3;
	assert_finding(ask(p, doctor_backup), DOCTOR_WARN, "3 of 3",
	    "hsm-keyutil dkek create-share");
	assert_finding(ask(p, doctor_keys), DOCTOR_WARN, "no key",
	    "hsm-keyutil dkek create-share");
	s->info.dkek_missing = 0;
	assert_finding(ask(p, doctor_keys), DOCTOR_WARN, "no key",
	    "hsm-keyutil generate");
	assert_finding(ask(p, doctor_backup), DOCTOR_PASS, "can be backed up",
	    "");
}

static void
test_of_two_tokens_each_is_named_in_its_fix(void **state)
{
	struct patient *p = *state;

	put_token(p, "A")->info.pin = TOKEN_PIN_BLOCKED;
	assert_finding(ask(p, doctor_pin), DOCTOR_FAIL, "A: ", "unblock");
	assert_null(strstr(p->d.v[0].fix, "--token"));
	put_token(p, "B")->info.pin = TOKEN_PIN_BLOCKED;
	assert_finding(ask(p, doctor_pin), DOCTOR_FAIL, "A: ",
	    "hsm-keyutil pin unblock --token A");
	assert_finding(&p->d.v[1], DOCTOR_FAIL, "B: ",
	    "hsm-keyutil pin unblock --token B");
}

static void
test_old_firmware_and_leftovers_are_told(void **state)
{
	struct patient *p = *state;
	struct slot *s = put_token(p, "A");

	assert_finding(ask(p, doctor_firmware), DOCTOR_PASS, "3.5", "");
	snprintf(s->info.firmware, sizeof(s->info.firmware), "1.2");
	assert_finding(ask(p, doctor_firmware), DOCTOR_WARN, "old", "");
	s->info.firmware[0] = '\0';
	assert_finding(ask(p, doctor_firmware), DOCTOR_PASS, "unknown", "");
	assert_finding(ask(p, doctor_leftovers), DOCTOR_PASS, "nothing", "");
	s->leftovers.v = calloc(1, sizeof(*s->leftovers.v));
	assert_non_null(s->leftovers.v);
	s->leftovers.n = 1;
	s->leftovers.v[0] = (struct token_leftover){ .ref = "05",
	    .what = "description" };
	assert_finding(ask(p, doctor_leftovers), DOCTOR_WARN, "description",
	    "hsm-keyutil delete 05");
}

/* Text from a token or an agent goes to a terminal, and into a shell. */
static void
test_words_are_quoted_for_a_shell(void **state)
{
	struct patient *p = *state;
	char many[600];

	assert_string_equal(doctor_quote("/a/b-1.sock").s, "/a/b-1.sock");
	assert_string_equal(doctor_quote("").s, "''");
	assert_string_equal(doctor_quote("a b").s, "'a b'");
	assert_string_equal(doctor_quote("$(x)").s, "'$(x)'");
	assert_string_equal(doctor_quote("it's").s, "'it'\\''s'");
	memset(many, '\'', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	assert_true(strlen(doctor_quote(many).s) < 256);
	put_token(p, "\033[2J$(x)")->info.pin = TOKEN_PIN_BLOCKED;
	put_token(p, "B");
	assert_finding(ask(p, doctor_pin), DOCTOR_FAIL, "?[2J$(x): ",
	    "--token '?[2J$(x)'");
}

#define T(fn)	cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_kinds_of_systems_are_told),
		T(test_device_on_usb_is_named),
		T(test_token_comes_to_wsl_by_usbipd),
		T(test_pcscd_that_does_not_run_is_started),
		T(test_socket_tells_why_pcscd_does_not_serve),
		T(test_driver_is_missed_where_the_token_is_seen),
		T(test_other_cards_matter_only_without_a_token),
		T(test_who_shares_the_card_is_told),
		T(test_pin_states_have_their_commands),
		T(test_so_pin_warns_in_time),
		T(test_backup_needs_a_whole_dkek),
		T(test_of_two_tokens_each_is_named_in_its_fix),
		T(test_old_firmware_and_leftovers_are_told),
		T(test_words_are_quoted_for_a_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

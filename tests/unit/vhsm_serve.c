/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reader and the control language, without pcscd: the test is vpcd, at
 * the other end of a pair of sockets.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tests/unit/vhsm_card.h"
#include "tests/vhsm/ctl.h"
#include "tests/vhsm/reader.h"

#define STATUS	"00200081"

struct bench {
	struct server	*s;
	int		 fd;		/* vpcd's end; -1: hung up */
	char		*text;		/* of the last control line */
};

static void
plug_in(struct bench *b)
{
	int pair[2];

	if (b->fd != -1)
		close(b->fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	b->fd = pair[0];
	b->s->link.fd = pair[1];
	b->s->link.n = 0;
	b->s->inserted = true;
}

static const char *
ctl(struct bench *b, const char *line)
{
	char *copy = strdup(line);
	size_t n;
	FILE *out;

	free(b->text);
	assert_non_null(copy);
	out = open_memstream(&b->text, &n);
	assert_non_null(out);
	ctl_run(b->s, copy, out);
	fclose(out);
	free(copy);
	return b->text;
}

static void
ctl_ok(struct bench *b, const char *line, const char *says)
{
	const char *got = ctl(b, line);
	size_t n = strlen(says);

	if (strncmp(got, says, n) != 0 || strcmp(got + n, "ok\n") != 0)
		fail_msg("%s: %s", line, got);
}

static void
ctl_bad(struct bench *b, const char *line, const char *why)
{
	const char *got = ctl(b, line);

	if (strncmp(got, "error ", 6) != 0 || strstr(got, why) == NULL)
		fail_msg("%s: %s", line, got);
}

static void
post(struct bench *b, const uint8_t *p, size_t n)
{
	uint8_t len[2] = { (uint8_t)(n >> 8), (uint8_t)n };

	assert_int_equal(send(b->fd, len, 2, MSG_NOSIGNAL), 2);
	assert_int_equal(send(b->fd, p, n, MSG_NOSIGNAL), n);
}

static void
post_hex(struct bench *b, const char *hex)
{
	long n = 0;
	uint8_t *p = OPENSSL_hexstr2buf(hex, &n);

	assert_non_null(p);
	post(b, p, (size_t)n);
	OPENSSL_free(p);
}

/*
 * The status word that came; 0: none yet, 1: the card broke off in the middle
 * of an answer, 2: it hung up.
 */
static unsigned
answer(struct bench *b)
{
	uint8_t m[4096];
	ssize_t n = recv(b->fd, m, sizeof(m), MSG_DONTWAIT);

	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n < 4)
		return n == 0 ? 2 : 1;
	assert_int_equal(n, 2 + (m[0] << 8 | m[1]));
	return (unsigned)m[n - 2] << 8 | m[n - 1];
}

static unsigned
ask(struct bench *b, const char *hex)
{
	post_hex(b, hex);
	reader_read(b->s);
	return answer(b);
}

/* The same where vpcd goes: hanging up then need not wait for it. */
static unsigned
ask_last(struct bench *b, const char *hex)
{
	post_hex(b, hex);
	shutdown(b->fd, SHUT_WR);
	reader_read(b->s);
	return answer(b);
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct err e;

	if (b == NULL || (b->s = calloc(1, sizeof(*b->s))) == NULL)
		return 1;
	*state = b;
	b->fd = -1;
	b->s->listener = -1;
	b->s->reconnect = true;
	if (serve_start(b->s, NULL, &e) != 0)
		return 1;
	plug_in(b);
	ctl_ok(b, "init " VHSM_PIN " " VHSM_SO_PIN, "");
	assert_int_equal(ask(b, SELECT), 0x9000);
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	serve_stop(b->s);
	if (b->fd != -1)
		close(b->fd);
	free(b->text);
	free(b->s);
	free(b);
	return 0;
}

static void
test_the_nth_command_fails(void **state)
{
	struct bench *b = *state;

	ctl_ok(b, "fail 2 6F00", "");
	ctl_ok(b, "fail 2 84 6F01", "");
	ctl_ok(b, "fail 3 raw 0102030405", "");
	assert_int_equal(ask(b, STATUS), 0x63c3);
	assert_int_equal(ask(b, STATUS), 0x6f00);
	assert_int_equal(ask(b, "0084000008"), 0x0405);
	assert_int_equal(ask(b, STATUS), 0x63c3);
	ctl_ok(b, "planned", "1\n");
	assert_int_equal(ask(b, "0084000008"), 0x6f01);
	assert_int_equal(ask(b, "0084000008"), 0x9000);
	ctl_ok(b, "planned", "0\n");
	ctl_ok(b, "fail 1 20 drop", "");
	assert_int_equal(ask(b, "0084000008"), 0x9000);
	assert_int_equal(ask(b, VERIFY), 1);
	plug_in(b);
	assert_int_equal(ask(b, SELECT), 0x9000);
	ctl_ok(b, "fail 1 drop-after", "");
	assert_int_equal(ask(b, WRONG), 1);
	ctl_ok(b, "pins", "1 1 0\n");
	ctl_ok(b, "tries", "2\n");
	ctl_ok(b, "so-tries", "15\n");
	ctl_ok(b, "so-tries 2", "");
	ctl_ok(b, "so-tries", "2\n");
	plug_in(b);
	ctl_ok(b, "fail 1 empty", "");
	assert_int_equal(ask(b, SELECT), 2);
}

static void
test_a_pin_is_told_from_a_question(void **state)
{
	struct bench *b = *state;

	ctl_ok(b, "fail 2 20+ 6F00", "");
	assert_int_equal(ask(b, STATUS), 0x63c3);
	assert_int_equal(ask(b, STATUS "00"), 0x63c3);
	assert_int_equal(ask(b, VERIFY), 0x9000);
	assert_int_equal(ask(b, "0084000008"), 0x9000);
	assert_int_equal(ask(b, STATUS), 0x9000);
	assert_int_equal(ask(b, VERIFY), 0x6f00);
	ctl_bad(b, "fail 2 20+", "");
	ctl_bad(b, "fail 2 20- 6F00", "");
	ctl_bad(b, "fail 2 2+ 6F00", "");
}

static void
test_the_nth_command_is_late(void **state)
{
	struct bench *b = *state;

	ctl_ok(b, "delay 60000 at 2 20", "");
	assert_int_equal(ask(b, STATUS), 0x63c3);
	assert_int_equal(ask(b, "0084000008"), 0x9000);
	assert_int_equal(ask(b, STATUS), 0);
	assert_true(b->s->late.due > serve_now());
	reader_answer_late(b->s);
	assert_int_equal(answer(b), 0x63c3);
	assert_int_equal(ask(b, STATUS), 0x63c3);
}

static void
test_lines_run_before_during_and_after(void **state)
{
	struct bench *b = *state;

	ctl_ok(b, "at 1 20 before pin 111111", "");
	assert_int_equal(ask(b, VERIFY), 0x63c2);
	ctl_ok(b, "at 2 20 during pin " VHSM_PIN, "");
	assert_int_equal(ask(b, "0020008106313131313131"), 0x9000);
	assert_int_equal(ask(b, STATUS), 0x9000);	/* and then it goes */
	assert_int_equal(ask(b, STATUS), 0x63c3);
	ctl_ok(b, "at 1 after reset", "");
	assert_int_equal(ask(b, VERIFY), 0x9000);
	assert_int_equal(ask(b, STATUS), 0x6d00);
	assert_int_equal(ask(b, SELECT), 0x9000);
	ctl_ok(b, "at 1 after at 1 20 before logout", "");
	assert_int_equal(ask(b, VERIFY), 0x9000);
	assert_int_equal(ask(b, "0084000008"), 0x9000);
	assert_int_equal(ask(b, STATUS), 0x63c3);
	ctl_ok(b, "planned", "0\n");
}

static void
test_a_failed_line_is_told(void **state)
{
	struct bench *b = *state;

	ctl_ok(b, "at 1 before pin 12", "");
	ctl_ok(b, "at 1 before nonsense", "");
	ctl_ok(b, "planned", "2\n");
	assert_int_equal(ask(b, STATUS), 0x63c3);
	ctl_bad(b, "planned", "6 to 16");
	ctl_ok(b, "planned", "0\n");
	ctl_ok(b, "at 5 before pull", "");
	ctl_ok(b, "forget", "");
	ctl_ok(b, "planned", "0\n");
}

static void
test_pulling_loses_what_was_not_answered(void **state)
{
	static const char *const line[] = {
		"at 1 before pull", "at 1 during pull", "at 1 after pull"
	};
	struct bench *b = *state;

	for (size_t i = 0; i < 3; i++) {
		plug_in(b);
		assert_int_equal(ask(b, SELECT), 0x9000);
		ctl_ok(b, "tries 3", "");
		ctl_ok(b, "reset-count", "");
		ctl_ok(b, line[i], "");
		assert_int_equal(ask_last(b, WRONG), i == 2 ? 0x63c2 : 1);
		assert_int_equal(b->s->link.fd, -1);
		assert_false(b->s->inserted);
		ctl_ok(b, "pins", i == 0 ? "0 0 0\n" : "1 1 0\n");
		ctl_ok(b, "log", i == 2 ? "00200081 11 -> 2 63C2\n" :
		    "00200081 11 -> lost\n");
	}
}

static void
test_a_pull_while_the_answer_waits_is_in_the_log(void **state)
{
	struct bench *b = *state;

	ctl_ok(b, "reset-count", "");
	ctl_ok(b, "delay 60000 at 1", "");
	assert_int_equal(ask_last(b, STATUS), 0);
	ctl_ok(b, "pull", "");
	ctl_ok(b, "log", "00200081 4 -> lost\n");
	ctl_ok(b, "count", "0\n");
}

static void
test_cards_are_swapped(void **state)
{
	struct bench *b = *state;
	uint8_t on = VPCD_ON;

	ctl_ok(b, "serial", "DENK0100000\n");
	ctl_ok(b, "card 1 init 111111 " VHSM_SO_PIN, "");
	ctl_ok(b, "card 1 generate p256 other 07", "01\n");
	ctl_ok(b, "card 1 serial", "DENK0200000\n");
	ctl_ok(b, "serial", "DENK0100000\n");
	assert_int_equal(ask(b, VERIFY), 0x9000);

	ctl_ok(b, "swap 1 quiet", "");
	assert_int_equal(ask(b, STATUS), 0x6d00);
	assert_int_equal(ask(b, SELECT), 0x9000);
	assert_int_equal(ask(b, VERIFY), 0x63c2);
	assert_int_equal(ask(b, "00B1CE01045402000001"), 0x9000);
	ctl_ok(b, "pins", "1 1 0\n");
	ctl_ok(b, "card 0 pins", "1 0 0\n");

	ctl_ok(b, "swap 0 reset", "");
	ctl_ok(b, "serial", "DENK0200000\n");
	post(b, &on, 1);
	reader_read(b->s);
	ctl_ok(b, "serial", "DENK0100000\n");
	assert_int_equal(ask(b, SELECT), 0x9000);
	assert_int_equal(ask(b, "00B1CE01045402000001"), 0x6a82);

	shutdown(b->fd, SHUT_WR);
	ctl_ok(b, "swap 1", "");
	assert_int_equal(b->s->link.fd, -1);
	assert_true(b->s->inserted);
	plug_in(b);
	assert_int_equal(ask(b, STATUS), 0x6d00);
	ctl_ok(b, "serial", "DENK0200000\n");
	ctl_ok(b, "reset-count", "");
	ctl_ok(b, "pins", "0 0 0\n");
	ctl_bad(b, "swap 4", "0 to 3");
	ctl_bad(b, "swap 0 loudly", "quiet");
}

static void
test_others_use_the_card(void **state)
{
	struct bench *b = *state;

	assert_int_equal(ask(b, VERIFY), 0x9000);
	ctl_ok(b, "reset-count", "");
	ctl_ok(b, "send " STATUS, "9000\n");
	ctl_ok(b, "logout", "6F0A820178850500010003059000\n");
	ctl_ok(b, "send " STATUS, "63C3\n");
	ctl_ok(b, "send 00A4040006D27600012401", "6A82\n");
	assert_int_equal(ask(b, STATUS), 0x63c3);
	ctl_ok(b, "other-applet", "6F088406D276000124019000\n");
	assert_int_equal(ask(b, STATUS), 0x6d00);
	assert_int_equal(ask(b, "8058000000"), 0x6e00);
	assert_int_equal(ask(b, "00A40000022F0200"), 0x6a82);
	assert_int_equal(ask(b, SELECT), 0x9000);
	ctl_ok(b, "send " WRONG, "63C2\n");
	ctl_ok(b, "pins", "0 0 0\n");
	ctl_ok(b, "count", "5\n");
	ctl_ok(b, "tries", "2\n");
	ctl_ok(b, "tries 0", "");
	assert_int_equal(ask(b, VERIFY), 0x6983);
	ctl_ok(b, "pins", "1 0 0\n");
}

static void
test_the_reader_gets_the_atr(void **state)
{
	struct bench *b = *state;
	uint8_t atr = VPCD_ATR;

	ctl_ok(b, "reader", "full\n");
	ctl_ok(b, "atr 3B80800101", "");
	post(b, &atr, 1);
	reader_read(b->s);
	assert_int_equal(answer(b), 0x0101);
	ctl_ok(b, "reader", "seen\n");
	ctl_ok(b, "atr own", "");
	post(b, &atr, 1);
	reader_read(b->s);
	assert_int_equal(answer(b), 0x0792);
	ctl_bad(b, "atr x", "hex");
	ctl_bad(b, "atr 00112233445566778899AABBCCDDEEFF"
	    "00112233445566778899AABBCCDDEEFF0011", "33");
}

static void
test_a_reader_that_says_nothing_is_left(void **state)
{
	struct bench *b = *state;
	uint8_t atr = VPCD_ATR;

	b->s->connected = serve_now();
	assert_in_range(reader_keep_connected(b->s), 1, 3000 * SERVE_MS);
	assert_int_equal(answer(b), 0);
	b->s->connected -= 3000 * SERVE_MS;
	assert_in_range(reader_keep_connected(b->s), 1, 3000 * SERVE_MS);
	assert_int_equal(answer(b), 2);
	plug_in(b);
	post(b, &atr, 1);
	reader_read(b->s);
	assert_int_equal(reader_keep_connected(b->s), -1);
	assert_int_equal(answer(b), 0x0792);
}

static void
test_only_so_much_is_planned(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < FAULT_PLANS; i++)
		ctl_ok(b, "fail 9 6F00", "");
	ctl_bad(b, "fail 9 6F00", "32");
	ctl_bad(b, "at 9 before pull", "32");
	ctl_bad(b, "delay 9 at 9", "32");
}

static void
test_nonsense_is_refused(void **state)
{
	static const char *const lines[] = {
		"", "   ", "\"", "x", "fail", "fail 0 6F00", "fail -1 6F00",
		"fail 1 10000", "fail 1 raw", "fail 1 raw zz", "fail 1 20",
		"fail 1 raw 0g", "fail 1 6F00 6F00", "fail 1 20 6F00 20",
		"at 1", "at 1 20", "at 0 before pull", "at 1 20 before",
		"at 1 beside pull", "at 99999999 before pull",
		"delay", "delay -1", "delay 600001", "delay 1 20 20",
		"delay 1 at", "delay 1 at 0", "delay 1 at 1 zz",
		"card", "card 1", "card 4 ping", "card 1 card 1 card 9 ping",
		"swap", "swap x", "pin", "pin 12345", "pin 12345678901234567",
		"tries x", "tries 16", "send", "send x", "apdu 0", "count zz",
		"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ctl_bad(b, lines[i], "");
}

/* Any answer will do, but there is one, and it ends as ctl.h says. */
static void
test_lines_cut_anywhere_are_answered(void **state)
{
	static const char *const lines[] = {
		"swap 2 quiet", "card 1 init 648219 3537363231383830 \"a b\"",
		"delay 10 at 3 68", "fail 2 20 raw 6F0001",
		"fail 1 6F00", "at 1 20 before at 2 68 after pin 123456",
		"apdu 00A404000BE82B0601040181C31F020100", "tries 2",
		"generate p256 \"the label\" 0102", "quirk enum-pad on",
		"delete-file CC01", "count 68", "pin 648219",
	};
	struct bench *b = *state;

	shutdown(b->fd, SHUT_WR);	/* "swap 2" pulls */
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (size_t n = 0; n <= strlen(lines[i]); n++) {
			char *line = strndup(lines[i], n);
			const char *got = ctl(b, line);
			size_t len = strlen(got);

			assert_true(strncmp(got, "error ", 6) == 0 ||
			    (len >= 3 && strcmp(got + len - 3, "ok\n") == 0));
			free(line);
		}
}

#define B(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		B(test_the_nth_command_fails),
		B(test_a_pin_is_told_from_a_question),
		B(test_the_nth_command_is_late),
		B(test_lines_run_before_during_and_after),
		B(test_a_failed_line_is_told),
		B(test_pulling_loses_what_was_not_answered),
		B(test_a_pull_while_the_answer_waits_is_in_the_log),
		B(test_cards_are_swapped),
		B(test_others_use_the_card),
		B(test_the_reader_gets_the_atr),
		B(test_a_reader_that_says_nothing_is_left),
		B(test_only_so_much_is_planned),
		B(test_nonsense_is_refused),
		B(test_lines_cut_anywhere_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

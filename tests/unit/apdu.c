/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/data.h"
#include "token/apdu.h"

/* Answers with what it is told to, and keeps what it was sent. */
struct fake {
	uint8_t		 sent[2048];
	size_t		 sent_n;
	const char	*answer;	/* hex */
	const char	*then[2];	/* the next answers; NULL: the same */
	unsigned int	 count;		/* commands */
	uint8_t		 rsp[64];
};

static int
transmit(void *ctx, struct span cmd, uint8_t *rsp, size_t *rsp_len,
    struct err *e)
{
	struct fake *f = ctx;
	const char *later = f->count > 0 && f->count < 3 ?
	    f->then[f->count - 1] : NULL;
	struct data d = data_hex(later != NULL ? later : f->answer);

	(void)e;
	f->count++;
	assert_true(cmd.n <= sizeof(f->sent) && d.n <= *rsp_len);
	memcpy(f->sent, cmd.p, cmd.n);
	f->sent_n = cmd.n;
	if (d.n > 0)
		memcpy(rsp, d.p, d.n);
	*rsp_len = d.n;
	data_free(&d);
	return 0;
}

static int
send(struct fake *f, const struct apdu *a, size_t room, size_t *n,
    uint16_t *sw, struct err *e)
{
	struct card_io io = { .transmit = transmit, .ctx = f };

	*n = room;
	return apdu_send(&io, a, f->rsp, n, sw, e);
}

static void
check_sent(const struct fake *f, const char *hex)
{
	struct data d = data_hex(hex);

	assert_true(span_eq((struct span){ f->sent, f->sent_n },
	    data_span(&d)));
	data_free(&d);
}

static void
test_the_four_cases_short_and_extended(void **state)
{
	static const struct {
		struct apdu a;
		const char *hex;
	} t[] = {
		{ { .ins = 0x20, .p2 = 0x81 }, "00200081" },
		{ { .ins = 0x84, .le = 8 }, "0084000008" },
		{ { .ins = 0x84, .le = 256 }, "0084000000" },
		{ { .ins = 0x20, .data = { (const uint8_t *)"ab", 2 } },
		    "00200000026162" },
		{ { .ins = 0xa4, .data = { (const uint8_t *)"a", 1 },
		    .le = 256 }, "00a40000016100" },
		{ { .cla = 0x80, .ins = 0x58, .le = 65536 },
		    "80580000000000" },
		{ { .cla = 0x80, .ins = 0x58, .le = 8, .extended = true },
		    "80580000000008" },
		{ { .ins = 0xb1, .data = { (const uint8_t *)"a", 1 },
		    .le = 4096 }, "00b1000000000161" "1000" },
		{ { .ins = 0x20, .p2 = 0x81, .extended = true }, "00200081" },
	};
	struct fake f = { .answer = "9000" };
	struct err e;
	uint16_t sw;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		assert_int_equal(send(&f, &t[i].a, 0, &n, &sw, &e), 0);
		check_sent(&f, t[i].hex);
		assert_int_equal(sw, 0x9000);
		assert_int_equal(n, 0);
	}
}

static void
test_an_answer_without_status_word_is_an_error(void **state)
{
	const struct apdu a = { .ins = 0x84 };
	struct fake f = { 0 };
	struct err e;
	uint16_t sw;
	size_t n;

	(void)state;
	f.answer = "";
	assert_int_equal(send(&f, &a, 8, &n, &sw, &e), ERR_TOKEN_GONE);
	f.answer = "90";
	assert_int_equal(send(&f, &a, 8, &n, &sw, &e), ERR_TOKEN_GONE);
	f.answer = "aa9000";
	assert_int_equal(send(&f, &a, 8, &n, &sw, &e), 0);
	assert_int_equal(n, 1);
}

static void
test_more_than_asked_for_is_an_error(void **state)
{
	const struct apdu a = { .ins = 0x84 };
	struct fake f = { .answer = "0102039000" };
	struct err e;
	uint16_t sw;
	size_t n;

	(void)state;
	assert_int_equal(send(&f, &a, 2, &n, &sw, &e), ERR_FORMAT);
}

static void
test_more_is_fetched_and_another_length_taken(void **state)
{
	const struct apdu a = { .ins = 0x84, .le = 4 };
	const struct apdu pin = { .ins = 0x20, .le = 4, .secret = true };
	struct fake f = { .answer = "01026102", .then = { "036101",
	    "049000" } };
	struct err e;
	uint16_t sw;
	size_t n;

	(void)state;
	assert_int_equal(send(&f, &a, 8, &n, &sw, &e), 0);
	assert_int_equal(sw, 0x9000);
	assert_int_equal(n, 4);
	assert_memory_equal(f.rsp, "\1\2\3\4", 4);
	check_sent(&f, "00c0000001");
	assert_int_equal(f.count, 3);

	f = (struct fake){ .answer = "6c02", .then = { "01029000" } };
	assert_int_equal(send(&f, &a, 8, &n, &sw, &e), 0);
	assert_int_equal(n, 2);
	check_sent(&f, "0084000002");

	/* A PIN is not sent again, and nobody is fooled into a loop. */
	f = (struct fake){ .answer = "6c02" };
	assert_int_equal(send(&f, &pin, 8, &n, &sw, &e), 0);
	assert_int_equal(sw, 0x6c02);
	assert_int_equal(f.count, 1);
	f = (struct fake){ .answer = "6110" };
	assert_int_equal(send(&f, &a, 8, &n, &sw, &e), 0);
	assert_int_equal(sw, 0x6110);
	assert_int_equal(f.count, 2);
	f = (struct fake){ .answer = "016110" };
	assert_int_equal(send(&f, &a, 8, &n, &sw, &e), ERR_FORMAT);
	assert_int_equal(f.count, 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_four_cases_short_and_extended),
		cmocka_unit_test(
		    test_an_answer_without_status_word_is_an_error),
		cmocka_unit_test(test_more_than_asked_for_is_an_error),
		cmocka_unit_test(
		    test_more_is_fetched_and_another_length_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

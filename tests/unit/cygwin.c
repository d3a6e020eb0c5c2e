/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/cygwin_file.h"

static const uint8_t nonce[CYGWIN_NONCE_BYTES] = { 0x0a, 1, 2, 3, 4, 5, 6, 7,
    8, 9, 10, 11, 12, 13, 14, 0xff };

/* All of a client's side: the nonce, then pid 0x01020304, uid and gid. */
static void
make_side(uint8_t side[28])
{
	memcpy(side, nonce, sizeof(nonce));
	cygwin_creds(side + sizeof(nonce), 0x01020304, 7, 8);
}

static void
test_a_side_may_come_in_any_pieces(void **state)
{
	uint8_t side[28];

	(void)state;
	make_side(side);
	for (size_t piece = 1; piece <= sizeof(side); piece++) {
		struct cygwin_shake s = { 0 };
		enum cygwin_step step = CYGWIN_MORE;
		size_t at = 0, proved = 0;

		while (step != CYGWIN_DONE) {
			size_t n = cygwin_shake_want(&s);

			n = n < piece ? n : piece;
			assert_true(n > 0 && at + n <= sizeof(side));
			step = cygwin_shake_feed(&s, nonce,
			    (struct span){ side + at, n });
			at += n;
			assert_int_not_equal(step, CYGWIN_WRONG);
			if (step == CYGWIN_PROVED) {
				proved++;
				assert_int_equal(at, sizeof(nonce));
			}
		}
		assert_int_equal(proved, 1);
		assert_int_equal(at, sizeof(side));
		assert_int_equal(cygwin_shake_want(&s), 0);
		assert_int_equal(cygwin_shake_pid(&s), 0x01020304);
	}
}

static void
test_cut_off_it_proves_nothing(void **state)
{
	uint8_t side[28];

	(void)state;
	make_side(side);
	for (size_t n = 0; n < sizeof(nonce); n++) {
		struct cygwin_shake s = { 0 };

		assert_int_equal(cygwin_shake_feed(&s, nonce,
		    (struct span){ side, n }), CYGWIN_MORE);
	}
}

static void
test_each_bit_of_the_nonce_counts(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < 8 * sizeof(nonce); bit++) {
		struct cygwin_shake s = { 0 };
		uint8_t wrong[sizeof(nonce)];

		memcpy(wrong, nonce, sizeof(nonce));
		wrong[bit / 8] = (uint8_t)(wrong[bit / 8] ^ 1 << bit % 8);
		assert_int_equal(cygwin_shake_feed(&s, nonce,
		    (struct span){ wrong, sizeof(wrong) }), CYGWIN_WRONG);
	}
}

static void
test_more_than_is_wanted_is_wrong(void **state)
{
	struct cygwin_shake s = { 0 };
	uint8_t side[28];

	(void)state;
	make_side(side);
	assert_int_equal(cygwin_shake_feed(&s, nonce,
	    (struct span){ side, sizeof(side) }), CYGWIN_WRONG);
}

/* --- the file --- */

static void
read_file(const char *path, char buf[128])
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, 127, f);
	buf[n] = '\0';
	fclose(f);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

#define PLACE	"cygwin-test.sock"

static void
test_the_file_is_what_cygwin_reads(void **state)
{
	struct cygwin_file f;
	struct stat st;
	char text[128];
	struct err e;

	(void)state;
	unlink(PLACE);
	assert_int_equal(cygwin_file_write(&f, PLACE, 4711, nonce, &e), 0);
	read_file(PLACE, text);
	assert_string_equal(text, "!<socket >4711 s "
	    "0302010A-07060504-0B0A0908-FF0E0D0C");
	assert_int_equal(stat(PLACE, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	cygwin_file_remove(&f);
	assert_int_equal(access(PLACE, F_OK), -1);
	cygwin_file_remove(&f);
}

static void
test_only_what_an_agent_writes_is_read(void **state)
{
	static const char whole[] =
	    "!<socket >4711 s 0302010A-07060504-0B0A0908-FF0E0D0C";
	static const char *const others[] = {
		"!<socket >4711 s 0302010a-07060504-0B0A0908-FF0E0D0C",
		"!<socket >04711 s 0302010A-07060504-0B0A0908-FF0E0D0C",
		"!<socket >0 s 0302010A-07060504-0B0A0908-FF0E0D0C",
		"!<socket >65536 s 0302010A-07060504-0B0A0908-FF0E0D0C",
		"!<socket >-1 s 0302010A-07060504-0B0A0908-FF0E0D0C",
		"!<socket >4711 s 0x02010A-07060504-0B0A0908-FF0E0D0C",
		"!<socket >4711 s 0302010A-07060504-0B0A0908-FF0E0D0C-",
		"!<socket >4711  s 0302010A-07060504-0B0A0908-FF0E0D0C",
	};
	uint8_t said[CYGWIN_NONCE_BYTES];
	char cut[sizeof(whole)];
	uint16_t port;

	(void)state;
	assert_true(cygwin_file_parse(whole, &port, said));
	assert_int_equal(port, 4711);
	assert_memory_equal(said, nonce, sizeof(nonce));
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		memcpy(cut, whole, n);
		cut[n] = '\0';
		assert_false(cygwin_file_parse(cut, &port, said));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (cygwin_file_parse(others[i], &port, said))
			fail_msg("taken: \"%s\"", others[i]);
}

static void
test_one_that_was_left_is_replaced_and_nothing_else(void **state)
{
	struct cygwin_file f, other;
	struct err e;
	char text[128];

	(void)state;
	unlink(PLACE);
	assert_int_equal(cygwin_file_write(&f, PLACE, 1, nonce, &e), 0);
	assert_int_equal(cygwin_file_write(&other, PLACE, 2, nonce, &e), 0);
	cygwin_file_remove(&f);		/* it is the other's by now */
	read_file(PLACE, text);
	assert_non_null(strstr(text, ">2 s "));
	cygwin_file_remove(&other);

	write_file(PLACE, "precious");
	assert_int_equal(cygwin_file_write(&f, PLACE, 1, nonce, &e),
	    ERR_DENIED);
	assert_non_null(strstr(e.msg, PLACE ": there is something"));
	read_file(PLACE, text);
	assert_string_equal(text, "precious");
	unlink(PLACE);

	write_file(PLACE ".there", "!<socket >1 s 2");
	assert_int_equal(symlink(PLACE ".there", PLACE), 0);
	assert_int_equal(cygwin_file_write(&f, PLACE, 1, nonce, &e),
	    ERR_DENIED);
	unlink(PLACE);
	unlink(PLACE ".there");

	assert_int_equal(mkdir(PLACE, 0700), 0);
	assert_int_equal(cygwin_file_write(&f, PLACE, 1, nonce, &e),
	    ERR_DENIED);
	rmdir(PLACE);
	assert_int_equal(cygwin_file_write(&f, "no/such/place", 1, nonce, &e),
	    ERR_SYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_side_may_come_in_any_pieces),
		cmocka_unit_test(test_cut_off_it_proves_nothing),
		cmocka_unit_test(test_each_bit_of_the_nonce_counts),
		cmocka_unit_test(test_more_than_is_wanted_is_wrong),
		cmocka_unit_test(test_the_file_is_what_cygwin_reads),
		cmocka_unit_test(test_only_what_an_agent_writes_is_read),
		cmocka_unit_test(
		    test_one_that_was_left_is_replaced_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

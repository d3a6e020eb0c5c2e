/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/cygwin_file.h"
#include "contrib/wsl/relay/core.h"

#define WHOLE	"!<socket >4711 s 0302010A-07060504-0B0A0908-FF0E0D0C"

static const uint8_t nonce[RELAY_NONCE] = { 0x0a, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    10, 11, 12, 13, 14, 0xff };

static void
test_a_file_of_the_agent_is_read(void **state)
{
	struct relay_address a;
	struct cygwin_file f;
	struct err e;

	(void)state;
	assert_int_equal(cygwin_file_write(&f, "wsl-relay-test.sock", 65535,
	    nonce, &e), 0);
	assert_true(relay_parse_file(f.text, &a));
	cygwin_file_remove(&f);
	assert_int_equal(a.port, 65535);
	assert_memory_equal(a.nonce, nonce, sizeof(nonce));
	assert_true(relay_parse_file(WHOLE "\r\n", &a));
	assert_int_equal(a.port, 4711);
	assert_memory_equal(a.nonce, nonce, sizeof(nonce));
}

static void
test_anything_else_is_not(void **state)
{
	static const char *const t[] = {
		"", "!<socket >", "!<socket >0 s " "00000000-0-0-0",
		"!<socket >65536 s 0302010A-07060504-0B0A0908-FF0E0D0C",
		"!<socket >4711 d 0302010A-07060504-0B0A0908-FF0E0D0C",
		"!<socket >4711 s 0302010G-07060504-0B0A0908-FF0E0D0C",
		"!<socket >-1 s 0302010A-07060504-0B0A0908-FF0E0D0C",
		" " WHOLE, WHOLE "-00000000", WHOLE " ",
	};
	struct relay_address a;
	char cut[sizeof(WHOLE)];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		if (relay_parse_file(t[i], &a))
			fail_msg("taken: \"%s\"", t[i]);
	for (size_t n = 0; n < sizeof(WHOLE) - 1; n++) {
		memcpy(cut, WHOLE, n);
		cut[n] = '\0';
		assert_false(relay_parse_file(cut, &a));
	}
}

static void
test_a_frame_has_a_length_within_the_protocol(void **state)
{
	(void)state;
	assert_int_equal(relay_frame_length((uint8_t[]){ 0, 0, 1, 2 }), 258);
	assert_int_equal(relay_frame_length((uint8_t[]){ 0, 0, 0, 0 }), 0);
	assert_int_equal(relay_frame_length((uint8_t[]){ 0, 4, 0, 0 }),
	    RELAY_FRAME_MAX);
	assert_int_equal(relay_frame_length((uint8_t[]){ 0, 4, 0, 1 }), 0);
	assert_int_equal(relay_frame_length((uint8_t[]){ 255, 0, 0, 1 }), 0);
}

static void
test_a_pid_is_told_as_cygwin_does(void **state)
{
	static const uint8_t want[RELAY_CREDS] = { 4, 3, 2, 1 };
	uint8_t creds[RELAY_CREDS];

	(void)state;
	relay_creds(creds, 0x01020304);
	assert_memory_equal(creds, want, sizeof(want));
}

static void
test_a_pipe_is_for_its_owner_alone(void **state)
{
	char text[200];

	(void)state;
	assert_true(relay_rights(text, sizeof(text), "S-1-5-21-1-2-3-1001"));
	assert_string_equal(text, "O:S-1-5-21-1-2-3-1001"
	    "D:P(A;;GA;;;S-1-5-21-1-2-3-1001)");
	/* Everyone, and what would end the entry and begin another. */
	assert_false(relay_rights(text, sizeof(text), "WD"));
	assert_false(relay_rights(text, sizeof(text), "S-1-1)(A;;GA;;;WD"));
	assert_false(relay_rights(text, 20, "S-1-5-21-1-2-3-1001"));
}

static void
test_pageants_pipe_has_the_name_that_putty_looks_for(void **state)
{
	uint8_t block[RELAY_PAGEANT_BLOCK], digest[32];
	char name[120];

	(void)state;
	relay_pageant_block(block);
	assert_memory_equal(block, "Pageant\0\0\0\0\0\0\0\0", sizeof(block));
	memset(digest, 0xa5, sizeof(digest));
	assert_true(relay_pageant_name(name, sizeof(name), "alice", digest));
	assert_string_equal(name, "\\\\.\\pipe\\pageant.alice."
	    "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
	assert_false(relay_pageant_name(name, 40, "alice", digest));
}

static void
test_a_principal_is_cut_where_its_realm_begins(void **state)
{
	static const char *const t[][2] = {
		{ "alice@example.org", "alice" }, { "alice", "alice" },
		{ "a@b@c", "a" }, { "@", "" }, { "", "" },
	};
	char name[32];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		memset(name, 'x', sizeof(name));
		memcpy(name, t[i][0], strlen(t[i][0]) + 1);
		relay_cut_realm(name);
		assert_string_equal(name, t[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_of_the_agent_is_read),
		cmocka_unit_test(test_anything_else_is_not),
		cmocka_unit_test(
		    test_a_frame_has_a_length_within_the_protocol),
		cmocka_unit_test(test_a_pid_is_told_as_cygwin_does),
		cmocka_unit_test(test_a_pipe_is_for_its_owner_alone),
		cmocka_unit_test(
		    test_pageants_pipe_has_the_name_that_putty_looks_for),
		cmocka_unit_test(
		    test_a_principal_is_cut_where_its_realm_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

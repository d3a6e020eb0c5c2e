/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one card does and another does not: firmware, habits, and what was done
 * to it.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/vhsm_card.h"

#define OTHER	"00A4040006D27600012401"
#define NOWHERE	"00A4040005A000000001"

static void
test_keys_that_were_made_again_are_listed_last(void **state)
{
	struct test *t = *state;

	card_ready(t);
	card_make_key(t, "p256");
	card_make_key(t, "p256");
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "00E4020002CC01", 0x9000);
	EXPECT(t, "00E4020002CE01", 0x9000);
	EXPECT(t, "00E4020002C401", 0x9000);
	card_make_key(t, "p256");
	EXPECT(t, "8058000000", 0x9000);
	card_expect(t, "2F02" "CC00" "2F03" "CC02" "CE02" "C402"
	    "CC01" "CE01" "C401");
	EXPECT(t, "00D7C402085402000053024142", 0x9000);
	EXPECT(t, "8058000000", 0x9000);	/* new content, old place */
	card_expect(t, "2F02" "CC00" "2F03" "CC02" "CE02" "C402"
	    "CC01" "CE01" "C401");
}

static unsigned
send_long(struct test *t, size_t n)
{
	uint8_t *p = calloc(1, n);
	unsigned sw;

	p[1] = 0xb1;
	p[2] = 0xce;
	p[5] = (uint8_t)((n - 7) >> 8);
	p[6] = (uint8_t)(n - 7);
	sw = card_send(t, (struct span){ p, n });
	free(p);
	return sw;
}

/* A READ whose data make no sense, of the longest kind and beyond. */
static void
test_a_command_is_as_long_as_the_firmware_takes(void **state)
{
	static const struct {
		const char	*firmware;
		size_t		 max;
	} limits[] = {
		{ "1.2", 1462 }, { "2.6", 1454 }, { "3.5", 1232 },
		{ "4.0", 1454 }, { "pico", 8000 },
	};
	struct test *t = *state;

	card_ready(t);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		assert_true(vhsm_set_firmware(t->v, limits[i].firmware));
		EXPECT(t, SELECT, 0x9000);
		assert_int_equal(send_long(t, limits[i].max), 0x6a80);
		if (strcmp(limits[i].firmware, "pico") != 0)
			assert_int_equal(send_long(t, limits[i].max + 1),
			    0x6700);
	}
}

static bool
can_make(struct test *t, const char *type)
{
	struct span id = { NULL, 0 };
	struct err e;
	uint8_t ref;

	return vhsm_make_key(t->v, type, "", id, &ref, &e) == 0;
}

static void
test_old_firmware_knows_fewer_keys(void **state)
{
	static const char *const old[] = { "1.2", "2.6" };
	struct test *t = *state;

	card_ready(t);
	for (size_t i = 0; i < 2; i++) {
		assert_true(vhsm_set_firmware(t->v, old[i]));
		assert_true(can_make(t, "p256"));
		assert_true(can_make(t, "rsa1024"));
		assert_true(can_make(t, "brainpoolP320r1"));
		assert_false(can_make(t, "p384"));
		assert_false(can_make(t, "p521"));
		assert_false(can_make(t, "rsa3072"));
		assert_false(can_make(t, "aes128"));
		EXPECT(t, SELECT, 0x9000);
		EXPECT(t, VERIFY, 0x9000);
		EXPECT(t, "806801730400000000" "00", 0x9000);
		EXPECT(t, "806801740400000000" "00", 0x6a86);
		EXPECT(t, "80680175" "0400000000" "00", 0x6a86);
	}
	assert_true(vhsm_set_firmware(t->v, "4.0"));
	assert_true(can_make(t, "p521"));
	assert_true(can_make(t, "aes128"));
	EXPECT(t, SELECT, 0x9000);
	card_expect(t, "6F0A82017885050001000400");
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "806801740400000000" "00", 0x9000);
}

static void
test_only_firmware_is_taken_for_firmware(void **state)
{
	static const char *const bad[] = {
		"", "3", "3.", ".5", "0.1", "3.5x", "x", "3.500", "picos"
	};
	struct vhsm_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(vhsm_parse_firmware(&o, bad[i]));
	assert_true(vhsm_parse_firmware(&o, "12.34"));
	assert_int_equal(o.major, 12);
	assert_int_equal(o.minor, 34);
}

static void
test_pico_differs(void **state)
{
	struct test *t = *state;
	struct err e;
	size_t n;

	assert_true(vhsm_parse_firmware(&t->opt, "pico"));
	card_ready(t);
	card_expect(t, "620A8201788505" "0001FF0305");
	assert_int_equal(vhsm_atr(t->v, &n)[1], 0xfe);
	EXPECT(t, "00B12F03045402000000", 0x9000);
	card_expect(t, "3028" "020100" "040B44454E4B30313030303030"
	    "0C0D612074686972642070617274" "79" "80036C6162" "03020520");
	EXPECT(t, "00B12F0304540200" "2A" "00", 0x9000);
	assert_int_equal(t->n, 0);
	EXPECT(t, "00B12F0304540200" "2B" "00", 0x6282);
	card_make_key(t, "p256");
	EXPECT(t, "8058000000", 0x9000);
	card_expect(t, "2F02" "CC00" "2F03" "CC01" "C401" "0000");
	EXPECT(t, VERIFY, 0x9000);
	assert_int_equal(vhsm_limit_algs(t->v, 1,
	    (struct span){ (const uint8_t *)"\x73", 1 }, &e), 0);
	EXPECT(t, "806801700411223344" "00", 0x6985);
	assert_int_equal(vhsm_limit_uses(t->v, 1, 1, &e), 0);
	EXPECT(t, "806801730411223344" "00", 0x9000);
	EXPECT(t, "806801730411223344" "00", 0x6a84);
	EXPECT(t, "002C018108" SO_HEX, 0x6985);
	EXPECT(t, "805000001C" "80020001" "8106" PIN_HEX "8208" SO_HEX
	    "910103" "920101", 0x9000);
	EXPECT(t, "00200081", 0x9000);		/* logged in by that */
}

static void
test_uses_and_algorithms_run_out(void **state)
{
	struct span none = { NULL, 0 };
	struct test *t = *state;
	struct err e;

	card_use_file(t);
	card_ready(t);
	card_make_key(t, "p256");
	assert_int_equal(vhsm_limit_uses(t->v, 1, 1, &e), 0);
	assert_int_equal(vhsm_limit_algs(t->v, 1,
	    (struct span){ (const uint8_t *)"\x70\x73", 2 }, &e), 0);
	card_reopen(t);				/* both are kept */
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "806801710411223344" "00", 0x6a81);
	EXPECT(t, "806801700411223344" "00", 0x9000);
	EXPECT(t, "806801700411223344" "00", 0x6984);
	assert_int_equal(vhsm_limit_uses(t->v, 1, -1, &e), 0);
	assert_int_equal(vhsm_limit_algs(t->v, 1, none, &e), 0);
	EXPECT(t, "806801710411223344" "00", 0x9000);
	assert_int_not_equal(vhsm_limit_uses(t->v, 0, 1, &e), 0);
	assert_int_not_equal(vhsm_limit_algs(t->v, 2, none, &e), 0);
}

static void
test_pin_states_that_others_leave(void **state)
{
	struct test *t = *state;
	struct err e;

	card_ready(t);
	EXPECT(t, VERIFY, 0x9000);
	vhsm_set_pka(t->v, 0x6985);
	EXPECT(t, "00200081", 0x6985);
	EXPECT(t, VERIFY, 0x6985);
	EXPECT(t, "80680170041122334400", 0x6982);
	EXPECT(t, "8054000000", 0x9000);
	card_expect(t, "02020100");
	vhsm_set_pka(t->v, 0);
	EXPECT(t, "00200081", 0x63c3);
	assert_int_equal(vhsm_set_transport(t->v, true, &e), 0);
	EXPECT(t, "00200081", 0x6984);
	EXPECT(t, VERIFY, 0x6984);
	EXPECT(t, "002400810C" PIN_HEX "313131313131", 0x9000);
	EXPECT(t, "0020008106313131313131", 0x9000);
	assert_int_equal(vhsm_set_tries(t->v, 0, &e), 0);
	EXPECT(t, "0020008106313131313131", 0x6983);
	assert_int_equal(vhsm_change_pin(t->v, VHSM_PIN, &e), 0);
	EXPECT(t, VERIFY, 0x9000);
}

static void
test_a_pin_that_never_was_cannot_be_changed(void **state)
{
	struct test *t = *state;
	struct err e;

	card_open(t);
	assert_int_not_equal(vhsm_change_pin(t->v, "123456", &e), 0);
	assert_int_not_equal(vhsm_set_tries(t->v, 1, &e), 0);
	assert_int_not_equal(vhsm_set_transport(t->v, true, &e), 0);
}

static void
test_a_foreign_select_may_cost_the_login(void **state)
{
	struct test *t = *state;

	card_ready(t);
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, NOWHERE, 0x6a82);
	EXPECT(t, "00200081", 0x9000);
	vhsm_set_quirk(t->v, VHSM_QUIRK_FOREIGN_LOGOUT, true);
	EXPECT(t, NOWHERE, 0x6a82);
	EXPECT(t, "00200081", 0x63c3);
	vhsm_set_quirk(t->v, VHSM_QUIRK_FOREIGN_DESELECT, true);
	EXPECT(t, NOWHERE, 0x6a82);
	EXPECT(t, "00200081", 0x6d00);
}

static void
test_a_pin_may_go_to_another_applet(void **state)
{
	struct test *t = *state;

	card_ready(t);
	EXPECT(t, OTHER, 0x6a82);
	vhsm_set_quirk(t->v, VHSM_QUIRK_OTHER_APPLET, true);
	EXPECT(t, OTHER, 0x9000);
	EXPECT(t, "00200081", 0x6d00);
	EXPECT(t, "8058000000", 0x6e00);
	assert_int_equal(vhsm_pins(t->v).strayed, 0);
	vhsm_set_quirk(t->v, VHSM_QUIRK_OTHER_PIN, true);
	EXPECT(t, "00200081", 0x63c3);
	EXPECT(t, VERIFY, 0x63c2);
	EXPECT(t, VERIFY, 0x63c1);
	EXPECT(t, VERIFY, 0x6983);
	assert_int_equal(vhsm_pins(t->v).sent, 3);
	assert_int_equal(vhsm_pins(t->v).strayed, 3);
	assert_int_equal(vhsm_pins(t->v).lost, 0);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "00200081", 0x63c3);
	assert_int_equal(vhsm_tries(t->v), 3);
}

static void
test_a_wrong_le_is_answered_with_the_right_one(void **state)
{
	struct test *t = *state;

	card_ready(t);
	card_make_key(t, "p256");
	vhsm_set_quirk(t->v, VHSM_QUIRK_6CXX, true);
	EXPECT(t, SELECT, 0x6c0c);
	EXPECT(t, "00A404000BE82B0601040181C31F02010C", 0x9000);
	card_expect(t, "6F0A82017885050001000305");
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "00B12F03045402000000", 0x6c0e);
	EXPECT(t, "00B12F0304540200000E", 0x9000);
	assert_int_equal(t->n, 14);
	EXPECT(t, "00B1CE01045402000000", 0x9000);	/* 256: 00 is right */
	for (int i = 0; i < 32; i++) {		/* lengths differ */
		char again[] = "8068017004112233440x";
		static const char hex[] = "0123456789ABCDEF";
		unsigned sw;

		sw = card_send_hex(t, "80680170041122334400");
		assert_int_equal(sw & 0xff00, 0x6c00);
		again[18] = hex[(sw >> 4) & 15];
		again[19] = hex[sw & 15];
		EXPECT(t, again, 0x9000);
		assert_int_equal(t->n, sw & 0xff);
	}
	EXPECT(t, "8058000000", 0x6c0c);
	EXPECT(t, "00200081", 0x9000);		/* and it is forgotten */
	EXPECT(t, "805800000C", 0x9000);
}

static void
test_an_answer_waits_for_get_response(void **state)
{
	struct test *t = *state;

	card_ready(t);
	EXPECT(t, "00C0000000", 0x6d00);
	vhsm_set_quirk(t->v, VHSM_QUIRK_61XX, true);
	EXPECT(t, SELECT, 0x610c);
	EXPECT(t, "00C0000005", 0x6107);
	card_expect(t, "6F0A820178");
	EXPECT(t, "00C0000000", 0x9000);
	card_expect(t, "85050001000305");
	EXPECT(t, "00C0000000", 0x6d00);
	EXPECT(t, "00B12F03045402000000", 0x610e);
	EXPECT(t, "00C000000E", 0x6282);
	EXPECT(t, "8058000000", 0x9000);	/* no data, no 61xx */
	EXPECT(t, SELECT, 0x610c);
	EXPECT(t, "00200081", 0x63c3);
	EXPECT(t, "00C0000000", 0x6d00);	/* too late */
	EXPECT(t, SELECT, 0x610c);
	vhsm_power(t->v);
	EXPECT(t, "00C0000000", 0x6d00);
}

static void
test_a_long_answer_comes_in_pieces(void **state)
{
	struct test *t = *state;
	uint8_t whole[1024];
	size_t n, got;
	unsigned sw;

	card_ready(t);
	card_make_key(t, "p256");
	EXPECT(t, "00B1CE01" "000004" "54020000" "0000", 0x6282);
	n = t->n;
	assert_in_range(n, 257, 511);
	memcpy(whole, t->rsp, n);
	vhsm_set_quirk(t->v, VHSM_QUIRK_61XX_LONG, true);
	EXPECT(t, "8058000000", 0x9000);
	sw = card_send_hex(t, "00B1CE01" "000004" "54020000" "0000");
	assert_int_equal(sw, 0x6100 + n - 256);
	assert_int_equal(t->n, 256);
	assert_memory_equal(t->rsp, whole, 256);
	got = t->n;
	EXPECT(t, "00C0000000", 0x6282);
	assert_int_equal(t->n, n - got);
	assert_memory_equal(t->rsp, whole + got, t->n);
}

static void
test_short_only_is_a_quirk_too(void **state)
{
	struct test *t = *state;

	t->opt.short_only = true;
	card_ready(t);
	EXPECT(t, "80580000000000", 0x6700);
	vhsm_set_quirk(t->v, VHSM_QUIRK_SHORT, false);
	EXPECT(t, "80580000000000", 0x9000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_keys_that_were_made_again_are_listed_last),
		T(test_a_command_is_as_long_as_the_firmware_takes),
		T(test_old_firmware_knows_fewer_keys),
		T(test_only_firmware_is_taken_for_firmware),
		T(test_pico_differs),
		T(test_uses_and_algorithms_run_out),
		T(test_pin_states_that_others_leave),
		T(test_a_pin_that_never_was_cannot_be_changed),
		T(test_a_foreign_select_may_cost_the_login),
		T(test_a_pin_may_go_to_another_applet),
		T(test_a_wrong_le_is_answered_with_the_right_one),
		T(test_an_answer_waits_for_get_response),
		T(test_a_long_answer_comes_in_pieces),
		T(test_short_only_is_a_quirk_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tests/unit/vhsm_card.h"
#include "tests/vhsm/vh_apdu.h"

static void
test_nothing_but_select_works_before_select(void **state)
{
	struct test *t = *state;

	card_open(t);
	EXPECT(t, "00200081", 0x6d00);
	EXPECT(t, "8058000000", 0x6d00);
	EXPECT(t, "FF20008100", 0x6d00);
	EXPECT(t, "00A4040005A000000001", 0x6a82);
	EXPECT(t, "00A40000022F0200", 0x6a82);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "8058000000", 0x9000);
	EXPECT(t, "00FF000000", 0x6d00);
	EXPECT(t, "01200081", 0x6e00);
	vhsm_power(t->v);
	EXPECT(t, "8058000000", 0x6d00);
}

static void
test_select_tells_the_firmware(void **state)
{
	struct test *t = *state;

	card_ready(t);
	EXPECT(t, SELECT, 0x9000);
	card_expect(t, "6F0A82017885050001000305");
	EXPECT(t, "00A404040BE82B0601040181C31F020100", 0x9000);
	card_expect(t, "620A82017885050001000305");
	EXPECT(t, "00A4040C0BE82B0601040181C31F0201", 0x9000);
	assert_int_equal(t->n, 0);
	EXPECT(t, "00A4080002" "2F00" "00", 0x6a86);
}

static void
test_firmware_1_has_a_short_version_and_atr(void **state)
{
	struct test *t = *state;
	size_t n;

	t->opt.major = 1;
	t->opt.minor = 2;
	card_open(t);
	EXPECT(t, SELECT, 0x9000);
	card_expect(t, "6F078201788502" "0102");
	assert_int_equal(vhsm_atr(t->v, &n)[1], 0xfe);
	EXPECT(t, "00200081", 0x6984);		/* never initialised */
}

static void
test_fresh_card_has_no_pins(void **state)
{
	struct test *t = *state;

	card_open(t);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "00200081", 0x6a88);
	EXPECT(t, "00200088", 0x6a88);
	EXPECT(t, VERIFY, 0x6a88);
	EXPECT(t, "00200085", 0x6a88);
	EXPECT(t, "8052000000", 0x6d00);
	EXPECT(t, "8054000000", 0x6d00);
	assert_false(vhsm_is_initialised(t->v));
}

static void
test_pin_counts_down_and_blocks(void **state)
{
	struct test *t = *state;

	card_ready(t);
	EXPECT(t, "00200081", 0x63c3);
	EXPECT(t, "0020008100", 0x63c3);
	EXPECT(t, "00200081053030303030", 0x6a80);
	EXPECT(t, WRONG, 0x63c2);
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "00200081", 0x9000);
	EXPECT(t, WRONG, 0x63c2);		/* and logs out */
	EXPECT(t, "00200081", 0x63c2);
	EXPECT(t, WRONG, 0x63c1);
	EXPECT(t, WRONG, 0x63c0);
	EXPECT(t, VERIFY, 0x6983);
	EXPECT(t, "00200081", 0x6983);
	EXPECT(t, "002C00810E" SO_HEX "313233343536", 0x9000);
	EXPECT(t, VERIFY, 0x63c2);
	EXPECT(t, "0020008106313233343536", 0x9000);
}

static void
test_so_pin_blocks_for_good(void **state)
{
	struct test *t = *state;

	card_ready(t);
	EXPECT(t, "00200088", 0x63cf);
	EXPECT(t, "002C0081080000000000000000", 0x6a80);	/* no PIN */
	for (unsigned left = 15; left-- > 0;)
		EXPECT(t, "002C0181080000000000000000", 0x63c0 + left);
	EXPECT(t, "002C018108" SO_HEX, 0x6983);
	EXPECT(t, "00200088", 0x6983);
	EXPECT(t, "80500000128106" PIN_HEX "8208" SO_HEX, 0x6983);
}

static void
test_login_ends_with_select_and_power(void **state)
{
	struct test *t = *state;

	card_ready(t);
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "00A4040005A000000001", 0x6a82);	/* keeps it */
	EXPECT(t, "00200081", 0x9000);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "00200081", 0x63c3);
	EXPECT(t, VERIFY, 0x9000);
	vhsm_power(t->v);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "00200081", 0x63c3);
}

static void
test_pin_changes(void **state)
{
	struct test *t = *state;

	card_ready(t);
	EXPECT(t, "002400810C" "303030303030" "313131313131", 0x63c2);
	EXPECT(t, "002400810D" PIN_HEX "31313131313131", 0x9000);
	EXPECT(t, VERIFY, 0x63c2);
	EXPECT(t, "002000810731313131313131", 0x9000);
	EXPECT(t, "0024008810" SO_HEX "0102030405060708", 0x9000);
	EXPECT(t, "002C018108" SO_HEX, 0x63ce);
	EXPECT(t, "002C0181080102030405060708", 0x9000);
	EXPECT(t, "0024008100", 0x6a80);
}

static void
test_transport_pin_must_be_changed(void **state)
{
	struct test *t = *state;

	card_open(t);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "805000001980020003" "8106" PIN_HEX "8208" SO_HEX "910103",
	    0x9000);
	EXPECT(t, "00200081", 0x6984);
	EXPECT(t, "00200088", 0x63cf);
	EXPECT(t, VERIFY, 0x6984);
	EXPECT(t, "002400810C" PIN_HEX "313131313131", 0x9000);
	EXPECT(t, "00200081", 0x63c3);
	EXPECT(t, "0020008106313131313131", 0x9000);
}

static void
test_initialize_checks_the_so_pin_and_wipes(void **state)
{
	struct test *t = *state;

	card_ready(t);
	card_make_key(t, "p256");
	EXPECT(t, "8050000008" "8106" PIN_HEX, 0x6a80);
	EXPECT(t, "80500000158106" PIN_HEX "82080000000000000000910103",
	    0x63ce);
	EXPECT(t, "00B1C40100000454020000" "0000", 0x6282);
	EXPECT(t, "80500000158106" PIN_HEX "8208" SO_HEX "910104", 0x6a80);
	EXPECT(t, "80500000158106" PIN_HEX "8208" SO_HEX "910103", 0x9000);
	EXPECT(t, "00B1C40100000454020000" "0000", 0x6a82);
	EXPECT(t, "8058000000", 0x9000);
	assert_int_equal(t->n, 4);		/* 2F02 CC00 */
	EXPECT(t, "002C018108" SO_HEX, 0x6985);	/* RRC not allowed */
	EXPECT(t, "8050000000", 0x9000);	/* free memory */
	assert_int_equal(t->n, 6);
}

static void
test_files_are_written_read_and_deleted(void **state)
{
	struct test *t = *state;

	card_ready(t);
	EXPECT(t, "00D7CA01085402000053024142", 0x6982);
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "00D7CA0106540200005300", 0x9000);
	EXPECT(t, "00D700000A540200005304" "41424344", 0x9000);
	EXPECT(t, "00D7000008540200045302" "4546", 0x9000);
	EXPECT(t, "00B1CA01045402000006", 0x9000);
	assert_memory_equal(t->rsp, "ABCDEF", 6);
	EXPECT(t, "00B1CA01045402000400", 0x6282);
	assert_int_equal(t->n, 2);
	EXPECT(t, "00B1CA01045402000600", 0x6282);
	assert_int_equal(t->n, 0);
	EXPECT(t, "00B1CA010454020000", 0x6700);
	EXPECT(t, "00A4000002CA0100", 0x9000);
	assert_memory_equal(t->rsp + 2, "\x80\x02\x00\x06", 4);
	EXPECT(t, "00E4020002CA01", 0x9000);
	EXPECT(t, "00E4020002CA01", 0x6a82);
	EXPECT(t, "00A4000002CA0100", 0x6a82);
	EXPECT(t, "00D72F02085402000053024142", 0x6982);
	EXPECT(t, "00D7CC01085402000053024142", 0x6982);
	EXPECT(t, "00E40200022F02", 0x6982);
	EXPECT(t, "00D7CF010A54020000530461", 0x6700);
	EXPECT(t, "00D7CF010854020000530461", 0x6700);
	EXPECT(t, "00D7CF0109540200005304616263", 0x6a80);
}

static void
test_private_data_and_keys_cannot_be_read(void **state)
{
	struct test *t = *state;

	card_ready(t);
	card_make_key(t, "p256");
	EXPECT(t, "00B1CC01045402000000", 0x6982);
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "00B1CC01045402000000", 0x6982);
	EXPECT(t, "00D7CD01085402000053024142", 0x9000);
	EXPECT(t, "00B1CD01045402000002", 0x9000);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "00B1CD01045402000002", 0x6982);
}

static void
test_enumerate_lists_in_order_of_making(void **state)
{
	struct test *t = *state;

	card_ready(t);
	card_make_key(t, "p256");
	EXPECT(t, "80580000000000", 0x9000);
	card_expect(t, "2F02" "CC00" "2F03" "CC01" "CE01" "C401");
	EXPECT(t, "8058000003", 0x9000);
	assert_int_equal(t->n, 2);
	vhsm_set_quirk(t->v, VHSM_QUIRK_ENUM_PAD, true);
	vhsm_set_quirk(t->v, VHSM_QUIRK_NO_CE_LIST, true);
	EXPECT(t, "8058000000", 0x9000);
	card_expect(t, "2F02" "CC00" "2F03" "CC01" "C401" "0000");
}

static void
test_prkd_is_as_opensc_writes_it(void **state)
{
	const struct span id10 = { (const uint8_t *)"\x10", 1 };
	const struct span id11 = { (const uint8_t *)"\x11", 1 };
	struct test *t = *state;
	struct err e = { 0 };
	uint8_t ref;

	card_ready(t);
	assert_int_equal(vhsm_make_key(t->v, "rsa1024", "rsa1", id10, &ref,
	    &e), 0);
	assert_int_equal(vhsm_make_key(t->v, "p256", "ec1", id11, &ref, &e),
	    0);
	assert_int_equal(ref, 2);
	EXPECT(t, "00B1C40100000454020000" "0000", 0x6282);
	card_expect(t, "3027300D0C0472736131030206C0040101300A040110030204"
	    "70020101A10A30083002040002020400");
	EXPECT(t, "00B1C40200000454020000" "0000", 0x6282);
	card_expect(t, "A027300C0C03656331030206C0040101300B04011103030730"
	    "80020102A10A30083002040002020100");
}

static void
test_challenge_is_random_and_bounded(void **state)
{
	struct test *t = *state;

	card_ready(t);
	EXPECT(t, "0084000008", 0x9000);
	assert_int_equal(t->n, 8);
	EXPECT(t, "0084000000", 0x9000);
	assert_int_equal(t->n, 256);
	EXPECT(t, "00840000000400", 0x9000);
	assert_int_equal(t->n, 1024);
	EXPECT(t, "00840000000401", 0x6700);
	EXPECT(t, "00840000", 0x6700);
}

static void
test_short_only_card_refuses_extended_apdus(void **state)
{
	struct test *t = *state;

	t->opt.short_only = true;
	card_open(t);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "80580000000000", 0x6700);
	EXPECT(t, "8058000000", 0x9000);
}

static void
test_foreign_card_knows_nothing(void **state)
{
	struct test *t = *state;
	const uint8_t *atr;
	size_t n;

	t->opt.foreign = true;
	card_open(t);
	EXPECT(t, SELECT, 0x6a82);
	EXPECT(t, "00200081", 0x6d00);
	atr = vhsm_atr(t->v, &n);
	for (size_t i = 0; i + 4 <= n; i++)
		assert_memory_not_equal(atr + i, "HSM1", 4);
}

static void
test_reading_and_signing_write_nothing(void **state)
{
	struct test *t = *state;
	struct stat before, after;

	card_use_file(t);
	card_ready(t);
	card_make_key(t, "p256");
	assert_int_equal(stat(t->path, &before), 0);
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "8068017004" "01020304" "00", 0x9000);
	EXPECT(t, "80580000000000", 0x9000);
	assert_int_equal(stat(t->path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void
test_cut_state_file_is_refused(void **state)
{
	struct test *t = *state;
	struct err e = { 0 };
	struct stat st;

	card_use_file(t);
	card_ready(t);
	vhsm_close(t->v);
	t->v = NULL;
	assert_int_equal(stat(t->path, &st), 0);
	for (off_t n = st.st_size; n-- > 0;) {
		assert_int_equal(truncate(t->path, n), 0);
		assert_int_equal(vhsm_open(&t->v, &t->opt, &e), ERR_FORMAT);
		assert_null(t->v);
	}
}

static void
test_privileged_access_leaves_the_session_alone(void **state)
{
	static const uint8_t del[] = { 0x00, 0xe4, 0x02, 0x00, 0x02, 0xc4,
	    0x01 };
	struct test *t = *state;
	struct span cmd = { del, sizeof(del) };

	card_ready(t);
	card_make_key(t, "p256");
	vhsm_power(t->v);
	assert_int_equal(vhsm_apdu_privileged(t->v, cmd, t->rsp, 16), 2);
	assert_int_equal(t->rsp[0], 0x90);
	EXPECT(t, "8058000000", 0x6d00);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "00200081", 0x63c3);
	EXPECT(t, "00B1C401045402000000", 0x6a82);
}

static const char *const samples[] = {
	SELECT, VERIFY, "002400810C" PIN_HEX PIN_HEX,
	"002C00810E" SO_HEX PIN_HEX,
	"8050000018" "8106" PIN_HEX "8208" SO_HEX "910103" "920101",
	"8052000020" SHARE1 "00", "80580000000000",
	"00B1C40100000454020000" "0000",
	"00D7CA01085402000053024142", "00E4020002CA01",
	"00460100425F29010042095554434130303030317F4915060A04007F0007020202"
	"010282030100010202040" "05F200541424344459004000000019102203391000000",
	"004801B2029101", "8068017004" "0102030400", "8062018004" "01020304",
	"80720192000000", "8074019304" "01020304", "0084000008",
	"00B1CE01" "000004" "54020000" "0000", "00C0000000",
	"00A4040006D27600012401",
};

/* Cut, extend and bend every command; only a crash is wrong. */
static void
send_any_bytes(struct test *t)
{
	uint8_t cmd[400] = { 0 };
	long n = 0;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		uint8_t *p = OPENSSL_hexstr2buf(samples[i], &n);

		assert_non_null(p);
		for (size_t k = 0; k <= (size_t)n; k++) {
			uint8_t *exact = malloc(k + 1);	/* for ASan */

			memcpy(exact + 1, p, k);
			card_send(t, (struct span){ exact + 1, k });
			free(exact);
		}
		for (size_t k = 0; k < 8 * (size_t)n; k++) {
			memcpy(cmd, p, (size_t)n);
			cmd[k / 8] ^= (uint8_t)(1 << k % 8);
			card_send_hex(t, SELECT);
			card_send_hex(t, VERIFY);
			card_send(t, (struct span){ cmd, (size_t)n });
		}
		OPENSSL_free(p);
	}
}

static void
test_any_bytes_are_survived(void **state)
{
	struct test *t = *state;

	card_ready(t);
	card_make_key(t, "p256");
	send_any_bytes(t);
}

static void
test_any_bytes_are_survived_with_all_quirks(void **state)
{
	struct test *t = *state;

	t->opt.major = 1;
	t->opt.pico = true;
	card_ready(t);
	card_make_key(t, "p256");
	for (unsigned q = 0; q < VHSM_QUIRKS; q++)
		vhsm_set_quirk(t->v, (enum vhsm_quirk)q,
		    q != VHSM_QUIRK_SHORT);
	send_any_bytes(t);
}

static void
test_apdu_cases_are_told_apart(void **state)
{
	static const uint8_t c[70000] = { 0, 0xb1, 0, 0, 0, 0, 3, 1, 2, 3, 0,
	    0 };
	struct vh_apdu a;

	(void)state;
	assert_false(vh_apdu_parse(&a, (struct span){ c, 3 }));
	assert_true(vh_apdu_parse(&a, (struct span){ c, 4 }));
	assert_int_equal(a.ne, 0);
	assert_true(vh_apdu_parse(&a, (struct span){ c, 5 }));
	assert_int_equal(a.ne, 256);
	assert_false(vh_apdu_parse(&a, (struct span){ c, 6 }));
	assert_true(vh_apdu_parse(&a, (struct span){ c, 7 }));
	assert_int_equal(a.ne, 3);
	assert_true(vh_apdu_parse(&a, (struct span){ c, 10 }));
	assert_int_equal(a.data.n, 3);
	assert_false(vh_apdu_parse(&a, (struct span){ c, 11 }));
	assert_true(vh_apdu_parse(&a, (struct span){ c, 12 }));
	assert_int_equal(a.ne, 65536);
	assert_true(a.ext);
	assert_false(vh_apdu_parse(&a, (struct span){ c, 13 }));
	assert_false(vh_apdu_parse(&a, (struct span){ c, sizeof(c) }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_nothing_but_select_works_before_select),
		T(test_select_tells_the_firmware),
		T(test_firmware_1_has_a_short_version_and_atr),
		T(test_fresh_card_has_no_pins),
		T(test_pin_counts_down_and_blocks),
		T(test_so_pin_blocks_for_good),
		T(test_login_ends_with_select_and_power),
		T(test_pin_changes),
		T(test_transport_pin_must_be_changed),
		T(test_initialize_checks_the_so_pin_and_wipes),
		T(test_files_are_written_read_and_deleted),
		T(test_private_data_and_keys_cannot_be_read),
		T(test_enumerate_lists_in_order_of_making),
		T(test_prkd_is_as_opensc_writes_it),
		T(test_challenge_is_random_and_bounded),
		T(test_short_only_card_refuses_extended_apdus),
		T(test_foreign_card_knows_nothing),
		T(test_reading_and_signing_write_nothing),
		T(test_cut_state_file_is_refused),
		T(test_privileged_access_leaves_the_session_alone),
		T(test_any_bytes_are_survived),
		T(test_any_bytes_are_survived_with_all_quirks),
		T(test_apdu_cases_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

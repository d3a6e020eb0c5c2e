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
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "tests/vhsm/vh_apdu.h"
#include "tests/vhsm/vh_buf.h"
#include "tests/vhsm/vh_curve.h"
#include "tests/vhsm/vhsm.h"

#define SELECT	"00A404000BE82B0601040181C31F020100"
#define VERIFY	"0020008106363438323139"
#define WRONG	"0020008106303030303030"
#define SO_HEX	"3537363231383830"
#define PIN_HEX	"363438323139"

struct test {
	struct vhsm	*v;
	struct vhsm_options opt;
	uint8_t		 rsp[VHSM_RSP_MAX];
	size_t		 n;		/* bytes before the status word */
	char		 dir[64], path[80];
};

static unsigned
send_span(struct test *t, struct span cmd)
{
	size_t n = vhsm_apdu(t->v, cmd, t->rsp, sizeof(t->rsp));

	assert_true(n >= 2);
	t->n = n - 2;
	return (unsigned)t->rsp[n - 2] << 8 | t->rsp[n - 1];
}

/* Send hex digits; the status word. */
static unsigned
send_hex(struct test *t, const char *hex)
{
	long n = 0;
	uint8_t *p = OPENSSL_hexstr2buf(hex, &n);
	struct span cmd = { p, (size_t)n };
	unsigned sw;

	assert_non_null(p);
	sw = send_span(t, cmd);
	OPENSSL_free(p);
	return sw;
}

#define EXPECT(t, hex, sw) assert_int_equal(send_hex(t, hex), sw)

/* header (4 bytes of hex), data, an extended Le of 0000 */
static unsigned
send_data(struct test *t, const char *header, struct span data)
{
	struct vh_buf b = { 0 };
	long n = 0;
	uint8_t *h = OPENSSL_hexstr2buf(header, &n);
	struct span hs = { h, (size_t)n };
	unsigned sw;

	vh_buf_put(&b, hs);
	vh_buf_put_u8(&b, 0);
	if (data.n != 0)
		vh_buf_put_u16(&b, (unsigned)data.n);
	vh_buf_put(&b, data);
	vh_buf_put_u16(&b, 0);
	sw = send_span(t, vh_buf_bytes(&b));
	vh_buf_free(&b);
	OPENSSL_free(h);
	return sw;
}

static struct span
answer(const struct test *t)
{
	struct span s = { t->rsp, t->n };

	return s;
}

static void
expect_answer(const struct test *t, const char *hex)
{
	long n = 0;
	uint8_t *p = OPENSSL_hexstr2buf(hex, &n);

	assert_int_equal(t->n, n);
	assert_memory_equal(t->rsp, p, (size_t)n);
	OPENSSL_free(p);
}

static void
open_card(struct test *t)
{
	struct err e = { 0 };

	if (vhsm_open(&t->v, &t->opt, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
ready_card(struct test *t)
{
	struct err e = { 0 };

	open_card(t);
	assert_int_equal(vhsm_initialise(t->v, VHSM_PIN, VHSM_SO_PIN, "lab",
	    &e), 0);
	EXPECT(t, SELECT, 0x9000);
}

static uint8_t
make_key(struct test *t, const char *type)
{
	struct span id = { NULL, 0 };
	struct err e = { 0 };
	uint8_t ref = 0;

	if (vhsm_make_key(t->v, type, type, id, &ref, &e) != 0)
		fail_msg("%s", e.msg);
	return ref;
}

static int
setup(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	*state = t;
	return t == NULL;
}

static int
teardown(void **state)
{
	struct test *t = *state;

	vhsm_close(t->v);
	if (t->path[0] != '\0') {
		unlink(t->path);
		rmdir(t->dir);
	}
	free(t);
	return 0;
}

static void
use_state_file(struct test *t)
{
	snprintf(t->dir, sizeof(t->dir), "/tmp/vhsm-unit.XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->path, sizeof(t->path), "%s/state", t->dir);
	t->opt.state_path = t->path;
}

static void
reopen(struct test *t)
{
	vhsm_close(t->v);
	t->v = NULL;
	open_card(t);
	EXPECT(t, SELECT, 0x9000);
}

static void
test_nothing_but_select_works_before_select(void **state)
{
	struct test *t = *state;

	open_card(t);
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

	ready_card(t);
	EXPECT(t, SELECT, 0x9000);
	expect_answer(t, "6F0A82017885050001000305");
	EXPECT(t, "00A404040BE82B0601040181C31F020100", 0x9000);
	expect_answer(t, "620A82017885050001000305");
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
	open_card(t);
	EXPECT(t, SELECT, 0x9000);
	expect_answer(t, "6F078201788502" "0102");
	assert_int_equal(vhsm_atr(t->v, &n)[1], 0xfe);
	EXPECT(t, "00200081", 0x6984);		/* never initialised */
}

static void
test_fresh_card_has_no_pins(void **state)
{
	struct test *t = *state;

	open_card(t);
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

	ready_card(t);
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

	ready_card(t);
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

	ready_card(t);
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

	ready_card(t);
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

	open_card(t);
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

	ready_card(t);
	make_key(t, "p256");
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

	ready_card(t);
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

	ready_card(t);
	make_key(t, "p256");
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

	ready_card(t);
	make_key(t, "p256");
	EXPECT(t, "80580000000000", 0x9000);
	expect_answer(t, "2F02" "CC00" "2F03" "CC01" "CE01" "C401");
	EXPECT(t, "8058000003", 0x9000);
	assert_int_equal(t->n, 2);
	vhsm_set_quirk(t->v, VHSM_QUIRK_ENUM_PAD, true);
	vhsm_set_quirk(t->v, VHSM_QUIRK_NO_CE_LIST, true);
	EXPECT(t, "8058000000", 0x9000);
	expect_answer(t, "2F02" "CC00" "2F03" "CC01" "C401" "0000");
}

static void
test_prkd_is_as_opensc_writes_it(void **state)
{
	const struct span id10 = { (const uint8_t *)"\x10", 1 };
	const struct span id11 = { (const uint8_t *)"\x11", 1 };
	struct test *t = *state;
	struct err e = { 0 };
	uint8_t ref;

	ready_card(t);
	assert_int_equal(vhsm_make_key(t->v, "rsa1024", "rsa1", id10, &ref,
	    &e), 0);
	assert_int_equal(vhsm_make_key(t->v, "p256", "ec1", id11, &ref, &e),
	    0);
	assert_int_equal(ref, 2);
	EXPECT(t, "00B1C40100000454020000" "0000", 0x6282);
	expect_answer(t, "3027300D0C0472736131030206C0040101300A040110030204"
	    "70020101A10A30083002040002020400");
	EXPECT(t, "00B1C40200000454020000" "0000", 0x6282);
	expect_answer(t, "A027300C0C03656331030206C0040101300B04011103030730"
	    "80020102A10A30083002040002020100");
}

/* Descend to a tag; the empty span if it is not there. */
static struct span
find(struct span in, unsigned want)
{
	struct span v;
	unsigned tag;

	while (in.n != 0 && vh_tlv_next(&in, &tag, &v))
		if (tag == want)
			return v;
	return (struct span){ NULL, 0 };
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *p = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	EVP_PKEY_fromdata_init(ctx);
	EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, p);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(p);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

/* The public key in a 7F49; group NULL if it names its own curve. */
static EVP_PKEY *
read_public(struct span k, const char *group)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	struct span q = find(k, 0x86), n = find(k, 0x81), e = find(k, 0x82);
	struct vh_params pr = { n, e, find(k, 0x83), find(k, 0x84),
	    find(k, 0x85), { NULL, 0 } };
	BIGNUM *bn, *be;
	EVP_PKEY *key;

	if (q.n != 0) {
		if (group == NULL)
			group = vh_curve_by_params(&pr)->group;
		OSSL_PARAM_BLD_push_utf8_string(bld,
		    OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
		OSSL_PARAM_BLD_push_octet_string(bld,
		    OSSL_PKEY_PARAM_PUB_KEY, q.p, q.n);
		return from_params("EC", bld);
	}
	bn = BN_bin2bn(n.p, (int)n.n, NULL);
	be = BN_bin2bn(e.p, (int)e.n, NULL);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be);
	key = from_params("RSA", bld);
	BN_free(bn);
	BN_free(be);
	return key;
}

static EVP_PKEY *
public_key(struct test *t, uint8_t ref)
{
	char cmd[40];
	EVP_PKEY *key;

	snprintf(cmd, sizeof(cmd), "00B1CE%02X000004540200000000", ref);
	EXPECT(t, cmd, 0x6282);
	key = read_public(find(find(find(find(answer(t), 0x67), 0x7f21),
	    0x7f4e), 0x7f49), NULL);
	assert_non_null(key);
	return key;
}

static int
verify(EVP_PKEY *key, const char *md, int pad, struct span hash,
    struct span sig)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	int ok;

	EVP_PKEY_verify_init(ctx);
	if (pad != 0)
		EVP_PKEY_CTX_set_rsa_padding(ctx, pad);
	if (md != NULL)
		EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(md));
	ok = EVP_PKEY_verify(ctx, sig.p, sig.n, hash.p, hash.n);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static const uint8_t message[100] = "to be signed";

/* Send SIGN with this algorithm and check what comes back. */
static void
sign_and_verify(struct test *t, uint8_t ref, EVP_PKEY *key, unsigned alg,
    const char *md, int pad)
{
	uint8_t md_buf[64];
	struct span msg = { message, sizeof(message) }, hash = { md_buf, 0 };
	bool host_hash = alg == 0x70 || alg == 0x40;
	char header[16];

	EVP_Q_digest(NULL, md, NULL, msg.p, msg.n, md_buf, &hash.n);
	snprintf(header, sizeof(header), "8068%02X%02X", ref, alg);
	assert_int_equal(send_data(t, header, host_hash ? hash : msg),
	    0x9000);
	assert_int_equal(verify(key, pad != 0 ? md : NULL, pad, hash,
	    answer(t)), 1);
}

static const char digestinfo[] = "3031300D060960864801650304020105000420";

/* 20: the whole block is the host's; 30: only the DigestInfo is. */
static void
sign_prepared(struct test *t, uint8_t ref, EVP_PKEY *key)
{
	uint8_t md[32], block[512], *info;
	size_t k = (size_t)EVP_PKEY_get_size(key), md_n;
	struct span hash = { md, 32 }, all = { block, k }, tail;
	char header[16];
	long n = 0;

	EVP_Q_digest(NULL, "SHA256", NULL, message, sizeof(message), md,
	    &md_n);
	info = OPENSSL_hexstr2buf(digestinfo, &n);
	memset(block, 0xff, k);
	block[0] = 0;
	block[1] = 1;
	block[k - 52] = 0;
	memcpy(block + k - 51, info, (size_t)n);
	memcpy(block + k - 32, md, 32);
	OPENSSL_free(info);
	snprintf(header, sizeof(header), "8068%02X20", ref);
	assert_int_equal(send_data(t, header, all), 0x9000);
	assert_int_equal(t->n, k);
	assert_int_equal(verify(key, "SHA256", RSA_PKCS1_PADDING, hash,
	    answer(t)), 1);
	tail.p = block + k - 51;
	tail.n = 51;
	snprintf(header, sizeof(header), "8068%02X30", ref);
	assert_int_equal(send_data(t, header, tail), 0x9000);
	assert_int_equal(verify(key, "SHA256", RSA_PKCS1_PADDING, hash,
	    answer(t)), 1);
	snprintf(header, sizeof(header), "8068%02X40", ref);
	assert_int_equal(send_data(t, header, tail), 0x9000);
	assert_int_equal(verify(key, "SHA256", RSA_PKCS1_PSS_PADDING, hash,
	    answer(t)), 1);
	snprintf(header, sizeof(header), "8068%02X20", ref);
	all.n--;
	assert_int_equal(send_data(t, header, all), 0x6700);
	memset(block, 0xff, k);
	all.n++;
	assert_int_equal(send_data(t, header, all), 0x6a80);
}

static void
test_rsa_keys_sign_and_decrypt(void **state)
{
	static const char *const types[] = {
		"rsa1024", "rsa1536", "rsa2048", "rsa3072"
	};
	struct test *t = *state;
	EVP_PKEY *key;
	uint8_t ref;

	ready_card(t);
	for (size_t i = 0; i < 4; i++) {
		ref = make_key(t, types[i]);
		EXPECT(t, VERIFY, 0x9000);
		key = public_key(t, ref);
		sign_prepared(t, ref, key);
		sign_and_verify(t, ref, key, 0x31, "SHA1", RSA_PKCS1_PADDING);
		sign_and_verify(t, ref, key, 0x33, "SHA256",
		    RSA_PKCS1_PADDING);
		sign_and_verify(t, ref, key, 0x35, "SHA512",
		    RSA_PKCS1_PADDING);
		sign_and_verify(t, ref, key, 0x40, "SHA256",
		    RSA_PKCS1_PSS_PADDING);
		sign_and_verify(t, ref, key, 0x43, "SHA256",
		    RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_free(key);
	}
	EXPECT(t, "8068017020" "00000000000000000000000000000000"
	    "0000000000000000000000000000000000", 0x6a81);
	EXPECT(t, "8068010000", 0x6a86);
	EXPECT(t, "8068092000", 0x6a82);
	EXPECT(t, "8068002000", 0x6a82);
}

static void
test_ec_keys_sign_and_agree(void **state)
{
	static const char *const types[] = { "p192", "p256", "p384", "p521",
	    "secp256k1", "brainpoolP192r1", "brainpoolP224r1",
	    "brainpoolP256r1", "brainpoolP320r1", "brainpoolP384r1",
	    "brainpoolP512r1" };
	struct test *t = *state;
	uint8_t point[200], ref;
	struct span q = { point, 0 };
	char header[16];
	EVP_PKEY *key;

	ready_card(t);
	for (size_t i = 0; i < 11; i++) {
		ref = make_key(t, types[i]);
		EXPECT(t, VERIFY, 0x9000);
		key = public_key(t, ref);
		sign_and_verify(t, ref, key, 0x70, "SHA256", 0);
		sign_and_verify(t, ref, key, 0x70, "SHA512", 0);
		sign_and_verify(t, ref, key, 0x71, "SHA1", 0);
		sign_and_verify(t, ref, key, 0x73, "SHA256", 0);
		sign_and_verify(t, ref, key, 0x75, "SHA512", 0);
		EVP_PKEY_get_octet_string_param(key,
		    OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof(point),
		    &q.n);
		snprintf(header, sizeof(header), "8062%02X80", ref);
		assert_int_equal(send_data(t, header, q), 0x9000);
		assert_int_equal(t->n, q.n);
		point[q.n - 1] ^= 1;		/* off the curve */
		assert_int_equal(send_data(t, header, q), 0x6a80);
		EVP_PKEY_free(key);
	}
	EXPECT(t, "80680180" "00", 0x6a86);
	EXPECT(t, "80680220" "00", 0x6a81);
	EXPECT(t, "80680270" "0000", 0x6700);
}

static void
test_signing_needs_the_pin_and_room_for_the_answer(void **state)
{
	struct test *t = *state;

	ready_card(t);
	make_key(t, "p256");
	EXPECT(t, "8068017004" "01020304" "00", 0x6982);
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "8068017004" "01020304" "00", 0x9000);
	EXPECT(t, "8068017004" "01020304", 0x6700);
	assert_int_equal(send_hex(t, "8068017004" "01020304" "10") & 0xff00,
	    0x6c00);
}

static void
test_request_is_signed_by_the_device(void **state)
{
	struct test *t = *state;
	struct span all, sig, body;
	uint8_t md[32], plain[64], *der = NULL;
	EVP_PKEY *device;
	ECDSA_SIG *es;
	size_t n;
	int len;

	ready_card(t);
	make_key(t, "p256");
	EXPECT(t, "00B12F0200000454020000" "0000", 0x6282);
	device = read_public(find(find(find(answer(t), 0x7f21), 0x7f4e),
	    0x7f49), "brainpoolP256r1");
	assert_non_null(device);
	EXPECT(t, "00B1CE0100000454020000" "0000", 0x6282);
	all = find(answer(t), 0x67);
	sig = find(all, 0x5f37);
	assert_int_equal(sig.n, 64);
	memcpy(plain, sig.p, 64);
	body.p = all.p;
	body.n = (size_t)(sig.p - all.p) - 3;	/* before 5F 37 40 */
	EVP_Q_digest(NULL, "SHA256", NULL, body.p, body.n, md, &n);
	es = ECDSA_SIG_new();
	ECDSA_SIG_set0(es, BN_bin2bn(plain, 32, NULL),
	    BN_bin2bn(plain + 32, 32, NULL));
	len = i2d_ECDSA_SIG(es, &der);
	assert_int_equal(verify(device, NULL, 0, (struct span){ md, 32 },
	    (struct span){ der, (size_t)len }), 1);
	ECDSA_SIG_free(es);
	OPENSSL_free(der);
	EVP_PKEY_free(device);
}

/* GENERATE an RSA-1024 key as number 1, with more fields (hex). */
static unsigned
generate_with(struct test *t, const char *more)
{
	char cmd[300];
	size_t n = strlen(more) / 2;

	snprintf(cmd, sizeof(cmd), "00460100%02zX5F29010042095554434130303030"
	    "317F4915060A04007F000702020201028203010001020204005F20054142434445"
	    "%s", 0x2f + n, more);
	return send_hex(t, cmd);
}

static void
test_use_counter_runs_out(void **state)
{
	struct test *t = *state;
	struct span msg = { message, sizeof(message) };

	use_state_file(t);
	ready_card(t);
	assert_int_equal(generate_with(t, ""), 0x6982);
	EXPECT(t, VERIFY, 0x9000);
	assert_int_equal(generate_with(t, "9004" "00000002"), 0x9000);
	assert_int_equal(send_data(t, "80680133", msg), 0x9000);
	assert_int_equal(send_data(t, "80680120", msg), 0x6700);
	reopen(t);
	EXPECT(t, VERIFY, 0x9000);
	assert_int_equal(send_data(t, "80680133", msg), 0x9000);
	assert_int_equal(send_data(t, "80680133", msg), 0x6984);
	assert_int_equal(send_data(t, "80680121", msg), 0x6984);
}

static void
test_only_allowed_algorithms_work(void **state)
{
	struct test *t = *state;
	struct span msg = { message, sizeof(message) };

	ready_card(t);
	EXPECT(t, VERIFY, 0x9000);
	assert_int_equal(generate_with(t, "9101" "33"), 0x9000);
	assert_int_equal(send_data(t, "80680133", msg), 0x9000);
	assert_int_equal(send_data(t, "80680131", msg), 0x6a81);
	assert_int_equal(send_data(t, "80620121", msg), 0x6a81);
}

static void
test_generate_refuses_what_it_does_not_know(void **state)
{
	struct test *t = *state;
	struct span id = { NULL, 0 };
	struct err e = { 0 };
	uint8_t ref;

	t->opt.major = 2;
	ready_card(t);
	EXPECT(t, VERIFY, 0x9000);
	assert_int_equal(generate_with(t, "9900"), 0x6a80);
	assert_int_equal(generate_with(t, "90020001"), 0x6a80);
	assert_int_equal(generate_with(t, "42"), 0x6a80);
	EXPECT(t, "0046000000", 0x6a86);
	EXPECT(t, "0046010000", 0x6a80);
	assert_int_not_equal(vhsm_make_key(t->v, "p521", "x", id, &ref, &e),
	    0);
	assert_int_not_equal(vhsm_make_key(t->v, "rsa4096", "x", id, &ref,
	    &e), 0);
	assert_int_not_equal(vhsm_make_key(t->v, "ed25519", "x", id, &ref,
	    &e), 0);
	EXPECT(t, "8058000000", 0x9000);
	assert_int_equal(t->n, 6);		/* nothing half made */
}

static void
test_aes_key_is_held_but_does_not_sign(void **state)
{
	struct test *t = *state;

	ready_card(t);
	EXPECT(t, "004801B2", 0x6982);
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "004801B2", 0x9000);
	EXPECT(t, "004801B3", 0x6a86);
	EXPECT(t, "8068017004" "01020304" "00", 0x6a81);
	make_key(t, "aes128");
	EXPECT(t, "00B1C4020000045402000000" "00", 0x6282);
}

#define SHARE1	"0101010101010101010101010101010101010101010101010101010101010101"
#define SHARE2	"0202020202020202020202020202020202020202020202020202020202020202"

static void
test_dkek_needs_all_its_shares(void **state)
{
	struct test *t = *state;

	open_card(t);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "8050000018" "8106" PIN_HEX "8208" SO_HEX "910103" "920102",
	    0x9000);
	EXPECT(t, "8052000000", 0x9000);
	expect_answer(t, "0202" "0000000000000000");
	EXPECT(t, VERIFY, 0x9000);
	assert_int_equal(generate_with(t, ""), 0x6985);
	EXPECT(t, "8052000020" SHARE1 "00", 0x9000);
	assert_int_equal(t->rsp[1], 1);
	EXPECT(t, "8052000020" SHARE2 "00", 0x9000);
	/* SHA-256 of 32 bytes of 03 */
	expect_answer(t, "0200" "648AA5C579FB30F3");
	EXPECT(t, "8052000020" SHARE2 "00", 0x6985);
	EXPECT(t, "805200001F" "01" SHARE1, 0x6700);
	assert_int_equal(generate_with(t, ""), 0x9000);
}

/* A key goes out of one card and into another that has the same DKEK. */
static void
test_wrapped_key_comes_back(void **state)
{
	static const char *const types[] = { "rsa1024", "p256", "p521",
	    "brainpoolP320r1", "aes256" };
	struct test *t = *state;
	uint8_t blob[2048];
	struct span b = { blob, 0 };
	char cmd[64];
	EVP_PKEY *key;

	open_card(t);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "8050000018" "8106" PIN_HEX "8208" SO_HEX "910103" "920101",
	    0x9000);
	EXPECT(t, "8052000020" SHARE1 "00", 0x9000);
	EXPECT(t, VERIFY, 0x9000);
	for (unsigned i = 1; i <= 5; i++) {
		make_key(t, types[i - 1]);
		if (i == 5) {			/* not exportable: no 92 */
			EXPECT(t, "80720592000000", 0x6a81);
			break;
		}
		key = public_key(t, (uint8_t)i);
		snprintf(cmd, sizeof(cmd), "8072%02X92000000", i);
		EXPECT(t, cmd, 0x9000);
		memcpy(blob, t->rsp, t->n);
		b.n = t->n;
		snprintf(cmd, sizeof(cmd), "00E4020002CC%02X", i);
		EXPECT(t, cmd, 0x9000);
		snprintf(cmd, sizeof(cmd), "8074%02X93", i);
		blob[b.n / 2] ^= 1;
		assert_int_equal(send_data(t, cmd, b), 0x6a80);
		blob[b.n / 2] ^= 1;
		assert_int_equal(send_data(t, cmd, b), 0x9000);
		if (i == 1)
			sign_prepared(t, 1, key);
		else
			sign_and_verify(t, (uint8_t)i, key, 0x70, "SHA256", 0);
		EVP_PKEY_free(key);
	}
}

static void
test_challenge_is_random_and_bounded(void **state)
{
	struct test *t = *state;

	ready_card(t);
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
	open_card(t);
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
	open_card(t);
	EXPECT(t, SELECT, 0x6a82);
	EXPECT(t, "00200081", 0x6d00);
	atr = vhsm_atr(t->v, &n);
	for (size_t i = 0; i + 4 <= n; i++)
		assert_memory_not_equal(atr + i, "HSM1", 4);
}

static void
test_state_survives_reopening(void **state)
{
	struct test *t = *state;
	EVP_PKEY *key;
	uint8_t ref;

	use_state_file(t);
	ready_card(t);
	ref = make_key(t, "p384");
	key = public_key(t, ref);
	EXPECT(t, WRONG, 0x63c2);
	reopen(t);
	EXPECT(t, "00200081", 0x63c2);
	EXPECT(t, WRONG, 0x63c1);
	reopen(t);
	EXPECT(t, "00200081", 0x63c1);
	EXPECT(t, VERIFY, 0x9000);
	sign_and_verify(t, ref, key, 0x70, "SHA384", 0);
	EVP_PKEY_free(key);
	assert_string_equal(vhsm_serial(t->v), "DENK0100000");
}

static void
test_reading_and_signing_write_nothing(void **state)
{
	struct test *t = *state;
	struct stat before, after;

	use_state_file(t);
	ready_card(t);
	make_key(t, "p256");
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

	use_state_file(t);
	ready_card(t);
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

	ready_card(t);
	make_key(t, "p256");
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
};

/* Cut, extend and bend every command; only a crash is wrong. */
static void
test_any_bytes_are_survived(void **state)
{
	struct test *t = *state;
	uint8_t cmd[400] = { 0 };
	long n = 0;

	ready_card(t);
	make_key(t, "p256");
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		uint8_t *p = OPENSSL_hexstr2buf(samples[i], &n);

		assert_non_null(p);
		for (size_t k = 0; k <= (size_t)n; k++) {
			uint8_t *exact = malloc(k + 1);	/* for ASan */

			memcpy(exact + 1, p, k);
			send_span(t, (struct span){ exact + 1, k });
			free(exact);
		}
		for (size_t k = 0; k < 8 * (size_t)n; k++) {
			memcpy(cmd, p, (size_t)n);
			cmd[k / 8] ^= (uint8_t)(1 << k % 8);
			send_hex(t, SELECT);
			send_hex(t, VERIFY);
			send_span(t, (struct span){ cmd, (size_t)n });
		}
		OPENSSL_free(p);
	}
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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		T(test_rsa_keys_sign_and_decrypt),
		T(test_ec_keys_sign_and_agree),
		T(test_signing_needs_the_pin_and_room_for_the_answer),
		T(test_request_is_signed_by_the_device),
		T(test_use_counter_runs_out),
		T(test_only_allowed_algorithms_work),
		T(test_generate_refuses_what_it_does_not_know),
		T(test_aes_key_is_held_but_does_not_sign),
		T(test_dkek_needs_all_its_shares),
		T(test_wrapped_key_comes_back),
		T(test_challenge_is_random_and_bounded),
		T(test_short_only_card_refuses_extended_apdus),
		T(test_foreign_card_knows_nothing),
		T(test_state_survives_reopening),
		T(test_reading_and_signing_write_nothing),
		T(test_cut_state_file_is_refused),
		T(test_privileged_access_leaves_the_session_alone),
		T(test_any_bytes_are_survived),
		T(test_apdu_cases_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

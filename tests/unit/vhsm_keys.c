/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "tests/unit/vhsm_card.h"
#include "tests/vhsm/vh_buf.h"
#include "tests/vhsm/vh_curve.h"

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
	key = read_public(find(find(find(find(card_answer(t), 0x67), 0x7f21),
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
	assert_int_equal(card_send_data(t, header, host_hash ? hash : msg),
	    0x9000);
	assert_int_equal(verify(key, pad != 0 ? md : NULL, pad, hash,
	    card_answer(t)), 1);
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
	assert_int_equal(card_send_data(t, header, all), 0x9000);
	assert_int_equal(t->n, k);
	assert_int_equal(verify(key, "SHA256", RSA_PKCS1_PADDING, hash,
	    card_answer(t)), 1);
	tail.p = block + k - 51;
	tail.n = 51;
	snprintf(header, sizeof(header), "8068%02X30", ref);
	assert_int_equal(card_send_data(t, header, tail), 0x9000);
	assert_int_equal(verify(key, "SHA256", RSA_PKCS1_PADDING, hash,
	    card_answer(t)), 1);
	snprintf(header, sizeof(header), "8068%02X40", ref);
	assert_int_equal(card_send_data(t, header, tail), 0x9000);
	assert_int_equal(verify(key, "SHA256", RSA_PKCS1_PSS_PADDING, hash,
	    card_answer(t)), 1);
	snprintf(header, sizeof(header), "8068%02X20", ref);
	all.n--;
	assert_int_equal(card_send_data(t, header, all), 0x6700);
	memset(block, 0xff, k);
	all.n++;
	assert_int_equal(card_send_data(t, header, all), 0x6a80);
}

static void
test_rsa_keys_sign_and_decrypt(void **state)
{
	static const char *const types[] = {
		"rsa1024", "rsa1536", "rsa2048", "rsa3072", "rsa4096"
	};
	struct test *t = *state;
	EVP_PKEY *key;
	uint8_t ref;

	card_ready(t);
	for (size_t i = 0; i < 5; i++) {
		ref = card_make_key(t, types[i]);
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

	card_ready(t);
	for (size_t i = 0; i < 11; i++) {
		ref = card_make_key(t, types[i]);
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
		assert_int_equal(card_send_data(t, header, q), 0x9000);
		assert_int_equal(t->n, q.n);
		point[q.n - 1] ^= 1;		/* off the curve */
		assert_int_equal(card_send_data(t, header, q), 0x6a80);
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

	card_ready(t);
	card_make_key(t, "p256");
	EXPECT(t, "8068017004" "01020304" "00", 0x6982);
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "8068017004" "01020304" "00", 0x9000);
	EXPECT(t, "8068017004" "01020304", 0x6700);
	assert_int_equal(card_send_hex(t, "8068017004" "01020304" "10") &
	    0xff00, 0x6c00);
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

	card_ready(t);
	card_make_key(t, "p256");
	EXPECT(t, "00B12F0200000454020000" "0000", 0x6282);
	device = read_public(find(find(find(card_answer(t), 0x7f21), 0x7f4e),
	    0x7f49), "brainpoolP256r1");
	assert_non_null(device);
	EXPECT(t, "00B1CE0100000454020000" "0000", 0x6282);
	all = find(card_answer(t), 0x67);
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
	return card_send_hex(t, cmd);
}

static void
test_use_counter_runs_out(void **state)
{
	struct test *t = *state;
	struct span msg = { message, sizeof(message) };

	card_use_file(t);
	card_ready(t);
	assert_int_equal(generate_with(t, ""), 0x6982);
	EXPECT(t, VERIFY, 0x9000);
	assert_int_equal(generate_with(t, "9004" "00000002"), 0x9000);
	assert_int_equal(card_send_data(t, "80680133", msg), 0x9000);
	assert_int_equal(card_send_data(t, "80680120", msg), 0x6700);
	card_reopen(t);
	EXPECT(t, VERIFY, 0x9000);
	assert_int_equal(card_send_data(t, "80680133", msg), 0x9000);
	assert_int_equal(card_send_data(t, "80680133", msg), 0x6984);
	assert_int_equal(card_send_data(t, "80680121", msg), 0x6984);
}

static void
test_only_allowed_algorithms_work(void **state)
{
	struct test *t = *state;
	struct span msg = { message, sizeof(message) };

	card_ready(t);
	EXPECT(t, VERIFY, 0x9000);
	assert_int_equal(generate_with(t, "9101" "33"), 0x9000);
	assert_int_equal(card_send_data(t, "80680133", msg), 0x9000);
	assert_int_equal(card_send_data(t, "80680131", msg), 0x6a81);
	assert_int_equal(card_send_data(t, "80620121", msg), 0x6a81);
}

static void
test_generate_refuses_what_it_does_not_know(void **state)
{
	struct test *t = *state;
	struct span id = { NULL, 0 };
	struct err e = { 0 };
	uint8_t ref;

	t->opt.major = 2;
	card_ready(t);
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

	card_ready(t);
	EXPECT(t, "004801B2", 0x6982);
	EXPECT(t, VERIFY, 0x9000);
	EXPECT(t, "004801B2", 0x9000);
	EXPECT(t, "004801B3", 0x6a86);
	EXPECT(t, "8068017004" "01020304" "00", 0x6a81);
	card_make_key(t, "aes128");
	EXPECT(t, "00B1C4020000045402000000" "00", 0x6282);
}

static void
test_dkek_needs_all_its_shares(void **state)
{
	struct test *t = *state;

	card_open(t);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "8050000018" "8106" PIN_HEX "8208" SO_HEX "910103" "920102",
	    0x9000);
	EXPECT(t, "8052000000", 0x9000);
	card_expect(t, "0202" "0000000000000000");
	EXPECT(t, VERIFY, 0x9000);
	assert_int_equal(generate_with(t, ""), 0x6985);
	EXPECT(t, "8052000020" SHARE1 "00", 0x9000);
	assert_int_equal(t->rsp[1], 1);
	EXPECT(t, "8052000020" SHARE2 "00", 0x9000);
	/* SHA-256 of 32 bytes of 03 */
	card_expect(t, "0200" "648AA5C579FB30F3");
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

	card_open(t);
	EXPECT(t, SELECT, 0x9000);
	EXPECT(t, "8050000018" "8106" PIN_HEX "8208" SO_HEX "910103" "920101",
	    0x9000);
	EXPECT(t, "8052000020" SHARE1 "00", 0x9000);
	EXPECT(t, VERIFY, 0x9000);
	for (unsigned i = 1; i <= 5; i++) {
		card_make_key(t, types[i - 1]);
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
		assert_int_equal(card_send_data(t, cmd, b), 0x6a80);
		blob[b.n / 2] ^= 1;
		assert_int_equal(card_send_data(t, cmd, b), 0x9000);
		if (i == 1)
			sign_prepared(t, 1, key);
		else
			sign_and_verify(t, (uint8_t)i, key, 0x70, "SHA256", 0);
		EVP_PKEY_free(key);
	}
}

static void
test_state_survives_reopening(void **state)
{
	struct test *t = *state;
	EVP_PKEY *key;
	uint8_t ref;

	card_use_file(t);
	card_ready(t);
	ref = card_make_key(t, "p384");
	key = public_key(t, ref);
	EXPECT(t, WRONG, 0x63c2);
	card_reopen(t);
	EXPECT(t, "00200081", 0x63c2);
	EXPECT(t, WRONG, 0x63c1);
	card_reopen(t);
	EXPECT(t, "00200081", 0x63c1);
	EXPECT(t, VERIFY, 0x9000);
	sign_and_verify(t, ref, key, 0x70, "SHA384", 0);
	EVP_PKEY_free(key);
	assert_string_equal(vhsm_serial(t->v), "DENK0100000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
		T(test_state_survives_reopening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

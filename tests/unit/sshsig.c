/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/sshsig.h"
#include "tests/unit/hostkey.h"

#define NS40	"0123456789012345678901234567890123456789"

/* By ssh-keygen: tests/data/sshsig/NAME.sig of the message there. */
static const struct made {
	const char	*name;
	const char	*ns;
	enum sshsig_hash hash;
	int		 rc;		/* of sshsig_verify() */
} made[] = {
	{ "ed25519", "file", SSHSIG_SHA512, 0 },
	{ "p256", "file", SSHSIG_SHA512, 0 },
	{ "p384", "file", SSHSIG_SHA512, 0 },
	{ "p521", "file", SSHSIG_SHA512, 0 },
	{ "rsa", "file", SSHSIG_SHA512, 0 },
	{ "rsa-sha256", "file", SSHSIG_SHA256, 0 },
	{ "sk-ed25519", "file", SSHSIG_SHA512, 0 },
	{ "sk-ecdsa", "file", SSHSIG_SHA512, 0 },
	{ "cert", "file", SSHSIG_SHA512, 0 },
	{ "lines", NS40, SSHSIG_SHA512, 0 },
	{ "sk-untouched", "file", SSHSIG_SHA512, ERR_DENIED },
	{ "dsa", "file", SSHSIG_SHA512, ERR_UNSUPPORTED },
};

#define N_MADE	(sizeof(made) / sizeof(made[0]))

static struct data
text_of(const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "sshsig/%s.sig", name);
	return data_file(file);
}

static void
parse(struct span in, struct sshsig *s)
{
	struct err e;

	if (sshsig_parse(in, s, &e) != 0)
		fail_msg("%s", e.msg);
}

static struct data
binary_of(const struct sshsig *s)
{
	struct wire_w w;
	struct data d;

	assert_true(wire_write(&w, SSHSIG_MAX));
	sshsig_put(s, &w);
	assert_false(w.bad);
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	return d;
}

/* Of text or binary: what is wrong with it, by name. */
static int
check(struct span in, const char *ns, struct span message)
{
	struct sshsig s;
	struct err e;
	int r;

	if ((r = sshsig_parse(in, &s, &e)) != 0)
		return r;
	r = sshsig_verify(&s, ns, message, &e);
	sshsig_free(&s);
	return r;
}

static void
test_what_ssh_keygen_signs_is_believed_or_refused(void **state)
{
	struct data m = data_file("sshsig/message");

	(void)state;
	for (size_t i = 0; i < N_MADE; i++) {
		struct data text = text_of(made[i].name);
		struct sshsig s;
		int r;

		parse(data_span(&text), &s);
		assert_true(span_is(s.ns, made[i].ns));
		assert_int_equal(s.hash, made[i].hash);
		assert_int_equal(s.reserved.n, 0);
		sshsig_free(&s);
		r = check(data_span(&text), made[i].ns, data_span(&m));
		if (r != made[i].rc)
			fail_msg("%s: %d", made[i].name, r);
		data_free(&text);
	}
	data_free(&m);
}

static void
test_another_message_or_namespace_is_refused(void **state)
{
	struct data m = data_file("sshsig/message");
	const struct span shorter = { m.p, m.n - 1 };

	(void)state;
	for (size_t i = 0; i < N_MADE; i++) {
		struct data text = text_of(made[i].name);
		const struct span s = data_span(&text);

		if (made[i].rc == 0) {
			assert_int_equal(check(s, made[i].ns, shorter),
			    ERR_DENIED);
			assert_int_equal(check(s, made[i].ns,
			    (struct span){ 0 }), ERR_DENIED);
		}
		assert_int_equal(check(s, "fil", data_span(&m)), ERR_DENIED);
		assert_int_equal(check(s, "files", data_span(&m)), ERR_DENIED);
		assert_int_equal(check(s, "", data_span(&m)), ERR_DENIED);
		data_free(&text);
	}
	data_free(&m);
}

static void
test_the_armour_is_ssh_keygens_byte_for_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_MADE; i++) {
		struct data text = text_of(made[i].name);
		struct sshsig s;
		char *again;

		parse(data_span(&text), &s);
		again = sshsig_armor(&s);
		assert_true(span_is(data_span(&text), again));
		free(again);
		sshsig_free(&s);
		data_free(&text);
	}
}

static void
test_the_binary_form_is_read_as_well(void **state)
{
	struct data m = data_file("sshsig/message");

	(void)state;
	for (size_t i = 0; i < N_MADE; i++) {
		struct data text = text_of(made[i].name), binary;
		struct sshsig s;

		parse(data_span(&text), &s);
		binary = binary_of(&s);
		sshsig_free(&s);
		assert_int_equal(check(data_span(&binary), made[i].ns,
		    data_span(&m)), made[i].rc);
		data_free(&binary);
		data_free(&text);
	}
	data_free(&m);
}

/* --- what is not whole --- */

static void
refuse(struct span cut, void *arg)
{
	struct sshsig s;
	struct err e;

	(void)arg;
	assert_int_equal(sshsig_parse(cut, &s, &e), ERR_FORMAT);
}

/* Only the end of the last line may be missing. */
static void
test_what_is_cut_anywhere_or_goes_on_is_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_MADE; i++) {
		struct data text = text_of(made[i].name), binary, more;
		struct sshsig s;

		data_each_cut((struct span){ text.p, text.n - 1 }, refuse,
		    NULL);
		parse((struct span){ text.p, text.n - 1 }, &s);
		binary = binary_of(&s);
		sshsig_free(&s);
		data_each_cut(data_span(&binary), refuse, NULL);
		binary.p = realloc(binary.p, ++binary.n);
		binary.p[binary.n - 1] = 0;
		refuse(data_span(&binary), NULL);
		more = data_copy(data_span(&text));
		more.p = realloc(more.p, ++more.n);
		more.p[more.n - 1] = '\n';
		refuse(data_span(&more), NULL);
		data_free(&more);
		data_free(&binary);
		data_free(&text);
	}
}

/* In a certificate there is what does not count, see the header. */
static void
test_no_flipped_bit_is_believed(void **state)
{
	const size_t step = getenv("UNDER_VALGRIND") != NULL ? 43 : 3;
	struct data m = data_file("sshsig/message");

	(void)state;
	for (size_t i = 0; i < N_MADE; i++) {
		struct data text = text_of(made[i].name), binary;
		struct sshsig s;

		parse(data_span(&text), &s);
		binary = binary_of(&s);
		sshsig_free(&s);
		for (size_t b = 0; b < binary.n * 8 &&
		    strcmp(made[i].name, "cert") != 0; b += step) {
			binary.p[b / 8] ^= (uint8_t)(1 << b % 8);
			assert_int_not_equal(check(data_span(&binary),
			    made[i].ns, data_span(&m)), 0);
			binary.p[b / 8] ^= (uint8_t)(1 << b % 8);
		}
		data_free(&binary);
		data_free(&text);
	}
	data_free(&m);
}

/* --- the armour --- */

#define HEAD	"-----BEGIN SSH SIGNATURE-----"
#define TAIL	"-----END SSH SIGNATURE-----"

/* The base64 of ed25519.sig between others' lines; what code that gives. */
static int
armoured(const char *head, size_t width, const char *end, const char *tail)
{
	struct data text = text_of("ed25519"), d;
	char buf[2048], *b64 = strchr((char *)text.p, '\n') + 1;
	size_t used, column = 0;
	struct sshsig s;
	struct err e;
	int r;

	used = (size_t)snprintf(buf, sizeof(buf), "%s%s", head, end);
	for (; *b64 != '-'; b64++) {
		if (*b64 == '\n')
			continue;
		buf[used++] = *b64;
		if (++column % width == 0 || b64[2] == '-')
			used += (size_t)snprintf(buf + used,
			    sizeof(buf) - used, "%s", end);
	}
	used += (size_t)snprintf(buf + used, sizeof(buf) - used, "%s", tail);
	d = data_copy((struct span){ (uint8_t *)buf, used });
	if ((r = sshsig_parse(data_span(&d), &s, &e)) == 0)
		sshsig_free(&s);
	data_free(&d);
	data_free(&text);
	return r;
}

static void
test_lines_may_have_up_to_76_columns_and_carriage_returns(void **state)
{
	(void)state;
	assert_int_equal(armoured(HEAD, 70, "\n", TAIL "\n"), 0);
	assert_int_equal(armoured(HEAD, 70, "\r\n", TAIL "\r\n"), 0);
	assert_int_equal(armoured(HEAD, 70, "\n", TAIL), 0);
	assert_int_equal(armoured(HEAD, 76, "\n", TAIL "\n"), 0);
	assert_int_equal(armoured(HEAD, 64, "\n", TAIL "\n"), 0);
	assert_int_equal(armoured(HEAD, 77, "\n", TAIL "\n"), ERR_FORMAT);
}

static void
test_nothing_may_stand_around_or_within_the_armour(void **state)
{
	static const char *const heads[] = { "", "\n" HEAD, " " HEAD,
	    HEAD " ", HEAD "\n", HEAD "\nA B", HEAD "\nx: y\n",
	    "-----BEGIN SSH SIGNATURE----", HEAD "\n" HEAD,
	    "-----BEGIN PGP SIGNATURE-----" };
	static const char *const tails[] = { "", "\n", "\n" TAIL "\n",
	    TAIL " \n", TAIL "\n\n", TAIL "\nmore", TAIL "\n" TAIL "\n",
	    " " TAIL, "-----END SSH SIGNATURE----\n", "====\n" TAIL };

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		assert_int_equal(armoured(heads[i], 70, "\n", TAIL "\n"),
		    ERR_FORMAT);
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
		assert_int_equal(armoured(HEAD, 70, "\n", tails[i]),
		    ERR_FORMAT);
	refuse(span_cstr(HEAD "\n" TAIL "\n"), NULL);
	refuse(span_cstr(HEAD "\nU1NI\n" TAIL "\n"), NULL);
	refuse(span_cstr(HEAD "\nU1NIU0lH\n" TAIL "\n"), NULL);
	refuse(span_cstr(HEAD), NULL);
	refuse(span_cstr(TAIL), NULL);
	refuse((struct span){ 0 }, NULL);
}

/* --- fields --- */

struct fields {
	const char	*magic;
	uint32_t	 version;
	size_t		 key;		/* bytes */
	struct span	 ns;
	const char	*hash;
	size_t		 signature;	/* bytes */
	int		 rc;
};

static int
parse_fields(const struct fields *f)
{
	static const uint8_t bytes[SSHSIG_MAX];
	struct sshsig s;
	struct wire_w w;
	struct data d;
	struct err e;
	int r;

	assert_true(wire_write(&w, 1 << 18));
	wire_put_raw(&w, span_cstr(f->magic));
	wire_put_u32(&w, f->version);
	wire_put_string(&w, (struct span){ bytes, f->key });
	wire_put_string(&w, f->ns);
	wire_put_string(&w, (struct span){ 0 });
	wire_put_cstring(&w, f->hash);
	wire_put_string(&w, (struct span){ bytes, f->signature });
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	if ((r = sshsig_parse(data_span(&d), &s, &e)) == 0)
		sshsig_free(&s);
	data_free(&d);
	return r;
}

static void
test_each_field_has_its_limits(void **state)
{
#define NS(s)	{ (const uint8_t *)s, sizeof(s) - 1 }
	const struct fields cases[] = {
		{ "SSHSIG", 1, 9, NS("n"), "sha512", 9, 0 },
		{ "SSHSIG", 1, 9, NS("n"), "sha256", 9, 0 },
		{ "SSHSIG", 0, 9, NS("n"), "sha512", 9, ERR_UNSUPPORTED },
		{ "SSHSIG", 2, 9, NS("n"), "sha512", 9, ERR_UNSUPPORTED },
		{ "sshsig", 1, 9, NS("n"), "sha512", 9, ERR_FORMAT },
		{ "SSHSIG", 1, 0, NS("n"), "sha512", 9, ERR_FORMAT },
		{ "SSHSIG", 1, 9, NS("n"), "sha512", 0, ERR_FORMAT },
		{ "SSHSIG", 1, 9, NS(""), "sha512", 9, ERR_FORMAT },
		{ "SSHSIG", 1, 9, NS("n\0"), "sha512", 9, ERR_FORMAT },
		{ "SSHSIG", 1, 9, NS("n\n"), "sha512", 9, ERR_FORMAT },
		{ "SSHSIG", 1, 9, NS("n\xff"), "sha512", 9, ERR_FORMAT },
		{ "SSHSIG", 1, 9, NS("n"), "sha1", 9, ERR_UNSUPPORTED },
		{ "SSHSIG", 1, 9, NS("n"), "", 9, ERR_UNSUPPORTED },
		{ "SSHSIG", 1, 9, NS("n"), "SHA512", 9, ERR_UNSUPPORTED },
		/* 41 bytes are the rest. */
		{ "SSHSIG", 1, 60000, NS("n"), "sha512", SSHSIG_MAX - 60037,
		    0 },
		{ "SSHSIG", 1, 60000, NS("n"), "sha512", SSHSIG_MAX - 60036,
		    ERR_LIMIT },
		{ "SSHSIG", 1, SSHSIG_MAX, NS("n"), "sha512", SSHSIG_MAX,
		    ERR_LIMIT },
	};
#undef NS

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (parse_fields(&cases[i]) != cases[i].rc)
			fail_msg("case %zu", i);
}

static void
test_a_namespace_has_256_bytes_at_most(void **state)
{
	char ns[SSHSIG_NS_MAX + 2];
	struct fields f = { "SSHSIG", 1, 9, { 0 }, "sha512", 9, 0 };

	(void)state;
	memset(ns, 'n', sizeof(ns));
	f.ns = (struct span){ (uint8_t *)ns, SSHSIG_NS_MAX };
	assert_int_equal(parse_fields(&f), 0);
	f.ns.n++;
	assert_int_equal(parse_fields(&f), ERR_LIMIT);
}

/* --- made here --- */

/* What k signs, as the header says it is done. */
static void
sign(const struct hostkey *k, enum sig_alg rsa, struct sshsig *s,
    struct data *sig)
{
	struct wire_w w;
	struct err e;

	assert_true(wire_write(&w, 1024));
	assert_int_equal(sshsig_put_tbs(s, span_cstr("hello"), &w, &e), 0);
	*sig = hostkey_sign_as(k, rsa, wire_bytes(&w));
	wire_free(&w);
	s->key = data_span(&k->blob);
	s->signature = data_span(sig);
}

static void
test_what_is_made_here_is_believed_here(void **state)
{
	(void)state;
	for (int t = 0; t < N_HOSTKEY_TYPES; t++)
		for (int h = SSHSIG_SHA256; h <= SSHSIG_SHA512; h++) {
			struct sshsig s = { .ns = span_cstr("a b"),
			    .hash = (enum sshsig_hash)h };
			struct hostkey k;
			struct data sig;
			char *text;

			hostkey_make(&k, (enum hostkey_type)t);
			sign(&k, SIG_RSA_SHA256, &s, &sig);
			text = sshsig_armor(&s);
			assert_int_equal(check(span_cstr(text), "a b",
			    span_cstr("hello")), 0);
			free(text);
			data_free(&sig);
			hostkey_free(&k);
		}
}

static void
test_rsa_with_sha1_is_refused(void **state)
{
	struct sshsig s = { .ns = span_cstr("file") };
	struct hostkey k;
	struct data sig;
	struct err e;

	(void)state;
	hostkey_make(&k, HOSTKEY_RSA);
	sign(&k, SIG_RSA_SHA1, &s, &sig);
	assert_int_equal(sshsig_verify(&s, "file", span_cstr("hello"), &e),
	    ERR_UNSUPPORTED);
	data_free(&sig);
	hostkey_free(&k);
}

static void
test_what_is_reserved_is_signed_with_the_rest(void **state)
{
	struct sshsig s = { .ns = span_cstr("file"),
	    .reserved = span_cstr("later") };
	struct hostkey k;
	struct data sig;
	struct err e;

	(void)state;
	hostkey_make(&k, HOSTKEY_P256);
	sign(&k, SIG_RSA_SHA512, &s, &sig);
	assert_int_equal(sshsig_verify(&s, "file", span_cstr("hello"), &e),
	    0);
	s.reserved = (struct span){ 0 };
	assert_int_equal(sshsig_verify(&s, "file", span_cstr("hello"), &e),
	    ERR_DENIED);
	data_free(&sig);
	hostkey_free(&k);
}

static void
test_what_is_too_long_to_read_is_not_made(void **state)
{
	static const uint8_t bytes[SSHSIG_MAX];
	const struct sshsig s = { .ns = span_cstr("file"),
	    .key = { bytes, sizeof(bytes) } };

	(void)state;
	assert_null(sshsig_armor(&s));
}

/* The signature of one type under the key of another; cert is p256's. */
static bool
are_one_key(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || (strcmp(a, "p256") == 0 &&
	    strcmp(b, "cert") == 0) || (strcmp(a, "cert") == 0 &&
	    strcmp(b, "p256") == 0);
}

static void
test_a_signature_by_another_type_of_key_is_refused(void **state)
{
	struct data m = data_file("sshsig/message");
	struct err e;

	(void)state;
	for (size_t i = 0; i < N_MADE; i++)
		for (size_t j = 0; j < N_MADE; j++) {
			struct data a = text_of(made[i].name);
			struct data b = text_of(made[j].name);
			struct sshsig s, t, mixed;

			parse(data_span(&a), &s);
			parse(data_span(&b), &t);
			mixed = s;
			mixed.signature = t.signature;
			if (!are_one_key(made[i].name, made[j].name))
				assert_int_not_equal(sshsig_verify(&mixed,
				    "file", data_span(&m), &e), 0);
			sshsig_free(&t);
			sshsig_free(&s);
			data_free(&b);
			data_free(&a);
		}
	data_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_what_ssh_keygen_signs_is_believed_or_refused),
		cmocka_unit_test(test_another_message_or_namespace_is_refused),
		cmocka_unit_test(test_the_armour_is_ssh_keygens_byte_for_byte),
		cmocka_unit_test(test_the_binary_form_is_read_as_well),
		cmocka_unit_test(
		    test_what_is_cut_anywhere_or_goes_on_is_malformed),
		cmocka_unit_test(test_no_flipped_bit_is_believed),
		cmocka_unit_test(
		    test_lines_may_have_up_to_76_columns_and_carriage_returns),
		cmocka_unit_test(
		    test_nothing_may_stand_around_or_within_the_armour),
		cmocka_unit_test(test_each_field_has_its_limits),
		cmocka_unit_test(test_a_namespace_has_256_bytes_at_most),
		cmocka_unit_test(test_what_is_made_here_is_believed_here),
		cmocka_unit_test(test_rsa_with_sha1_is_refused),
		cmocka_unit_test(test_what_is_reserved_is_signed_with_the_rest),
		cmocka_unit_test(test_what_is_too_long_to_read_is_not_made),
		cmocka_unit_test(
		    test_a_signature_by_another_type_of_key_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

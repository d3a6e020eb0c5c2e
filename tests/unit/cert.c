/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/cert.h"
#include "tests/unit/data.h"

static const struct {
	const char	*cert;
	const char	*subject;
} certs[] = {
	{ "u_rsa-cert", "u_rsa" }, { "u_ecdsa-cert", "u_ecdsa" },
	{ "u_ed25519-cert", "u_ed25519" }, { "p384-cert", "p384" },
	{ "p521-cert", "p521" }, { "sk_ed25519-cert", "sk_ed25519" },
	{ "sk_ecdsa-cert", "sk_ecdsa" },
};

#define N_CERTS	(sizeof(certs) / sizeof(certs[0]))

static void
test_every_field_is_what_ssh_keygen_was_told(void **state)
{
	struct data d = data_pub("u_ed25519-cert"), ca = data_pub("ca");
	const char *principals[] = { "alice", "ops" };
	struct span name;
	struct wire_r r;
	struct cert c;
	struct err e;
	size_t n = 0;

	(void)state;
	assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
	assert_true(span_is(c.type_name, "ssh-ed25519-cert-v01@openssh.com"));
	assert_string_equal(c.plain_name, "ssh-ed25519");
	assert_int_equal(c.nonce.n, 32);
	assert_true(c.serial == 7);
	assert_int_equal(c.type, CERT_USER);
	assert_true(span_is(c.key_id, "alice"));
	assert_int_equal(c.n_principals, 2);
	wire_read(&r, c.principals);
	while (cert_next_principal(&r, &name))
		assert_true(span_is(name, principals[n++]));
	assert_int_equal(n, 2);
	assert_true(c.valid_after == 0x6b010a07);
	assert_true(c.valid_before == 0x6b011943);
	assert_true(span_eq(c.ca, data_span(&ca)));
	assert_int_equal(c.tbs.n, 571);
	assert_int_equal(c.signature.n, 0x65);
	data_free(&ca);
	data_free(&d);
}

static void
test_options_come_one_by_one(void **state)
{
	struct data d = data_pub("u_ed25519-cert");
	const char *want[] = { "force-command", "source-address",
	    "zz@example.com" };
	struct span name, data;
	struct wire_r r, in;
	struct cert c;
	struct err e;
	size_t n = 0;

	(void)state;
	assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
	wire_read(&r, c.critical);
	while (cert_next_option(&r, &name, &data)) {
		assert_true(span_is(name, want[n]));
		wire_read(&in, data);
		if (n++ == 0)
			assert_true(span_is(wire_get_string(&in),
			    "/bin/true"));
	}
	assert_int_equal(n, 3);
	wire_read(&r, c.extensions);
	for (n = 0; cert_next_option(&r, &name, &data); n++)
		;
	assert_int_equal(n, 7);
	data_free(&d);
}

static void
test_the_subject_is_the_key_that_was_signed(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CERTS; i++) {
		struct data d = data_pub(certs[i].cert);
		struct data want = data_pub(certs[i].subject);
		struct wire_w w;
		struct cert c;
		struct err e;

		assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
		assert_true(wire_write(&w, 4096));
		cert_put_subject(&c, &w);
		assert_true(span_eq(wire_bytes(&w), data_span(&want)));
		wire_free(&w);
		data_free(&want);
		data_free(&d);
	}
}

static void
refuse_whole(struct span cut, void *arg)
{
	struct cert c;
	struct err e;

	(void)arg;
	assert_int_equal(cert_parse(cut, &c, &e), ERR_FORMAT);
}

static void
refuse_tbs(struct span cut, void *arg)
{
	struct cert c;
	struct err e;

	(void)arg;
	assert_int_equal(cert_parse_tbs(cut, &c, &e), ERR_FORMAT);
}

static void
test_a_certificate_cut_anywhere_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CERTS; i++) {
		struct data d = data_pub(certs[i].cert);
		struct cert c;
		struct err e;

		data_each_cut(data_span(&d), refuse_whole, NULL);
		assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
		data_each_cut(c.tbs, refuse_tbs, NULL);
		data_free(&d);
	}
}

static void
test_the_body_parses_alone_and_the_whole_is_no_body(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CERTS; i++) {
		struct data d = data_pub(certs[i].cert), tbs;
		struct cert c, body;
		struct err e;

		assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
		assert_int_equal(cert_parse_tbs(data_span(&d), &body, &e),
		    ERR_FORMAT);
		tbs = data_copy(c.tbs);
		assert_int_equal(cert_parse_tbs(data_span(&tbs), &body, &e),
		    0);
		assert_true(span_eq(body.tbs, data_span(&tbs)));
		assert_int_equal(body.signature.n, 0);
		assert_int_equal(cert_parse(data_span(&tbs), &body, &e),
		    ERR_FORMAT);
		data_free(&tbs);
		data_free(&d);
	}
}

/* A body whose every field a test can change. */
struct fields {
	const char	*type, *curve;
	struct span	 key;
	uint32_t	 what;
	struct span	 principals, critical, extensions, reserved, ca;
	uint64_t	 serial, after, before;
	const char	*id;
};

static const uint8_t ed25519[32] = { 7 };
static const uint8_t ca_blob[] =
	"\0\0\0\013ssh-ed25519\0\0\0 12345678901234567890123456789012";

static struct fields
usual(void)
{
	return (struct fields){
		.type = "ssh-ed25519-cert-v01@openssh.com",
		.key = { ed25519, sizeof(ed25519) }, .what = CERT_USER,
		.ca = { ca_blob, sizeof(ca_blob) - 1 },
		.after = 1000, .before = 1000 + 8 * 3600, .id = "id",
	};
}

static int
parse_fields(const struct fields *f, char *text, size_t len, struct err *e)
{
	struct wire_w w;
	struct data d;
	struct cert c;
	int r;

	assert_true(wire_write(&w, 1 << 18));
	wire_put_cstring(&w, f->type);
	wire_put_cstring(&w, "nonce");
	if (f->curve != NULL)
		wire_put_cstring(&w, f->curve);
	wire_put_string(&w, f->key);
	wire_put_u64(&w, f->serial);
	wire_put_u32(&w, f->what);
	wire_put_cstring(&w, f->id);
	wire_put_string(&w, f->principals);
	wire_put_u64(&w, f->after);
	wire_put_u64(&w, f->before);
	wire_put_string(&w, f->critical);
	wire_put_string(&w, f->extensions);
	wire_put_string(&w, f->reserved);
	wire_put_string(&w, f->ca);
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	r = cert_parse_tbs(data_span(&d), &c, e);
	if (r == 0)
		cert_describe(&c, text, len);
	data_free(&d);
	return r;
}

static int
parse(const struct fields *f)
{
	char text[16];
	struct err e;

	return parse_fields(f, text, sizeof(text), &e);
}

static void
test_only_user_and_host_certificates_are_known(void **state)
{
	struct fields f = usual();

	(void)state;
	assert_int_equal(parse(&f), 0);
	f.what = CERT_HOST;
	assert_int_equal(parse(&f), 0);
	f.what = 0;
	assert_int_equal(parse(&f), ERR_FORMAT);
	f.what = 3;
	assert_int_equal(parse(&f), ERR_FORMAT);
	f.what = 0x01000000;
	assert_int_equal(parse(&f), ERR_FORMAT);
}

static void
test_unknown_types_are_not_supported(void **state)
{
	const char *types[] = { "", "ssh-ed25519",
	    "ssh-dss-cert-v01@openssh.com",
	    "ssh-mldsa44-ed25519-cert-v01@openssh.com",
	    "ssh-ed25519-cert-v01@openssh.com ",
	    "rsa-sha2-256-cert-v01@openssh.com" };
	struct fields f = usual();

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		f.type = types[i];
		assert_int_equal(parse(&f), ERR_UNSUPPORTED);
	}
}

static void
test_a_subject_key_not_in_its_form_is_refused(void **state)
{
	const uint8_t point[65] = { 4 }, compressed[65] = { 2 };
	struct fields f = usual();

	(void)state;
	f.key.n = 31;
	assert_int_equal(parse(&f), ERR_FORMAT);
	f = usual();
	f.type = "ecdsa-sha2-nistp256-cert-v01@openssh.com";
	f.curve = "nistp256";
	f.key = (struct span){ point, sizeof(point) };
	assert_int_equal(parse(&f), 0);
	f.key.p = compressed;
	assert_int_equal(parse(&f), ERR_FORMAT);
	f.key = (struct span){ point, 64 };
	assert_int_equal(parse(&f), ERR_FORMAT);
	f.key = (struct span){ point, 65 };
	f.curve = "nistp384";
	assert_int_equal(parse(&f), ERR_FORMAT);
}

static void
test_a_ca_that_is_a_certificate_is_refused(void **state)
{
	struct data d = data_pub("u_ed25519-cert");
	struct fields f = usual();

	(void)state;
	f.ca = data_span(&d);
	assert_int_equal(parse(&f), ERR_UNSUPPORTED);
	f.ca = (struct span){ 0 };
	assert_int_equal(parse(&f), ERR_UNSUPPORTED);
	data_free(&d);
	d = data_pub("ca");
	f.ca = data_span(&d);
	assert_int_equal(parse(&f), 0);
	f.ca.n--;
	assert_int_equal(parse(&f), ERR_FORMAT);
	data_free(&d);
}

static void
test_a_filled_reserved_field_is_refused(void **state)
{
	struct fields f = usual();

	(void)state;
	f.reserved = span_cstr("x");
	assert_int_equal(parse(&f), ERR_FORMAT);
}

static int
parse_principals(size_t n)
{
	struct fields f = usual();
	struct wire_w w;
	int r;

	assert_true(wire_write(&w, 1 << 16));
	for (size_t i = 0; i < n; i++)
		wire_put_cstring(&w, "name");
	f.principals = wire_bytes(&w);
	r = parse(&f);
	wire_free(&w);
	return r;
}

static void
test_256_principals_are_well_and_257_over_the_limit(void **state)
{
	(void)state;
	assert_int_equal(parse_principals(0), 0);
	assert_int_equal(parse_principals(256), 0);
	assert_int_equal(parse_principals(257), ERR_LIMIT);
}

static void
test_half_a_list_is_refused(void **state)
{
	struct data half = data_hex("0000000161" "00000002" "61");
	struct data odd = data_hex("0000000161");
	struct fields f = usual();

	(void)state;
	f.principals = data_span(&half);
	assert_int_equal(parse(&f), ERR_FORMAT);
	f = usual();
	f.critical = data_span(&odd);
	assert_int_equal(parse(&f), ERR_FORMAT);
	f = usual();
	f.extensions = data_span(&odd);
	assert_int_equal(parse(&f), ERR_FORMAT);
	data_free(&odd);
	data_free(&half);
}

static void
test_a_certificate_with_a_malformed_signature_is_refused(void **state)
{
	const char *wrong[] = { "", "00000000", "0000000161",
	    "0000000161" "00000000", "00000000" "0000000161",
	    "0000000161" "0000000161" "00" };
	struct data d = data_pub("u_ed25519-cert");
	struct cert c, again;
	struct err e;

	(void)state;
	assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct data s = data_hex(wrong[i]);
		struct wire_w w;

		assert_true(wire_write(&w, 4096));
		wire_put_raw(&w, c.tbs);
		wire_put_string(&w, data_span(&s));
		assert_int_equal(cert_parse(wire_bytes(&w), &again, &e),
		    ERR_FORMAT);
		wire_free(&w);
		data_free(&s);
	}
	data_free(&d);
}

static void
test_a_security_keys_signature_has_flags_and_a_counter(void **state)
{
	struct data d = data_pub("u_ed25519-cert");
	struct cert c, again;
	struct err e;

	(void)state;
	assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
	for (size_t tail = 0; tail < 7; tail++) {
		struct wire_w w, sig;

		assert_true(wire_write(&w, 4096) && wire_write(&sig, 64));
		wire_put_cstring(&sig, "sk-ssh-ed25519@openssh.com");
		wire_put_cstring(&sig, "value");
		wire_put_raw(&sig, (struct span){ ed25519, tail });
		wire_put_raw(&w, c.tbs);
		wire_put_string(&w, wire_bytes(&sig));
		assert_int_equal(cert_parse(wire_bytes(&w), &again, &e),
		    tail == 5 ? 0 : ERR_FORMAT);
		wire_free(&sig);
		wire_free(&w);
	}
	data_free(&d);
}

static void
assert_described(const struct fields *f, const char *want)
{
	char text[512];
	struct err e;

	assert_int_equal(parse_fields(f, text, sizeof(text), &e), 0);
	assert_string_equal(text, want);
}

static void
test_a_description_says_who_and_how_long(void **state)
{
	struct fields f = usual();

	(void)state;
	f.principals = (struct span){ (const uint8_t *)
	    "\0\0\0\005alice\0\0\0\003ops", 16 };
	f.serial = 7;
	assert_described(&f,
	    "user certificate \"id\", serial 7, for alice, ops, 8h");
	f.before += 39;
	f.what = CERT_HOST;
	assert_described(&f,
	    "host certificate \"id\", serial 7, for alice, ops, 8h");
	f.before += 3600 * 24 * 7 + 60;
	assert_described(&f,
	    "host certificate \"id\", serial 7, for alice, ops, 7d8h");
}

static void
test_a_description_warns_of_wide_certificates(void **state)
{
	struct fields f = usual();

	(void)state;
	f.after = 0;
	f.before = CERT_FOREVER;
	assert_described(&f,
	    "user certificate \"id\", serial 0, for anyone, forever");
	f.before = 1893542400;
	assert_described(&f, "user certificate \"id\", serial 0, for anyone, "
	    "until 2030-01-02 00:00 UTC");
	f.before = CERT_FOREVER - 1;
	assert_described(&f, "user certificate \"id\", serial 0, for anyone, "
	    "until second 18446744073709551614");
	f.after = f.before;
	assert_described(&f,
	    "user certificate \"id\", serial 0, for anyone, never valid");
}

static void
test_a_description_cannot_be_forged_by_a_name(void **state)
{
	struct fields f = usual();

	(void)state;
	f.id = "x\", serial 1, for bob\n\x1b\xff";
	f.principals = (struct span){ (const uint8_t *)
	    "\0\0\0\005a, b\0\0\0\0\0", 13 };
	assert_described(&f, "user certificate \"x?, serial 1, for bob???\", "
	    "serial 0, for a??b?, (empty), 8h");
}

static void
test_a_long_description_is_cut_visibly(void **state)
{
	struct fields f = usual();
	char id[200], text[512];
	struct wire_w w;
	struct err e;

	(void)state;
	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	f.id = id;
	assert_true(wire_write(&w, 4096));
	for (int i = 0; i < 100; i++)
		wire_put_cstring(&w, "name");
	f.principals = wire_bytes(&w);
	assert_int_equal(parse_fields(&f, text, sizeof(text), &e), 0);
	assert_non_null(strstr(text, "iii...\","));
	assert_non_null(strstr(text, "name, name and 92 more, 8h"));
	wire_free(&w);
}

static void
test_a_description_fits_any_buffer(void **state)
{
	struct data d = data_pub("u_ed25519-cert");
	char whole[512];
	struct cert c;
	struct err e;

	(void)state;
	assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
	cert_describe(&c, whole, sizeof(whole));
	for (size_t n = 0; n < 100; n++) {
		char *text = malloc(n);

		cert_describe(&c, text, n);
		if (n > 0) {
			assert_true(strlen(text) < n);
			assert_memory_equal(text, whole, strlen(text));
		}
		free(text);
	}
	data_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_is_what_ssh_keygen_was_told),
		cmocka_unit_test(test_options_come_one_by_one),
		cmocka_unit_test(test_the_subject_is_the_key_that_was_signed),
		cmocka_unit_test(test_a_certificate_cut_anywhere_is_refused),
		cmocka_unit_test(
		    test_the_body_parses_alone_and_the_whole_is_no_body),
		cmocka_unit_test(
		    test_only_user_and_host_certificates_are_known),
		cmocka_unit_test(test_unknown_types_are_not_supported),
		cmocka_unit_test(
		    test_a_subject_key_not_in_its_form_is_refused),
		cmocka_unit_test(test_a_ca_that_is_a_certificate_is_refused),
		cmocka_unit_test(test_a_filled_reserved_field_is_refused),
		cmocka_unit_test(
		    test_256_principals_are_well_and_257_over_the_limit),
		cmocka_unit_test(test_half_a_list_is_refused),
		cmocka_unit_test(
		    test_a_certificate_with_a_malformed_signature_is_refused),
		cmocka_unit_test(
		    test_a_security_keys_signature_has_flags_and_a_counter),
		cmocka_unit_test(test_a_description_says_who_and_how_long),
		cmocka_unit_test(
		    test_a_description_warns_of_wide_certificates),
		cmocka_unit_test(
		    test_a_description_cannot_be_forged_by_a_name),
		cmocka_unit_test(test_a_long_description_is_cut_visibly),
		cmocka_unit_test(test_a_description_fits_any_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/draft.h"
#include "ca/wish.h"
#include "ssh/keytext.h"
#include "tests/unit/certbody.h"

#define N(a)	(sizeof(a) / sizeof(*(a)))

/* As tests/data/README has them made: what of the command is text. */
static const struct made {
	const char	*subject, *cert;
	enum cert_type	 type;
	const char	*key_id, *principals, *serial;
	const char	*options[7];
	const char	*comment;
} made[] = {
#define USER	CERT_USER, "alice", "alice,ops"
#define OPTIONS	{ "force-command=/bin/true", "source-address=10.0.0.0/8", \
		"critical:zz@example.com=v", "extension:a-flag@example.com", \
		"extension:login@github.com=alice" }
	{ "u_ed25519", "u_ed25519-cert", USER, "7", OPTIONS, "root@vm" },
	{ "u_ecdsa", "u_ecdsa-cert", USER, "8", OPTIONS, "root@vm" },
	{ "u_rsa", "u_rsa-cert", CERT_HOST, "host1", "host1.example.org",
	    "0", { NULL }, "root@vm" },
	{ "p384", "p384-cert", CERT_USER, "p384-id", "alice",
	    "18446744073709551615", { NULL }, "p384@example.org" },
	{ "p521", "p521-cert", CERT_HOST, "host.example.org",
	    "host.example.org,10.0.0.1", "0", { NULL }, "p521@example.org" },
	{ "sk_ed25519", "sk_ed25519-cert", CERT_USER, "sk", "alice", "0",
	    { NULL }, "sk_ed25519@example.org" },
	{ "sk_ecdsa", "sk_ecdsa-cert", CERT_USER, "sk", "alice,bob", "0",
	    { NULL }, "sk_ecdsa@example.org" },
};

static struct wire_w
writer(void)
{
	struct wire_w w;

	assert_true(wire_write(&w, 1 << 17));
	return w;
}

static void
wish(const struct made *m, const struct cert *c, struct ca_draft *d)
{
	struct err e;

	assert_int_equal(ca_wish_begin(d, m->type, &e), 0);
	assert_int_equal(ca_draft_set_key_id(d, m->key_id, &e), 0);
	assert_int_equal(ca_wish_principals(d, m->principals, &e), 0);
	assert_int_equal(ca_wish_serial(m->serial, &d->serial, &e), 0);
	for (size_t i = 0; m->options[i] != NULL; i++)
		assert_int_equal(ca_wish_option(d, m->options[i], &e), 0);
	/* What cannot be known before it was made. */
	assert_int_equal(c->nonce.n, CERT_NONCE);
	memcpy(d->nonce, c->nonce.p, CERT_NONCE);
	d->n_nonce = CERT_NONCE;
	d->valid_after = c->valid_after;
	d->valid_before = c->valid_before;
}

static void
test_bodies_and_lines_are_those_of_ssh_keygen(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(made); i++) {
		struct data blob = data_pub(made[i].cert);
		struct data subject = data_pub(made[i].subject);
		struct wire_w tbs = writer(), whole = writer();
		char file[80], *want, *line;
		struct ca_draft d;
		struct cert c;
		struct err e;

		assert_int_equal(cert_parse(data_span(&blob), &c, &e), 0);
		wish(&made[i], &c, &d);
		if (ca_draft_put_tbs(&d, data_span(&subject), c.ca, &tbs,
		    &e) != 0)
			fail_msg("%s: %s", made[i].cert, e.msg);
		if (!span_eq(wire_bytes(&tbs), c.tbs))
			fail_msg("%s is another", made[i].cert);
		assert_int_equal(ca_draft_assemble(wire_bytes(&tbs),
		    c.signature, &whole, &e), 0);
		assert_true(span_eq(wire_bytes(&whole), data_span(&blob)));
		line = keytext_openssh(wire_bytes(&whole), made[i].comment);
		snprintf(file, sizeof(file), "%s.pub", made[i].cert);
		assert_non_null(want = data_text(file));
		assert_non_null(line);
		assert_int_equal(strncmp(want, line, strlen(line)), 0);
		assert_string_equal(want + strlen(line), "\n");
		free(want);
		free(line);
		ca_draft_clear(&d);
		wire_free(&tbs);
		wire_free(&whole);
		data_free(&subject);
		data_free(&blob);
	}
}

/* The body of the draft that a body is read into, and what became of it. */
static int
again(struct span tbs, struct wire_w *out, struct err *e)
{
	struct wire_w subject = writer();
	struct ca_draft d;
	struct cert c;
	int r;

	assert_int_equal(cert_parse_tbs(tbs, &c, e), 0);
	cert_put_subject(&c, &subject);
	if ((r = ca_draft_from_cert(&c, &d, e)) == 0)
		r = ca_draft_put_tbs(&d, wire_bytes(&subject), c.ca, out, e);
	ca_draft_clear(&d);
	wire_free(&subject);
	return r;
}

static void
test_a_certificate_is_read_back_as_a_draft(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(made); i++) {
		struct data blob = data_pub(made[i].cert);
		struct wire_w out = writer();
		struct cert c;
		struct err e;

		assert_int_equal(cert_parse(data_span(&blob), &c, &e), 0);
		assert_int_equal(again(c.tbs, &out, &e), 0);
		assert_true(span_eq(wire_bytes(&out), c.tbs));
		wire_free(&out);
		data_free(&blob);
	}
}

static void
test_options_out_of_order_are_put_in_order(void **state)
{
	struct certbody b, sorted;
	struct data in, want;
	struct wire_w out = writer();
	struct err e;

	(void)state;
	certbody_make(&b);
	certbody_make(&sorted);
	b.critical = span_cstr("source-address=::1;force-command=x");
	sorted.critical = span_cstr("force-command=x;source-address=::1");
	b.extensions = span_cstr("zz;permit-pty;aa=;permit-pty;aa=");
	sorted.extensions = span_cstr("aa=;permit-pty;zz");
	in = certbody_bytes(&b);
	want = certbody_bytes(&sorted);
	assert_int_equal(again(data_span(&in), &out, &e), 0);
	assert_true(span_eq(wire_bytes(&out), data_span(&want)));
	wire_free(&out);
	data_free(&want);
	data_free(&in);
	certbody_free(&sorted);
	certbody_free(&b);
}

/* A text with a NUL in it, as no draft can have. */
#define S(text)	{ (const uint8_t *)(text), sizeof(text) - 1 }

static void
test_what_no_draft_can_say_is_refused(void **state)
{
	static const struct {
		struct span	 key_id, principals, critical, extensions;
		const char	*why;
	} t[] = {
		{ S("a\0b"), S("alice"), S(""), S(""), "key id \"a?b\"" },
		{ S("a"), S("alice|b\0"), S(""), S(""), "principal \"b?\"" },
		{ S("a"), S("alice"), S("x\0=1"), S(""), "option \"x?\"" },
		{ S("a"), S("alice"), S(""), S("\0"), "option \"?\"" },
		{ S("a"), S("alice"), S("x:1"), S(""), "no well-formed" },
		{ S("a"), S("alice"), S(""), S("x:\0\0\0\1yz"),
		    "no well-formed" },
		{ S("a"), S("alice"), S("x=1;x=2"), S(""), "\"x\" is there" },
		{ S("a"), S("alice"), S(""), S("x=;x"), "\"x\" is there" },
	};

	(void)state;
	for (size_t i = 0; i < N(t); i++) {
		struct wire_w out = writer();
		struct certbody b;
		struct data in;
		struct err e;

		certbody_make(&b);
		b.key_id = t[i].key_id;
		b.principals = t[i].principals;
		b.critical = t[i].critical;
		b.extensions = t[i].extensions;
		in = certbody_bytes(&b);
		assert_int_equal(again(data_span(&in), &out, &e), ERR_FORMAT);
		if (strstr(e.msg, t[i].why) == NULL)
			fail_msg("%zu: %s", i, e.msg);
		assert_int_equal(wire_bytes(&out).n, 0);
		data_free(&in);
		certbody_free(&b);
		wire_free(&out);
	}
}

static void
test_a_long_nonce_is_kept_and_a_longer_one_refused(void **state)
{
	static const uint8_t zeros[CA_NONCE_MAX + 1];
	struct wire_w out = writer();
	struct certbody b;
	struct data in;
	struct err e;

	(void)state;
	certbody_make(&b);
	b.nonce = (struct span){ zeros, CA_NONCE_MAX };
	in = certbody_bytes(&b);
	assert_int_equal(again(data_span(&in), &out, &e), 0);
	assert_true(span_eq(wire_bytes(&out), data_span(&in)));
	data_free(&in);
	b.nonce.n++;
	in = certbody_bytes(&b);
	assert_int_equal(again(data_span(&in), &out, &e), ERR_LIMIT);
	data_free(&in);
	certbody_free(&b);
	wire_free(&out);
}

static int
put(const struct ca_draft *d, const char *subject, const char *ca,
    struct err *e)
{
	struct data s = data_pub(subject), c = data_pub(ca);
	struct wire_w out = writer();
	int r;

	wire_put_cstring(&out, "before");
	r = ca_draft_put_tbs(d, data_span(&s), data_span(&c), &out, e);
	if (r != 0)
		assert_int_equal(wire_bytes(&out).n, 10);
	else
		assert_true(wire_bytes(&out).n > 100);
	wire_free(&out);
	data_free(&c);
	data_free(&s);
	return r;
}

static void
test_only_plain_keys_are_subjects_and_cas(void **state)
{
	struct ca_draft d = { .type = CERT_USER };
	struct err e;

	(void)state;
	assert_int_equal(put(&d, "u_rsa", "ca", &e), 0);
	assert_int_equal(put(&d, "u_rsa-cert", "ca", &e), ERR_UNSUPPORTED);
	assert_non_null(strstr(e.msg, "subject key"));
	assert_int_equal(put(&d, "u_rsa", "p384-cert", &e), ERR_UNSUPPORTED);
	assert_non_null(strstr(e.msg, "CA key"));
}

struct both {
	struct span	 subject, ca;
};

static void
refuse_subject(struct span cut, void *arg)
{
	const struct both *b = arg;
	struct ca_draft d = { .type = CERT_USER };
	struct wire_w out = writer();
	struct err e;
	int r;

	r = ca_draft_put_tbs(&d, cut, b->ca, &out, &e);
	assert_true(r == ERR_FORMAT || r == ERR_UNSUPPORTED);
	r = ca_draft_put_tbs(&d, b->subject, cut, &out, &e);
	assert_true(r == ERR_FORMAT || r == ERR_UNSUPPORTED);
	assert_int_equal(wire_bytes(&out).n, 0);
	wire_free(&out);
}

static void
test_a_key_cut_anywhere_is_neither(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(made); i++) {
		struct data s = data_pub(made[i].subject), ca = data_pub("ca");
		struct both b = { data_span(&s), data_span(&ca) };

		data_each_cut(b.subject, refuse_subject, &b);
		data_free(&ca);
		data_free(&s);
	}
}

static void
refuse_signature(struct span cut, void *arg)
{
	const struct cert *c = arg;
	struct wire_w out = writer();
	struct err e;

	assert_int_equal(ca_draft_assemble(c->tbs, cut, &out, &e),
	    ERR_FORMAT);
	assert_int_equal(wire_bytes(&out).n, 0);
	wire_free(&out);
}

static void
test_half_a_signature_makes_no_certificate(void **state)
{
	struct data blob = data_pub("u_ed25519-cert");
	struct cert c;
	struct err e;

	(void)state;
	assert_int_equal(cert_parse(data_span(&blob), &c, &e), 0);
	data_each_cut(c.signature, refuse_signature, &c);
	data_free(&blob);
}

static void
test_a_body_that_nobody_could_read_is_not_made(void **state)
{
	struct ca_draft d = { .type = CERT_HOST };
	uint8_t *many = calloc(1, CA_DRAFT_MAX);
	const struct span value = { many, CA_DRAFT_MAX - 300 };
	struct err e;

	(void)state;
	assert_non_null(many);
	assert_int_equal(ca_draft_add_option(&d.extensions, span_cstr("x"),
	    &value, &e), 0);
	assert_int_equal(put(&d, "u_ed25519", "ca", &e), 0);
	assert_int_equal(ca_draft_add_option(&d.extensions, span_cstr("y"),
	    &value, &e), 0);
	assert_int_equal(put(&d, "u_ed25519", "ca", &e), ERR_LIMIT);
	assert_non_null(strstr(e.msg, "fewer principals or options"));
	ca_draft_clear(&d);
	free(many);
}

/* The largest, of the largest keys: what is written is read again. */
static void
test_the_largest_certificate_is_a_line_that_we_read(void **state)
{
	struct ca_draft d = { .type = CERT_HOST };
	struct data subject = data_pub("p521"), ca = data_pub("rsaca");
	struct wire_w tbs = writer(), whole = writer(), back = writer();
	uint8_t *many = calloc(1, CA_DRAFT_MAX);
	struct span value = { many, CA_DRAFT_MAX };
	struct wire_w sig = writer();
	struct err e;
	char *line;

	(void)state;
	assert_non_null(many);
	do {
		value.n--;
		ca_draft_remove_option(&d.extensions, "x");
		assert_int_equal(ca_draft_add_option(&d.extensions,
		    span_cstr("x"), &value, &e), 0);
	} while (ca_draft_put_tbs(&d, data_span(&subject), data_span(&ca),
	    &tbs, &e) != 0);
	assert_int_equal(wire_bytes(&tbs).n, CA_DRAFT_MAX);
	wire_put_cstring(&sig, "rsa-sha2-512");
	wire_put_string(&sig, (struct span){ many, 2048 });
	assert_int_equal(ca_draft_assemble(wire_bytes(&tbs),
	    wire_bytes(&sig), &whole, &e), 0);
	line = keytext_openssh(wire_bytes(&whole), "somebody@example.org");
	assert_non_null(line);
	assert_int_equal(keytext_parse(line, &back, NULL, &e), 0);
	assert_true(span_eq(wire_bytes(&back), wire_bytes(&whole)));
	free(line);
	free(many);
	ca_draft_clear(&d);
	wire_free(&sig);
	wire_free(&back);
	wire_free(&whole);
	wire_free(&tbs);
	data_free(&ca);
	data_free(&subject);
}

static void
test_a_nonce_is_never_the_same(void **state)
{
	struct ca_draft a = { 0 }, b = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(ca_draft_nonce(&a, &e), 0);
	assert_int_equal(ca_draft_nonce(&b, &e), 0);
	assert_int_equal(a.n_nonce, 32);
	assert_int_equal(b.n_nonce, 32);
	assert_memory_not_equal(a.nonce, b.nonce, 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_bodies_and_lines_are_those_of_ssh_keygen),
		cmocka_unit_test(test_a_certificate_is_read_back_as_a_draft),
		cmocka_unit_test(test_options_out_of_order_are_put_in_order),
		cmocka_unit_test(test_what_no_draft_can_say_is_refused),
		cmocka_unit_test(
		    test_a_long_nonce_is_kept_and_a_longer_one_refused),
		cmocka_unit_test(test_only_plain_keys_are_subjects_and_cas),
		cmocka_unit_test(test_a_key_cut_anywhere_is_neither),
		cmocka_unit_test(test_half_a_signature_makes_no_certificate),
		cmocka_unit_test(
		    test_a_body_that_nobody_could_read_is_not_made),
		cmocka_unit_test(
		    test_the_largest_certificate_is_a_line_that_we_read),
		cmocka_unit_test(test_a_nonce_is_never_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ca/form.h"
#include "ca/policy.h"
#include "ca/sources.h"
#include "ssh/key.h"
#include "tests/unit/certbody.h"

#define NOBODY	(&(const struct ca_request){ .program = "" })

enum field {
	NONCE,
	KEY_ID,
	PRINCIPALS,
	RAW_PRINCIPALS,
	HOST,			/* the same, and it is a host's */
	KIND,
	AFTER,
	BEFORE,
	CRITICAL,
	HOST_CRITICAL,
	EXTENSIONS,
	RESERVED,
	TAIL,
	TYPE,
	CA,			/* a file */
	SUBJECT,		/* the same */
};

/* One change of the good body. */
struct change {
	enum field	 field;
	const char	*text;
	size_t		 n;
	uint64_t	 number;
	const char	*words;		/* of the reason */
};

#define S(s)	s, sizeof(s) - 1, 0
#define N(n)	"", 0, n

static void
apply(struct certbody *b, const struct change *c)
{
	const struct span s = { (const uint8_t *)c->text, c->n };
	struct data d;

	switch (c->field) {
	case NONCE:
		b->nonce = s;
		return;
	case KEY_ID:
		b->key_id = s;
		return;
	case HOST:
		b->kind = CERT_HOST;
		b->critical = (struct span){ 0 };
		b->principals = s;
		return;
	case HOST_CRITICAL:
		b->kind = CERT_HOST;
		b->critical = s;
		return;
	case RAW_PRINCIPALS:
		b->unpacked = true;
		b->principals = s;
		return;
	case PRINCIPALS:
		b->principals = s;
		return;
	case KIND:
		b->kind = (uint32_t)c->number;
		return;
	case AFTER:
		b->after = c->number;
		return;
	case BEFORE:
		b->before = c->number;
		return;
	case CRITICAL:
		b->critical = s;
		return;
	case EXTENSIONS:
		b->extensions = s;
		return;
	case RESERVED:
		b->reserved = s;
		return;
	case TAIL:
		b->tail = s;
		return;
	case TYPE:
		b->type = c->text;
		return;
	case SUBJECT:
		certbody_set_subject(b, c->text);
		return;
	case CA:
		d = data_pub(c->text);
		certbody_set_ca(b, data_span(&d));
		data_free(&d);
		return;
	}
}

static int
judge(const struct certbody *b, struct err *e)
{
	struct data d = certbody_bytes(b);
	struct cert c;
	int r;

	if ((r = cert_parse_tbs(data_span(&d), &c, e)) == 0)
		r = ca_policy_check(NULL, &c, NOBODY, CERTBODY_NOW, e);
	data_free(&d);
	return r;
}

/* NULL: it passes. */
static void
check_body(const struct certbody *b, const char *what, const char *words)
{
	struct err e = { .msg = "" };
	const int r = judge(b, &e);

	if (words == NULL ? r != 0 : r == 0 || strstr(e.msg, words) == NULL)
		fail_msg("%s: %d %s", what, r, e.msg);
}

static void
check_change(const struct change *c)
{
	struct certbody b;

	certbody_make(&b);
	apply(&b, c);
	check_body(&b, c->text, c->words);
	certbody_free(&b);
}

static const struct change bad[] = {
	{ NONCE, S(""), "nonce has 0 bytes" },
	{ NONCE, S("0123456789abcde"), "nonce has 15 bytes" },
	{ KEY_ID, S(""), "key id is empty" },
	{ KEY_ID, S("a\nb"), "key id \"a?b\" has control" },
	{ KEY_ID, S("a\0b"), "key id \"a?b\" has control" },
	{ KEY_ID, S("a\x7f"), "key id \"a?\" has control" },
	{ KEY_ID, S("\xff\xfe"), "not UTF-8" },
	{ KEY_ID, S("a\xe2\x80\xae" "b"), "key id \"a?b\" has control" },
	{ PRINCIPALS, S(""), "has no principals" },
	{ HOST, S(""), "has no principals" },
	{ PRINCIPALS, S("|alice"), "principal 1 is empty" },
	{ PRINCIPALS, S("alice||bob"), "principal 2 is empty" },
	{ PRINCIPALS, S("deploy,root"), "\"deploy,root\" has a comma" },
	{ PRINCIPALS, S("alice|a,b"), "principal 2 \"a,b\" has a comma" },
	{ PRINCIPALS, S(","), "has a comma" },
	{ HOST, S("a.example,b"), "has a comma" },
	{ PRINCIPALS, S("alice "), "\"alice \" has a blank" },
	{ PRINCIPALS, S("alice\tbob"), "has control" },
	{ PRINCIPALS, S("alice\n"), "has control" },
	{ PRINCIPALS, S("root\0x"), "has control" },
	{ PRINCIPALS, S("\x1b[2J"), "has control" },
	{ PRINCIPALS, S("caf\xe9"), "not UTF-8" },
	{ PRINCIPALS, S("\xc0\xafx"), "not UTF-8" },
	{ PRINCIPALS, S("a\xc2\x85"), "has control" },
	{ PRINCIPALS, S("\"root\""), "has a quote" },
	{ PRINCIPALS, S("o'neill"), "has a quote" },
	{ PRINCIPALS, S("*"), "\"*\" is a pattern" },
	{ PRINCIPALS, S("alice|ro?t"), "principal 2 \"ro?t\" is a pattern" },
	{ RAW_PRINCIPALS, S("alice"), "malformed principals" },
	{ RAW_PRINCIPALS, S("\0\0\0\x9" "alice"), "malformed principals" },
	{ BEFORE, N(CERT_FOREVER), "valid for ever" },
	{ BEFORE, N(CERT_FOREVER - 1), "valid for ever" },
	{ BEFORE, N(UINT64_C(1) << 63), "valid for ever" },
	{ BEFORE, N(UINT64_C(253402300800)), "valid for ever" },
	{ BEFORE, N(CERTBODY_NOW), "never valid" },
	{ BEFORE, N(CERTBODY_NOW - 1), "never valid" },
	{ BEFORE, N(0), "never valid" },
	{ AFTER, N(CERT_FOREVER), "never valid" },
	{ CRITICAL, S("force-command=a;force-command=b"), "is there twice" },
	{ CRITICAL, S("force-command=a;force-command=a"), "is there twice" },
	{ CRITICAL, S("source-address=::1;force-command=a"), "out of order" },
	{ CRITICAL, S("zz@example.com"), "\"zz@example.com\" is none" },
	{ CRITICAL, S("permit-pty"), "\"permit-pty\" is none that sshd" },
	{ CRITICAL, S("force-commanD=a"), "is none that sshd knows" },
	{ CRITICAL, S("=x"), "critical option is empty" },
	{ CRITICAL, S("force\n=x"), "has control" },
	{ CRITICAL, S("force-command"), "has no well-formed value" },
	{ CRITICAL, S("force-command:ls"), "has no well-formed value" },
	{ CRITICAL, S("force-command:\0\0\0\2lsx"), "has no well-formed" },
	{ CRITICAL, S("force-command="), "has an empty value" },
	{ CRITICAL, S("force-command=ls\nrm"), "control characters in its" },
	{ CRITICAL, S("force-command=ls\0rm"), "control characters in its" },
	{ CRITICAL, S("verify-required=yes"), "has a value, and takes none" },
	{ CRITICAL, S("verify-required:x"), "has a value, and takes none" },
	{ CRITICAL, S("source-address"), "has no well-formed value" },
	{ CRITICAL, S("source-address="), "\"\": no address" },
	{ CRITICAL, S("source-address=10.0.0.1/8"), "bits beyond the mask" },
	{ CRITICAL, S("source-address=fe80::1/64"), "bits beyond the mask" },
	{ CRITICAL, S("source-address=10.0.0.0/33"), "no mask" },
	{ CRITICAL, S("source-address=10.0.0.0/"), "no mask" },
	{ CRITICAL, S("source-address=10.0.0.0/08"), "no mask" },
	{ CRITICAL, S("source-address=::/129"), "no mask" },
	{ CRITICAL, S("source-address=10.0.0.0/-1"), "no mask" },
	{ CRITICAL, S("source-address=10.1"), "\"10.1\": no address" },
	{ CRITICAL, S("source-address=!10.0.0.0/8"), "no address" },
	{ CRITICAL, S("source-address=*"), "no address" },
	{ CRITICAL, S("source-address=10.0.0.0/8,"), "\"\": no address" },
	{ CRITICAL, S("source-address=::1, ::2"), "\" ::2\": no address" },
	{ CRITICAL, S("source-address=::1%eth0"), "no address" },
	{ CRITICAL, S("source-address=::1\0,::2"), "no address" },
	{ HOST_CRITICAL, S("force-command=a"), "in a host certificate" },
	{ HOST_CRITICAL, S("source-address=::1"), "in a host certificate" },
	{ EXTENSIONS, S("permit-pty;permit-pty"), "is there twice" },
	{ EXTENSIONS, S("permit-pty;permit-X11-forwarding"), "out of order" },
	{ EXTENSIONS, S("permit-pty;permit"), "out of order" },
	{ EXTENSIONS, S("permit-pty=yes"), "has a value, and takes none" },
	{ EXTENSIONS, S("permit-user-rc:x"), "has a value, and takes none" },
	{ EXTENSIONS, S("no-touch-required=x"), "has a value, and takes" },
	{ EXTENSIONS, S("login@github.com:bob"), "no well-formed value" },
	{ EXTENSIONS, S("=x"), "extension is empty" },
	{ EXTENSIONS, S("a\1b"), "has control" },
	{ EXTENSIONS, S("force-command=ls"), "does nothing where it stands" },
	{ EXTENSIONS, S("source-address=::1"), "does nothing where it" },
	{ EXTENSIONS, S("verify-required"), "does nothing where it stands" },
	{ RESERVED, S("x"), "reserved field" },
	{ TAIL, S("\0"), "bytes after the CA key" },
	{ TAIL, S("\0\0\0\0"), "bytes after the CA key" },
	{ KIND, N(0), "neither for a user nor for a host" },
	{ KIND, N(3), "neither for a user nor for a host" },
	{ TYPE, S("ssh-dss-cert-v01@openssh.com"), "known type" },
	{ TYPE, S("ssh-ed25519-cert-v02@openssh.com"), "known type" },
	{ TYPE, S("rsa-sha2-256-cert-v01@openssh.com"), "known type" },
	{ TYPE, S("ssh-rsa-cert-v01@openssh.com"), "malformed subject key" },
	{ CA, S("p384-cert"), "no known plain type" },
	{ SUBJECT, S("ca"), "the CA's own key" },
};

static void
test_bodies_that_no_ca_signs_are_refused_with_the_reason(void **state)
{
	const size_t n = sizeof(bad) / sizeof(*bad);

	(void)state;
	for (size_t i = 0; i < n; i++)
		check_change(&bad[i]);
	assert_true(n >= 60);
}

static void
test_bodies_with_nothing_against_them_pass(void **state)
{
	static const struct change good[] = {
		{ NONCE, S("0123456789abcdef"), NULL },
		{ KEY_ID, S("\xc3\xa4 long, \"id\"; of * <alice>"), NULL },
		{ PRINCIPALS, S("a"), NULL },
		{ PRINCIPALS, S("DOMAIN\\alice|\xc3\xa4|b@c|-x|d/e"), NULL },
		{ HOST, S("a.example|*.b.example|10.0.0.?|[::1]"), NULL },
		{ AFTER, N(0), NULL },
		{ BEFORE, N(CERTBODY_NOW + 1), NULL },
		{ BEFORE, N(UINT64_C(253402300799)), NULL },
		{ CRITICAL, S(""), NULL },
		{ CRITICAL, S("verify-required"), NULL },
		{ CRITICAL, S("force-command=a \"b\" \\c"), NULL },
		{ CRITICAL, S("force-command=a;source-address=0.0.0.0/0;"
		    "verify-required"), NULL },
		{ CRITICAL, S("source-address=192.0.2.1,2001:db8::/32,::/0,"
		    "::ffff:192.0.2.1/128,255.255.255.255/32"), NULL },
		{ EXTENSIONS, S(""), NULL },
		{ EXTENSIONS, S("login@github.com=bob;no-touch-required;"
		    "permit-X11-forwarding;permit-agent-forwarding;"
		    "permit-port-forwarding;permit-pty;permit-user-rc;zz"),
		    NULL },
		{ SUBJECT, S("u_rsa"), NULL }, { SUBJECT, S("u_ecdsa"), NULL },
		{ SUBJECT, S("p384"), NULL }, { SUBJECT, S("p521"), NULL },
		{ SUBJECT, S("sk_ecdsa"), NULL },
		{ SUBJECT, S("sk_ed25519"), NULL },
		{ CA, S("rsaca"), NULL }, { CA, S("p521"), NULL },
	};
	struct certbody b;

	(void)state;
	certbody_make(&b);
	check_body(&b, "the good body", NULL);
	certbody_free(&b);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		check_change(&good[i]);
}

/* The longest that passes, and one byte more. */
static void
test_texts_have_an_end(void **state)
{
	static const struct {
		enum field field;
		const char *words;
	} t[] = {
		{ KEY_ID, "key id has 257 bytes" },
		{ PRINCIPALS, "principal 1 has 257 bytes" },
		{ NONCE, "nonce has 257 bytes" },
		{ EXTENSIONS, "extension has 257 bytes" },
	};
	char text[257];

	(void)state;
	memset(text, 'z', sizeof(text));
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		check_change(&(struct change){ t[i].field, text, 256, 0,
		    NULL });
		check_change(&(struct change){ t[i].field, text, 257, 0,
		    t[i].words });
	}
}

static void
check_rsa(unsigned int bits, uint64_t exponent, const char *words)
{
	uint8_t n[CA_RSA_MIN / 8 + 1];
	struct certbody b;
	struct wire_w w;

	memset(n, 0xff, sizeof(n));
	n[0] = 0;
	assert_true(wire_write(&w, KEY_BLOB_MAX));
	wire_put_cstring(&w, "ssh-rsa");
	wire_put_mpint(&w, (struct span){ (const uint8_t[]){
	    (uint8_t)exponent }, 1 });
	if (bits % 8 != 0)
		n[1] = (uint8_t)((1 << bits % 8) - 1);
	wire_put_mpint(&w, (struct span){ n, (bits + 7) / 8 + 1 });
	certbody_make(&b);
	certbody_set_subject_blob(&b, wire_bytes(&w));
	check_body(&b, "RSA", words);
	certbody_free(&b);
	wire_free(&w);
}

static void
test_a_short_or_odd_rsa_key_is_not_certified(void **state)
{
	(void)state;
	check_rsa(2048, 3, NULL);
	check_rsa(2047, 3, "an RSA key of 2047 bits, fewer than 2048");
	check_rsa(1024, 3, "an RSA key of 1024 bits");
	check_rsa(512, 3, "not to be certified");
	check_rsa(2048, 1, "not to be certified");
	check_rsa(2048, 4, "not to be certified");
}

static void
test_a_point_off_its_curve_is_not_certified(void **state)
{
	static const char *const files[] = { "u_ecdsa", "p384", "p521",
		"sk_ecdsa" };
	static const size_t last[] = { 1, 1, 1, 9 };	/* before "ssh:" */
	struct certbody b;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		certbody_make(&b);
		certbody_set_subject(&b, files[i]);
		b.key.p[b.key.n - last[i]] ^= 1;
		check_body(&b, files[i], "point is not on nistp");
		certbody_free(&b);
	}
}

static void
test_a_security_key_has_an_application(void **state)
{
	struct certbody b;
	struct wire_w w;

	(void)state;
	certbody_make(&b);
	assert_true(wire_write(&w, 1024));
	wire_put_cstring(&w, "sk-ssh-ed25519@openssh.com");
	wire_put_string(&w, (struct span){ b.key.p + 4, 32 });
	wire_put_u32(&w, 0);
	certbody_set_subject_blob(&b, wire_bytes(&w));
	check_body(&b, "sk", "application of the security key is empty");
	wire_free(&w);
	certbody_free(&b);
}

static void
refuse(struct span cut, void *arg)
{
	struct cert c;
	struct err e;

	(void)arg;
	if (cert_parse_tbs(cut, &c, &e) == 0)
		assert_int_not_equal(ca_form_check(&c, &e), 0);
}

static void
test_a_body_that_was_cut_off_is_refused(void **state)
{
	struct certbody b;
	struct data d;

	(void)state;
	certbody_make(&b);
	d = certbody_bytes(&b);
	data_each_cut(data_span(&d), refuse, NULL);
	data_free(&d);
	certbody_free(&b);
}

static void
cut_list(struct span cut, void *arg)
{
	struct data d = data_copy(cut);
	struct err e;
	int r;

	(void)arg;
	r = ca_sources_check(data_span(&d), &e);
	assert_true(r == 0 || r == ERR_FORMAT);
	data_free(&d);
}

static void
test_a_list_of_addresses_may_be_cut_anywhere(void **state)
{
	(void)state;
	data_each_cut(span_cstr("10.0.0.0/8,2001:db8::/32,::1"), cut_list,
	    NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_bodies_that_no_ca_signs_are_refused_with_the_reason),
		cmocka_unit_test(test_bodies_with_nothing_against_them_pass),
		cmocka_unit_test(test_texts_have_an_end),
		cmocka_unit_test(test_a_short_or_odd_rsa_key_is_not_certified),
		cmocka_unit_test(test_a_point_off_its_curve_is_not_certified),
		cmocka_unit_test(test_a_security_key_has_an_application),
		cmocka_unit_test(test_a_body_that_was_cut_off_is_refused),
		cmocka_unit_test(test_a_list_of_addresses_may_be_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

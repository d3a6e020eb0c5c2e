/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/request.h"
#include "tests/unit/data.h"

#define SID32	"0123456789abcdef0123456789abcdef"
#define HOSTBOUND "publickey-hostbound-v00@openssh.com"

/* No more of it is looked at than that it is of this type. */
static const struct span key = {
	(const uint8_t *)"\0\0\0\x13" "ecdsa-sha2-nistp256KEY", 26
};

/* What a login is made of; a test changes one field. */
struct login {
	const char	*sid;
	uint8_t		 type;
	const char	*user, *service, *method;
	uint8_t		 has_sig;
	const char	*alg, *host_key, *tail;
	struct span	 blob;		/* in the place of the key, or empty */
	bool		 no_key;
};

static const struct login usual = {
	.sid = SID32, .type = 50, .user = "alice",
	.service = "ssh-connection", .method = "publickey", .has_sig = 1,
	.alg = "ecdsa-sha2-nistp256",
};

static struct data
make(const struct login *l)
{
	struct wire_w w;
	struct data d;

	assert_true(wire_write(&w, 8192));
	wire_put_cstring(&w, l->sid);
	wire_put_u8(&w, l->type);
	wire_put_cstring(&w, l->user);
	wire_put_cstring(&w, l->service);
	wire_put_cstring(&w, l->method);
	wire_put_u8(&w, l->has_sig);
	wire_put_cstring(&w, l->alg);
	if (l->no_key)
		wire_put_cstring(&w, "");
	else
		wire_put_string(&w, l->blob.n > 0 ? l->blob : key);
	if (l->host_key != NULL)
		wire_put_cstring(&w, l->host_key);
	if (l->tail != NULL)
		wire_put_raw(&w, span_cstr(l->tail));
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	return d;
}

static enum request_kind
kind_for(const struct login *l, struct span asked)
{
	struct data d = make(l);
	struct request r;

	request_parse(data_span(&d), asked, &r);
	data_free(&d);
	return r.kind;
}

static enum request_kind
kind_of_login(const struct login *l)
{
	return kind_for(l, key);
}

static void
assert_described(const struct request *r, const char *want)
{
	char text[400];

	request_describe(r, text, sizeof(text));
	assert_string_equal(text, want);
}

static void
test_a_login_is_known_with_all_its_fields(void **state)
{
	struct data d = make(&usual);
	struct request r;

	(void)state;
	request_parse(data_span(&d), key, &r);
	assert_int_equal(r.kind, REQUEST_USERAUTH);
	assert_int_equal(r.size, d.n);
	assert_true(span_is(r.session_id, SID32));
	assert_true(span_is(r.user, "alice"));
	assert_true(span_is(r.algorithm, "ecdsa-sha2-nistp256"));
	assert_true(span_eq(r.key, key));
	assert_int_equal(r.host_key.n, 0);
	assert_described(&r, "login as alice");
	data_free(&d);
}

static void
test_a_host_bound_login_names_the_server(void **state)
{
	struct login l = usual;
	struct request r;
	struct data d;

	(void)state;
	l.method = HOSTBOUND;
	l.host_key = "HOST";
	d = make(&l);
	request_parse(data_span(&d), key, &r);
	assert_int_equal(r.kind, REQUEST_USERAUTH_HOSTBOUND);
	assert_true(span_is(r.host_key, "HOST"));
	assert_described(&r, "login as alice (host-bound)");
	data_free(&d);
}

static void
test_what_is_almost_a_login_is_unknown(void **state)
{
	const struct login wrong[] = {
		{ .type = 49 }, { .service = "ssh-userauth" },
		{ .method = "hostbased" }, { .has_sig = 2 },
		{ .has_sig = 0 }, { .alg = "" }, { .no_key = true },
		{ .tail = "x" }, { .host_key = "HOST" },
		{ .method = HOSTBOUND }, { .sid = "0123456789abcdef012" },
		{ .sid = SID32 SID32 "0" }, { .sid = "" },
		{ .method = HOSTBOUND, .host_key = "" },
		{ .method = HOSTBOUND, .host_key = "HOST", .tail = "x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct login *x = &wrong[i];
		struct login l = usual;

		l.type = x->type != 0 ? x->type : l.type;
		l.service = x->service != NULL ? x->service : l.service;
		l.method = x->method != NULL ? x->method : l.method;
		l.has_sig = i == 3 || i == 4 ? x->has_sig : l.has_sig;
		l.alg = x->alg != NULL ? x->alg : l.alg;
		l.no_key = x->no_key;
		l.sid = x->sid != NULL ? x->sid : l.sid;
		l.tail = x->tail;
		l.host_key = x->host_key;
		assert_int_equal(kind_of_login(&l), REQUEST_UNKNOWN);
	}
}

static void
test_session_ids_are_20_to_64_bytes(void **state)
{
	struct login l = usual;

	(void)state;
	l.sid = "0123456789abcdef0123";
	assert_int_equal(kind_of_login(&l), REQUEST_USERAUTH);
	l.sid = SID32 SID32;
	assert_int_equal(kind_of_login(&l), REQUEST_USERAUTH);
}

static struct login
pam_login(void)
{
	struct login l = usual;

	l.sid = SID32 SID32 SID32 SID32 SID32;
	l.type = 54;
	l.service = "pam_ssh_agent_auth";
	return l;
}

static void
test_sudo_by_pam_is_known(void **state)
{
	struct login l = pam_login();
	struct data d = make(&l);
	struct request r;

	(void)state;
	request_parse(data_span(&d), key, &r);
	assert_int_equal(r.kind, REQUEST_PAM);
	assert_true(span_is(r.user, "alice"));
	assert_described(&r, "PAM authentication of alice");
	data_free(&d);
	l.sid = SID32;			/* could be a real session's */
	assert_int_equal(kind_of_login(&l), REQUEST_UNKNOWN);
	l = pam_login();
	l.type = 50;
	assert_int_equal(kind_of_login(&l), REQUEST_UNKNOWN);
	l = pam_login();
	l.service = "ssh-connection";
	assert_int_equal(kind_of_login(&l), REQUEST_UNKNOWN);
}

/* Of every kind: the key itself, or a certificate of it, and no other. */
static void
test_a_login_is_for_the_key_it_names(void **state)
{
	struct data ec = data_pub("u_ecdsa"), rsa = data_pub("u_rsa");
	struct data ec_cert = data_pub("u_ecdsa-cert");
	struct data rsa_cert = data_pub("u_rsa-cert");
	struct login kinds[3] = { usual, usual, pam_login() };
	static const enum request_kind want[] = { REQUEST_USERAUTH,
		REQUEST_USERAUTH_HOSTBOUND, REQUEST_PAM };

	(void)state;
	kinds[1].method = HOSTBOUND;
	kinds[1].host_key = "HOST";
	for (size_t i = 0; i < 3; i++) {
		struct login *l = &kinds[i];

		l->blob = data_span(&ec);
		l->alg = "ecdsa-sha2-nistp256";
		assert_int_equal(kind_for(l, data_span(&ec)), want[i]);
		assert_int_equal(kind_for(l, data_span(&rsa)),
		    REQUEST_UNKNOWN);
		assert_int_equal(kind_for(l, (struct span){ 0 }),
		    REQUEST_UNKNOWN);
		l->blob = data_span(&ec_cert);
		assert_int_equal(kind_for(l, data_span(&ec)),
		    REQUEST_UNKNOWN);
		l->alg = "ecdsa-sha2-nistp256-cert-v01@openssh.com";
		assert_int_equal(kind_for(l, data_span(&ec)), want[i]);
		assert_int_equal(kind_for(l, data_span(&rsa)),
		    REQUEST_UNKNOWN);
		l->blob = data_span(&rsa_cert);
		l->alg = "rsa-sha2-512-cert-v01@openssh.com";
		assert_int_equal(kind_for(l, data_span(&rsa)), want[i]);
		assert_int_equal(kind_for(l, data_span(&ec)),
		    REQUEST_UNKNOWN);
		l->blob.n--;
		assert_int_equal(kind_for(l, data_span(&rsa)),
		    REQUEST_UNKNOWN);
	}
	data_free(&ec);
	data_free(&rsa);
	data_free(&ec_cert);
	data_free(&rsa_cert);
}

static struct data
make_sshsig(const char *ns, const char *reserved, const char *hash, size_t n)
{
	const uint8_t digest[65] = { 1 };
	struct wire_w w;
	struct data d;

	assert_true(wire_write(&w, 4096));
	wire_put_raw(&w, span_cstr("SSHSIG"));
	wire_put_cstring(&w, ns);
	wire_put_cstring(&w, reserved);
	wire_put_cstring(&w, hash);
	wire_put_string(&w, (struct span){ digest, n });
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	return d;
}

static enum request_kind
kind_of_sshsig(const char *ns, const char *reserved, const char *hash,
    size_t n)
{
	struct data d = make_sshsig(ns, reserved, hash, n);
	struct request r;

	request_parse(data_span(&d), key, &r);
	data_free(&d);
	return r.kind;
}

static void
test_an_sshsig_names_its_namespace(void **state)
{
	struct data d = make_sshsig("git", "", "sha512", 64);
	struct request r;

	(void)state;
	request_parse(data_span(&d), key, &r);
	assert_int_equal(r.kind, REQUEST_SSHSIG);
	assert_true(span_is(r.ns, "git"));
	assert_true(span_is(r.hash, "sha512"));
	assert_described(&r, "SSHSIG signature, namespace git");
	data_free(&d);
}

static void
test_what_is_almost_an_sshsig_is_unknown(void **state)
{
	(void)state;
	assert_int_equal(kind_of_sshsig("git", "", "sha256", 32),
	    REQUEST_SSHSIG);
	assert_int_equal(kind_of_sshsig("git", "", "sha256", 64),
	    REQUEST_UNKNOWN);
	assert_int_equal(kind_of_sshsig("git", "", "sha512", 65),
	    REQUEST_UNKNOWN);
	assert_int_equal(kind_of_sshsig("git", "", "sha1", 20),
	    REQUEST_UNKNOWN);
	assert_int_equal(kind_of_sshsig("", "", "sha256", 32),
	    REQUEST_UNKNOWN);
	assert_int_equal(kind_of_sshsig("git", "x", "sha256", 32),
	    REQUEST_UNKNOWN);
}

/*
 * With a namespace of 4 bytes, or of 3 and a byte that is reserved, it is
 * as long as a SHA-512 exchange hash.
 */
static void
test_an_sshsig_of_64_bytes_is_no_exchange_hash(void **state)
{
	struct data d = make_sshsig("mail", "", "sha256", 32);

	(void)state;
	assert_int_equal(d.n, 64);
	assert_int_equal(kind_of_sshsig("mail", "", "sha256", 32),
	    REQUEST_SSHSIG);
	data_free(&d);
}

static void
test_only_lengths_of_hashes_are_host_key_exchanges(void **state)
{
	(void)state;
	for (size_t n = 0; n <= 1024; n++) {
		uint8_t *p = malloc(n);
		struct request r;

		memset(p, 0xa5, n);
		request_parse((struct span){ p, n }, key, &r);
		assert_int_equal(r.kind,
		    n == 20 || n == 32 || n == 48 || n == 64 ?
		    REQUEST_HOST_KEX : REQUEST_UNKNOWN);
		if (n == 32)
			assert_described(&r, "host key exchange");
		if (n == 1024)		/* but not random */
			assert_described(&r, "unknown data (1024 bytes)");
		free(p);
	}
}

/* Bytes as good as random, another row of them for each seed. */
static void
fill(uint8_t *p, size_t n, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15 + 1;

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (uint8_t)(x >> 32);
	}
}

static enum request_kind
kind_of_bytes(const uint8_t *p, size_t n)
{
	struct data d = data_copy((struct span){ p, n });
	struct request r;

	request_parse(data_span(&d), key, &r);
	if (r.kind == REQUEST_TEST)
		assert_described(&r, "test of the key");
	data_free(&d);
	return r.kind;
}

static void
test_1024_random_bytes_are_a_test_of_the_key(void **state)
{
	uint8_t p[1025];

	(void)state;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		fill(p, sizeof(p), seed);
		assert_int_equal(kind_of_bytes(p, 1024), REQUEST_TEST);
		assert_int_equal(kind_of_bytes(p, 1023), REQUEST_UNKNOWN);
		assert_int_equal(kind_of_bytes(p, 1025), REQUEST_UNKNOWN);
	}
}

static void
test_what_only_looks_random_is_no_test(void **state)
{
	uint8_t p[1024];

	(void)state;
	fill(p, sizeof(p), 1);
	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = (uint8_t)(' ' + p[i] % 95);	/* text */
	assert_int_equal(kind_of_bytes(p, sizeof(p)), REQUEST_UNKNOWN);
	for (unsigned int n = 229; n <= 230; n++) {
		for (size_t i = 0; i < sizeof(p); i++)
			p[i] = (uint8_t)(i % n);
		assert_int_equal(kind_of_bytes(p, sizeof(p)), n == 230 ?
		    REQUEST_TEST : REQUEST_UNKNOWN);
	}
}

/* OpenSSH takes certificates that are not well formed for us. */
static void
test_what_begins_as_structures_do_is_no_test(void **state)
{
	static const struct span begins[] = {
#define BYTES(s)	{ (const uint8_t *)(s), sizeof(s) - 1 }
		BYTES("\0\0\0\x28" "ecdsa-sha2-nistp256-cert-v01@openssh.com"),
		BYTES("\0\0\3\xfc"), BYTES("SSHSIG"),
		BYTES("\x30\x82\3\xfc"), BYTES("\x31\x82\3\xfc"), /* DER */
#undef BYTES
	};
	uint8_t p[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++) {
		fill(p, sizeof(p), 1);
		memcpy(p, begins[i].p, begins[i].n);
		assert_int_equal(kind_of_bytes(p, sizeof(p)),
		    REQUEST_UNKNOWN);
	}
	memcpy(p, "\0\0\3\xfd", 4);		/* longer than it can be */
	assert_int_equal(kind_of_bytes(p, sizeof(p)), REQUEST_TEST);
	memcpy(p, "\x30\x82\3\xfb", 4);
	assert_int_equal(kind_of_bytes(p, sizeof(p)), REQUEST_TEST);
}

static void
test_a_login_of_1024_bytes_is_a_login(void **state)
{
	char user[1025] = "";
	struct login l = usual;
	struct data d = make(&l);

	(void)state;
	memset(user, 'x', 1024 - (d.n - strlen(l.user)));
	data_free(&d);
	l.user = user;
	d = make(&l);
	assert_int_equal(d.n, 1024);
	assert_int_equal(kind_of_login(&l), REQUEST_USERAUTH);
	data_free(&d);
}

static void
test_a_certificate_counts_only_for_its_own_ca(void **state)
{
	struct data d = data_pub("u_ed25519-cert"), ca = data_pub("ca");
	struct data other = data_pub("rsaca"), tbs;
	struct request r;
	struct cert c;
	struct err e;

	(void)state;
	assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
	tbs = data_copy(c.tbs);
	request_parse(data_span(&tbs), data_span(&ca), &r);
	assert_int_equal(r.kind, REQUEST_CERT);
	assert_true(r.cert.serial == 7);
	assert_described(&r,
	    "user certificate \"alice\", serial 7, for alice, ops, 1h5m");
	request_parse(data_span(&tbs), data_span(&other), &r);
	assert_int_equal(r.kind, REQUEST_UNKNOWN);
	assert_int_equal(r.cert.tbs.n, 0);
	/* The whole certificate is not what a CA signs. */
	request_parse(data_span(&d), data_span(&ca), &r);
	assert_int_equal(r.kind, REQUEST_UNKNOWN);
	data_free(&tbs);
	data_free(&other);
	data_free(&ca);
	data_free(&d);
}

static void
test_a_host_key_proof_is_about_the_key_that_signs(void **state)
{
	struct request r;
	struct wire_w w;

	(void)state;
	assert_true(wire_write(&w, 4096));
	wire_put_cstring(&w, "hostkeys-prove-00@openssh.com");
	wire_put_cstring(&w, SID32);
	wire_put_string(&w, key);
	request_parse(wire_bytes(&w), key, &r);
	assert_int_equal(r.kind, REQUEST_HOSTKEYS_PROVE);
	assert_true(span_eq(r.host_key, key));
	assert_true(span_is(r.session_id, SID32));
	assert_described(&r, "host key proof");
	request_parse(wire_bytes(&w), span_cstr("OTHER"), &r);
	assert_int_equal(r.kind, REQUEST_UNKNOWN);
	wire_put_u8(&w, 0);
	request_parse(wire_bytes(&w), key, &r);
	assert_int_equal(r.kind, REQUEST_UNKNOWN);
	wire_free(&w);
}

static void
refuse_cut(struct span cut, void *arg)
{
	const bool hash = (cut.n == 20 || cut.n == 32 || cut.n == 48 ||
	    cut.n == 64) && memcmp(cut.p, "SSHSIG", 6) != 0;
	struct data *whose = arg;
	struct request r;

	request_parse(cut, data_span(whose), &r);
	assert_int_equal(r.kind, hash ? REQUEST_HOST_KEX : REQUEST_UNKNOWN);
	assert_int_equal(r.size, cut.n);
	assert_int_equal(r.user.n + r.key.n + r.ns.n + r.cert.tbs.n, 0);
}

static void
test_every_form_cut_anywhere_is_unknown(void **state)
{
	struct data ca = data_pub("ca"), cert = data_pub("u_ecdsa-cert"), d;
	struct login l = usual;
	struct cert c;
	struct err e;

	(void)state;
	d = make(&l);
	data_each_cut(data_span(&d), refuse_cut, &ca);
	data_free(&d);
	l.method = HOSTBOUND;
	l.host_key = "HOST";
	d = make(&l);
	data_each_cut(data_span(&d), refuse_cut, &ca);
	data_free(&d);
	l = pam_login();
	d = make(&l);
	data_each_cut(data_span(&d), refuse_cut, &ca);
	data_free(&d);
	d = make_sshsig("git", "", "sha512", 64);
	data_each_cut(data_span(&d), refuse_cut, &ca);
	data_free(&d);
	assert_int_equal(cert_parse(data_span(&cert), &c, &e), 0);
	data_each_cut(c.tbs, refuse_cut, &ca);
	data_free(&cert);
	data_free(&ca);
}

static void
test_a_user_name_cannot_forge_a_line(void **state)
{
	struct login l = usual;
	struct request r;
	struct data d;
	char text[12];

	(void)state;
	l.user = "a\nlogin as \x1b[1mroot";
	d = make(&l);
	request_parse(data_span(&d), key, &r);
	assert_described(&r, "login as a?login as ?[1mroot");
	request_describe(&r, text, sizeof(text));
	assert_string_equal(text, "login as a?");
	data_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_login_is_known_with_all_its_fields),
		cmocka_unit_test(test_a_host_bound_login_names_the_server),
		cmocka_unit_test(test_what_is_almost_a_login_is_unknown),
		cmocka_unit_test(test_session_ids_are_20_to_64_bytes),
		cmocka_unit_test(test_sudo_by_pam_is_known),
		cmocka_unit_test(test_a_login_is_for_the_key_it_names),
		cmocka_unit_test(test_an_sshsig_names_its_namespace),
		cmocka_unit_test(test_what_is_almost_an_sshsig_is_unknown),
		cmocka_unit_test(
		    test_an_sshsig_of_64_bytes_is_no_exchange_hash),
		cmocka_unit_test(
		    test_only_lengths_of_hashes_are_host_key_exchanges),
		cmocka_unit_test(
		    test_1024_random_bytes_are_a_test_of_the_key),
		cmocka_unit_test(test_what_only_looks_random_is_no_test),
		cmocka_unit_test(test_what_begins_as_structures_do_is_no_test),
		cmocka_unit_test(test_a_login_of_1024_bytes_is_a_login),
		cmocka_unit_test(
		    test_a_certificate_counts_only_for_its_own_ca),
		cmocka_unit_test(
		    test_a_host_key_proof_is_about_the_key_that_signs),
		cmocka_unit_test(test_every_form_cut_anywhere_is_unknown),
		cmocka_unit_test(test_a_user_name_cannot_forge_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

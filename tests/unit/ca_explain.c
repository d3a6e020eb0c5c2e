/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ca/alglist.h"
#include "ca/explain.h"
#include "ca/sources.h"
#include "ssh/keytext.h"
#include "ssh/sig.h"
#include "tests/unit/certbody.h"
#include "tests/unit/hostkey.h"

#define USUAL	"a-1,a-2,b-*"
#define SK	"sk-ssh-ed25519@openssh.com"

/* One case: a good certificate and server, each with its changes. */
struct trial {
	struct hostkey	 ca;
	struct certbody	 body;
	bool		 forged, sk;
	struct span	 cas[2];
	struct explain_facts facts;
	struct explain	 answer;
};

static const struct explain_file file = { .asked = true, .path = "/file" };

static void
begin(struct trial *t, enum hostkey_type type)
{
	*t = (struct trial){ 0 };
	hostkey_make(&t->ca, type);
	certbody_make(&t->body);
	certbody_set_ca(&t->body, data_span(&t->ca.blob));
	t->cas[1] = data_span(&t->ca.blob);
	t->cas[0] = (struct span){ t->cas[1].p, t->cas[1].n - 1 };
	t->facts = (struct explain_facts){ .as = CERT_USER, .name = "alice",
	    .at = CERTBODY_NOW, .address = "10.1.2.3", .trusted = file,
	    .cas = t->cas, .n_cas = 2 };
}

static void
end(struct trial *t)
{
	certbody_free(&t->body);
	hostkey_free(&t->ca);
}

/* The key of a CA of Ed25519 as that of a security key. */
static struct data
sk_key(const struct hostkey *k)
{
	struct wire_w w;
	struct data d;

	assert_true(wire_write(&w, 200));
	wire_put_cstring(&w, SK);
	wire_put_raw(&w, (struct span){ k->blob.p + k->blob.n - 36, 36 });
	wire_put_cstring(&w, "ssh:");
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	return d;
}

static void
put_hash(struct wire_w *w, struct span data)
{
	struct sig_digest md;
	struct err e;

	assert_int_equal(sig_hash(SIG_RSA_SHA256, data, &md, &e), 0);
	wire_put_raw(w, (struct span){ md.bytes, md.n });
}

static struct data
sk_sign(const struct hostkey *k, struct span data)
{
	static const uint8_t told[5] = { 1 };	/* touched; the counter */
	struct data sig, d;
	struct wire_w w;

	assert_true(wire_write(&w, 400));
	put_hash(&w, span_cstr("ssh:"));
	wire_put_raw(&w, (struct span){ told, sizeof(told) });
	put_hash(&w, data);
	sig = hostkey_sign(k, wire_bytes(&w));
	wire_free(&w);
	assert_true(wire_write(&w, 400));
	wire_put_cstring(&w, SK);
	wire_put_raw(&w, (struct span){ sig.p + sig.n - 68, 68 });
	wire_put_raw(&w, (struct span){ told, sizeof(told) });
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	data_free(&sig);
	return d;
}

static void
judge(struct trial *t)
{
	struct data tbs = certbody_bytes(&t->body), sig;
	struct wire_w w;
	struct cert c;
	struct err e;

	sig = t->sk ? sk_sign(&t->ca, data_span(&tbs)) :
	    hostkey_sign(&t->ca, data_span(&tbs));
	if (t->forged)
		sig.p[sig.n - 1] ^= 1;
	assert_true(wire_write(&w, 1 << 17));
	wire_put_raw(&w, data_span(&tbs));
	wire_put_string(&w, data_span(&sig));
	if (cert_parse(wire_bytes(&w), &c, &e) != 0)
		fail_msg("%s", e.msg);
	explain(&c, &t->facts, &t->answer);
	wire_free(&w);
	data_free(&sig);
	data_free(&tbs);
}

/* Each sentence is fit for a terminal, and a reason says what mends it. */
static void
check_lines(const struct explain *x)
{
	size_t reasons = 0;

	for (size_t i = 0; i < x->n; i++) {
		const struct explain_line *l = &x->v[i];

		reasons += l->why != EXPLAIN_NOTE;
		assert_true(keytext_is_clean(span_cstr(l->text)));
		assert_true(keytext_is_clean(span_cstr(l->mend)));
		assert_int_not_equal(l->text[0], '\0');
		assert_int_equal(l->mend[0] != '\0', l->why != EXPLAIN_NOTE);
	}
	assert_int_equal(reasons, x->reasons);
}

/* "expired principal"; notes are told apart by nothing. */
static void
expect(struct trial *t, const char *codes)
{
	char got[400] = "";
	size_t used = 0;

	judge(t);
	check_lines(&t->answer);
	for (size_t i = 0; i < t->answer.n && used < sizeof(got); i++)
		used += (size_t)snprintf(got + used, sizeof(got) - used,
		    "%s%s", i > 0 ? " " : "",
		    explain_name(t->answer.v[i].why));
	assert_string_equal(got, codes);
}

static void
says(const struct trial *t, size_t i, const char *words)
{
	if (strstr(t->answer.v[i].text, words) == NULL)
		fail_msg("%s", t->answer.v[i].text);
}

#define RAW(s)	{ (const uint8_t *)(s), sizeof(s) - 1 }
#define S(s)	((struct span)RAW(s))

static void
test_a_good_one_is_let_in(void **state)
{
	static const enum hostkey_type types[] = { HOSTKEY_ED25519,
	    HOSTKEY_RSA, HOSTKEY_P256, HOSTKEY_P384, HOSTKEY_P521 };
	struct trial t;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		begin(&t, types[i]);
		expect(&t, "");
		end(&t);
	}
}

static void
test_what_is_not_known_is_not_judged_but_told(void **state)
{
	struct trial t;

	(void)state;
	begin(&t, HOSTKEY_P256);
	t.facts = (struct explain_facts){ .as = CERT_USER,
	    .at = CERTBODY_NOW };
	t.body.critical = S("source-address=10.0.0.0/8;verify-required");
	expect(&t, "note note note note");
	says(&t, 0, "--ca FILE or --sshd FILE");
	says(&t, 1, "--user NAME");
	says(&t, 2, "--from ADDRESS");
	says(&t, 3, "verify-required means nothing");
	t.facts.as = CERT_HOST;
	t.body.kind = CERT_HOST;
	t.body.critical = S("");
	expect(&t, "note note");
	says(&t, 0, "--known-hosts FILE");
	says(&t, 1, "--host NAME");
	end(&t);
}

static void
test_the_ca_has_to_be_trusted_and_to_have_signed(void **state)
{
	struct trial t;

	(void)state;
	begin(&t, HOSTKEY_P256);
	t.forged = true;
	expect(&t, "signature");
	t.forged = false;
	t.facts.n_cas = 1;
	expect(&t, "ca-not-trusted");
	t.facts.trusted.fault = "line 2: no key";
	expect(&t, "ca-not-trusted");
	says(&t, 0, "line 2: no key");
	t.facts.n_cas = 2;
	expect(&t, "");
	t.facts.n_cas = 0;
	t.facts.trusted = (struct explain_file){ .asked = true };
	expect(&t, "ca-not-trusted");
	says(&t, 0, "TrustedUserCAKeys is not set");
	end(&t);
}

static void
test_a_security_key_may_be_a_ca(void **state)
{
	struct trial t;
	struct data key;

	(void)state;
	begin(&t, HOSTKEY_ED25519);
	key = sk_key(&t.ca);
	certbody_set_ca(&t.body, data_span(&key));
	t.cas[1] = data_span(&key);
	t.sk = true;
	expect(&t, "");
	t.forged = true;
	expect(&t, "signature");
	data_free(&key);
	end(&t);
}

static void
test_algorithms_and_sizes_have_to_be_allowed(void **state)
{
	struct trial t;

	(void)state;
	begin(&t, HOSTKEY_RSA);
	t.facts.pubkey_off = true;
	t.facts.ca_algorithms = "ssh-*,rsa-sha2-256";
	t.facts.key_algorithms = "rsa-*,ecdsa-*";
	expect(&t, "pubkey-off key-algorithm ca-algorithm");
	t.facts.pubkey_off = false;
	t.facts.ca_algorithms = "-rsa-sha2-512";
	t.facts.key_algorithms = "ssh-ed25519-cert-v01@openssh.com";
	expect(&t, "ca-algorithm");
	says(&t, 0, "rsa-sha2-512");
	t.facts.ca_algorithms = "+ssh-rsa";
	certbody_set_subject(&t.body, "rsa2048");
	expect(&t, "key-algorithm");
	t.facts.key_algorithms = "rsa-sha2-256-cert-v01@openssh.com";
	t.facts.rsa_bits = 2048;
	expect(&t, "");
	t.facts.rsa_bits = 2049;
	expect(&t, "rsa-size");
	certbody_set_subject(&t.body, "u_ed25519");
	t.facts.key_algorithms = NULL;
	expect(&t, "");
	end(&t);
}

static void
test_what_is_revoked_is_refused(void **state)
{
	struct trial t;

	(void)state;
	begin(&t, HOSTKEY_P256);
	t.facts.revoked = file;
	expect(&t, "");
	t.facts.revoked_how = "its key is in line 3";
	expect(&t, "revoked");
	says(&t, 0, "/file: its key is in line 3");
	t.facts.revoked_how = NULL;
	t.facts.revoked.fault = "no such file";
	expect(&t, "revoked");
	says(&t, 0, "no such file");
	t.facts.revoked.path = NULL;
	expect(&t, "");
	end(&t);
}

static void
test_a_user_has_to_be_a_principal(void **state)
{
	const struct span names[] = { S("dep"), S("bob"), S("Alice") };
	struct trial t;

	(void)state;
	begin(&t, HOSTKEY_P256);
	t.body.principals = S("alice|bob");
	t.facts.name = "bob";
	expect(&t, "");
	t.facts.name = "bo";
	expect(&t, "principal");
	says(&t, 0, "user \"bo\" is none of its principals (alice, bob)");
	t.body.principals = S("b*|?o");
	expect(&t, "principal");
	t.body.principals = S("a|b|c|d|e|f|g|h|i|j");
	expect(&t, "principal");
	says(&t, 0, "(a, b, c, d, e, f, g, h and 2 more)");
	t.body.principals = S("");
	expect(&t, "no-principals");
	t.facts.mapped = file;
	t.facts.names = names;
	t.facts.n_names = 3;
	expect(&t, "principals-file no-principals");
	t.body.principals = S("alice");
	expect(&t, "principals-file");
	t.body.principals = S("alice|bob");
	expect(&t, "");
	t.facts.n_names = 1;
	expect(&t, "principals-file");
	t.facts.command = true;
	expect(&t, "note");
	t.facts.command = false;
	t.facts.mapped.path = NULL;
	t.facts.name = "alice";
	expect(&t, "");
	end(&t);
}

static void
test_it_is_valid_from_its_first_to_before_its_last_second(void **state)
{
	struct trial t;

	(void)state;
	begin(&t, HOSTKEY_P256);
	t.facts.at = t.body.after - 1;
	expect(&t, "not-yet-valid");
	t.facts.at = t.body.after;
	expect(&t, "");
	t.facts.at = t.body.before - 1;
	expect(&t, "");
	t.facts.at = t.body.before;
	expect(&t, "expired");
	t.body.before = CERT_FOREVER;
	t.facts.at = INT64_MAX;
	expect(&t, "");
	t.body.before = 0;
	expect(&t, "expired");
	t.body.after = CERT_FOREVER;
	expect(&t, "not-yet-valid");
	end(&t);
}

static void
test_sshd_has_to_know_the_options(void **state)
{
	static const struct {
		struct span critical, extensions;
		const char *codes;
	} cases[] = {
		{ RAW("force-command=x"), RAW("permit-pty"), "" },
		{ RAW("force-command="), RAW("no-such=x"), "" },
		{ RAW("force-command"), RAW(""), "option" },
		{ RAW("force-command:x"), RAW(""), "option" },
		{ RAW("force-command=a\0b"), RAW(""), "option" },
		{ RAW("force-command=x;force-command=y"), RAW(""), "option" },
		{ RAW("no-such;permit-pty"), RAW("source-address=x"),
		    "option option" },
		{ RAW("verify-required=x"), RAW("permit-pty=yes"),
		    "option option" },
		{ RAW("source-address=10.0.0.0/8"), RAW(""), "" },
		{ RAW("source-address=::/0,10.1.2.3"), RAW(""), "" },
		{ RAW("source-address=::/0"), RAW(""), "source-address" },
		{ RAW("source-address=10.0.0.1/8"), RAW(""), "option" },
		{ RAW("source-address="), RAW(""), "option" },
		{ RAW("source-address=10.1.2.3;source-address=10.1.2.3"),
		    RAW(""), "option" },
	};
	struct trial t;

	(void)state;
	begin(&t, HOSTKEY_P256);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		t.body.critical = cases[i].critical;
		t.body.extensions = cases[i].extensions;
		expect(&t, cases[i].codes);
	}
	end(&t);
}

static void
test_a_host_is_judged_as_ssh_does(void **state)
{
	struct trial t;

	(void)state;
	begin(&t, HOSTKEY_P256);
	t.body.critical = S("");
	expect(&t, "");
	t.facts.as = CERT_HOST;
	expect(&t, "type");
	t.facts.as = CERT_USER;
	t.body.kind = CERT_HOST;
	expect(&t, "type");
	t.facts.as = CERT_HOST;
	t.facts.name = "web1.example";
	t.body.principals = S("web1.example");
	expect(&t, "");
	t.body.principals = S("db|web?.*");
	expect(&t, "note");
	t.facts.name = "web22.example";
	expect(&t, "principal");
	t.body.principals = S("");
	expect(&t, "no-principals");
	t.body.critical = S("force-command=x;source-address=::1");
	t.facts.ca_algorithms = "ssh-ed25519";
	t.facts.n_cas = 0;
	expect(&t, "ca-not-trusted no-principals option option ca-algorithm");
	end(&t);
}

static void
test_all_reasons_are_told_in_their_order(void **state)
{
	struct trial t;

	(void)state;
	begin(&t, HOSTKEY_P256);
	t.forged = true;
	t.facts.pubkey_off = true;
	t.facts.key_algorithms = t.facts.ca_algorithms = "none";
	t.facts.revoked = file;
	t.facts.revoked_how = "here";
	t.facts.n_cas = 0;
	t.facts.name = "carol";
	t.facts.at = t.body.before;
	t.body.kind = CERT_HOST;
	t.body.critical = S("no-such;source-address=::1");
	expect(&t, "pubkey-off signature key-algorithm ca-algorithm revoked "
	    "ca-not-trusted type expired principal option source-address");
	end(&t);
}

static void
test_sentences_are_clean_and_no_more_than_there_is_room(void **state)
{
	char many[EXPLAIN_MAX * 8], name[300];
	struct trial t;
	size_t n = 0;

	(void)state;
	begin(&t, HOSTKEY_P256);
	for (int i = 0; i < EXPLAIN_MAX + 4; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "%sx\x1b%d",
		    i > 0 ? ";" : "", i);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	name[5] = '\n';
	t.facts.name = name;
	t.body.critical = span_cstr(many);
	t.body.principals = S("\x1b[2J|\xff");
	judge(&t);
	check_lines(&t.answer);
	assert_int_equal(t.answer.n, EXPLAIN_MAX);
	assert_int_equal(t.answer.v[0].why, EXPLAIN_PRINCIPAL);
	end(&t);
}

static void
test_lists_of_algorithms_match_as_in_sshd(void **state)
{
	static const struct {
		const char *list, *name;
		bool yes;
	} cases[] = {
		{ NULL, "a-1", true }, { NULL, "a-3", false },
		{ NULL, "b-3", true }, { "a-3", "a-3", true },
		{ "a-3", "a-1", false }, { "+a-3", "a-3", true },
		{ "+a-3", "a-1", true }, { "^a-3,c", "c", true },
		{ "^c", "b-1", true }, { "-a-*", "a-1", false },
		{ "-a-*", "b-1", true }, { "-a-*", "c", false },
		{ "*,!a-1", "a-1", false }, { "!a-1,*", "a-1", false },
		{ "!a-1,*", "a-2", true }, { "!a-1", "a-2", false },
		{ "", "a-1", false }, { "", "", false }, { ",,", "", false },
		{ "!", "", false }, { "+", "a-1", true }, { "-", "a-1", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (alglist_allows(cases[i].list, USUAL,
		    span_cstr(cases[i].name)) != cases[i].yes)
			fail_msg("%s %s", cases[i].list, cases[i].name);
}

static void
test_addresses_match_their_networks(void **state)
{
	static const struct {
		const char *list, *address;
		bool yes;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "10.1.2.3", "10.1.2.3", true },
		{ "10.1.2.3", "10.1.2.4", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "10.0.0.1", false },
		{ "::/0", "2001:db8::1", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "10.0.0.0/9,10.128.0.0/10", "10.191.0.1", true },
		{ "10.0.0.0/9,10.128.0.0/10", "10.192.0.1", false },
		{ "192.0.2.4/31", "192.0.2.5", true },
		{ "192.0.2.4/31", "192.0.2.6", false },
		{ "192.0.2.0/24", "::ffff:192.0.2.1", true },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1", false },
		{ "::ffff:192.0.2.1", "192.0.2.1", false },
		{ "10.0.0.0/8,x", "10.0.0.1", false },
		{ "x,10.0.0.0/8", "10.0.0.1", false },
		{ "", "10.0.0.1", false }, { "10.0.0.0/8", "", false },
		{ "10.0.0.0/8", "10.1", false },
		{ "10.0.0.0/8", "UNKNOWN", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (ca_sources_match(span_cstr(cases[i].list),
		    cases[i].address) != cases[i].yes)
			fail_msg("%s %s", cases[i].list, cases[i].address);
	assert_true(ca_sources_is_address("::1"));
	assert_false(ca_sources_is_address("::1%lo"));
	assert_false(ca_sources_is_address("10.0.0.0/8"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_good_one_is_let_in),
		cmocka_unit_test(test_what_is_not_known_is_not_judged_but_told),
		cmocka_unit_test(
		    test_the_ca_has_to_be_trusted_and_to_have_signed),
		cmocka_unit_test(test_a_security_key_may_be_a_ca),
		cmocka_unit_test(test_algorithms_and_sizes_have_to_be_allowed),
		cmocka_unit_test(test_what_is_revoked_is_refused),
		cmocka_unit_test(test_a_user_has_to_be_a_principal),
		cmocka_unit_test(
		    test_it_is_valid_from_its_first_to_before_its_last_second),
		cmocka_unit_test(test_sshd_has_to_know_the_options),
		cmocka_unit_test(test_a_host_is_judged_as_ssh_does),
		cmocka_unit_test(test_all_reasons_are_told_in_their_order),
		cmocka_unit_test(
		    test_sentences_are_clean_and_no_more_than_there_is_room),
		cmocka_unit_test(test_lists_of_algorithms_match_as_in_sshd),
		cmocka_unit_test(test_addresses_match_their_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

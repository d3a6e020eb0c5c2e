/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/audit.h"
#include "tests/unit/certbody.h"
#include "tests/unit/holder.h"

#define SESSION	"11111111111111111111111111111111"

/* A good body for the key "ec", which begins now. */
static void
make_body(const struct fixture *f, struct certbody *b)
{
	certbody_make(b);
	certbody_set_ca(b, holder_blob_of(f, 0));
	b->after = (uint64_t)time(NULL);
	b->before = b->after + CERTBODY_HOUR;
}

static void
ask(struct fixture *f, const struct certbody *b)
{
	struct data d = certbody_bytes(b);

	holder_ask_sign(f, 0, data_span(&d), 0);
	data_free(&d);
}

static void
ask_for(struct fixture *f, const char *principals)
{
	struct certbody b;

	make_body(f, &b);
	b.principals = span_cstr(principals);
	ask(f, &b);
	certbody_free(&b);
}

/* For these principals; true: it went to the holder, and was signed. */
static bool
certifies(struct fixture *f, const char *principals)
{
	ask_for(f, principals);
	if (f->sign_request == 0) {
		holder_check_reply(f, MSG_FAILURE);
		return false;
	}
	holder_signed(f, MSG_SIGN_RESPONSE);
	return true;
}

static void
check_told(struct fixture *f, const char *text)
{
	if (!holder_told(f, text))
		fail_msg("not told: %s", text);
}

static void
test_a_key_without_a_block_certifies_what_is_well_formed(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, NULL);
	assert_true(certifies(&f, "root"));
	assert_false(certifies(&f, ""));
	check_told(&f, "the certificate has no principals");
	assert_false(certifies(&f, "a,b"));
	check_told(&f, "has a comma in it");
	holder_teardown(&f);
}

static void
test_a_block_binds_its_key_and_no_other(void **state)
{
	struct fixture f;
	struct certbody b;
	struct data d;

	(void)state;
	holder_setup(&f, "CA ec\nPrincipals alice ops\n");
	assert_true(certifies(&f, "alice|ops"));
	assert_false(certifies(&f, "alice|root"));
	check_told(&f, "principal \"root\" is not allowed for this CA");
	make_body(&f, &b);
	b.principals = span_cstr("root");
	certbody_set_ca(&b, holder_blob_of(&f, 1));
	d = certbody_bytes(&b);
	holder_ask_sign(&f, 1, data_span(&d), 0);
	assert_int_equal(f.sign_request, HOLDER_ME);
	data_free(&d);
	certbody_free(&b);
	holder_teardown(&f);
}

/* "ec" logs in as alice. */
static struct data
make_login(const struct fixture *f)
{
	struct wire_w w;
	struct data d;

	assert_true(wire_write(&w, 8192));
	wire_put_cstring(&w, SESSION);
	wire_put_u8(&w, 50);
	wire_put_cstring(&w, "alice");
	wire_put_cstring(&w, "ssh-connection");
	wire_put_cstring(&w, "publickey");
	wire_put_u8(&w, 1);
	wire_put_cstring(&w, "ecdsa-sha2-nistp256");
	wire_put_string(&w, holder_blob_of(f, 0));
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	return d;
}

static void
test_a_key_with_a_block_does_nothing_else(void **state)
{
	struct fixture f;
	struct data login;

	(void)state;
	holder_setup(&f, "Use any\nCA ec\n");
	login = make_login(&f);
	holder_ask_sign(&f, 0, data_span(&login), 0);
	holder_check_reply(&f, MSG_FAILURE);
	check_told(&f, "it certifies, and does nothing else");
	holder_ask_sign(&f, 0, span_cstr("anything"), 0);
	holder_check_reply(&f, MSG_FAILURE);
	assert_true(certifies(&f, "alice"));
	data_free(&login);
	holder_teardown(&f);
}

static void
test_it_is_listed_last(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "CA ec\n");
	assert_string_equal(holder_list(&f, HOLDER_ME), "rsa ec");
	holder_teardown(&f);
	holder_setup(&f, "CA ec\nOffer no\n");
	assert_string_equal(holder_list(&f, HOLDER_ME), "rsa");
	assert_true(certifies(&f, "alice"));
	holder_teardown(&f);
}

/* Not by a key for any data, nor as what ssh-add -T asks for. */
static void
test_what_is_not_quite_a_certificate_is_never_signed(void **state)
{
	static const char *const types[] = {
		"ssh-dss-cert-v01@openssh.com",
		"ssh-mldsa44-ed25519-cert-v01@openssh.com",
	};
	struct fixture *f = *state;
	uint8_t any[1024];
	struct certbody b;
	struct wire_w w;

	make_body(f, &b);
	b.tail = span_cstr("x");
	ask(f, &b);
	holder_check_reply(f, MSG_FAILURE);
	check_told(f, "bytes after the CA key of a certificate body");
	b.tail = (struct span){ 0 };
	certbody_set_ca(&b, holder_blob_of(f, 1));
	ask(f, &b);
	holder_check_reply(f, MSG_FAILURE);
	check_told(f, "names another key as its CA");
	certbody_free(&b);

	for (size_t i = 0; i < sizeof(any); i++)
		any[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		assert_true(wire_write(&w, sizeof(any)));
		wire_put_cstring(&w, types[i]);
		wire_put_raw(&w, (struct span){ any, sizeof(any) -
		    wire_bytes(&w).n });
		holder_ask_sign(f, 0, wire_bytes(&w), 0);
		holder_check_reply(f, MSG_FAILURE);
		assert_int_equal(f->sign_request, 0);
		check_told(f, "not a certificate of a known type");
		wire_free(&w);
	}
	holder_ask_sign(f, 0, (struct span){ any, sizeof(any) }, 0);
	assert_int_equal(f->sign_request, HOLDER_ME);
}

/* --- forwarded connections --- */

static void
come_from_elsewhere(struct fixture *f)
{
	struct hostkey host;

	hostkey_make(&host, HOSTKEY_ED25519);
	assert_int_equal(holder_bind(f, HOLDER_ME, &(struct holder_bind){
	    .key = &host, .session = span_cstr(SESSION),
	    .forwarding = true }), MSG_SUCCESS);
	hostkey_free(&host);
}

static void
test_only_ForwardedUse_certifies_when_forwarded(void **state)
{
	static const struct {
		const char *conf;
		bool certifies;
	} t[] = {
		{ "", false },
		{ "CA ec\n", false },
		{ "CA ec\nObserve yes\n", false },
		{ "CA ec\nForwardedUse none\n", false },
		{ "CA ec\nForwardedUse ca\n", true },
		{ "ForwardedUse any\n", true },
		{ "ForwardedUse ca\nCA ec\nForwardedUse auth\n", false },
	};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		holder_setup(&f, t[i].conf);
		come_from_elsewhere(&f);
		if (certifies(&f, "alice") != t[i].certifies)
			fail_msg("%s", t[i].conf);
		if (!t[i].certifies)
			check_told(&f, "over a forwarded connection the key "
			    "is not for");
		holder_teardown(&f);
	}
}

/* --- observing, asking --- */

/* Each line that was logged since, and the audit log. */
struct audited {
	char		 path[64];
	struct audit	*audit;
	char		 text[4096];
};

static void
record(struct fixture *f, struct audited *r)
{
	struct err e;
	int fd;

	*r = (struct audited){ .path = "/tmp/core_ca.XXXXXX" };
	assert_int_not_equal(fd = mkstemp(r->path), -1);
	close(fd);
	assert_int_equal(audit_new(&r->audit, &f->log, r->path, &e), 0);
	core_set_others(f->core, &(const struct core_others){
	    .confirming = f->confirming, .audit = r->audit,
	    .recording = holder_recording(f) });
}

static const char *
recorded(struct audited *r)
{
	FILE *in = fopen(r->path, "r");
	size_t n;

	assert_non_null(in);
	n = fread(r->text, 1, sizeof(r->text) - 1, in);
	r->text[n] = '\0';
	fclose(in);
	return r->text;
}

static void
record_end(struct fixture *f, struct audited *r)
{
	core_set_others(f->core, &(const struct core_others){
	    .confirming = f->confirming,
	    .recording = holder_recording(f) });
	audit_free(r->audit);
	assert_int_equal(unlink(r->path), 0);
}

static void
test_a_policy_that_observes_tells_what_it_would_refuse(void **state)
{
	static const char would[] = "\"would_refuse\":\"principal "
	    "\\\"root\\\" is not allowed for this CA\"";
	struct audited r;
	struct fixture f;

	(void)state;
	holder_setup(&f, "CA ec\nPrincipals alice\nObserve yes\n");
	record(&f, &r);
	assert_true(certifies(&f, "alice"));
	assert_null(strstr(recorded(&r), "would_refuse"));
	assert_true(certifies(&f, "root"));
	assert_non_null(strstr(recorded(&r), would));
	assert_null(strstr(recorded(&r), "denied"));
	/* What no CA signs this one does not, either. */
	assert_false(certifies(&f, "alice,root"));
	assert_non_null(strstr(recorded(&r), "has a comma in it"));
	assert_non_null(strstr(recorded(&r), "denied"));
	record_end(&f, &r);
	holder_teardown(&f);
}

/* --- the ledger --- */

static void
test_what_is_not_in_the_ledger_is_not_handed_out(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "CA ec\n");
	assert_true(certifies(&f, "alice"));
	assert_int_equal(f.asked[RECORD_CHECK], 1);
	assert_int_equal(f.asked[RECORD_CERTIFICATE], 1);
	f.full = true;
	ask_for(&f, "alice");
	holder_signed(&f, MSG_FAILURE);
	check_told(&f, "no room for it");
	core_set_others(f.core, &(const struct core_others){
	    .confirming = f.confirming });
	assert_false(certifies(&f, "alice"));
	check_told(&f, "there is no place for the ledger");
	holder_teardown(&f);
}

static void
test_it_waits_for_the_ledger(void **state)
{
	struct fixture f;
	struct cert c;
	struct err e;

	(void)state;
	holder_setup(&f, NULL);
	f.waits = true;
	ask_for(&f, "alice");
	core_signed(f.core, f.sign_request, 0, NULL,
	    span_cstr("\0\0\0\3sig"));
	assert_int_equal(f.replies, 0);
	holder_recorded(&f);
	holder_check_reply(&f, MSG_SIGN_RESPONSE);
	/* It is the whole certificate that was recorded. */
	assert_int_equal(cert_parse_tbs((struct span){ f.certificate.p,
	    f.certificate.n - 4 }, &c, &e), 0);
	/* Who has gone meanwhile gets no answer. */
	ask_for(&f, "alice");
	core_signed(f.core, f.sign_request, 0, NULL, span_cstr("sig"));
	core_goodbye(f.core, &f.me, HOLDER_ME);
	holder_recorded(&f);
	assert_int_equal(f.replies, 0);
	holder_teardown(&f);
}

static void
test_what_the_ledger_would_refuse_nobody_is_asked_for(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "Confirm yes\n");
	f.consents = true;
	f.denies = true;
	assert_false(certifies(&f, "alice"));
	check_told(&f, "used before");
	assert_int_equal(f.answers, 0);
	assert_int_equal(f.asked[RECORD_CERTIFICATE], 0);
	holder_teardown(&f);
}

static void
test_the_ledger_is_told_of_the_rate(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "CA ec\nMaxRate 2/1h\n");
	assert_true(certifies(&f, "alice"));
	assert_int_equal(f.rule.rate, 2);
	assert_int_equal(f.rule.per, 3600);
	holder_teardown(&f);

	holder_setup(&f, "CA ec\nMaxRate 2/1h\nObserve yes\n"
	    "Principals bob\n");
	assert_true(certifies(&f, "alice"));
	assert_int_equal(f.rule.rate, 0);
	assert_string_equal(f.note, "Observe: principal \"alice\" is not "
	    "allowed for this CA");
	holder_teardown(&f);
}

static void
test_a_checkpoint_is_signed_when_it_is_due(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "CA ec\n");
	f.checkpoint = "so far";
	ask_for(&f, "alice");
	core_signed(f.core, f.sign_request, 0, NULL, span_cstr("sig"));
	holder_check_reply(&f, MSG_SIGN_RESPONSE);
	/* A signature that no client waits for. */
	assert_true(f.sign_request > HOLDER_OTHER);
	assert_int_equal(f.alg, SIG_ECDSA_P256);
	core_signed(f.core, f.sign_request, 0, NULL, span_cstr("sig"));
	assert_int_equal(f.asked[RECORD_CHECKPOINT], 1);
	assert_int_equal(f.replies, 1);
	holder_teardown(&f);
}

static void
put_serials(struct wire_w *w, struct span ca)
{
	assert_true(wire_write(w, 1024));
	wire_put_u8(w, MSG_EXTENSION);
	wire_put_cstring(w, AGENT_EXT_SERIALS);
	wire_put_string(w, ca);
	wire_put_u64(w, 1);
}

static void
test_serial_numbers_are_given_to_who_may_certify(void **state)
{
	static const struct {
		const char	*conf;
		uint8_t		 reply;
	} t[] = {
		{ "CA ec\n", MSG_EXTENSION_RESPONSE },
		{ NULL, MSG_EXTENSION_RESPONSE },
		{ "Key ec\nUse auth\n", MSG_FAILURE },
	};
	struct fixture f;
	struct wire_w w;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		holder_setup(&f, t[i].conf);
		put_serials(&w, holder_blob_of(&f, 0));
		assert_int_equal(holder_put(&f, HOLDER_ME, &w), t[i].reply);
		come_from_elsewhere(&f);
		put_serials(&w, holder_blob_of(&f, 0));
		assert_int_equal(holder_put(&f, HOLDER_ME, &w), MSG_FAILURE);
		put_serials(&w, span_cstr("no key"));
		assert_int_equal(holder_put(&f, HOLDER_OTHER, &w),
		    MSG_FAILURE);
		holder_teardown(&f);
	}
}

static void
test_nobody_is_asked_for_what_the_policy_refuses(void **state)
{
	struct certbody b;
	struct fixture f;

	(void)state;
	holder_setup(&f, "CA ec\nConfirm yes\nPrincipals alice ops\n");
	f.consents = true;
	assert_false(certifies(&f, "root"));
	assert_int_equal(f.answers, 0);
	make_body(&f, &b);
	ask(&f, &b);
	assert_int_equal(f.sign_request, 0);
	holder_wait_order(&f);
	holder_signed(&f, MSG_SIGN_RESPONSE);
	assert_int_equal(f.answers, 1);
	certbody_free(&b);
	holder_teardown(&f);
}

static void
test_nobody_consents_to_what_cannot_be_shown(void **state)
{
	char names[500] = "root";
	struct fixture f;

	(void)state;
	for (size_t i = 4; i + 50 < sizeof(names); i += 40)
		snprintf(names + i, sizeof(names) - i, "|%039zu", i);
	holder_setup(&f, "Confirm yes\n");
	f.consents = true;
	assert_false(certifies(&f, names));
	check_told(&f, "its principals are too long to be shown");
	assert_int_equal(f.answers, 0);
	holder_teardown(&f);
}

/* SHA-1 is allowed for other data; a certificate is signed with SHA-2. */
static void
test_no_certificate_is_signed_with_sha1(void **state)
{
	struct certbody b;
	struct fixture f;
	struct data d;

	(void)state;
	holder_setup(&f, "Use any\nAllowSHA1 yes\n");
	make_body(&f, &b);
	certbody_set_ca(&b, holder_blob_of(&f, 1));
	d = certbody_bytes(&b);
	holder_ask_sign(&f, 1, data_span(&d), 0);
	assert_int_equal(f.sign_request, HOLDER_ME);
	assert_int_equal(f.alg, SIG_RSA_SHA256);
	holder_signed(&f, MSG_SIGN_RESPONSE);
	holder_ask_sign(&f, 1, span_cstr("other data"), 0);
	assert_int_equal(f.alg, SIG_RSA_SHA1);
	data_free(&d);
	certbody_free(&b);
	holder_teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_key_without_a_block_certifies_what_is_well_formed),
		cmocka_unit_test(test_a_block_binds_its_key_and_no_other),
		cmocka_unit_test(test_a_key_with_a_block_does_nothing_else),
		cmocka_unit_test(test_it_is_listed_last),
		HOLDER_TEST(
		    test_what_is_not_quite_a_certificate_is_never_signed),
		cmocka_unit_test(
		    test_only_ForwardedUse_certifies_when_forwarded),
		cmocka_unit_test(
		    test_a_policy_that_observes_tells_what_it_would_refuse),
		cmocka_unit_test(
		    test_what_is_not_in_the_ledger_is_not_handed_out),
		cmocka_unit_test(test_it_waits_for_the_ledger),
		cmocka_unit_test(
		    test_what_the_ledger_would_refuse_nobody_is_asked_for),
		cmocka_unit_test(test_the_ledger_is_told_of_the_rate),
		cmocka_unit_test(test_a_checkpoint_is_signed_when_it_is_due),
		cmocka_unit_test(
		    test_serial_numbers_are_given_to_who_may_certify),
		cmocka_unit_test(
		    test_nobody_is_asked_for_what_the_policy_refuses),
		cmocka_unit_test(
		    test_nobody_consents_to_what_cannot_be_shown),
		cmocka_unit_test(test_no_certificate_is_signed_with_sha1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

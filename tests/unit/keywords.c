/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/configured.h"

#define FP	"SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
#define OTHER	"SHA256:0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

static void
configure(struct options *o, const char *text)
{
	struct err e;

	if (configured_options(o, text, &e) != 0)
		fail_msg("%s", e.msg);
}

/* The key that all of these are about. */
static struct key_policy
policy(const struct options *o)
{
	return options_key_policy(o, FP, "01ab", "mine");
}

static bool
permits(const struct uses *u, enum request_kind kind)
{
	return uses_permit(u, &(struct request){ .kind = kind,
	    .ns = span_cstr("git") });
}

static void
test_a_key_that_nobody_mentions_has_the_defaults(void **state)
{
	struct key_policy p;
	struct options o;

	(void)state;
	configure(&o, "Key " OTHER "\n Use none\n Offer no\n Confirm yes\n"
	    " OfferTo " FP "\n ForwardedUse any\nKey other\n Use none\n");
	p = policy(&o);
	assert_ptr_equal(p.use, &uses_default);
	assert_ptr_equal(p.forwarded, &uses_default_forwarded);
	assert_true(p.offer);
	assert_false(p.confirm);
	assert_null(p.hosts);
	options_free(&o);
}

static void
test_a_key_block_says_all_of_a_key(void **state)
{
	struct key_policy p;
	struct options o;

	(void)state;
	configure(&o, "Key mine\n\tUse ca host\n\tForwardedUse ca\n"
	    "\tConfirm yes\n\tOffer no\n\tOfferTo " FP " " OTHER "\n"
	    "\tOfferTo " OTHER "\n");
	p = policy(&o);
	assert_true(permits(p.use, REQUEST_CERT) &&
	    permits(p.use, REQUEST_HOST_KEX));
	assert_false(permits(p.use, REQUEST_USERAUTH));
	assert_true(permits(p.forwarded, REQUEST_CERT));
	assert_false(permits(p.forwarded, REQUEST_HOST_KEX));
	assert_true(p.confirm);
	assert_false(p.offer);
	assert_int_equal(p.hosts->n_hosts, 3);
	assert_string_equal(p.hosts->hosts[0], FP);
	assert_string_equal(p.hosts->hosts[2], OTHER);
	options_free(&o);
}

/* What one block leaves open is not looked for in another one. */
static void
test_fingerprint_goes_before_id_before_label(void **state)
{
	static const struct {
		const char *text;
		enum request_kind allowed;	/* and no other of these */
	} t[] = {
		{ "Key mine\nUse auth\nKey 01ab\nUse ca\nKey " FP
		    "\nUse host\n", REQUEST_HOST_KEX },
		{ "Key " FP "\nUse host\nKey 01ab\nUse ca\nKey mine\n"
		    "Use auth\n", REQUEST_HOST_KEX },
		{ "Key mine\nUse auth\nKey 01ab\nUse ca\n", REQUEST_CERT },
		{ "Key 01ab\nUse ca\nKey mine\nUse auth\n", REQUEST_CERT },
		{ "Use ca\nKey mine\nUse auth\nKey 01ab\n", REQUEST_CERT },
		{ "Use host\nKey mine\nConfirm yes\n", REQUEST_HOST_KEX },
		{ "Use host\nKey other\nUse ca\n", REQUEST_HOST_KEX },
		{ "Use host\nKey MINE\nUse ca\n", REQUEST_HOST_KEX },
		{ "Use host\nKey 01AB\nUse ca\n", REQUEST_CERT },
		{ "Use host\nKey 01\nUse ca\nKey min\nUse ca\n",
		    REQUEST_HOST_KEX },
	};
	static const enum request_kind all[] = { REQUEST_USERAUTH,
		REQUEST_CERT, REQUEST_HOST_KEX };
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		configure(&o, t[i].text);
		for (size_t k = 0; k < 3; k++)
			if (permits(policy(&o).use, all[k]) !=
			    (all[k] == t[i].allowed))
				fail_msg("%s", t[i].text);
		options_free(&o);
	}
}

static void
test_what_a_block_leaves_open_is_said_for_all_keys(void **state)
{
	struct key_policy p;
	struct options o;

	(void)state;
	configure(&o, "Use ca\nForwardedUse none\nConfirm yes\nOffer no\n"
	    "OfferTo " FP "\nKey mine\n");
	p = policy(&o);
	assert_false(permits(p.use, REQUEST_USERAUTH));
	assert_int_equal(p.forwarded->set, 0);
	assert_true(p.confirm);
	assert_false(p.offer);
	assert_string_equal(p.hosts->hosts[0], FP);
	options_free(&o);

	configure(&o, "Use ca\nForwardedUse none\nConfirm yes\nOffer no\n"
	    "OfferTo " FP "\nKey mine\nUse auth\nForwardedUse auth\n"
	    "Confirm no\nOffer yes\nOfferTo " OTHER "\n");
	p = policy(&o);
	assert_true(permits(p.use, REQUEST_USERAUTH) &&
	    permits(p.forwarded, REQUEST_USERAUTH));
	assert_false(permits(p.use, REQUEST_CERT));
	assert_false(p.confirm);
	assert_true(p.offer);
	assert_int_equal(p.hosts->n_hosts, 1);
	assert_string_equal(p.hosts->hosts[0], OTHER);
	options_free(&o);
}

static void
test_no_word_but_any_lets_others_test_a_key(void **state)
{
	struct options o;

	(void)state;
	configure(&o, "Use auth\nForwardedUse auth ca host sshsig\n");
	assert_true(permits(policy(&o).use, REQUEST_TEST));
	assert_false(permits(policy(&o).forwarded, REQUEST_TEST));
	options_free(&o);
	configure(&o, "ForwardedUse any\n");
	assert_true(permits(policy(&o).forwarded, REQUEST_TEST));
	options_free(&o);
}

/* "none" says something; it is not the same as nothing. */
static void
test_none_is_not_the_default(void **state)
{
	struct options o;

	(void)state;
	configure(&o, "Use ca\nKey mine\nUse none\nForwardedUse none\n");
	assert_int_equal(policy(&o).use->set, 0);
	assert_int_equal(policy(&o).forwarded->set, 0);
	options_free(&o);
}

static void
test_places_of_certificates_add_up(void **state)
{
	struct options o;

	(void)state;
	configure(&o, "");
	assert_int_equal(o.n_certificates, 0);
	assert_false(o.no_certificates);
	options_free(&o);

	assert_int_equal(setenv("HOME", "/home/me", 1), 0);
	configure(&o, "Certificates ~/certs /etc/c\nCertificates /one\n");
	assert_int_equal(o.n_certificates, 3);
	assert_string_equal(o.certificates[0], "/home/me/certs");
	assert_string_equal(o.certificates[1], "/etc/c");
	assert_string_equal(o.certificates[2], "/one");
	assert_false(o.no_certificates);
	options_free(&o);

	configure(&o, "Certificates None\n");
	assert_int_equal(o.n_certificates, 0);
	assert_true(o.no_certificates);
	options_free(&o);
}

static void
test_the_audit_log_is_a_whole_path_or_the_journal(void **state)
{
	struct options o;

	(void)state;
	configure(&o, "");
	assert_null(o.audit);
	assert_null(o.upstream);
	options_free(&o);

	configure(&o, "AuditLog journal\nUpstream /run/one\n");
	assert_string_equal(o.audit, "journal");
	assert_string_equal(o.upstream, "/run/one");
	options_free(&o);

	/* The last one counts. */
	assert_int_equal(setenv("HOME", "/home/me", 1), 0);
	configure(&o, "AuditLog journal\nAuditLog ~/log\nUpstream /run/one\n"
	    "Upstream ~/two\n");
	assert_string_equal(o.audit, "/home/me/log");
	assert_string_equal(o.upstream, "/home/me/two");
	options_free(&o);
}

static void
test_mistakes_name_the_line(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "\nUse", "Use: what is the key for?" },
		{ "\nUse login", "Use: \"login\" is no use of a key" },
		{ "\nUse none ca", "Use: none stands alone" },
		{ "Use ca\nUse auth", "Use was said here before" },
		{ "\nForwardedUse x", "ForwardedUse: \"x\" is no use" },
		{ "ForwardedUse ca\nForwardedUse ca", "was said here" },
		{ "\nKey", "Key takes one label" },
		{ "\nKey a b", "Key takes one label" },
		{ "\nConfirm", "" }, { "\nConfirm maybe", "" },
		{ "\nOffer", "" }, { "\nOffer perhaps", "" },
		{ "\nOfferTo", "OfferTo takes fingerprints" },
		{ "\nOfferTo " FP " host", "\"host\" is no whole"
		    " fingerprint" },
		{ "\nOfferTo MD5:00:11", "is no whole fingerprint" },
		{ "\nOfferTo SHA256:abc", "is no whole fingerprint" },
		{ "\nOfferTo \"" FP "=\"", "is no whole fingerprint" },
		{ "\nKey SHA256:abc", "is no whole fingerprint" },
		{ "\nKey \"pkcs11:object=x\"", "Key takes no PKCS#11 URI" },
		{ "Key a\nKey a", "Key a has a block before" },
		{ "Token a\nToken a", "Token a has a block before" },
		{ "\nCertificates", "Certificates takes files" },
		{ "\nAuditLog", "" }, { "\nAuditLog a b", "" },
		{ "\nAuditLog log", "the whole path" },
		{ "\nAuditLog Journal", "the whole path" },
		{ "\nUpstream", "" }, { "\nUpstream /a /b", "" },
	};
	struct options o;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (configured_options(&o, bad[i].text, &e) != ERR_USAGE)
			fail_msg("%s", bad[i].text);
		assert_memory_equal(e.msg, "test:2: ", 8);
		if (strstr(e.msg, bad[i].why) == NULL)
			fail_msg("%s", e.msg);
		options_free(&o);
	}
}

/* In a Token block, in a Key block, and before them all. */
static void
test_keywords_stand_where_they_belong(void **state)
{
	static const struct {
		const char *line;
		bool in_token, in_key;
	} t[] = {
		{ "AllowSHA1 yes", false, false },
		{ "AuditLog journal", false, false },
		{ "CA c", true, true },
		{ "Certificates none", false, false },
		{ "Confirm yes", false, true },
		{ "ForwardedUse auth", false, true },
		{ "Key k", true, true },
		{ "Lifetime 1h", false, false },
		{ "LockAfterIdle 1h", false, false },
		{ "LockOnScreenLock yes", false, false },
		{ "LockOnSuspend yes", false, false },
		{ "LogLevel info", false, false },
		{ "LoginScope session", true, false },
		{ "NotifyCommand /x", false, false },
		{ "Offer yes", false, true },
		{ "OfferTo " FP, false, true },
		{ "PinCache never", true, false },
		{ "PinCommand /x", true, false },
		{ "PinCredential x", true, false },
		{ "PinEntry none", false, false },
		{ "PinFile /x", true, false },
		{ "PinTimeout 10", false, false },
		{ "Socket /x", false, false },
		{ "Token t", true, true },
		{ "Upstream /x", false, false },
		{ "Use auth", false, true },
	};
	static const char *const blocks[] = { "# none\n", "Token a\n",
		"Key b\n" };
	struct options o;
	char text[120];
	struct err e;
	int r;

	(void)state;
	for (size_t i = 0; i < 3 * sizeof(t) / sizeof(*t); i++) {
		const bool ok = i % 3 == 0 || (i % 3 == 1 ?
		    t[i / 3].in_token : t[i / 3].in_key);

		snprintf(text, sizeof(text), "%s%s", blocks[i % 3],
		    t[i / 3].line);
		r = configured_options(&o, text, &e);
		if (r != (ok ? 0 : ERR_USAGE))
			fail_msg("%s", text);
		if (!ok) {
			assert_memory_equal(e.msg, "test:2: ", 8);
			assert_non_null(strstr(e.msg, i % 3 == 1 ?
			    "does not belong into a Token block" :
			    "does not belong into a Key block"));
		}
		options_free(&o);
	}
}

static void
test_each_block_is_about_its_own(void **state)
{
	struct options o;

	(void)state;
	configure(&o, "Token t\nPinCache never\nKey mine\nUse ca\nToken u\n"
	    "PinCache session\nKey k\nUse host\n");
	assert_int_equal(o.n_tokens, 2);
	assert_int_equal(o.tokens[0].cache, PIN_CACHE_NEVER);
	assert_int_equal(o.tokens[1].cache, PIN_CACHE_SESSION);
	assert_int_equal(o.n_keys, 2);
	assert_true(permits(policy(&o).use, REQUEST_CERT));
	assert_false(permits(policy(&o).use, REQUEST_HOST_KEX));
	options_free(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_key_that_nobody_mentions_has_the_defaults),
		cmocka_unit_test(test_a_key_block_says_all_of_a_key),
		cmocka_unit_test(
		    test_fingerprint_goes_before_id_before_label),
		cmocka_unit_test(
		    test_what_a_block_leaves_open_is_said_for_all_keys),
		cmocka_unit_test(
		    test_no_word_but_any_lets_others_test_a_key),
		cmocka_unit_test(test_none_is_not_the_default),
		cmocka_unit_test(test_places_of_certificates_add_up),
		cmocka_unit_test(
		    test_the_audit_log_is_a_whole_path_or_the_journal),
		cmocka_unit_test(test_mistakes_name_the_line),
		cmocka_unit_test(test_keywords_stand_where_they_belong),
		cmocka_unit_test(test_each_block_is_about_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

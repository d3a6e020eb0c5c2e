/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/configured.h"

#define FP	"SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
#define FP2	"SHA256:0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
#define FP3	"SHA256:ABCDEFGabcdefghijklmnopqrstuvwxyz0123456789"

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

static void
test_a_ca_block_makes_its_key_certify_only(void **state)
{
	static const char *const texts[] = { "CA mine\n", "CA 01ab\n",
		"CA " FP "\n", "Use auth\nCA mine\n",
		"Key mine\nUse ca\nCA mine\n", "CA mine\nKey mine\nUse ca\n",
		"CA mine\nKey mine\nConfirm no\n",
		/* By other names: the CA block counts. */
		"CA mine\nKey " FP "\nUse auth\n" };
	struct key_policy p;
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		configure(&o, texts[i]);
		p = policy(&o);
		assert_non_null(p.ca);
		assert_ptr_equal(p.use, &uses_certify);
		assert_int_equal(p.forwarded->set & USE_CA, 0);
		options_free(&o);
	}
}

static void
test_blocks_of_other_names_may_contradict(void **state)
{
	static const struct {
		const char *text;
		bool contradicted;
	} t[] = {
		{ "CA mine\nKey 01ab\nUse auth\n", true },
		{ "Key " FP "\nUse any\nCA mine\n", true },
		{ "CA mine\nKey 01ab\nUse ca\n", false },
		{ "CA mine\nKey 01ab\nConfirm yes\n", false },
		{ "CA mine\nKey other\nUse auth\n", false },
		{ "Use auth\nCA mine\n", false },
		{ "CA other\nKey mine\nUse auth\n", false },
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		configure(&o, t[i].text);
		if (policy(&o).contradicted != t[i].contradicted)
			fail_msg("%s", t[i].text);
		options_free(&o);
	}
}

static void
test_a_key_without_a_ca_block_has_no_policy(void **state)
{
	struct options o;

	(void)state;
	configure(&o, "Use ca\nCA other\nMaxValidity 1h\n");
	assert_null(policy(&o).ca);
	options_free(&o);
}

static void
test_the_block_of_the_fingerprint_goes_before_the_id(void **state)
{
	struct options o;

	(void)state;
	configure(&o, "CA mine\nMaxValidity 1\nCA 01ab\nMaxValidity 2\n"
	    "CA " FP "\nMaxValidity 3\n");
	assert_int_equal(policy(&o).ca->max_validity, 3);
	options_free(&o);
	configure(&o, "CA mine\nMaxValidity 1\nCA 01ab\nMaxValidity 2\n");
	assert_int_equal(policy(&o).ca->max_validity, 2);
	options_free(&o);
}

/* CA block, then Key block, then what stands before them all. */
static void
test_what_is_not_about_certificates_is_as_for_any_key(void **state)
{
	static const struct {
		const char *text;
		bool confirm, offer;
	} t[] = {
		{ "CA mine\n", false, true },
		{ "Confirm yes\nOffer no\nCA mine\n", true, false },
		{ "Confirm yes\nCA mine\nConfirm no\n", false, true },
		{ "CA mine\nConfirm yes\nOffer no\nKey mine\nConfirm no\n"
		    "Offer yes\n", true, false },
		{ "CA mine\nKey 01ab\nConfirm yes\nOffer no\n", true, false },
	};
	struct key_policy p;
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		configure(&o, t[i].text);
		p = policy(&o);
		if (p.confirm != t[i].confirm || p.offer != t[i].offer)
			fail_msg("%s", t[i].text);
		options_free(&o);
	}
	configure(&o, "CA mine\nForwardedUse ca\nOfferTo " FP "\n");
	assert_true(policy(&o).forwarded->set & USE_CA);
	assert_int_equal(policy(&o).hosts->n_hosts, 1);
	options_free(&o);
}

static void
test_a_block_that_says_nothing_has_careful_defaults(void **state)
{
	const struct ca_policy *p;
	struct options o;

	(void)state;
	configure(&o, "CA mine\n");
	p = policy(&o).ca;
	assert_int_equal(p->types, 1 << CERT_USER);
	assert_int_equal(p->max_validity, 366 * 86400);
	assert_int_equal(p->latest_start, 86400);
	assert_int_equal(p->earliest_start, 86400);
	assert_int_equal(p->rsa_bits, 2048);
	assert_int_equal(p->extensions.n, 5);
	assert_int_equal(p->rate, 0);
	assert_false(p->observe);
	options_free(&o);
}

static void
test_all_of_a_block_is_read(void **state)
{
	const struct ca_policy *p;
	struct options o;

	(void)state;
	configure(&o, "CA mine\nCertificateTypes host\nPrincipals a b\n"
	    "Principals c\nDenyPrincipals d\nMaxValidity 8h\nLatestStart 5m\n"
	    "EarliestStart 1d\nSubjectKeys rsa:3072 ed25519\n"
	    "Extensions none\nCriticalOptions none\n"
	    "RequireOptions verify-required\nKeyId x*\nRequireSerial yes\n"
	    "MaxRate 10/1h\nAskerUser 0 4294967294\nAskerProgram /a /b\n"
	    "Observe yes\nDefaultValidity 2h\nRequireApprovals 2\n"
	    "Approvers " FP "\nApprovers " FP2 " " FP3 "\n"
	    "Requesters " FP "\n");
	p = policy(&o).ca;
	assert_int_equal(p->types, 1 << CERT_HOST);
	assert_int_equal(p->principals.n, 3);
	assert_string_equal(p->principals.v[2], "c");
	assert_string_equal(p->denied.v[0], "d");
	assert_int_equal(p->max_validity, 8 * 3600);
	assert_int_equal(p->latest_start, 300);
	assert_int_equal(p->earliest_start, 86400);
	assert_int_equal(p->subjects, CA_SUBJECT_RSA | CA_SUBJECT_ED25519);
	assert_int_equal(p->rsa_bits, 3072);
	assert_int_equal(p->extensions.n + p->critical.n, 0);
	assert_string_equal(p->required.v[0], "verify-required");
	assert_string_equal(p->key_ids.v[0], "x*");
	assert_true(p->serial && p->observe);
	assert_int_equal(p->rate, 10);
	assert_int_equal(p->per, 3600);
	assert_int_equal(p->n_users, 2);
	assert_int_equal(p->users[1], 4294967294);
	assert_string_equal(p->programs.v[1], "/b");
	assert_int_equal(o.ca.cas[0].default_validity, 2 * 3600);
	assert_int_equal(p->approvals, 2);
	assert_int_equal(p->approvers.n, 3);
	assert_string_equal(p->approvers.v[2], FP3);
	assert_int_equal(p->requesters.n, 1);
	assert_string_equal(p->requesters.v[0], FP);
	options_free(&o);
}

static const struct {
	const char *line, *why;
} mistakes[] = {
	{ "CA", "CA takes one label" },
	{ "CA a b", "CA takes one label" },
	{ "CA mine", "\"mine\" has a block already" },
	{ "CertificateTypes", "takes user, host or both" },
	{ "CertificateTypes user both", "takes user, host or both" },
	{ "Principals", "Principals takes names and patterns" },
	{ "Principals a \"\"", "matches nothing" },
	{ "DenyPrincipals", "takes names and patterns" },
	{ "KeyId", "KeyId takes patterns" },
	{ "MaxValidity", "takes one time" },
	{ "MaxValidity 1h 2h", "takes one time" },
	{ "MaxValidity soon", "MaxValidity: \"soon\" is not a time" },
	{ "MaxValidity 0", "0 allows none" },
	{ "MaxValidity 2000000000", "is not a time" },
	{ "LatestStart -1", "is not a time" },
	{ "EarliestStart", "takes one time" },
	{ "SubjectKeys", "takes types of keys" },
	{ "SubjectKeys dsa", "\"dsa\" is no type" },
	{ "SubjectKeys rsa:", "a number of bits" },
	{ "SubjectKeys rsa:1024", "from 2048 to 16384" },
	{ "SubjectKeys rsa:99999999999999999999", "from 2048" },
	{ "SubjectKeys rsa:2048x", "a number of bits" },
	{ "SubjectKeys ed25519:256", "is no type" },
	{ "Extensions", "takes names of options" },
	{ "Extensions none permit-pty", "none stands alone" },
	{ "CriticalOptions a none", "none stands alone" },
	{ "RequireOptions", "takes names of critical options" },
	{ "RequireOptions permit-pty", "is no critical option" },
	{ "RequireSerial", "" }, { "RequireSerial maybe", "" },
	{ "MaxRate 10", "takes a number and a time" },
	{ "MaxRate 0/1h", "takes a number and a time" },
	{ "MaxRate /1h", "takes a number and a time" },
	{ "MaxRate -1/1h", "takes a number and a time" },
	{ "MaxRate 10001/1h", "from 1 to 10000" },
	{ "MaxRate 1/", "is not a time" },
	{ "MaxRate 1/0", "in no time" },
	{ "AskerUser", "takes users" },
	{ "AskerUser 4294967295", "there is no user" },
	{ "AskerUser 1x", "there is no user \"1x\"" },
	{ "AskerUser no-such-user", "no user \"no-such-user\"" },
	{ "AskerProgram", "takes whole paths" },
	{ "CA SHA256:abc", "is no whole fingerprint" },
	{ "CA \"pkcs11:object=ca\"", "CA takes no PKCS#11 URI" },
	{ "AskerProgram ssh-keygen", "is no whole path" },
	{ "DefaultValidity 0", "DefaultValidity: 0 allows none" },
	{ "DefaultValidity 1h 1h", "takes one time" },
	{ "RequireApprovals", "takes a number from 1 to 16" },
	{ "RequireApprovals 0", "takes a number from 1 to 16" },
	{ "RequireApprovals 17", "takes a number from 1 to 16" },
	{ "RequireApprovals -1", "takes a number from 1 to 16" },
	{ "RequireApprovals 1x", "takes a number from 1 to 16" },
	{ "RequireApprovals 99999999999999999999", "takes a number" },
	{ "Approvers", "takes fingerprints (SHA256:...)" },
	{ "Approvers alice", "\"alice\" is no whole fingerprint" },
	{ "Approvers SHA256:abc", "is no whole fingerprint" },
	{ "Approvers " FP " " FP, FP " is there before" },
	{ "Requesters", "takes fingerprints (SHA256:...)" },
	{ "Requesters MD5:00", "is no whole fingerprint" },
	{ "Observe", "" }, { "Observe always", "" },
	{ "Use ca", "does not belong into a CA block" },
	{ "PinCache never", "does not belong into a CA block" },
	{ "Lifetime 1h", "does not belong into a CA block" },
};

static void
test_mistakes_in_a_block_name_the_line(void **state)
{
	struct options o;
	char text[200];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		snprintf(text, sizeof(text), "CA mine\n%s", mistakes[i].line);
		if (configured_options(&o, text, &e) != ERR_USAGE)
			fail_msg("%s", text);
		assert_memory_equal(e.msg, "test:2: ", 8);
		if (strstr(e.msg, mistakes[i].why) == NULL)
			fail_msg("%s", e.msg);
		options_free(&o);
	}
}

static void
test_what_replaces_is_said_once(void **state)
{
	static const char *const lines[] = { "CertificateTypes user",
		"MaxValidity 1h", "LatestStart 1h", "EarliestStart 1h",
		"SubjectKeys rsa", "RequireSerial yes", "MaxRate 1/1h",
		"DefaultValidity 1h", "Observe no", "Extensions none",
		"CriticalOptions none" };
	struct options o;
	char text[200];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		snprintf(text, sizeof(text), "CA mine\n%s\n%s\n", lines[i],
		    lines[i]);
		assert_int_equal(configured_options(&o, text, &e), ERR_USAGE);
		assert_memory_equal(e.msg, "test:3: ", 8);
		options_free(&o);
		snprintf(text, sizeof(text), "CA mine\n%s\nCA b\n%s\n",
		    lines[i], lines[i]);
		configure(&o, text);
		options_free(&o);
	}
	assert_int_equal(configured_options(&o, "CA a\nRequireApprovals 1\n"
	    "RequireApprovals 2\n", &e), ERR_USAGE);
	assert_memory_equal(e.msg, "test:3: ", 8);
	options_free(&o);
	assert_int_equal(configured_options(&o, "CA a\nExtensions none\n"
	    "Extensions b\n", &e), ERR_USAGE);
	options_free(&o);
	assert_int_equal(configured_options(&o, "CA a\nExtensions b\n"
	    "Extensions none\n", &e), ERR_USAGE);
	options_free(&o);
}

static void
test_lines_that_do_not_go_together_name_the_block(void **state)
{
	static const struct {
		const char *lines, *why;
	} t[] = {
		{ "DefaultValidity 1h", NULL },
		{ "DefaultValidity 1h\nMaxValidity 1h", NULL },
		{ "DefaultValidity 61m\nMaxValidity 1h",
		    "DefaultValidity is longer than MaxValidity" },
		{ "MaxValidity 1h\nDefaultValidity 61m",
		    "DefaultValidity is longer than MaxValidity" },
		{ "RequireApprovals 1", "there are 0 Approvers" },
		{ "RequireApprovals 2\nApprovers " FP,
		    "RequireApprovals is 2, but there are 1 Approvers" },
		{ "Approvers " FP " " FP2 "\nRequireApprovals 2", NULL },
		{ "Approvers " FP "\nRequireApprovals 1",
		    "it has to name Requesters" },
		{ "Approvers " FP, "without RequireApprovals" },
		{ "Requesters " FP, "without RequireApprovals" },
		/* Whoever asks does not approve. */
		{ "RequireApprovals 1\nApprovers " FP "\nRequesters " FP,
		    "there are 0 Approvers besides who asks" },
		{ "RequireApprovals 1\nApprovers " FP "\nRequesters " FP
		    " " FP2, NULL },
		{ "RequireApprovals 1\nApprovers " FP " " FP2
		    "\nRequesters " FP " " FP2, NULL },
		{ "RequireApprovals 1\nRequesters " FP, "are 0 Approvers" },
	};
	struct options o;
	char text[400];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		snprintf(text, sizeof(text), "Offer yes\nCA mine\n%s\nCA b\n",
		    t[i].lines);
		if (configured_options(&o, text, &e) !=
		    (t[i].why != NULL ? ERR_USAGE : 0))
			fail_msg("%s", t[i].lines);
		if (t[i].why != NULL) {
			assert_memory_equal(e.msg, "test:2: CA \"mine\": ",
			    19);
			if (strstr(e.msg, t[i].why) == NULL)
				fail_msg("%s", e.msg);
		}
		options_free(&o);
	}
}

static void
test_a_key_block_that_says_another_use_is_a_mistake(void **state)
{
	static const struct {
		const char *text, *where;
	} bad[] = {
		{ "CA mine\nKey mine\nUse auth", "test:3: " },
		{ "CA mine\nKey mine\nUse ca sshsig", "test:3: " },
		{ "CA mine\nKey mine\nUse none", "test:3: " },
		{ "CA mine\nKey mine\nUse any", "test:3: " },
		{ "Key mine\nUse auth\nCA mine", "test:3: " },
		{ "CA " FP "\nKey " FP "\nUse host", "test:3: " },
	};
	struct options o;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(configured_options(&o, bad[i].text, &e),
		    ERR_USAGE);
		assert_memory_equal(e.msg, bad[i].where, 8);
		assert_non_null(strstr(e.msg, "certifies and does nothing"));
		options_free(&o);
	}
}

/* They would be about all keys, or about one that is no CA. */
static void
test_what_is_about_certificates_stands_in_ca_blocks_only(void **state)
{
	static const char *const lines[] = { "AskerProgram /a",
		"DefaultValidity 1",
		"AskerUser 0", "CertificateTypes user",
		"CriticalOptions none", "DenyPrincipals a",
		"EarliestStart 1", "Extensions none", "KeyId a",
		"LatestStart 1", "MaxRate 1/1", "MaxValidity 1", "Observe no",
		"Principals a", "RequireOptions verify-required",
		"RequireSerial no", "SubjectKeys rsa" };
	static const char *const blocks[] = { "", "Token a", "Key b" };
	struct options o;
	char text[200];
	struct err e;

	(void)state;
	for (size_t i = 0; i < 3 * sizeof(lines) / sizeof(*lines); i++) {
		snprintf(text, sizeof(text), "%s\n%s", blocks[i % 3],
		    lines[i / 3]);
		assert_int_equal(configured_options(&o, text, &e), ERR_USAGE);
		assert_memory_equal(e.msg, "test:2: ", 8);
		assert_non_null(strstr(e.msg, "stands in a CA "));
		options_free(&o);
		snprintf(text, sizeof(text), "CA c\n%s\nCA d\n%s\nKey e\n"
		    "Token f\nCA g\n", lines[i / 3], lines[i / 3]);
		configure(&o, text);
		options_free(&o);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_ca_block_makes_its_key_certify_only),
		cmocka_unit_test(test_blocks_of_other_names_may_contradict),
		cmocka_unit_test(test_a_key_without_a_ca_block_has_no_policy),
		cmocka_unit_test(
		    test_the_block_of_the_fingerprint_goes_before_the_id),
		cmocka_unit_test(
		    test_what_is_not_about_certificates_is_as_for_any_key),
		cmocka_unit_test(
		    test_a_block_that_says_nothing_has_careful_defaults),
		cmocka_unit_test(test_all_of_a_block_is_read),
		cmocka_unit_test(test_mistakes_in_a_block_name_the_line),
		cmocka_unit_test(test_what_replaces_is_said_once),
		cmocka_unit_test(
		    test_lines_that_do_not_go_together_name_the_block),
		cmocka_unit_test(
		    test_a_key_block_that_says_another_use_is_a_mistake),
		cmocka_unit_test(
		    test_what_is_about_certificates_stands_in_ca_blocks_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/blocks.h"
#include "tests/unit/configured.h"
#include "tests/unit/data.h"

#define FP	"SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

static const char whole[] = "Profile admin\nCAKey " FP "\n"
    "CertificateType USER\nPrincipals alice bob\nPrincipals carol\n"
    "Validity 8h\nExtensions permit-pty\nExtensions permit-user-rc\n"
    "ForceCommand \"/bin/sh -c true\"\nSourceAddress 10.0.0.0/8,::1\n"
    "VerifyRequired yes\nKeyId \"{user} {date} {serial} {comment} }\"\n";

static int
parse(struct ca_blocks *b, struct span text, struct err *e)
{
	struct data d = data_copy(text);
	int r = ca_blocks_parse(data_span(&d), "test", b, e);

	data_free(&d);
	return r;
}

/* Both say the same of a text: 0, or the code and the message in *e. */
static int
both(struct ca_blocks *b, const char *text, struct err *e)
{
	struct options o;
	struct err other;
	int r, r2;

	r = parse(b, span_cstr(text), e);
	r2 = configured_options(&o, text, &other);
	options_free(&o);
	if (r != r2 || (r != 0 && strcmp(e->msg, other.msg) != 0))
		fail_msg("%s: %s, but the agent: %s", text,
		    r != 0 ? e->msg : "well", r2 != 0 ? other.msg : "well");
	return r;
}

static void
test_all_of_a_profile_is_read(void **state)
{
	const struct ca_profile *p;
	struct ca_blocks b;
	struct err e;

	(void)state;
	assert_int_equal(both(&b, whole, &e), 0);
	assert_non_null(p = ca_blocks_profile(&b, "admin"));
	assert_string_equal(p->ca, FP);
	assert_int_equal(p->type, CERT_USER);
	assert_int_equal(p->principals.n, 3);
	assert_string_equal(p->principals.v[2], "carol");
	assert_int_equal(p->validity, 8 * 3600);
	assert_true(p->extensions_said);
	assert_int_equal(p->extensions.n, 2);
	assert_string_equal(p->extensions.v[1], "permit-user-rc");
	assert_string_equal(p->force_command, "/bin/sh -c true");
	assert_string_equal(p->source_address, "10.0.0.0/8,::1");
	assert_true(p->verify_required);
	assert_string_equal(p->key_id, "{user} {date} {serial} {comment} }");
	ca_blocks_clear(&b);
}

static void
test_a_profile_that_says_nothing_leaves_all_open(void **state)
{
	const struct ca_profile *p;
	struct ca_blocks b;
	struct err e;

	(void)state;
	assert_int_equal(both(&b, "Profile a\nProfile b\nExtensions none\n",
	    &e), 0);
	assert_non_null(p = ca_blocks_profile(&b, "a"));
	assert_null(p->ca);
	assert_int_equal(p->type, CERT_USER);
	assert_int_equal(p->principals.n + p->extensions.n, 0);
	assert_false(p->extensions_said);
	assert_int_equal(p->validity, 0);
	assert_null(p->force_command);
	assert_null(p->source_address);
	assert_null(p->key_id);
	assert_false(p->verify_required);
	assert_non_null(p = ca_blocks_profile(&b, "b"));
	assert_true(p->extensions_said);
	assert_int_equal(p->extensions.n, 0);
	assert_null(ca_blocks_profile(&b, "A"));
	ca_blocks_clear(&b);
}

/* Or a key would have no policy, and nobody would notice. */
static void
test_a_ca_block_begins_behind_a_profile(void **state)
{
	struct ca_blocks b;
	struct err e;

	(void)state;
	assert_int_equal(both(&b, "Profile a\nCA mine\nPrincipals alice\n"
	    "Profile b\nPrincipals bob\nKey k\nConfirm yes\n", &e), 0);
	assert_int_equal(b.n_cas, 1);
	assert_string_equal(b.cas[0].policy.principals.v[0], "alice");
	assert_int_equal(b.cas[0].policy.principals.n, 1);
	assert_int_equal(b.n_profiles, 2);
	assert_int_equal(b.profiles[0].principals.n, 0);
	assert_string_equal(b.profiles[1].principals.v[0], "bob");
	ca_blocks_clear(&b);
}

static void
test_mistakes_in_a_profile_name_the_line(void **state)
{
	static const char *const bad[][2] = {
		{ "Profile", "Profile takes one name" },
		{ "Profile a b", "Profile takes one name" },
		{ "Profile \"\"", "Profile takes one name" },
		{ "Profile admin", "\"admin\" has a block already" },
		{ "CAKey", "takes one label, id or fingerprint" },
		{ "CAKey \"\"", "takes one text" },
		{ "CAKey SHA256:x", "is no whole fingerprint" },
		{ "CAKey \"PKCS11:id=%01\"", "CAKey takes no PKCS#11 URI" },
		{ "CertificateType", "takes user or host" },
		{ "CertificateType user host", "takes user or host" },
		{ "CertificateType both", "takes user or host" },
		{ "Principals", "takes names" },
		{ "Principals alice,bob", "blanks separate names" },
		{ "Principals \"\"", "an empty word" },
		{ "Validity", "takes one time" },
		{ "Validity 0", "0 is none" },
		{ "Validity forever", "is not a time" },
		{ "Extensions", "takes names of options" },
		{ "Extensions none a", "none stands alone" },
		{ "ForceCommand", "takes one text" },
		{ "ForceCommand ls -l", "in quotes if there are blanks" },
		{ "ForceCommand \"\"", "takes one text" },
		{ "SourceAddress", "takes one text" },
		{ "SourceAddress 10.0.0.1/8", "SourceAddress: " },
		{ "SourceAddress example.org", "SourceAddress: " },
		{ "VerifyRequired maybe", "takes yes or no" },
		{ "KeyId {user", "in braces may stand" },
		{ "KeyId {user}{host}", "in braces may stand" },
		{ "KeyId {{user}}", "in braces may stand" },
		{ "KeyId {user} {date}", "in quotes if there are blanks" },
	};
	struct ca_blocks b;
	char text[200];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text), "Profile admin\n%s", bad[i][0]);
		assert_int_equal(both(&b, text, &e), ERR_USAGE);
		assert_memory_equal(e.msg, "test:2: ", 8);
		if (strstr(e.msg, bad[i][1]) == NULL)
			fail_msg("%s", e.msg);
		ca_blocks_clear(&b);
	}
}

static void
test_a_key_id_has_at_most_256_bytes(void **state)
{
	char text[400];
	struct ca_blocks b;
	struct err e;

	(void)state;
	for (int n = 255; n <= 257; n++) {
		snprintf(text, sizeof(text), "Profile a\nKeyId %0*d\n", n, 0);
		assert_int_equal(both(&b, text, &e), n > 256 ? ERR_USAGE : 0);
		ca_blocks_clear(&b);
	}
}

static void
test_what_replaces_is_said_once(void **state)
{
	static const char *const lines[] = { "CAKey a",
		"CertificateType user", "Validity 1h", "ForceCommand a",
		"SourceAddress ::1", "VerifyRequired no", "KeyId a",
		"Extensions none" };
	struct ca_blocks b;
	char text[200];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		snprintf(text, sizeof(text), "Profile a\n%s\n%s\n", lines[i],
		    lines[i]);
		assert_int_equal(both(&b, text, &e), ERR_USAGE);
		assert_memory_equal(e.msg, "test:3: ", 8);
		ca_blocks_clear(&b);
		snprintf(text, sizeof(text), "Profile a\n%s\nProfile b\n%s\n",
		    lines[i], lines[i]);
		assert_int_equal(both(&b, text, &e), 0);
		ca_blocks_clear(&b);
	}
}

static void
test_a_host_has_no_critical_options(void **state)
{
	static const char *const lines[] = { "ForceCommand a",
		"SourceAddress ::1", "VerifyRequired yes" };
	struct ca_blocks b;
	char text[200];
	struct err e;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "CA a\nProfile h\n%s\n"
		    "CertificateType host\nCA b\n", lines[i]);
		assert_int_equal(both(&b, text, &e), ERR_USAGE);
		assert_memory_equal(e.msg, "test:2: Profile \"h\": ", 20);
		ca_blocks_clear(&b);
	}
	assert_int_equal(both(&b, "Profile h\nCertificateType host\n"
	    "VerifyRequired no\nExtensions none\n", &e), 0);
	assert_int_equal(b.profiles[0].type, CERT_HOST);
	ca_blocks_clear(&b);
}

/* The agent tells where they belong; for a tool they are unknown there. */
static void
test_other_keywords_are_none_of_a_profile(void **state)
{
	static const char *const t[][2] = {
		{ "MaxValidity 1h", "MaxValidity stands in a CA block only" },
		{ "Confirm yes", "does not belong into a Profile block" },
		{ "Lifetime 1h", "does not belong into a Profile block" },
		{ "Validty 1h", "unknown keyword \"Validty\"" },
	};
	struct ca_blocks b;
	struct options o;
	char text[200];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		snprintf(text, sizeof(text), "Profile a\n%s\n", t[i][0]);
		assert_int_equal(configured_options(&o, text, &e), ERR_USAGE);
		assert_non_null(strstr(e.msg, t[i][1]));
		options_free(&o);
		assert_int_equal(parse(&b, span_cstr(text), &e), ERR_USAGE);
		assert_non_null(strstr(e.msg, "no keyword of a Profile"));
		ca_blocks_clear(&b);
	}
	assert_int_equal(configured_options(&o, "CA a\nValidity 1h\n", &e),
	    ERR_USAGE);
	assert_non_null(strstr(e.msg, "stands in a Profile block only"));
	options_free(&o);
	assert_int_equal(configured_options(&o, "KeyId a\n", &e), ERR_USAGE);
	assert_non_null(strstr(e.msg, "in a CA or Profile block only"));
	options_free(&o);
}

static void
test_cut_anywhere_it_is_read_or_named(void **state)
{
	struct ca_blocks b;
	struct err e;

	(void)state;
	for (size_t n = 0; n < strlen(whole); n++) {
		if (parse(&b, (struct span){ (const uint8_t *)whole, n },
		    &e) != 0)
			assert_memory_equal(e.msg, "test:", 5);
		else
			assert_true(b.n_profiles <= 1);
		ca_blocks_clear(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_a_profile_is_read),
		cmocka_unit_test(
		    test_a_profile_that_says_nothing_leaves_all_open),
		cmocka_unit_test(test_a_ca_block_begins_behind_a_profile),
		cmocka_unit_test(test_mistakes_in_a_profile_name_the_line),
		cmocka_unit_test(test_a_key_id_has_at_most_256_bytes),
		cmocka_unit_test(test_what_replaces_is_said_once),
		cmocka_unit_test(test_a_host_has_no_critical_options),
		cmocka_unit_test(test_other_keywords_are_none_of_a_profile),
		cmocka_unit_test(test_cut_anywhere_it_is_read_or_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keyutil/certwish.h"
#include "keyutil/keyid.h"

#define NOW	1795690000

static const char conf[] = "CA ca\nDefaultValidity 2h\n"
    "Profile ops\nPrincipals alice bob\nValidity 30m\n"
    "Extensions permit-pty\nForceCommand \"/bin/echo a\"\n"
    "SourceAddress 10.0.0.0/8\nVerifyRequired yes\nKeyId {user}\n"
    "Profile none\nPrincipals alice\nExtensions none\n";

static void
load(struct ca_blocks *b)
{
	struct err e;

	assert_int_equal(ca_blocks_parse(span_cstr(conf), "test", b, &e), 0);
}

static const char *
value_of(const struct certorder *o, const char *name)
{
	const struct ca_draft_option *x = ca_draft_find_option(
	    &o->draft.critical, name);

	return x != NULL && x->value != NULL ? (const char *)x->value : "";
}

static bool
has(const struct certorder *o, const char *name)
{
	return ca_draft_find_option(&o->draft.extensions, name) != NULL;
}

static void
test_a_profile_says_what_is_not_said(void **state)
{
	struct certorder o = { 0 };
	struct ca_blocks b;
	struct certwish w = { .type = CERT_USER, .now = NOW };
	struct err e;

	(void)state;
	load(&b);
	w.block = &b.cas[0];
	w.profile = ca_blocks_profile(&b, "ops");
	assert_int_equal(certwish_fill(&w, &o, &e), 0);
	assert_int_equal(o.draft.principals.n, 2);
	assert_string_equal(o.draft.principals.v[1], "bob");
	assert_int_equal(o.draft.valid_before, NOW + 1800);
	assert_int_equal(o.draft.extensions.n, 1);
	assert_true(has(&o, "permit-pty"));
	assert_int_equal(o.draft.critical.n, 3);
	assert_memory_equal(value_of(&o, "force-command"), "/bin/echo a", 11);
	assert_memory_equal(value_of(&o, "source-address"), "10.0.0.0/8", 10);
	assert_string_equal(o.key_id, "{user}");
	assert_false(o.numbered);
	certorder_clear(&o);

	w.profile = ca_blocks_profile(&b, "none");
	assert_int_equal(certwish_fill(&w, &o, &e), 0);
	assert_int_equal(o.draft.extensions.n, 0);
	assert_int_equal(o.draft.valid_before, NOW + 7200);
	assert_string_equal(o.key_id, KEYID_DEFAULT);
	certorder_clear(&o);
	ca_blocks_clear(&b);
}

static void
test_what_is_said_goes_before_the_profile(void **state)
{
	const char *options[] = { "Force-Command=/bin/true",
	    "permit-X11-forwarding" };
	struct certorder o = { 0 };
	struct ca_blocks b;
	struct certwish w = { .type = CERT_USER, .now = NOW,
	    .principals = "eve", .validity = "1h", .key_id = "mine",
	    .serial = "7", .options = options, .n_options = 2,
	    .more_options = "no-pty; ;source-address=::1" };
	struct err e;

	(void)state;
	load(&b);
	w.profile = ca_blocks_profile(&b, "ops");
	assert_int_equal(certwish_fill(&w, &o, &e), 0);
	assert_int_equal(o.draft.principals.n, 1);
	assert_string_equal(o.draft.principals.v[0], "eve");
	assert_int_equal(o.draft.valid_before, NOW + 3600);
	assert_int_equal(o.draft.extensions.n, 1);
	assert_true(has(&o, "permit-X11-forwarding"));
	assert_memory_equal(value_of(&o, "force-command"), "/bin/true", 9);
	assert_memory_equal(value_of(&o, "source-address"), "::1", 3);
	assert_string_equal(o.key_id, "mine");
	assert_true(o.numbered);
	assert_int_equal(o.draft.serial, 7);
	certorder_clear(&o);
	ca_blocks_clear(&b);
}

static int
fill(const struct certwish *w, const char *told)
{
	struct certorder o = { 0 };
	struct err e = { 0 };
	int r = certwish_fill(w, &o, &e);

	if (r != 0 && strstr(e.msg, told) == NULL)
		fail_msg("%s", e.msg);
	certorder_clear(&o);
	return r;
}

static void
test_what_nobody_says_is_asked_for(void **state)
{
	struct certwish w = { .type = CERT_USER, .now = NOW };

	(void)state;
	assert_int_equal(fill(&w, "--principals"), ERR_USAGE);
	w.principals = "alice";
	assert_int_equal(fill(&w, "--validity"), ERR_USAGE);
	w.validity = "8h";
	assert_int_equal(fill(&w, ""), 0);
}

static void
test_none_is_for_ever(void **state)
{
	struct certwish w = { .type = CERT_HOST, .now = NOW,
	    .principals = "web1", .validity = "+0:forever" };

	(void)state;
	assert_int_equal(fill(&w, "no certificate is valid for ever"),
	    ERR_USAGE);
	w.validity = "always:forever";
	assert_int_equal(fill(&w, "no certificate is valid for ever"),
	    ERR_USAGE);
}

static void
test_wrong_words_are_told(void **state)
{
	const char *option = "permit-all";
	struct certwish w = { .type = CERT_USER, .now = NOW,
	    .principals = "alice,,bob", .validity = "1h" };

	(void)state;
	assert_int_equal(fill(&w, "without a name"), ERR_USAGE);
	w.principals = "alice";
	w.validity = "soon";
	assert_int_equal(fill(&w, "\"soon\""), ERR_USAGE);
	w.validity = "1h";
	w.serial = "x";
	assert_int_equal(fill(&w, "no serial number"), ERR_USAGE);
	w.serial = NULL;
	w.more_options = "permit-pty;no such";
	assert_int_equal(fill(&w, "\"no such\""), ERR_USAGE);
	w.more_options = NULL;
	w.options = &option;
	w.n_options = 1;
	assert_int_equal(fill(&w, "\"permit-all\""), ERR_USAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_profile_says_what_is_not_said),
		cmocka_unit_test(test_what_is_said_goes_before_the_profile),
		cmocka_unit_test(test_what_nobody_says_is_asked_for),
		cmocka_unit_test(test_none_is_for_ever),
		cmocka_unit_test(test_wrong_words_are_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

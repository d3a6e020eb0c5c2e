/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "ca/blocks.h"
#include "tests/unit/configured.h"
#include "tests/unit/data.h"
#include "tests/unit/root.h"

#define FP	"SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

static int
parse(struct ca_blocks *b, const char *text, struct err *e)
{
	struct data d = data_copy(span_cstr(text));
	int r = ca_blocks_parse(data_span(&d), "test", b, e);

	data_free(&d);
	return r;
}

static void
blocks(struct ca_blocks *b, const char *text)
{
	struct err e;

	if (parse(b, text, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
test_what_is_the_agents_is_passed_over(void **state)
{
	static const char text[] = "Lifetime nonsense\nNoSuchKeyword 1 2\n"
	    "Confirm yes\nPrincipals not-here\n"
	    "Token t\nPinCache whatever\n"
	    "CA mine\nConfirm yes\nForwardedUse ca\nOffer no\nOfferTo x\n"
	    "Principals a\n"
	    "Key k\nUse nothing-known\nPrincipals not-here-either\n"
	    "ca other\nprincipals b\nTOKEN u\nPrincipals not-here\n";
	struct ca_blocks b;

	(void)state;
	blocks(&b, text);
	assert_int_equal(b.n_cas, 2);
	assert_string_equal(b.cas[0].name, "mine");
	assert_int_equal(b.cas[0].policy.principals.n, 1);
	assert_string_equal(b.cas[0].policy.principals.v[0], "a");
	assert_string_equal(b.cas[1].name, "other");
	assert_int_equal(b.cas[1].policy.principals.n, 1);
	assert_string_equal(b.cas[1].policy.principals.v[0], "b");
	ca_blocks_clear(&b);
}

static void
test_mistakes_in_a_block_are_told_without_an_agent(void **state)
{
	static const char *const bad[][2] = {
		{ "CA", "test:1: CA takes one label" },
		{ "CA a\nCA a", "test:2: CA \"a\" has a block already" },
		{ "CA a\nPrincipal b", "test:2: \"Principal\" is no keyword" },
		{ "CA a\nLifetime 1h", "test:2: \"Lifetime\" is no keyword" },
		{ "CA a\nUse ca", "test:2: \"Use\" is no keyword of a CA" },
		{ "CA a\nMaxValidity soon", "test:2: MaxValidity: \"soon\"" },
		{ "Key k\nUse \"a", "test:2: a quote that does not end" },
	};
	struct ca_blocks b;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(parse(&b, bad[i][0], &e), ERR_USAGE);
		if (strncmp(e.msg, bad[i][1], strlen(bad[i][1])) != 0)
			fail_msg("%s", e.msg);
		ca_blocks_clear(&b);
	}
}

static void
test_the_agent_reads_the_same(void **state)
{
	static const char text[] = "Confirm no\nCA a\nMaxValidity 1h\n"
	    "Confirm yes\nCA " FP "\nExtensions none\nOffer yes\nKey c\n"
	    "Use auth\nCA 0F\nForwardedUse ca\nOfferTo " FP "\nToken d\n";
	struct options o;
	struct ca_blocks b;
	struct err e;

	(void)state;
	assert_int_equal(configured_options(&o, text, &e), 0);
	blocks(&b, text);
	assert_int_equal(b.n_cas, 3);
	assert_int_equal(o.ca.n_cas, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(o.ca.cas[i].name, b.cas[i].name);
		assert_int_equal(o.ca.cas[i].said, b.cas[i].said);
		assert_int_equal(o.ca.cas[i].policy.max_validity,
		    b.cas[i].policy.max_validity);
	}
	ca_blocks_clear(&b);
	options_free(&o);
}

static void
test_a_key_has_the_block_of_its_nearest_name(void **state)
{
	struct ca_blocks b;

	(void)state;
	blocks(&b, "CA mine\nCA 0F\nCA " FP "\n");
	assert_ptr_equal(ca_blocks_find(&b, FP, "0f", "mine"), &b.cas[2]);
	assert_ptr_equal(ca_blocks_find(&b, "SHA256:x", "0f", "mine"),
	    &b.cas[1]);
	assert_ptr_equal(ca_blocks_find(&b, "SHA256:x", "01", "mine"),
	    &b.cas[0]);
	assert_null(ca_blocks_find(&b, "SHA256:x", "01", "Mine"));
	assert_ptr_equal(ca_blocks_named(&b, "0F"), &b.cas[1]);
	assert_null(ca_blocks_named(&b, "0f"));
	ca_blocks_clear(&b);
	assert_null(ca_blocks_find(&b, FP, "0f", "mine"));
}

/* The file of the user, with its mode, and what is said of none. */
static void
test_a_file_is_read_from_where_the_agent_would(void **state)
{
	char *root = root_make(), path[200];
	struct ca_blocks b;
	struct err e;

	(void)state;
	assert_int_equal(setenv("XDG_CONFIG_HOME", root, 1), 0);
	snprintf(path, sizeof(path), "%s/hsm-ssh-agent/config", root);
	root_put(root, "/hsm-ssh-agent/config", "CA usual\n");
	root_put(root, "/other", "CA a\nCA b\n");
	assert_int_equal(chmod(path, 0600), 0);

	assert_int_equal(ca_blocks_load(NULL, &b, &e), 0);
	assert_string_equal(b.file, path);
	assert_string_equal(b.cas[0].name, "usual");
	ca_blocks_clear(&b);

	assert_int_equal(chmod(path, 0622), 0);
	assert_int_equal(ca_blocks_load(NULL, &b, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, path));
	assert_int_equal(b.n_cas, 0);
	ca_blocks_clear(&b);

	snprintf(path, sizeof(path), "%s/other", root);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(ca_blocks_load(path, &b, &e), 0);
	assert_string_equal(b.file, path);
	assert_int_equal(b.n_cas, 2);
	ca_blocks_clear(&b);

	snprintf(path, sizeof(path), "%s/none", root);
	assert_int_equal(ca_blocks_load(path, &b, &e), ERR_NOTFOUND);
	assert_null(b.file);
	ca_blocks_clear(&b);
	root_remove(root);
}

static void
test_no_file_says_nothing(void **state)
{
	char *root = root_make();
	struct ca_blocks b;
	struct err e;

	(void)state;
	assert_int_equal(setenv("XDG_CONFIG_HOME", root, 1), 0);
	/* The system's file is beyond a test. */
	assert_int_equal(ca_blocks_load(NULL, &b, &e), 0);
	assert_true(b.file == NULL ||
	    strcmp(b.file, "/etc/hsm-ssh-agent/config") == 0);
	assert_true(b.file != NULL || b.n_cas == 0);
	ca_blocks_clear(&b);
	root_remove(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_the_agents_is_passed_over),
		cmocka_unit_test(
		    test_mistakes_in_a_block_are_told_without_an_agent),
		cmocka_unit_test(test_the_agent_reads_the_same),
		cmocka_unit_test(
		    test_a_key_has_the_block_of_its_nearest_name),
		cmocka_unit_test(
		    test_a_file_is_read_from_where_the_agent_would),
		cmocka_unit_test(test_no_file_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

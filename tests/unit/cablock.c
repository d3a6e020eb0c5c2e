/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/conf.h"
#include "ca/blocks.h"
#include "keyutil/cablock.h"
#include "ssh/keytext.h"
#include "tests/unit/data.h"

static void
assert_text(const struct cablock *b, const char *want)
{
	struct err e;
	char *text;

	assert_int_equal(cablock_text(b, &text, &e), 0);
	assert_string_equal(text, want);
	free(text);
}

static void
test_a_block_says_what_is_certified(void **state)
{
	const struct cablock user = { .name = "ca", .type = CERT_USER,
	    .principals = "alice,dep*", .max_validity = "12h" };
	const struct cablock host = { .name = "the \"ca\"",
	    .type = CERT_HOST, .principals = "a=b", .max_validity = "1w" };

	(void)state;
	assert_text(&user, "CA ca\n    CertificateTypes user\n"
	    "    Principals alice dep*\n    MaxValidity 12h\n"
	    "    RequireSerial yes\n");
	assert_text(&host, "CA \"the \\\"ca\\\"\"\n"
	    "    CertificateTypes host\n    Principals \"a=b\"\n"
	    "    MaxValidity 1w\n    Extensions none\n"
	    "    RequireSerial yes\n");
}

static void
test_a_block_is_what_its_readers_take_it_for(void **state)
{
	const struct cablock b = { .name = "the \"ca\"",
	    .type = CERT_HOST, .principals = "*.example.org,a?",
	    .max_validity = "1w" };
	const struct ca_block *ca;
	struct ca_blocks all;
	struct err e;
	char *text;

	(void)state;
	assert_int_equal(cablock_text(&b, &text, &e), 0);
	assert_int_equal(ca_blocks_parse(span_cstr(text), "f", &all, &e), 0);
	assert_non_null(ca = ca_blocks_find(&all, "", "", b.name));
	assert_int_equal(ca->policy.types, 1U << CERT_HOST);
	assert_int_equal(ca->policy.max_validity, 7 * 24 * 3600);
	assert_int_equal(ca->policy.principals.n, 2);
	assert_string_equal(ca->policy.principals.v[1], "a?");
	assert_int_equal(ca->policy.extensions.n, 0);
	assert_true(ca->policy.serial);
	ca_blocks_clear(&all);
	free(text);
}

/* Principals, which are "0", "1", ... */
static int
count_principals(void *arg, const struct conf_line *l, struct err *e)
{
	size_t *n = arg;
	char want[16];

	(void)e;
	if (strcmp(l->word[0], "Principals") != 0)
		return 0;
	for (size_t i = 1; i < l->n; i++) {
		snprintf(want, sizeof(want), "%zu", (*n)++);
		assert_string_equal(l->word[i], want);
	}
	return 0;
}

static void
test_a_list_of_any_length_is_read_whole(void **state)
{
	struct cablock b = { .name = "ca", .type = CERT_USER,
	    .max_validity = "1h" };
	char list[4000] = "0", *text;
	size_t used = 1, n;
	struct err e;

	(void)state;
	for (size_t i = 1; i < 900; i++) {
		b.principals = list;
		assert_int_equal(cablock_text(&b, &text, &e), 0);
		n = 0;
		assert_int_equal(conf_parse(span_cstr(text), "f",
		    count_principals, &n, &e), 0);
		assert_int_equal(n, i);
		for (char *line = text, *end; (end = strchr(line, '\n')) !=
		    NULL; line = end + 1)
			assert_true(end - line < 80);
		free(text);
		used += (size_t)snprintf(list + used, sizeof(list) - used,
		    ",%zu", i);
	}
}

static const char config[] =
    "# of the system\n"
    "Lifetime 4h\n"
    "\n"
    "ca  \"my ca\"   # ours\n"
    "    Principals alice\n"
    "\n"
    "    MaxValidity 12h\n"
    "# of the token\n"
    "Token DENK0100000\n"
    "    PinCache never\n"
    "Key login\n"
    "    Use auth\n"
    "Key cert\n"
    "    Use ca\n"
    "CA cert\r\n"
    "\tObserve yes";

/* What there is for a label, or "". */
static const char *
found(const char *label, struct cablock_found *f)
{
	static char text[400];
	struct data d = data_copy(span_cstr(config));
	struct err e;

	assert_int_equal(cablock_find(data_span(&d), "f", NULL, label, f,
	    &e), 0);
	snprintf(text, sizeof(text), "%.*s", (int)f->block.n,
	    (const char *)f->block.p);
	data_free(&d);
	return text;
}

static void
test_the_block_of_a_key_is_found_with_all_its_lines(void **state)
{
	struct cablock_found f;

	(void)state;
	assert_string_equal(found("my ca", &f), "ca  \"my ca\"   # ours\n"
	    "    Principals alice\n\n    MaxValidity 12h\n");
	assert_int_equal(f.line, 4);
	assert_int_equal(f.other_use, 0);
	assert_string_equal(found("cert", &f), "CA cert\r\n\tObserve yes");
	assert_int_equal(f.line, 15);
	assert_int_equal(f.other_use, 0);
	assert_string_equal(found("My ca", &f), "");
	assert_int_equal(f.line, 0);
	assert_string_equal(found("DENK0100000", &f), "");
	assert_string_equal(found("login", &f), "");
	assert_int_equal(f.other_use, 12);
}

static void
test_a_key_is_found_by_each_of_its_names(void **state)
{
	struct data blob = data_pub("ca");
	struct token_key k = { .label = "a label", .id = "0a",
	    .blob = blob.p, .blob_n = blob.n };
	char *fp = keytext_fingerprint(data_span(&blob)), text[200];
	const char *const names[] = { "\"a label\"", "0A", fp };
	struct cablock_found f;
	struct err e;

	(void)state;
	assert_non_null(fp);
	for (size_t i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "CA other\nCA %s\n  Observe no\n"
		    "Key %s\n  use auth\n", names[i], names[i]);
		assert_int_equal(cablock_find(span_cstr(text), "f", &k, NULL,
		    &f, &e), 0);
		assert_int_equal(f.line, 2);
		assert_int_equal(f.other_use, 5);
	}
	assert_int_equal(cablock_find(span_cstr("CA \"open"), "f", &k, NULL,
	    &f, &e), ERR_FORMAT);
	free(fp);
	data_free(&blob);
}

static bool
same(const char *a, const char *b)
{
	return cablock_same(span_cstr(a), span_cstr(b));
}

static void
test_blocks_are_the_same_by_their_words(void **state)
{
	(void)state;
	assert_true(same("CA a\n  Observe yes\n",
	    "# that\nca \"a\"\r\n\n\tOBSERVE = yes # so\n"));
	assert_true(same("", "# nothing\n"));
	assert_false(same("CA a\n Observe yes\n", "CA A\n Observe yes\n"));
	assert_false(same("CA a\n Observe yes\n", "CA a Observe yes\n"));
	assert_false(same("CA a\n Principals b\n Principals c\n",
	    "CA a\n Principals b c\n"));
	assert_false(same("CA a\n", "CA a\n Observe yes\n"));
	assert_false(same("CA \"a\n", "CA \"a\n"));
}

static void
find_cut(struct span cut, void *arg)
{
	struct cablock_found f;
	struct err e;

	if (cablock_find(cut, "f", NULL, arg, &f, &e) == 0 && f.line != 0)
		assert_true(f.block.n > 0 &&
		    f.block.p + f.block.n <= cut.p + cut.n);
	(void)cablock_same(cut, span_cstr(config));
}

static void
test_cut_anywhere_reads_no_byte_too_many(void **state)
{
	char label[] = "cert";

	(void)state;
	data_each_cut(span_cstr(config), find_cut, label);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_block_says_what_is_certified),
		cmocka_unit_test(
		    test_a_block_is_what_its_readers_take_it_for),
		cmocka_unit_test(test_a_list_of_any_length_is_read_whole),
		cmocka_unit_test(
		    test_the_block_of_a_key_is_found_with_all_its_lines),
		cmocka_unit_test(test_a_key_is_found_by_each_of_its_names),
		cmocka_unit_test(test_blocks_are_the_same_by_their_words),
		cmocka_unit_test(test_cut_anywhere_reads_no_byte_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

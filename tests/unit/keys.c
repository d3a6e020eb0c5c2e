/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "keyutil/keys.h"
#include "ssh/keytext.h"

/* Any bytes will do as a blob: a fingerprint is taken of what is there. */
static uint8_t blob_a[] = "blob a";
static uint8_t blob_b[] = "blob b";

static struct token_key
key(const char *id, const char *label, uint8_t *blob)
{
	struct token_key k = { .blob = blob,
	    .blob_n = blob != NULL ? sizeof(blob_a) : 0 };

	snprintf(k.id, sizeof(k.id), "%s", id);
	snprintf(k.label, sizeof(k.label), "%s", label);
	return k;
}

static void
test_key_is_named_by_label_id_or_fingerprint(void **state)
{
	const struct token_key k = key("1aff", "Alice", blob_a);
	char *fp = keytext_fingerprint((struct span){ k.blob, k.blob_n });

	(void)state;
	assert_true(keys_match(&k, "Alice"));
	assert_true(keys_match(&k, "1aff"));
	assert_true(keys_match(&k, "1AFF"));
	assert_true(keys_match(&k, fp));
	assert_false(keys_match(&k, "alice"));
	assert_false(keys_match(&k, "1a"));
	assert_false(keys_match(&k, ""));
	fp[10] = '\0';
	assert_false(keys_match(&k, fp));
	free(fp);
}

static void
test_no_label_is_not_a_name(void **state)
{
	const struct token_key k = key("01", "", NULL);

	(void)state;
	assert_false(keys_match(&k, ""));
	assert_false(keys_match(&k, "SHA256:"));
	assert_true(keys_match(&k, "01"));
}

static void
test_two_keys_of_one_name_are_ambiguous(void **state)
{
	struct token_key v[] = { key("01", "x", blob_a),
	    key("02", "x", blob_b), key("x", "03", NULL) };
	struct tokens ts = { .n = 1, .v = { { .state = SLOT_TOKEN,
	    .keys = { .v = v, .n = 2 } } } };
	const struct token_key *k;
	struct err e;

	(void)state;
	assert_int_equal(keys_find(&ts, "x", &k, &e), ERR_NOTFOUND);
	assert_int_equal(keys_find(&ts, "02", &k, &e), 0);
	assert_ptr_equal(k, &v[1]);
	assert_int_equal(keys_find(&ts, "y", &k, &e), ERR_NOTFOUND);
	assert_null(k);
	/* The label of one and the id of another is no better. */
	ts.v[0].keys = (struct token_keys){ .v = v + 1,
	    .n = 2 };
	assert_int_equal(keys_find(&ts, "x", &k, &e), ERR_NOTFOUND);
}

static void
test_copies_on_two_tokens_are_one_key(void **state)
{
	struct token_key a = key("01", "x", blob_a);
	struct token_key b = key("01", "x", blob_a);
	struct tokens ts = { .n = 2, .v = {
	    { .state = SLOT_TOKEN, .keys = { .v = &a, .n = 1 } },
	    { .state = SLOT_TOKEN, .keys = { .v = &b, .n = 1 } } } };
	const struct token_key *k;
	struct err e;

	(void)state;
	assert_int_equal(keys_find(&ts, "x", &k, &e), 0);
	assert_ptr_equal(k, &a);
	b.blob = blob_b;
	assert_int_equal(keys_find(&ts, "x", &k, &e), ERR_NOTFOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_is_named_by_label_id_or_fingerprint),
		cmocka_unit_test(test_no_label_is_not_a_name),
		cmocka_unit_test(test_two_keys_of_one_name_are_ambiguous),
		cmocka_unit_test(test_copies_on_two_tokens_are_one_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

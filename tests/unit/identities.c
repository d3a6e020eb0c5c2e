/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ssh/agentmsg.h"
#include "ssh/identities.h"

/* Two keys: blobs of a type's name and no more, and their comments. */
static const uint8_t two[] = "\x0c\0\0\0\2"
    "\0\0\0\5\0\0\0\1a\0\0\0\3one" "\0\0\0\5\0\0\0\1b\0\0\0\0";
#define TWO	((struct span){ two, sizeof(two) - 1 })

static int
read_list(struct span answer)
{
	struct identities l;
	struct span blob, comment;
	struct err e;
	int r;

	r = identities_read(&l, answer, &e);
	if (r != 0)
		assert_false(identities_next(&l, &blob, &comment));
	return r;
}

/* n keys, or a list that only says so. */
static int
read_many(uint32_t says, uint32_t n)
{
	struct wire_w w;
	int r;

	assert_true(wire_write(&w, AGENT_MAX_MSG));
	wire_put_u8(&w, MSG_IDENTITIES_ANSWER);
	wire_put_u32(&w, says);
	for (uint32_t i = 0; i < n; i++) {
		wire_put_string(&w, (struct span){ two + 9, 5 });
		wire_put_cstring(&w, "");
	}
	assert_false(w.bad);
	r = read_list(wire_bytes(&w));
	wire_free(&w);
	return r;
}

static int
read_one(struct span blob, struct span comment)
{
	struct wire_w w;
	int r;

	assert_true(wire_write(&w, AGENT_MAX_MSG));
	wire_put_u8(&w, MSG_IDENTITIES_ANSWER);
	wire_put_u32(&w, 1);
	wire_put_string(&w, blob);
	wire_put_string(&w, comment);
	r = read_list(wire_bytes(&w));
	wire_free(&w);
	return r;
}

static void
test_keys_come_in_order_with_their_comments(void **state)
{
	struct span blob, comment;
	struct identities l;
	struct err e;

	(void)state;
	assert_int_equal(identities_read(&l, TWO, &e), 0);
	assert_int_equal(l.left, 2);
	assert_true(identities_next(&l, &blob, &comment));
	assert_true(span_eq(blob, (struct span){ two + 9, 5 }));
	assert_true(span_is(comment, "one"));
	assert_true(identities_next(&l, &blob, &comment));
	assert_memory_equal(blob.p, "\0\0\0\1b", 5);
	assert_true(span_is(comment, ""));
	assert_false(identities_next(&l, &blob, &comment));
}

static void
test_a_list_cut_anywhere_gives_no_key_at_all(void **state)
{
	uint8_t *p;

	(void)state;
	for (size_t n = 0; n < TWO.n; n++) {
		/* An allocation of that size, for the sanitizer's eyes. */
		assert_non_null(p = malloc(n + 1));
		memcpy(p, two, n);
		assert_int_equal(read_list((struct span){ p, n }),
		    n == 0 ? ERR_UNSUPPORTED : ERR_FORMAT);
		free(p);
	}
	assert_int_equal(read_list((struct span){ two, sizeof(two) }),
	    ERR_FORMAT);
}

static void
test_the_count_is_what_is_there(void **state)
{
	(void)state;
	assert_int_equal(read_many(0, 0), 0);
	assert_int_equal(read_many(IDENTITIES_MAX, IDENTITIES_MAX), 0);
	assert_int_equal(read_many(IDENTITIES_MAX + 1, IDENTITIES_MAX + 1),
	    ERR_FORMAT);
	assert_int_equal(read_many(1, 2), ERR_FORMAT);
	assert_int_equal(read_many(3, 2), ERR_FORMAT);
	assert_int_equal(read_many(UINT32_MAX, 2), ERR_FORMAT);
}

static void
test_what_spoils_a_clients_list_is_refused(void **state)
{
	const struct span blob = { two + 9, 5 };

	(void)state;
	assert_int_equal(read_one(blob, (struct span){
	    (const uint8_t *)"a\0b", 3 }), ERR_FORMAT);
	assert_int_equal(read_one(blob, (struct span){
	    (const uint8_t *)"ab\0", 3 }), 0);
	assert_int_equal(read_one(span_cstr(""), span_cstr("c")),
	    ERR_FORMAT);
	assert_int_equal(read_one((struct span){ two + 9, 4 },
	    span_cstr("c")), ERR_FORMAT);
	assert_int_equal(read_one((struct span){
	    (const uint8_t *)"\0\0\0\0x", 5 }, span_cstr("c")), ERR_FORMAT);
	assert_int_equal(read_list(span_cstr("\5")), ERR_UNSUPPORTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_come_in_order_with_their_comments),
		cmocka_unit_test(
		    test_a_list_cut_anywhere_gives_no_key_at_all),
		cmocka_unit_test(test_the_count_is_what_is_there),
		cmocka_unit_test(test_what_spoils_a_clients_list_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

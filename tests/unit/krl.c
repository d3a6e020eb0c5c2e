/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/krl.h"
#include "ssh/krl_part.h"
#include "ssh/krl_serials.h"
#include "ssh/krl_walk.h"
#include "tests/unit/data.h"

#define HEAD_BYTES	44		/* of a list without a comment */
#define CA_BYTES	(5 + 4 + 104 + 4)	/* of a section with ca.pub */
#define MANY		10000

struct list {
	struct krl	*k;
	struct data	 ca, out;
};

static void
list_start(struct list *l)
{
	*l = (struct list){ .ca = data_pub("ca") };
	assert_non_null(l->k = krl_new(3, 0x6b010c97, NULL));
}

static void
list_add(struct list *l, uint64_t lo, uint64_t hi)
{
	struct err e;

	assert_int_equal(krl_add_serial(l->k, data_span(&l->ca), lo, hi, &e),
	    0);
}

/* Written, and read again. */
static void
list_write(struct list *l, struct krl_view *v)
{
	struct wire_w w;
	struct err e;

	assert_true(wire_write(&w, KRL_MAX));
	assert_int_equal(krl_write(l->k, &w, &e), 0);
	data_free(&l->out);
	l->out = data_copy(wire_bytes(&w));
	wire_free(&w);
	assert_int_equal(krl_view_parse(v, data_span(&l->out), &e), 0);
}

static void
list_end(struct list *l)
{
	krl_free(l->k);
	data_free(&l->ca);
	data_free(&l->out);
}

static struct span
id(const char *s)
{
	return span_cstr(s);
}

static void
test_a_list_is_byte_for_byte_what_ssh_keygen_makes(void **state)
{
	struct data want = data_file("krl/spec.krl");
	struct krl_view v;
	struct list l;
	struct err e;

	(void)state;
	list_start(&l);
	assert_int_equal(krl_add_fingerprint(l.k,
	    "SHA256:4GltrDEneQPaTWoFdOOCEypIio0TkPcN/4S/EdoTJkU", &e), 0);
	assert_int_equal(krl_add_key_id(l.k, data_span(&l.ca), id("alice"),
	    &e), 0);
	list_add(&l, 7, 9);
	list_write(&l, &v);
	assert_true(span_eq(data_span(&l.out), data_span(&want)));
	list_end(&l);
	data_free(&want);
}

static void
test_an_empty_list_is_only_a_head(void **state)
{
	struct krl_entry x;
	struct krl_view v;
	struct krl_walk w;
	struct list l;

	(void)state;
	list_start(&l);
	list_write(&l, &v);
	assert_int_equal(l.out.n, HEAD_BYTES);
	assert_true(v.version == 3 && v.date == 0x6b010c97 && v.flags == 0);
	assert_int_equal(v.comment.n, 0);
	krl_walk_start(&w, &v);
	assert_false(krl_walk_next(&w, &x));
	list_end(&l);
}

static void
add_all(struct krl *k, struct span ca, struct span other, int step)
{
	const struct span keys[] = { ca, other, ca };
	const char *ids[] = { "alice", "", "bob", "alice" };
	uint8_t hash[KRL_SHA256_BYTES] = { 0 };
	struct err e;

	for (int i = 0; i < 120; i++) {
		const uint64_t n = (uint64_t)(i * step % 120);

		hash[0] = (uint8_t)(n % 7);
		assert_int_equal(krl_add_serial(k, n % 2 == 0 ? ca : other,
		    n * n + 1, n * n + 1 + n % 3, &e), 0);
		assert_int_equal(krl_add_key_id(k, n % 3 == 0 ? ca : other,
		    id(ids[n % 4]), &e), 0);
		assert_int_equal(krl_add_key(k, keys[n % 3], &e), 0);
		assert_int_equal(krl_add_sha256(k,
		    (struct span){ hash, sizeof(hash) }, &e), 0);
	}
}

static void
test_the_order_of_adding_makes_no_difference(void **state)
{
	const int steps[] = { 7, 11, 119 };
	struct data other = data_pub("rsaca");
	struct list first, again;
	struct krl_view v;

	(void)state;
	list_start(&first);
	add_all(first.k, data_span(&first.ca), data_span(&other), 1);
	list_write(&first, &v);
	for (size_t i = 0; i < 3; i++) {
		list_start(&again);
		add_all(again.k, data_span(&again.ca), data_span(&other),
		    steps[i]);
		list_write(&again, &v);
		assert_true(span_eq(data_span(&first.out),
		    data_span(&again.out)));
		list_write(&again, &v);
		assert_true(span_eq(data_span(&first.out),
		    data_span(&again.out)));
		list_end(&again);
	}
	list_end(&first);
	data_free(&other);
}

static void
test_each_thing_is_in_it_once_and_hashes_are_sorted(void **state)
{
	struct data other = data_pub("rsaca");
	size_t n[KRL_BY_SHA256 + 1] = { 0 };
	struct span last = { 0 };
	struct krl_entry x;
	struct krl_view v;
	struct krl_walk w;
	struct list l;

	(void)state;
	list_start(&l);
	add_all(l.k, data_span(&l.ca), data_span(&other), 1);
	list_write(&l, &v);
	krl_walk_start(&w, &v);
	while (krl_walk_next(&w, &x)) {
		n[x.by]++;
		if (x.by != KRL_BY_SHA256)
			continue;
		assert_true(last.n == 0 || memcmp(last.p, x.bytes.p,
		    KRL_SHA256_BYTES) < 0);
		last = x.bytes;
	}
	assert_int_equal(n[KRL_BY_KEY], 2);
	assert_int_equal(n[KRL_BY_SHA256], 7);
	assert_int_equal(n[KRL_BY_KEY_ID], 6);
	assert_int_equal(n[KRL_BY_SHA1], 0);
	list_end(&l);
	data_free(&other);
}

/* What a list has, in order and joined where a part ends. */
static size_t
read_serials(const struct krl_view *v, struct krl_range *got, size_t max)
{
	struct krl_entry x;
	struct krl_walk w;
	size_t n = 0;

	krl_walk_start(&w, v);
	while (krl_walk_next(&w, &x)) {
		assert_int_equal(x.by, KRL_BY_SERIAL);
		assert_true(n < max);
		got[n++] = (struct krl_range){ x.lo, x.hi };
	}
	return n;
}

static void
test_ranges_that_overlap_or_touch_become_one(void **state)
{
	struct krl_range got[8];
	struct krl_view v;
	struct list l;

	(void)state;
	list_start(&l);
	list_add(&l, 100000, 200000);
	list_add(&l, 150000, 160000);
	list_add(&l, 200001, 200001);
	list_add(&l, 90000, 100001);
	list_add(&l, 1, 50000);
	list_add(&l, 200003, 300000);
	list_write(&l, &v);
	assert_int_equal(read_serials(&v, got, 8), 3);
	assert_true(got[0].lo == 1 && got[0].hi == 50000);
	assert_true(got[1].lo == 90000 && got[1].hi == 200001);
	assert_true(got[2].lo == 200003 && got[2].hi == 300000);
	list_end(&l);
}

static void
test_the_largest_serial_number_is_one_like_others(void **state)
{
	struct krl_range got[8];
	struct krl_view v;
	struct list l;

	(void)state;
	list_start(&l);
	list_add(&l, UINT64_MAX, UINT64_MAX);
	list_write(&l, &v);
	assert_int_equal(read_serials(&v, got, 8), 1);
	assert_true(got[0].lo == UINT64_MAX && got[0].hi == UINT64_MAX);
	list_add(&l, UINT64_MAX - 2, UINT64_MAX - 1);
	list_write(&l, &v);
	assert_int_equal(read_serials(&v, got, 8), 1);
	assert_true(got[0].lo == UINT64_MAX - 2 && got[0].hi == UINT64_MAX);
	list_add(&l, 1, UINT64_MAX - 1);
	list_write(&l, &v);
	assert_int_equal(read_serials(&v, got, 8), 1);
	assert_true(got[0].lo == 1 && got[0].hi == UINT64_MAX);
	list_end(&l);
}

static void
test_what_sshd_could_not_read_is_refused(void **state)
{
	struct data cert = data_pub("u_ed25519-cert");
	struct krl_view v;
	struct span ca, cut;
	struct list l;
	struct err e;

	(void)state;
	list_start(&l);
	ca = cut = data_span(&l.ca);
	cut.n--;
	assert_int_equal(krl_add_serial(l.k, ca, 0, 0, &e), ERR_USAGE);
	assert_int_equal(krl_add_serial(l.k, ca, 0, 9, &e), ERR_USAGE);
	assert_int_equal(krl_add_serial(l.k, ca, 9, 8, &e), ERR_USAGE);
	assert_int_equal(krl_add_key_id(l.k, ca, (struct span){
	    (const uint8_t *)"a\0b", 3 }, &e), ERR_USAGE);
	assert_int_equal(krl_add_serial(l.k, cut, 1, 1, &e), ERR_FORMAT);
	assert_int_equal(krl_add_key_id(l.k, (struct span){ 0 }, id("a"),
	    &e), ERR_FORMAT);
	assert_int_equal(krl_add_serial(l.k, data_span(&cert), 1, 1, &e),
	    ERR_FORMAT);
	assert_int_equal(krl_add_key(l.k, data_span(&cert), &e), ERR_FORMAT);
	assert_int_equal(krl_add_key(l.k, cut, &e), ERR_FORMAT);
	assert_int_equal(krl_add_sha256(l.k, (struct span){ ca.p, 31 }, &e),
	    ERR_FORMAT);
	list_write(&l, &v);
	assert_int_equal(l.out.n, HEAD_BYTES);
	list_end(&l);
	data_free(&cert);
}

static void
test_only_a_whole_fingerprint_is_one(void **state)
{
	const char *wrong[] = { "", "SHA256:",
	    "4GltrDEneQPaTWoFdOOCEypIio0TkPcN/4S/EdoTJkU",
	    "SHA512:4GltrDEneQPaTWoFdOOCEypIio0TkPcN/4S/EdoTJkU",
	    "SHA256:4GltrDEneQPaTWoFdOOCEypIio0TkPcN/4S/EdoTJk",
	    "SHA256:4GltrDEneQPaTWoFdOOCEypIio0TkPcN/4S/EdoTJkU=",
	    "SHA256:4GltrDEneQPaTWoFdOOCEypIio0TkPcN/4S/EdoTJkV",
	    "SHA256:4GltrDEneQPaTWoFdOOC=ypIio0TkPcN/4S/EdoTJkU",
	    "SHA256:4GltrDEneQPaTWoFdOO*EypIio0TkPcN/4S/EdoTJkU",
	    "SHA256: GltrDEneQPaTWoFdOOCEypIio0TkPcN/4S/EdoTJkU" };
	struct list l;
	struct err e;

	(void)state;
	list_start(&l);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(krl_add_fingerprint(l.k, wrong[i], &e),
		    ERR_FORMAT);
	list_end(&l);
}

static void
test_a_list_that_does_not_fit_is_refused(void **state)
{
	struct wire_w w;
	struct list l;
	struct err e;

	(void)state;
	list_start(&l);
	list_add(&l, 7, 9);
	for (size_t max = HEAD_BYTES + CA_BYTES + 18; max > 0; max--) {
		assert_true(wire_write(&w, max));
		assert_int_equal(krl_write(l.k, &w, &e),
		    max == HEAD_BYTES + CA_BYTES + 18 ? 0 : ERR_LIMIT);
		wire_free(&w);
	}
	list_end(&l);
}

/* The bytes that the serials of a list take, beside its CA. */
static size_t
serial_bytes(struct list *l)
{
	struct krl_view v;

	list_write(l, &v);
	return l->out.n - HEAD_BYTES - CA_BYTES;
}

/* The same numbers each time (xorshift). */
static uint64_t
next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void
test_ten_thousand_serials_are_small(void **state)
{
	uint64_t seed = 1;
	struct list l;

	(void)state;
	list_start(&l);
	for (uint64_t i = 1; i <= MANY; i++)
		list_add(&l, i, i);
	assert_int_equal(serial_bytes(&l), 5 + 2 * 8);
	list_end(&l);

	list_start(&l);
	for (int i = 0; i < MANY; i++) {
		const uint64_t n = next_random(&seed);

		list_add(&l, n, n);
	}
	assert_int_equal(serial_bytes(&l), 5 + 8 * MANY);
	list_end(&l);

	/* Every tenth of 100,000: a bit each is less than 8 bytes. */
	list_start(&l);
	for (int i = 0; i < MANY; i++) {
		const uint64_t n = 1 + next_random(&seed) % (10 * MANY);

		list_add(&l, n, n);
	}
	assert_true(serial_bytes(&l) < 10 * MANY / 8 + 7 * 18);
	list_end(&l);

	/* Two bitmaps of all that OpenSSH reads, or nearly. */
	list_start(&l);
	for (uint64_t i = 0; i < MANY; i++)
		list_add(&l, 1 + 2 * i, 1 + 2 * i);
	assert_true(serial_bytes(&l) < 2 * MANY / 8 + 2 * 18 + 1);
	list_end(&l);
}

/* OpenSSH reads 2048 bytes, and a zero before them. */
static void
test_no_bitmap_is_longer_than_openssh_reads(void **state)
{
	struct span section, ca, data;
	size_t longest = 0, n = 0;
	struct krl_view v;
	struct wire_r r;
	struct list l;
	uint8_t type;

	(void)state;
	list_start(&l);
	for (uint64_t i = 0; i < 200000; i++)
		list_add(&l, 1 + 2 * i, 1 + 2 * i);
	list_write(&l, &v);
	wire_read(&r, v.sections);
	assert_true(krl_part_next(&r, &type, &section));
	wire_read(&r, section);
	ca = krl_part_get_ca(&r);
	assert_true(span_eq(ca, data_span(&l.ca)));
	for (; krl_part_next(&r, &type, &data); n++) {
		assert_int_equal(type, KRL_SERIAL_BITMAP);
		assert_true(data.n <= 8 + 4 + 1 + 2048);
		longest = data.n > longest ? data.n : longest;
	}
	assert_true(longest > 8 + 4 + 2000);
	assert_int_equal(n, (2 * 200000 + 16383) / 16384);
	list_end(&l);
}

/*
 * The fewest bytes for the ranges from i on: each first part, and then the
 * same question for the rest.
 */
static size_t
fewest(const struct krl_range *v, size_t n, bool listed)
{
	const uint64_t count = n > 0 ? v[0].hi - v[0].lo + 1 : 0;
	size_t best, x;

	if (n == 0)
		return listed ? 5 : 0;
	best = 21 + fewest(v + 1, n - 1, listed);
	if (count < 4) {
		x = 8 * (size_t)count + fewest(v + 1, n - 1, true);
		best = x < best ? x : best;
	}
	for (size_t i = 1; i <= n; i++) {
		const uint64_t bits = v[i - 1].hi - v[0].lo + 1;

		if (bits > 16384)
			break;
		x = 18 + (size_t)bits / 8 + fewest(v + i, n - i, listed);
		best = x < best ? x : best;
	}
	return best;
}

static void
test_no_other_encoding_is_smaller(void **state)
{
	static const uint64_t gaps[] = { 2, 3, 60, 150, 200, 16000, 20000 };
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 400; i++) {
		const size_t n = 1 + next_random(&seed) % 7;
		struct krl_range v[7];
		uint64_t at = 1 + next_random(&seed) % 10;
		struct list l;

		list_start(&l);
		for (size_t k = 0; k < n; k++) {
			v[k].lo = at;
			v[k].hi = at + next_random(&seed) % 4 *
			    (next_random(&seed) % 8);
			at = v[k].hi + gaps[next_random(&seed) % 7];
			list_add(&l, v[k].lo, v[k].hi);
		}
		assert_int_equal(serial_bytes(&l), fewest(v, n, false));
		list_end(&l);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_list_is_byte_for_byte_what_ssh_keygen_makes),
		cmocka_unit_test(test_an_empty_list_is_only_a_head),
		cmocka_unit_test(test_the_order_of_adding_makes_no_difference),
		cmocka_unit_test(
		    test_each_thing_is_in_it_once_and_hashes_are_sorted),
		cmocka_unit_test(test_ranges_that_overlap_or_touch_become_one),
		cmocka_unit_test(
		    test_the_largest_serial_number_is_one_like_others),
		cmocka_unit_test(test_what_sshd_could_not_read_is_refused),
		cmocka_unit_test(test_only_a_whole_fingerprint_is_one),
		cmocka_unit_test(test_a_list_that_does_not_fit_is_refused),
		cmocka_unit_test(test_ten_thousand_serials_are_small),
		cmocka_unit_test(test_no_bitmap_is_longer_than_openssh_reads),
		cmocka_unit_test(test_no_other_encoding_is_smaller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

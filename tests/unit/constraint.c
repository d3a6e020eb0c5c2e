/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/constraint.h"
#include "tests/unit/data.h"

#define RESTRICT	"restrict-destination-v00@openssh.com"
#define CERTS		"associated-certs-v00@openssh.com"

/* Keys that are opaque here, a type and something, as strings. */
#define KEY_A		"0000000a" "0000000161" "00000001aa"
#define KEY_B		"0000000a" "0000000162" "00000001bb"

static int
parse_as(struct span in, enum constraint_certs allowed,
    struct constraints *c, struct err *e)
{
	struct data d = data_copy(in);	/* gone when *c is used */
	const int r = constraints_parse(data_span(&d), allowed, c, e);

	data_free(&d);
	if (r != 0)
		assert_true(c->bytes == NULL && c->destinations.v == NULL &&
		    c->certs == NULL && e->msg[0] != '\0');
	return r;
}

static int
parse(struct span in, struct constraints *c)
{
	struct err e;

	return parse_as(in, CONSTRAINT_WITH_CERTS, c, &e);
}

static int
code_of(struct span in)
{
	struct constraints c;
	const int r = parse(in, &c);

	constraints_free(&c);
	return r;
}

static int
code_of_hex(const char *hex)
{
	struct data d = data_hex(hex);
	const int r = code_of(data_span(&d));

	data_free(&d);
	return r;
}

static int
code_of_w(struct wire_w *w)
{
	const int r = code_of(wire_bytes(w));

	wire_free(w);
	return r;
}

static void
test_what_ssh_add_sends_is_understood(void **state)
{
	struct data d = data_file("agent/constraints");
	struct constraints c;
	const struct destination *v;
	char text[200];

	(void)state;
	assert_int_equal(parse(data_span(&d), &c), 0);
	assert_int_equal(c.lifetime, 100);
	assert_true(c.confirm);
	assert_int_equal(c.n_certs, 0);
	assert_int_equal(c.destinations.n, 3);
	v = c.destinations.v;
	assert_int_equal(v[0].from.n_keys, 0);
	assert_true(span_is(v[0].to.hostname, "hosta.example.org"));
	assert_int_equal(v[0].to.n_keys, 1);
	assert_false(v[0].to.keys[0].is_ca);
	assert_true(span_is(v[1].from.hostname, "hosta.example.org"));
	assert_true(span_eq(v[1].from.keys[0].blob, v[0].to.keys[0].blob));
	assert_true(span_is(v[1].to.user, "alice"));
	assert_true(v[2].to.keys[0].is_ca);
	destinations_describe(&c.destinations, text, sizeof(text));
	assert_string_equal(text, "hosta.example.org, "
	    "hosta.example.org>alice@hostb.example.org, hosta.example.net");
	constraints_free(&c);
	data_free(&d);
}

static void
refuse_cut(struct span cut, void *arg)
{
	const int r = code_of(cut);

	(void)arg;
	/* Whole constraints: none, a lifetime, a lifetime and confirm. */
	if (cut.n == 0 || cut.n == 5 || cut.n == 6)
		assert_int_equal(r, 0);
	else
		assert_int_equal(r, ERR_FORMAT);
}

static void
test_constraints_cut_anywhere_are_refused(void **state)
{
	struct data d = data_file("agent/constraints");

	(void)state;
	data_each_cut(data_span(&d), refuse_cut, NULL);
	data_free(&d);
}

static void
test_no_constraints_are_none(void **state)
{
	struct constraints c;
	char text[4] = "xxx";

	(void)state;
	assert_int_equal(parse((struct span){ 0 }, &c), 0);
	assert_true(c.lifetime == 0 && !c.confirm && !c.certs_only);
	assert_int_equal(c.destinations.n, 0);
	destinations_describe(&c.destinations, text, sizeof(text));
	assert_string_equal(text, "");
	constraints_free(&c);
	constraints_free(&c);
	constraints_free(NULL);
}

static void
test_lifetime_and_confirm_come_once_each(void **state)
{
	(void)state;
	assert_int_equal(code_of_hex("0100000064" "02"), 0);
	assert_int_equal(code_of_hex("02" "0100000000"), 0);
	assert_int_equal(code_of_hex("0100000000" "0100000000"), ERR_FORMAT);
	assert_int_equal(code_of_hex("02" "02"), ERR_FORMAT);
}

static void
test_unknown_constraints_are_not_supported(void **state)
{
	struct wire_w w;

	(void)state;
	assert_int_equal(code_of_hex("00"), ERR_UNSUPPORTED);
	assert_int_equal(code_of_hex("03" "00000001"), ERR_UNSUPPORTED);
	assert_int_equal(code_of_hex("0100000064" "fe"), ERR_UNSUPPORTED);
	assert_true(wire_write(&w, 100));
	wire_put_u8(&w, 255);
	wire_put_cstring(&w, "sk-provider@openssh.com");
	wire_put_cstring(&w, "internal");
	assert_int_equal(code_of_w(&w), ERR_UNSUPPORTED);
}

/* One destination constraint that a test can change. */
struct fields {
	struct span	 from_user, from_host, from_reserved;
	struct span	 to_user, to_host, to_reserved;
	const char	*from_keys, *to_keys;	/* hex, each with its is_ca */
	struct span	 reserved, after;
};

static struct fields
usual(void)
{
	return (struct fields){
		.from_host = span_cstr("hosta"), .from_keys = KEY_A "00",
		.to_host = span_cstr("hostb"), .to_keys = KEY_B "00",
	};
}

static void
put_hop(struct wire_w *w, struct span user, struct span host,
    struct span reserved, const char *keys)
{
	struct data d = data_hex(keys);
	struct wire_w hop;

	assert_true(wire_write(&hop, 4096));
	wire_put_string(&hop, user);
	wire_put_string(&hop, host);
	wire_put_string(&hop, reserved);
	wire_put_raw(&hop, data_span(&d));
	wire_put_string(w, wire_bytes(&hop));
	wire_free(&hop);
	data_free(&d);
}

static void
put_destination(struct wire_w *w, const struct fields *f)
{
	struct wire_w one;

	assert_true(wire_write(&one, 8192));
	put_hop(&one, f->from_user, f->from_host, f->from_reserved,
	    f->from_keys);
	put_hop(&one, f->to_user, f->to_host, f->to_reserved, f->to_keys);
	wire_put_string(&one, f->reserved);
	wire_put_raw(&one, f->after);
	wire_put_string(w, wire_bytes(&one));
	wire_free(&one);
}

/* The extension with the same constraint n times. */
static void
put_restrict(struct wire_w *w, const struct fields *f, size_t n)
{
	struct wire_w list;

	assert_true(wire_write(&list, 1 << 18));
	for (size_t i = 0; i < n; i++)
		put_destination(&list, f);
	wire_put_u8(w, 255);
	wire_put_cstring(w, RESTRICT);
	wire_put_string(w, wire_bytes(&list));
	wire_free(&list);
}

static int
code_of_fields(const struct fields *f)
{
	struct wire_w w;

	assert_true(wire_write(&w, 1 << 16));
	put_restrict(&w, f, 1);
	return code_of_w(&w);
}

static int
code_of_many(size_t n)
{
	const struct fields f = usual();
	struct wire_w w;

	assert_true(wire_write(&w, 1 << 18));
	put_restrict(&w, &f, n);
	return code_of_w(&w);
}

static void
test_an_empty_list_of_destinations_does_not_constrain(void **state)
{
	(void)state;
	assert_int_equal(code_of_many(0), 0);
}

static void
test_1024_destinations_are_well_and_1025_over_the_limit(void **state)
{
	(void)state;
	assert_int_equal(code_of_many(1024), 0);
	assert_int_equal(code_of_many(1025), ERR_LIMIT);
}

static void
test_destinations_come_once(void **state)
{
	const struct fields f = usual();
	struct wire_w w;

	(void)state;
	assert_true(wire_write(&w, 1 << 16));
	put_restrict(&w, &f, 0);
	put_restrict(&w, &f, 1);
	assert_int_equal(code_of_w(&w), ERR_FORMAT);
}

static void
test_nobody_comes_from_a_user(void **state)
{
	struct fields f = usual();

	(void)state;
	assert_int_equal(code_of_fields(&f), 0);
	f.from_user = span_cstr("alice");
	assert_int_equal(code_of_fields(&f), ERR_FORMAT);
}

static void
test_the_host_to_come_from_has_a_name_and_keys_or_neither(void **state)
{
	struct fields f = usual();

	(void)state;
	f.from_keys = "";
	assert_int_equal(code_of_fields(&f), ERR_FORMAT);
	f.from_host.n = 0;
	assert_int_equal(code_of_fields(&f), 0);
	f.from_keys = usual().from_keys;
	assert_int_equal(code_of_fields(&f), ERR_FORMAT);
}

static void
test_a_destination_has_a_name_and_keys(void **state)
{
	struct fields f = usual();

	(void)state;
	f.to_keys = "";
	assert_int_equal(code_of_fields(&f), ERR_FORMAT);
	f = usual();
	f.to_host.n = 0;
	assert_int_equal(code_of_fields(&f), ERR_FORMAT);
}

static void
test_anything_in_a_reserved_field_is_not_supported(void **state)
{
	struct fields f = usual();

	(void)state;
	f.reserved = span_cstr("x");
	assert_int_equal(code_of_fields(&f), ERR_UNSUPPORTED);
	f = usual();
	f.from_reserved = span_cstr("x");
	assert_int_equal(code_of_fields(&f), ERR_UNSUPPORTED);
	f = usual();
	f.to_reserved = span_cstr("x");
	assert_int_equal(code_of_fields(&f), ERR_UNSUPPORTED);
	f = usual();
	f.after = span_cstr("x");
	assert_int_equal(code_of_fields(&f), ERR_UNSUPPORTED);
}

static void
test_a_user_of_256_bytes_is_well_and_257_over_the_limit(void **state)
{
	struct fields f = usual();
	uint8_t user[257];

	(void)state;
	memset(user, 'u', sizeof(user));
	f.to_user = (struct span){ user, 256 };
	assert_int_equal(code_of_fields(&f), 0);
	f.to_user.n = 257;
	assert_int_equal(code_of_fields(&f), ERR_LIMIT);
}

static void
test_a_name_with_a_nul_is_refused(void **state)
{
	struct fields f = usual();

	(void)state;
	f.to_user = (struct span){ (const uint8_t *)"a\0b", 3 };
	assert_int_equal(code_of_fields(&f), ERR_FORMAT);
	f = usual();
	f.to_host = (struct span){ (const uint8_t *)"a\0b", 3 };
	assert_int_equal(code_of_fields(&f), ERR_FORMAT);
	f = usual();
	f.from_host = (struct span){ (const uint8_t *)"a\0b", 3 };
	assert_int_equal(code_of_fields(&f), ERR_FORMAT);
}

static void
test_a_host_may_have_several_keys_and_cas(void **state)
{
	struct fields f = usual();
	struct constraints c;
	const struct hop *h;
	struct wire_w w;

	(void)state;
	f.to_keys = KEY_A "00" KEY_B "07" KEY_A "01";
	assert_true(wire_write(&w, 1 << 16));
	put_restrict(&w, &f, 1);
	assert_int_equal(parse(wire_bytes(&w), &c), 0);
	h = &c.destinations.v[0].to;
	assert_int_equal(h->n_keys, 3);
	assert_true(!h->keys[0].is_ca && h->keys[1].is_ca);
	assert_true(h->keys[2].is_ca);
	assert_false(span_eq(h->keys[0].blob, h->keys[1].blob));
	assert_true(span_eq(h->keys[0].blob, h->keys[2].blob));
	constraints_free(&c);
	wire_free(&w);
}

static void
test_a_host_key_that_is_none_is_refused(void **state)
{
	struct fields f = usual();

	(void)state;
	f.to_keys = "00000003" "00000000";		/* no string in it */
	assert_int_equal(code_of_fields(&f), ERR_FORMAT);
	f.to_keys = "00000004" "00000000" "00";	/* without a type */
	assert_int_equal(code_of_fields(&f), ERR_FORMAT);
	f.to_keys = "0000000b" "000000077373682d727361" "00";
	assert_int_equal(code_of_fields(&f), ERR_FORMAT);
	f.to_keys = KEY_B;			/* without its is_ca */
	assert_int_equal(code_of_fields(&f), ERR_FORMAT);
}

static void
put_certs(struct wire_w *w, bool only, struct span cert, size_t n)
{
	struct wire_w list;

	assert_true(wire_write(&list, 1 << 20));
	for (size_t i = 0; i < n; i++)
		wire_put_string(&list, cert);
	wire_put_u8(w, 255);
	wire_put_cstring(w, CERTS);
	wire_put_u8(w, only);
	wire_put_string(w, wire_bytes(&list));
	wire_free(&list);
}

static void
test_certificates_come_with_a_token_only(void **state)
{
	struct data cert = data_pub("u_ecdsa-cert");
	struct constraints c;
	struct wire_w w;
	struct err e;

	(void)state;
	assert_true(wire_write(&w, 1 << 16));
	put_certs(&w, true, data_span(&cert), 2);
	assert_int_equal(parse_as(wire_bytes(&w), CONSTRAINT_NO_CERTS, &c,
	    &e), ERR_UNSUPPORTED);
	assert_int_equal(parse_as(wire_bytes(&w), CONSTRAINT_WITH_CERTS, &c,
	    &e), 0);
	assert_true(c.certs_only);
	assert_int_equal(c.n_certs, 2);
	assert_true(span_eq(c.certs[1], data_span(&cert)));
	constraints_free(&c);
	wire_free(&w);
	data_free(&cert);
}

static void
test_certificates_come_once(void **state)
{
	struct wire_w w;

	(void)state;
	assert_true(wire_write(&w, 1 << 16));
	put_certs(&w, false, (struct span){ 0 }, 0);
	put_certs(&w, false, (struct span){ 0 }, 0);
	assert_int_equal(code_of_w(&w), ERR_FORMAT);
}

static void
refuse_certs(struct span cut, void *arg)
{
	(void)arg;
	assert_int_equal(code_of(cut), cut.n == 0 ? 0 : ERR_FORMAT);
}

static void
test_what_is_no_certificate_is_refused(void **state)
{
	struct data key = data_pub("u_ecdsa"), cert = data_pub("p521-cert");
	struct wire_w w;

	(void)state;
	assert_true(wire_write(&w, 1 << 16));
	put_certs(&w, false, data_span(&key), 1);
	assert_int_equal(code_of_w(&w), ERR_UNSUPPORTED);
	assert_true(wire_write(&w, 1 << 16));
	put_certs(&w, false, (struct span){ cert.p, cert.n - 1 }, 1);
	assert_int_equal(code_of_w(&w), ERR_FORMAT);
	assert_true(wire_write(&w, 1 << 16));
	put_certs(&w, false, data_span(&cert), 1);
	data_each_cut(wire_bytes(&w), refuse_certs, NULL);
	wire_free(&w);
	data_free(&cert);
	data_free(&key);
}

static void
test_more_than_1024_certificates_are_over_the_limit(void **state)
{
	struct data cert = data_pub("u_ed25519-cert");
	struct wire_w w;

	(void)state;
	assert_true(wire_write(&w, 1 << 20));
	put_certs(&w, false, data_span(&cert), 1024);
	assert_int_equal(code_of_w(&w), 0);
	assert_true(wire_write(&w, 1 << 20));
	put_certs(&w, false, data_span(&cert), 1025);
	assert_int_equal(code_of_w(&w), ERR_LIMIT);
	data_free(&cert);
}

/* All of the same destination n times, in words. */
static void
describe(const struct fields *f, size_t n, char *buf, size_t len)
{
	struct constraints c;
	struct wire_w w;

	assert_true(wire_write(&w, 1 << 16));
	put_restrict(&w, f, n);
	assert_int_equal(parse(wire_bytes(&w), &c), 0);
	destinations_describe(&c.destinations, buf, len);
	constraints_free(&c);
	wire_free(&w);
}

static void
test_a_name_cannot_forge_a_destination(void **state)
{
	struct fields f = usual();
	char text[200];

	(void)state;
	f.to_user = span_cstr("alice@corp>x, y");
	f.to_host = span_cstr("b\n>c, root@d\x1b");
	describe(&f, 1, text, sizeof(text));
	assert_string_equal(text,
	    "hosta>alice@corp?x??y@b??c??root?d?");
}

static void
test_a_long_description_is_cut_visibly(void **state)
{
	struct fields f = usual();
	char text[3000], want[64], less[7];
	uint8_t name[200];

	(void)state;
	describe(&f, 100, text, sizeof(text));
	assert_non_null(strstr(text, "hosta>hostb, hosta>hostb and 92 more"));
	for (size_t i = 0; i < sizeof(name); i++)	/* U+2713 */
		name[i] = (uint8_t)"\xe2\x9c\x93"[i % 3];
	f.to_host = (struct span){ name, 198 };
	describe(&f, 1, text, sizeof(text));
	memcpy(want, name, 60);
	memcpy(want + 60, "...", 4);
	assert_string_equal(text + strlen("hosta>"), want);
	describe(&f, 1, less, 1);
	assert_string_equal(less, "");
	f.from_host = span_cstr("a");
	describe(&f, 1, less, sizeof(less));
	assert_string_equal(less, "a>\xe2\x9c\x93");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_ssh_add_sends_is_understood),
		cmocka_unit_test(test_constraints_cut_anywhere_are_refused),
		cmocka_unit_test(test_no_constraints_are_none),
		cmocka_unit_test(test_lifetime_and_confirm_come_once_each),
		cmocka_unit_test(test_unknown_constraints_are_not_supported),
		cmocka_unit_test(
		    test_an_empty_list_of_destinations_does_not_constrain),
		cmocka_unit_test(
		    test_1024_destinations_are_well_and_1025_over_the_limit),
		cmocka_unit_test(test_destinations_come_once),
		cmocka_unit_test(test_nobody_comes_from_a_user),
		cmocka_unit_test(
		    test_the_host_to_come_from_has_a_name_and_keys_or_neither),
		cmocka_unit_test(test_a_destination_has_a_name_and_keys),
		cmocka_unit_test(
		    test_anything_in_a_reserved_field_is_not_supported),
		cmocka_unit_test(
		    test_a_user_of_256_bytes_is_well_and_257_over_the_limit),
		cmocka_unit_test(test_a_name_with_a_nul_is_refused),
		cmocka_unit_test(test_a_host_may_have_several_keys_and_cas),
		cmocka_unit_test(test_a_host_key_that_is_none_is_refused),
		cmocka_unit_test(test_certificates_come_with_a_token_only),
		cmocka_unit_test(test_certificates_come_once),
		cmocka_unit_test(test_what_is_no_certificate_is_refused),
		cmocka_unit_test(
		    test_more_than_1024_certificates_are_over_the_limit),
		cmocka_unit_test(test_a_name_cannot_forge_a_destination),
		cmocka_unit_test(test_a_long_description_is_cut_visibly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

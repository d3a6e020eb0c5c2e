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
#include "ssh/krl_view.h"
#include "tests/unit/data.h"
#include "tests/unit/krlbytes.h"

static struct krl_verdict
ask(const struct krl_view *v, const struct cert *c)
{
	struct krl_verdict x;
	struct err e;

	assert_int_equal(krl_view_ask_cert(v, c, &x, &e), 0);
	return x;
}

static struct krl_verdict
ask_pub(const struct krl_view *v, const char *name)
{
	struct data d = data_pub(name);
	struct krl_verdict x;
	struct err e;

	assert_int_equal(krl_view_ask_blob(v, data_span(&d), &x, &e), 0);
	data_free(&d);
	return x;
}

static int
parse_section(uint8_t type, const char *hex)
{
	struct data bytes = data_hex(hex);
	struct data d = krlbytes_section(type, data_span(&bytes));
	struct krl_view v;
	struct err e;
	int r = krl_view_parse(&v, data_span(&d), &e);

	data_free(&d);
	data_free(&bytes);
	return r;
}

static int
parse_part(uint8_t type, const char *hex)
{
	struct data bytes = data_hex(hex);
	struct data d = krlbytes_part(type, data_span(&bytes));
	struct krl_view v;
	struct err e;
	int r = krl_view_parse(&v, data_span(&d), &e);

	data_free(&d);
	data_free(&bytes);
	return r;
}

static void
test_the_head_is_what_ssh_keygen_was_told(void **state)
{
	struct data d = data_file("krl/all.krl");
	struct krl_view v;
	struct err e;

	(void)state;
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), 0);
	assert_true(v.version == UINT64_MAX - 1);
	assert_true(v.date > 1700000000 && v.flags == 0);
	assert_int_equal(v.comment.n, 0);
	data_free(&d);
}

static void
test_each_way_of_ssh_keygen_revokes(void **state)
{
	struct data d = data_file("krl/all.krl"), key = data_pub("ca");
	struct krl_view v;
	struct cert c;
	struct err e;

	(void)state;
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), 0);
	assert_int_equal(ask_pub(&v, "p384").by, KRL_BY_KEY);
	assert_int_equal(ask_pub(&v, "p384-cert").by, KRL_BY_KEY);
	assert_int_equal(ask_pub(&v, "u_rsa").by, KRL_BY_SHA1);
	assert_int_equal(ask_pub(&v, "u_rsa-cert").by, KRL_BY_SHA1);
	assert_int_equal(ask_pub(&v, "p521").by, KRL_BY_SHA256);
	assert_int_equal(ask_pub(&v, "u_ecdsa-cert").by, KRL_BY_SHA256);
	assert_int_equal(ask_pub(&v, "rsa2048").by, KRL_BY_NOTHING);
	c = krlbytes_cert(1, "alice");
	assert_int_equal(ask(&v, &c).by, KRL_BY_NOTHING);
	c.ca = data_span(&key);
	assert_int_equal(ask(&v, &c).by, KRL_BY_KEY_ID);
	c.key_id = span_cstr("alic");
	assert_int_equal(ask(&v, &c).by, KRL_BY_NOTHING);
	for (c.serial = 1; c.serial < 1000; c.serial++)
		assert_int_equal(ask(&v, &c).by, c.serial == 7 ||
		    (c.serial >= 100 && c.serial <= 200) ||
		    c.serial == 300 || c.serial == 302 || c.serial == 305 ?
		    KRL_BY_SERIAL : KRL_BY_NOTHING);
	c.serial = UINT64_MAX;
	assert_int_equal(ask(&v, &c).by, KRL_BY_SERIAL);
	data_free(&key);
	data_free(&d);
}

static void
test_a_section_for_any_ca_revokes_everywhere(void **state)
{
	struct data d = data_file("krl/any.krl"), key = data_pub("ca");
	struct cert c = krlbytes_cert(1, "alice");
	struct krl_view v;
	struct err e;

	(void)state;
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), 0);
	assert_int_equal(ask(&v, &c).by, KRL_BY_KEY_ID);
	c.ca = data_span(&key);
	assert_int_equal(ask(&v, &c).by, KRL_BY_KEY_ID);
	c.key_id = span_cstr("bob");
	assert_int_equal(ask(&v, &c).by, KRL_BY_NOTHING);
	data_free(&key);
	data_free(&d);
}

static void
test_what_a_revoked_key_certified_is_revoked(void **state)
{
	struct data key = data_pub("ca"), d;
	struct krl_verdict x;
	struct krl_view v;
	struct wire_w w;
	struct err e;

	(void)state;
	assert_true(wire_write(&w, 4096));
	wire_put_string(&w, data_span(&key));
	d = krlbytes_section(KRL_KEYS, wire_bytes(&w));
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), 0);
	x = ask_pub(&v, "u_ed25519-cert");
	assert_true(x.by == KRL_BY_KEY && x.of_ca);
	assert_string_equal(krl_view_words(&x), "its CA's key is revoked");
	x = ask_pub(&v, "u_ed25519");
	assert_true(x.by == KRL_BY_NOTHING && !x.of_ca);
	x = ask_pub(&v, "ca");
	assert_true(x.by == KRL_BY_KEY && !x.of_ca);
	assert_string_equal(krl_view_words(&x), "its key is revoked");
	x = ask_pub(&v, "u_rsa-cert");
	assert_true(x.by == KRL_BY_NOTHING && !x.of_ca);
	wire_free(&w);
	data_free(&d);
	data_free(&key);
}

static void
test_serial_number_0_is_no_number(void **state)
{
	struct data bytes = data_hex("0000000000000000" "00000001" "02");
	struct data d = krlbytes_part(KRL_SERIAL_BITMAP, data_span(&bytes));
	struct krl_view v;
	struct err e;

	(void)state;
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), 0);
	assert_false(krlbytes_has_serial(&v, 0));
	assert_true(krlbytes_has_serial(&v, 1));
	data_free(&d);
	data_free(&bytes);
	assert_int_equal(parse_part(KRL_SERIAL_BITMAP,
	    "0000000000000000" "00000001" "03"), ERR_FORMAT);
	assert_int_equal(parse_part(KRL_SERIAL_LIST,
	    "0000000000000001" "0000000000000000"), ERR_FORMAT);
	assert_int_equal(parse_part(KRL_SERIAL_RANGE,
	    "0000000000000000" "0000000000000009"), ERR_FORMAT);
}

static const struct {
	uint8_t		 type;
	const char	*hex;
	int		 want;
} parts[] = {
	{ KRL_SERIAL_LIST, "", 0 },
	{ KRL_SERIAL_LIST, "ffffffffffffffff", 0 },
	{ KRL_SERIAL_LIST, "000000000000000100", ERR_FORMAT },
	{ KRL_SERIAL_LIST, "00000000000001", ERR_FORMAT },
	{ KRL_SERIAL_RANGE, "0000000000000001" "ffffffffffffffff", 0 },
	{ KRL_SERIAL_RANGE, "0000000000000009" "0000000000000009", 0 },
	{ KRL_SERIAL_RANGE, "0000000000000009" "0000000000000008",
	    ERR_FORMAT },
	{ KRL_SERIAL_RANGE, "0000000000000009", ERR_FORMAT },
	{ KRL_SERIAL_RANGE, "", ERR_FORMAT },
	{ KRL_SERIAL_RANGE, "0000000000000001" "0000000000000009" "00",
	    ERR_FORMAT },
	{ KRL_SERIAL_BITMAP, "0000000000000001" "00000000", 0 },
	{ KRL_SERIAL_BITMAP, "0000000000000000" "00000000", 0 },
	{ KRL_SERIAL_BITMAP, "0000000000000001" "00000003" "000001", 0 },
	{ KRL_SERIAL_BITMAP, "0000000000000001" "00000001" "80",
	    ERR_FORMAT },
	{ KRL_SERIAL_BITMAP, "0000000000000001" "00000001", ERR_FORMAT },
	{ KRL_SERIAL_BITMAP, "0000000000000001" "00000001" "0100",
	    ERR_FORMAT },
	{ KRL_SERIAL_BITMAP, "0000000000000001", ERR_FORMAT },
	{ KRL_SERIAL_BITMAP, "", ERR_FORMAT },
	{ KRL_SERIAL_BITMAP, "ffffffffffffffff" "00000001" "01", 0 },
	{ KRL_SERIAL_BITMAP, "ffffffffffffffff" "00000001" "02",
	    ERR_FORMAT },
	{ KRL_SERIAL_BITMAP, "fffffffffffffff8" "00000002" "0080", 0 },
	{ KRL_SERIAL_BITMAP, "fffffffffffffff8" "00000002" "0100",
	    ERR_FORMAT },
	{ KRL_KEY_IDS, "", 0 },
	{ KRL_KEY_IDS, "00000000" "0000000161", 0 },
	{ KRL_KEY_IDS, "000000026100", 0 },
	{ KRL_KEY_IDS, "000000020061", ERR_FORMAT },
	{ KRL_KEY_IDS, "000000020000", ERR_FORMAT },
	{ KRL_KEY_IDS, "0000000261", ERR_FORMAT },
	{ KRL_KEY_IDS, "0000000161" "00", ERR_FORMAT },
	{ KRL_PART_EXTENSION, "0000000161" "00" "00000000", 0 },
	{ KRL_PART_EXTENSION, "0000000161" "01" "00000000",
	    ERR_UNSUPPORTED },
	{ KRL_PART_EXTENSION, "0000000161" "ff" "00000000",
	    ERR_UNSUPPORTED },
	{ KRL_PART_EXTENSION, "0000000161" "00" "00000000" "00",
	    ERR_FORMAT },
	{ KRL_PART_EXTENSION, "0000000161" "00", ERR_FORMAT },
	{ KRL_PART_EXTENSION, "0000000161", ERR_FORMAT },
	{ 0, "", ERR_UNSUPPORTED },
	{ 0x24, "", ERR_UNSUPPORTED },
	{ 1, "", ERR_UNSUPPORTED },
	{ 0xff, "0000000161" "00" "00000000", ERR_UNSUPPORTED },
};

static void
test_parts_are_taken_and_refused_as_by_openssh(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parse_part(parts[i].type, parts[i].hex) != parts[i].want)
			fail_msg("0x%02x %s", parts[i].type, parts[i].hex);
}

static const struct {
	uint8_t		 type;
	const char	*hex;
	int		 want;
} sections[] = {
	{ KRL_CERTIFICATES, "", ERR_FORMAT },
	{ KRL_CERTIFICATES, "00000000", ERR_FORMAT },
	{ KRL_CERTIFICATES, "00000000" "00000000", 0 },
	{ KRL_CERTIFICATES, "00000000" "00000000" "20", ERR_FORMAT },
	{ KRL_CERTIFICATES, "00000001" "61" "00000000", ERR_FORMAT },
	{ KRL_CERTIFICATES, "00000004" "00000000" "00000000", ERR_FORMAT },
	{ KRL_KEYS, "", 0 },
	{ KRL_KEYS, "00000001" "61" "00000000", 0 },
	{ KRL_KEYS, "00000001", ERR_FORMAT },
	{ KRL_SHA1, "00000014" "0000000000000000000000000000000000000000",
	    0 },
	{ KRL_SHA1, "00000013" "00000000000000000000000000000000000000",
	    ERR_FORMAT },
	{ KRL_SHA256, "00000014" "0000000000000000000000000000000000000000",
	    ERR_FORMAT },
	{ KRL_SHA256, "00000000", ERR_FORMAT },
	{ KRL_SHA256, "", 0 },
	{ KRL_EXTENSION, "0000000161" "00" "0000000162", 0 },
	{ KRL_EXTENSION, "0000000161" "01" "0000000162", ERR_UNSUPPORTED },
	{ KRL_EXTENSION, "0000000161" "00" "0000000162" "00", ERR_FORMAT },
	{ KRL_SIGNATURE, "", ERR_UNSUPPORTED },
	{ 0, "", ERR_UNSUPPORTED },
	{ 6, "", ERR_UNSUPPORTED },
	{ 0x20, "", ERR_UNSUPPORTED },
};

static void
test_sections_are_taken_and_refused_as_by_openssh(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (parse_section(sections[i].type, sections[i].hex) !=
		    sections[i].want)
			fail_msg("%u %s", sections[i].type, sections[i].hex);
}

static void
test_a_nul_at_the_end_of_a_key_id_does_not_count(void **state)
{
	struct data bytes = data_hex("000000026100");
	struct data d = krlbytes_part(KRL_KEY_IDS, data_span(&bytes));
	struct cert c = krlbytes_cert(1, "a");
	struct krl_view v;
	struct err e;

	(void)state;
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), 0);
	assert_int_equal(ask(&v, &c).by, KRL_BY_KEY_ID);
	c.key_id.n++;
	assert_int_equal(ask(&v, &c).by, KRL_BY_KEY_ID);
	c.key_id = span_cstr("");
	assert_int_equal(ask(&v, &c).by, KRL_BY_NOTHING);
	data_free(&d);
	data_free(&bytes);
}

/* How many of its beginnings are lists, too. */
static void
count_list(struct span cut, void *arg)
{
	struct krl_view v;
	struct err e;
	size_t *n = arg;
	int r = krl_view_parse(&v, cut, &e);

	if (r == 0)
		++*n;
	else
		assert_int_equal(r, ERR_FORMAT);
}

static void
test_a_list_cut_but_between_sections_is_refused(void **state)
{
	struct data d = data_file("krl/all.krl");
	struct data any = data_file("krl/any.krl");
	size_t n = 0;

	(void)state;
	data_each_cut(data_span(&d), count_list, &n);
	assert_int_equal(n, 4);		/* before each section */
	n = 0;
	data_each_cut(data_span(&any), count_list, &n);
	assert_int_equal(n, 1);
	data_free(&any);
	data_free(&d);
}

static void
test_other_files_are_no_lists(void **state)
{
	struct data d = data_file("krl/all.krl");
	struct krl_view v;
	struct err e;

	(void)state;
	d.p[11] = 2;
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e),
	    ERR_UNSUPPORTED);
	d.p[0] = 's';
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), ERR_FORMAT);
	assert_string_equal(e.msg, "not a key revocation list");
	assert_int_equal(krl_view_parse(&v, span_cstr("ssh-ed25519 AAAA"),
	    &e), ERR_FORMAT);
	assert_int_equal(krl_view_parse(&v, (struct span){ d.p,
	    (size_t)KRL_MAX + 1 }, &e), ERR_LIMIT);
	data_free(&d);
}

static void
test_a_broken_certificate_has_no_verdict(void **state)
{
	struct data d = data_file("krl/all.krl");
	struct data cert = data_pub("u_ed25519-cert");
	struct krl_verdict x;
	struct krl_view v;
	struct err e;

	(void)state;
	assert_int_equal(krl_view_parse(&v, data_span(&d), &e), 0);
	assert_int_equal(krl_view_ask_blob(&v, (struct span){ cert.p,
	    cert.n - 1 }, &x, &e), ERR_FORMAT);
	data_free(&cert);
	data_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_head_is_what_ssh_keygen_was_told),
		cmocka_unit_test(test_each_way_of_ssh_keygen_revokes),
		cmocka_unit_test(test_a_section_for_any_ca_revokes_everywhere),
		cmocka_unit_test(test_what_a_revoked_key_certified_is_revoked),
		cmocka_unit_test(test_serial_number_0_is_no_number),
		cmocka_unit_test(
		    test_parts_are_taken_and_refused_as_by_openssh),
		cmocka_unit_test(
		    test_sections_are_taken_and_refused_as_by_openssh),
		cmocka_unit_test(
		    test_a_nul_at_the_end_of_a_key_id_does_not_count),
		cmocka_unit_test(
		    test_a_list_cut_but_between_sections_is_refused),
		cmocka_unit_test(test_other_files_are_no_lists),
		cmocka_unit_test(test_a_broken_certificate_has_no_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

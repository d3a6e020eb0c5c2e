/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/data.h"
#include "token/p11uri.h"

static int
parse(struct p11uri *u, const char *text)
{
	struct err e = { 0 };
	const int r = p11uri_parse(u, text, &e);

	assert_true(r == 0 || e.msg[0] != '\0');
	return r;
}

/* A SmartCard-HSM? */
static bool
matches(const struct p11uri *u, const char *serial, const char *label)
{
	return p11uri_matches(u, &(struct p11uri_token){ serial, label, NULL,
	    NULL });
}

static void
test_a_uri_names_serial_number_and_label(void **state)
{
	struct p11uri u;

	(void)state;
	assert_int_equal(parse(&u, "pkcs11:serial=DENK0100000"), 0);
	assert_string_equal(u.serial, "DENK0100000");
	assert_string_equal(u.label, "");
	assert_int_equal(parse(&u, "pkcs11:token=my%20card"), 0);
	assert_string_equal(u.serial, "");
	assert_string_equal(u.label, "my card");
	assert_int_equal(parse(&u, "pkcs11:token=a;serial=b"), 0);
	assert_string_equal(u.serial, "b");
	assert_string_equal(u.label, "a");
}

/* As "p11tool --list-tokens" and "pkcs11-tool --list-objects" print them. */
static void
test_what_other_programs_print_is_taken(void **state)
{
	struct p11uri u;

	(void)state;
	assert_int_equal(parse(&u, "pkcs11:model=PKCS%2315%20emulated;"
	    "manufacturer=www.CardContact.de;serial=DENK0100000;"
	    "token=SmartCard-HSM%20%28UserPIN%29"), 0);
	assert_string_equal(u.serial, "DENK0100000");
	assert_true(matches(&u, "DENK0100000", "SmartCard-HSM"));
	assert_int_equal(parse(&u, "pkcs11:token=t;object=key;id=%01;"
	    "type=private?module-path=/no/such.so&pin-value=648219"), 0);
	assert_string_equal(u.label, "t");
}

static void
test_a_token_of_a_module_is_all_that_the_uri_says(void **state)
{
	static const struct {
		const char	*says;
		bool		 same;
	} t[] = {
		{ "model=SoftHSM%20v2", true }, { "model=SoftHSM", false },
		{ "manufacturer=SoftHSM%20project", true },
		{ "manufacturer=Yubico", false },
		{ "model=PKCS%2315%20emulated", false },
	};
	const struct p11uri_token soft = { "S1", "a", "SoftHSM v2",
	    "SoftHSM project" }, card = { "S1", "a", NULL, NULL };
	struct p11uri u;
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		snprintf(text, sizeof(text), "pkcs11:token=a;%s", t[i].says);
		assert_int_equal(parse(&u, text), 0);
		if (p11uri_matches(&u, &soft) != t[i].same)
			fail_msg("%s", text);
		assert_int_equal(p11uri_matches(&u, &card), i == 4);
	}
}

/* What cannot be held against a token is no reason to send it a PIN. */
static void
test_what_is_not_understood_names_nothing(void **state)
{
	static const char *const bad[] = { "seriaI=999", "x-vendor=1",
	    "slot-id=7", "slot-description=x", "slot-manufacturer=x",
	    "library-description=x", "library-manufacturer=x",
	    "library-version=1.2" };
	struct p11uri u;
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text), "pkcs11:token=a;%s", bad[i]);
		if (parse(&u, text) != ERR_FORMAT)
			fail_msg("%s", text);
	}
}

static void
test_a_uri_that_names_no_token_is_refused(void **state)
{
	static const char *const bad[] = { "", "pkcs11", "pkcs11:",
	    "pkcs11:object=key", "pkcs11:serial=", "pkcs11:token=",
	    "pkcs11:token=;serial=", "pkcs11:token=%20%20",
	    "DENK0100000", "http://x/", "pkcs11:token", "pkcs11:=x",
	    "pkcs11:token=%", "pkcs11:token=%4", "pkcs11:token=%zz",
	    "pkcs11:;;;", "pkcs11:?pin-value=648219" };
	struct p11uri u;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (parse(&u, bad[i]) != ERR_FORMAT)
			fail_msg("%s", bad[i]);
}

static void
test_names_that_no_token_can_have_are_refused(void **state)
{
	struct p11uri u;

	(void)state;
	/* One more byte than PKCS#11 has room for. */
	assert_int_equal(parse(&u, "pkcs11:serial=0123456789abcdef"), 0);
	assert_string_equal(u.serial, "0123456789abcdef");
	assert_int_equal(parse(&u, "pkcs11:serial=0123456789abcdef0"),
	    ERR_FORMAT);
	assert_int_equal(parse(&u, "pkcs11:token="
	    "0123456789abcdef0123456789abcdef"), 0);
	assert_string_equal(u.label, "0123456789abcdef0123456789abcdef");
	assert_int_equal(parse(&u, "pkcs11:token="
	    "0123456789abcdef0123456789abcdef0"), ERR_FORMAT);
	/* What follows a NUL would be lost, and "a" is another token. */
	assert_int_equal(parse(&u, "pkcs11:token=a%00b"), ERR_FORMAT);
	assert_int_equal(parse(&u, "pkcs11:token=t;serial=%00b"), ERR_FORMAT);
}

static void
test_only_the_scheme_makes_it_one(void **state)
{
	(void)state;
	assert_true(p11uri_is("pkcs11:"));
	assert_true(p11uri_is("PKCS11:token=x"));
	assert_false(p11uri_is(""));
	assert_false(p11uri_is("pkcs11"));
	assert_false(p11uri_is(" pkcs11:token=x"));
	assert_false(p11uri_is("DENK0100000"));
	assert_false(p11uri_is("/usr/lib/opensc-pkcs11.so"));
}

static void
test_the_case_of_the_scheme_does_not_matter(void **state)
{
	struct p11uri u;

	(void)state;
	assert_int_equal(parse(&u, "PKCS11:token=x"), 0);
	assert_string_equal(u.label, "x");
}

static void
test_all_that_is_said_has_to_be_so(void **state)
{
	static const struct {
		const char	*uri, *serial, *label;
		bool		 same;
	} t[] = {
		{ "pkcs11:serial=S1", "S1", "", true },
		{ "pkcs11:serial=S1", "S1", "any", true },
		{ "pkcs11:serial=S1", "S10", "", false },
		{ "pkcs11:serial=S1", "s1", "", false },
		{ "pkcs11:serial=S1", "", "S1", false },
		{ "pkcs11:token=a", "S1", "a", true },
		{ "pkcs11:token=a", "S1", "ab", false },
		{ "pkcs11:token=a", "a", "", false },
		{ "pkcs11:token=a;serial=S1", "S1", "a", true },
		{ "pkcs11:token=a;serial=S1", "S1", "b", false },
		{ "pkcs11:token=a;serial=S1", "S2", "a", false },
		{ "pkcs11:token=a;serial=S1", "S1", "", false },
		{ "pkcs11:token=a%20%28UserPIN%29", "S1", "a", true },
		{ "pkcs11:token=a%20%28UserPIN%29", "S1", "a (UserPIN)",
		    true },
		{ "pkcs11:token=a%20%28UserPIN%29", "S1", "b", false },
		{ "pkcs11:token=ab%20%28UserPIN%29", "S1", "a", false },
		{ "pkcs11:token=a%20%28UserPIN%29", "S1", "ab", false },
		{ "pkcs11:token=%20%28UserPIN%29", "S1", "", false },
		{ "pkcs11:token=a", "S1", "a (UserPIN)", false },
	};
	struct p11uri u;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		assert_int_equal(parse(&u, t[i].uri), 0);
		if (matches(&u, t[i].serial, t[i].label) != t[i].same)
			fail_msg("%s of %s, %s", t[i].uri, t[i].serial,
			    t[i].label);
	}
}

/* Text, so a cut is a NUL; nothing behind it is read. */
static void
parse_cut(struct span cut, void *arg)
{
	char text[200];
	struct data d;
	struct p11uri u;

	(void)arg;
	assert_true(cut.n < sizeof(text));
	memcpy(text, cut.p, cut.n);
	text[cut.n] = '\0';
	d = data_copy((struct span){ (uint8_t *)text, cut.n + 1 });
	if (parse(&u, (char *)d.p) == 0)
		assert_true(u.serial[0] != '\0' || u.label[0] != '\0');
	data_free(&d);
}

static void
test_a_uri_cut_anywhere_names_something_or_nothing(void **state)
{
	(void)state;
	data_each_cut(span_cstr("pkcs11:model=m%41;serial=DENK0100000;"
	    "token=my%20card%20%28UserPIN%29?pin-value=1&x-y=%ff"),
	    parse_cut, NULL);
}

static bool
names(const char *uri)
{
	return p11uri_names_key(uri, &(struct p11uri_token){ "S1", "card",
	    "M", "me" }, "my key", "01ab");
}

static void
test_a_uri_names_a_key(void **state)
{
	(void)state;
	assert_true(names("pkcs11:object=my%20key"));
	assert_true(names("pkcs11:id=%01%ab"));
	assert_true(names("pkcs11:token=card;object=my%20key;id=%01%AB"));
	assert_true(names("pkcs11:serial=S1;id=%01%ab;type=private"
	    "?pin-value=648219"));
	assert_true(names("pkcs11:model=M;manufacturer=me;id=%01%ab"));
	assert_false(names("pkcs11:model=N;id=%01%ab"));
	assert_false(names("pkcs11:slot-id=1;id=%01%ab"));
	assert_false(names("pkcs11:serial=S2;id=%01%ab"));
	assert_false(names("pkcs11:token=card"));
	assert_false(names("pkcs11:object=my%20key;id=%01"));
	assert_false(names("pkcs11:object=my%20ke"));
	assert_false(names("pkcs11:object=my%20key%00"));
	assert_false(names("pkcs11:object="));
	assert_false(names("pkcs11:id=%01%ab;x-unknown=1"));
	assert_false(names("pkcs11:id=%zz"));
	assert_false(names("my key"));
	assert_false(names("pkcs1 1:object=my%20key"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_uri_names_serial_number_and_label),
		cmocka_unit_test(test_a_uri_names_a_key),
		cmocka_unit_test(test_what_other_programs_print_is_taken),
		cmocka_unit_test(
		    test_a_token_of_a_module_is_all_that_the_uri_says),
		cmocka_unit_test(test_what_is_not_understood_names_nothing),
		cmocka_unit_test(test_a_uri_that_names_no_token_is_refused),
		cmocka_unit_test(
		    test_names_that_no_token_can_have_are_refused),
		cmocka_unit_test(test_only_the_scheme_makes_it_one),
		cmocka_unit_test(test_the_case_of_the_scheme_does_not_matter),
		cmocka_unit_test(test_all_that_is_said_has_to_be_so),
		cmocka_unit_test(
		    test_a_uri_cut_anywhere_names_something_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

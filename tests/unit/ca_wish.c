/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/wish.h"

#define TEXT_MAX	2000

#define USUAL	"permit-X11-forwarding;permit-agent-forwarding;" \
		"permit-port-forwarding;permit-pty;permit-user-rc"

/* A list as "flag;name=value". */
static void
list_text(const struct ca_draft_options *o, char *text)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < o->n; i++) {
		const struct ca_draft_option *one = &o->v[i];

		n += (size_t)snprintf(text + n, TEXT_MAX - n, "%s%s",
		    i == 0 ? "" : ";", one->name);
		assert_true(n < TEXT_MAX);
		if (one->value != NULL)
			n += (size_t)snprintf(text + n, TEXT_MAX - n, "=%.*s",
			    (int)one->n, (const char *)one->value);
		assert_true(n < TEXT_MAX);
	}
}

static void
is_list(const struct ca_draft_options *o, const char *want)
{
	char text[TEXT_MAX];

	list_text(o, text);
	assert_string_equal(text, want);
}

/* Options between blanks; the first error ends them. */
static int
wish(struct ca_draft *d, enum cert_type type, const char *options,
    struct err *e)
{
	char *copy = strdup(options), *rest = copy, *one;
	int r;

	assert_non_null(copy);
	r = ca_wish_begin(d, type, e);
	while (r == 0 && (one = strsep(&rest, " ")) != NULL)
		if (*one != '\0')
			r = ca_wish_option(d, one, e);
	free(copy);
	return r;
}

static void
test_options_become_what_ssh_keygen_makes_of_them(void **state)
{
	static const struct {
		enum cert_type	 type;
		const char	*options, *critical, *extensions;
	} t[] = {
		{ CERT_USER, "", "", USUAL },
		{ CERT_HOST, "", "", "" },
		{ CERT_USER, "clear", "", "" },
		{ CERT_USER, "clear permit-pty", "", "permit-pty" },
		{ CERT_USER, "CLEAR Permit-PTY", "", "permit-pty" },
		{ CERT_USER, "permit-pty clear", "", "" },
		{ CERT_USER, "no-pty permit-pty", "", USUAL },
		{ CERT_USER, "no-x11-forwarding no-agent-forwarding "
		    "no-port-forwarding no-user-rc", "", "permit-pty" },
		{ CERT_USER, "clear no-pty permit-user-rc "
		    "permit-X11-forwarding permit-port-forwarding "
		    "permit-agent-forwarding", "", "permit-X11-forwarding;"
		    "permit-agent-forwarding;permit-port-forwarding;"
		    "permit-user-rc" },
		{ CERT_HOST, "permit-pty", "", "permit-pty" },
		{ CERT_USER, "no-touch-required verify-required clear",
		    "", "" },
		{ CERT_USER, "clear verify-required no-touch-required",
		    "verify-required", "no-touch-required" },
		{ CERT_USER, "clear verify-required no-touch-required "
		    "no-verify-required touch-required", "", "" },
		{ CERT_USER, "clear source-address=10.0.0.0/8,::1 "
		    "force-command=/bin/true",
		    "force-command=/bin/true;source-address=10.0.0.0/8,::1",
		    "" },
		{ CERT_USER, "force-command=a=b clear Force-Command=a=b",
		    "force-command=a=b", "" },
		{ CERT_USER, "clear extension:login@example.org=bob=x "
		    "extension:empty@example.org= extension:a@example.org",
		    "", "a@example.org;empty@example.org=;"
		    "login@example.org=bob=x" },
		{ CERT_USER, "clear critical:z@example.org=: "
		    "critical:verify-required critical:a@example.org=",
		    "a@example.org=;verify-required;z@example.org=:", "" },
		{ CERT_USER, "extension:permit-pty "
		    "extension:permit-X11-forwarding", "", USUAL },
		{ CERT_USER, "clear extension:b extension:B extension:bb "
		    "extension:b-a extension:\xc3\xa4",
		    "", "B;b;b-a;bb;\xc3\xa4" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct ca_draft d;
		struct err e;

		if (wish(&d, t[i].type, t[i].options, &e) != 0)
			fail_msg("%s: %s", t[i].options, e.msg);
		assert_int_equal(d.type, t[i].type);
		is_list(&d.critical, t[i].critical);
		is_list(&d.extensions, t[i].extensions);
		ca_draft_clear(&d);
	}
}

static void
test_what_is_wrong_with_an_option_is_said(void **state)
{
	static const struct {
		const char	*options, *why;
	} t[] = {
		{ "permit", "\"permit\" is no option of a certificate" },
		{ "permit-pty=yes", "\"permit-pty=yes\" is no option" },
		{ "permit-touch", "is no option" },
		{ "clear=", "is no option" },
		{ "force-command", "\"force-command\" is no option" },
		{ "\x1b[2J", "\"?[2J\" is no option" },
		{ "force-command=", "force-command= takes a command" },
		{ "source-address=", "\"\": no address" },
		{ "source-address=10.0.0.1/8", "bits beyond the mask" },
		{ "source-address=10.0.0.1,", "separated by commas: \"\"" },
		{ "source-address=example.org", "\"example.org\": no addr" },
		{ "critical:", "without a name" },
		{ "critical:=x", "without a name" },
		{ "extension:", "without a name" },
		{ "extension:=", "without a name" },
		{ "force-command=a force-command=b",
		    "\"force-command\" is there twice" },
		{ "force-command=a critical:force-command=b",
		    "\"force-command\" is there twice" },
		{ "source-address=::1 source-address=::2",
		    "\"source-address\" is there twice" },
		{ "extension:x extension:x=", "\"x\" is there twice" },
		{ "extension:permit-pty=", "\"permit-pty\" is there twice" },
		{ "critical:verify-required=no verify-required",
		    "\"verify-required\" is there twice" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct ca_draft d;
		struct err e;

		if (wish(&d, CERT_USER, t[i].options, &e) != ERR_USAGE)
			fail_msg("%s is taken", t[i].options);
		if (strstr(e.msg, t[i].why) == NULL)
			fail_msg("%s: %s", t[i].options, e.msg);
		ca_draft_clear(&d);
	}
}

static void
test_there_is_an_end_to_options(void **state)
{
	struct ca_draft d;
	char option[40];
	struct err e;
	int n = 0, r;

	(void)state;
	assert_int_equal(ca_wish_begin(&d, CERT_HOST, &e), 0);
	do {
		snprintf(option, sizeof(option), "extension:x%d", n++);
	} while ((r = ca_wish_option(&d, option, &e)) == 0);
	assert_int_equal(r, ERR_LIMIT);
	assert_int_equal(n, CA_DRAFT_OPTIONS + 1);
	assert_int_equal(d.extensions.n, CA_DRAFT_OPTIONS);
	ca_draft_clear(&d);
}

static void
test_an_option_cut_anywhere_is_refused_or_whole(void **state)
{
	static const char *const texts[] = {
		"permit-X11-forwarding", "no-verify-required",
		"force-command=/bin/true", "source-address=10.0.0.0/8",
		"critical:name@example.org=value", "extension:a=b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		for (size_t n = 0; n < strlen(texts[i]); n++) {
			const bool custom = strchr(texts[i], ':') != NULL;
			char *cut = strndup(texts[i], n);
			struct ca_draft d;
			struct err e;
			int r;

			assert_non_null(cut);
			assert_int_equal(ca_wish_begin(&d, CERT_HOST, &e), 0);
			r = ca_wish_option(&d, cut, &e);
			assert_true(r == 0 || r == ERR_USAGE);
			if (r == 0)
				assert_int_equal(d.critical.n +
				    d.extensions.n, 1);
			else if (custom)
				assert_true(n <= strcspn(texts[i], ":") + 1);
			ca_draft_clear(&d);
			free(cut);
		}
}

static void
test_principals_of_several_lists_follow_each_other(void **state)
{
	static const char *const want[] = { "alice", "ops", "bob", "alice" };
	struct ca_draft d = { .type = CERT_USER };
	struct err e;

	(void)state;
	assert_int_equal(ca_wish_principals(&d, "alice,ops", &e), 0);
	assert_int_equal(ca_wish_principals(&d, "bob", &e), 0);
	assert_int_equal(ca_wish_principals(&d, "alice", &e), 0);
	assert_int_equal(d.principals.n, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(d.principals.v[i], want[i]);
	ca_draft_clear(&d);
}

static void
test_a_principal_without_a_name_is_refused(void **state)
{
	static const char *const bad[] = { "", ",", "a,", ",a", "a,,b" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct ca_draft d = { .type = CERT_USER };

		assert_int_equal(ca_wish_principals(&d, bad[i], &e),
		    ERR_USAGE);
		assert_non_null(strstr(e.msg, "without a name"));
		ca_draft_clear(&d);
	}
}

static void
test_there_are_as_many_principals_as_openssh_takes(void **state)
{
	struct ca_draft d = { .type = CERT_USER };
	struct err e;

	(void)state;
	for (size_t i = 0; i < CERT_MAX_PRINCIPALS; i++)
		assert_int_equal(ca_wish_principals(&d, "x", &e), 0);
	assert_int_equal(ca_wish_principals(&d, "x", &e), ERR_LIMIT);
	assert_int_equal(d.principals.n, CERT_MAX_PRINCIPALS);
	ca_draft_clear(&d);
}

static void
test_a_serial_number_is_a_decimal_one_of_64_bits(void **state)
{
	static const struct {
		const char	*text;
		uint64_t	 value;
	} good[] = {
		{ "0", 0 }, { "7", 7 }, { "007", 7 },
		{ "18446744073709551609", UINT64_MAX - 6 },
		{ "18446744073709551615", UINT64_MAX },
	};
	static const char *const bad[] = {
		"", " 7", "7 ", "+7", "-1", "0x10", "1e3", "seven",
		"18446744073709551616", "18446744073709551620",
		"99999999999999999999", "184467440737095516150",
	};
	uint64_t v = 42;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (ca_wish_serial(bad[i], &v, &e) != ERR_USAGE)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_non_null(strstr(e.msg, "is no serial number"));
		assert_true(v == 42);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(ca_wish_serial(good[i].text, &v, &e), 0);
		assert_true(v == good[i].value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_options_become_what_ssh_keygen_makes_of_them),
		cmocka_unit_test(test_what_is_wrong_with_an_option_is_said),
		cmocka_unit_test(test_there_is_an_end_to_options),
		cmocka_unit_test(
		    test_an_option_cut_anywhere_is_refused_or_whole),
		cmocka_unit_test(
		    test_principals_of_several_lists_follow_each_other),
		cmocka_unit_test(test_a_principal_without_a_name_is_refused),
		cmocka_unit_test(
		    test_there_are_as_many_principals_as_openssh_takes),
		cmocka_unit_test(
		    test_a_serial_number_is_a_decimal_one_of_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

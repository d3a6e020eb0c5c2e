/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/approval_request.h"
#include "ssh/base64.h"
#include "tests/unit/certbody.h"

#define LONG16	"0123456789abcdef"
#define LONG256	LONG16 LONG16 LONG16 LONG16 LONG16 LONG16 LONG16 LONG16 \
	LONG16 LONG16 LONG16 LONG16 LONG16 LONG16 LONG16 LONG16

/* What tests/data/approval/request asks for. */
static void
body_make(struct certbody *b)
{
	certbody_make(b);
	certbody_set_subject(b, "../approval/subject");
	b->serial = 0;
}

static int
put(const struct certbody *b, char **text, struct err *e)
{
	struct data d = certbody_bytes(b);
	const int r = approval_request_put(data_span(&d), text, e);

	data_free(&d);
	return r;
}

static char *
text_of(const struct certbody *b)
{
	struct err e;
	char *text;

	if (put(b, &text, &e) != 0)
		fail_msg("%s", e.msg);
	return text;
}

/* In memory of its exact size. */
static int
read_text(struct span text, struct err *e)
{
	struct approval_request q;
	struct data d = data_copy(text);
	int r;

	if ((r = approval_request_read(data_span(&d), &q, e)) == 0)
		approval_request_free(&q);
	data_free(&d);
	return r;
}

static void
test_the_text_is_the_one_that_people_signed(void **state)
{
	struct data d = data_file("approval/request");
	struct certbody b;
	char *text;

	(void)state;
	body_make(&b);
	text = text_of(&b);
	assert_true(span_is(data_span(&d), text));
	free(text);
	certbody_free(&b);
	data_free(&d);
}

static void
test_the_draft_is_read_out_of_the_text_again(void **state)
{
	struct data d = data_file("approval/request"), body;
	struct approval_request q;
	struct certbody b;
	struct err e;

	(void)state;
	body_make(&b);
	body = certbody_bytes(&b);
	assert_int_equal(approval_request_read(data_span(&d), &q, &e), 0);
	data_free(&d);
	assert_true(span_eq(q.cert.tbs, data_span(&body)));
	assert_true(span_is(q.cert.key_id, "alice 7"));
	assert_int_equal(q.cert.n_principals, 2);
	approval_request_free(&q);
	data_free(&body);
	certbody_free(&b);
}

static void
refuse_cut(struct span cut, void *arg)
{
	struct err e;

	(void)arg;
	if (read_text(cut, &e) == 0)
		fail_msg("%zu bytes", cut.n);
}

static void
test_what_is_cut_anywhere_or_goes_on_is_refused(void **state)
{
	static const char *const more[] = { "\n", "x", "AAAA\n", "draft:\n" };
	struct data d = data_file("approval/request");
	char text[4096];
	struct err e;

	(void)state;
	data_each_cut(data_span(&d), refuse_cut, NULL);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		snprintf(text, sizeof(text), "%.*s%s", (int)d.n,
		    (const char *)d.p, more[i]);
		assert_int_not_equal(read_text(span_cstr(text), &e), 0);
	}
	data_free(&d);
}

/* The text of the request with one part of it changed. */
static char *
altered(const char *from, const char *to)
{
	struct data d = data_file("approval/request");
	char *text = strndup((const char *)d.p, d.n), *at, *out;

	at = strstr(text, from);
	assert_non_null(at);
	*at = '\0';
	assert_true(asprintf(&out, "%s%s%s", text, to,
	    at + strlen(from)) > 0);
	free(text);
	data_free(&d);
	return out;
}

static const struct {
	const char	*from, *to;
	int		 rc;
	const char	*words;
} lies[] = {
	{ "alice 7", "alice 8", ERR_DENIED, "line 5 of the certificate "
	    "request is not what its draft says (\"key id: \"alice 8\"\" "
	    "instead of \"key id: \"alice 7\"\")" },
	{ "type: user", "type: host", ERR_DENIED, "line 2 " },
	{ "subject: ssh-ed25519 SHA256:", "subject: ssh-ed25519 SHA256:x",
	    ERR_DENIED, "line 3 " },
	{ "CA: ecdsa", "CA: Ecdsa", ERR_DENIED, "line 4 " },
	{ "principal: \"ops\"", "principal: \"oops\"", ERR_DENIED,
	    "line 7 " },
	{ "principal: \"ops\"\n", "", ERR_DENIED, "line 7 " },
	{ "principal: \"ops\"", "principal: \"ops\"\nprincipal: \"root\"",
	    ERR_DENIED, "line 8 " },
	{ "08:00:00", "08:00:01", ERR_DENIED, "line 8 " },
	{ "2027-01-15 09", "2027-01-15 08", ERR_DENIED, "line 9 " },
	{ "/bin/true", "/bin/sh", ERR_DENIED, "line 10 " },
	{ "critical option: source-address \"10.0.0.0/8,::1\"\n", "",
	    ERR_DENIED, "line 11 " },
	{ "permit-pty", "permit-nothing", ERR_DENIED, "line 13 " },
	{ "draft:\n", "draft:\ndraft:\n", ERR_FORMAT, "base64" },
	{ "draft:\n", "draft:", ERR_FORMAT, "base64" },
	{ "draft:", "more: x\ndraft:", ERR_DENIED, "line 14 " },
	{ "draft:", "\ndraft:", ERR_DENIED, "line 14 " },
	{ "AAAAIHNz", "AAAAIHNz\n", ERR_DENIED, "line 15 " },
	{ "AAAAIHNz", "AAAAIHN-", ERR_FORMAT, "base64" },
	{ "AAAAIHNz", "AAAAIHNx", ERR_UNSUPPORTED, "known type" },
	{ "request 1", "request 2", ERR_UNSUPPORTED, "another version" },
	{ "request 1", "request 1 ", ERR_UNSUPPORTED, "another version" },
	{ "hsm-ssh-agent", "\nhsm-ssh-agent", ERR_FORMAT, "its first line" },
	{ "hsm-ssh-agent", " hsm-ssh-agent", ERR_FORMAT, "its first line" },
	{ "request 1\n", "request 1\r\n", ERR_DENIED, "line ends" },
	{ "alice 7\"\n", "alice 7\"\r\n", ERR_DENIED, "line ends" },
	{ "alice 7", "alice \x1b[2K7", ERR_DENIED, "alice ?[2K7" },
};

static void
test_lines_that_are_not_those_of_the_draft_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		char *text = altered(lies[i].from, lies[i].to);
		struct err e;

		if (read_text(span_cstr(text), &e) != lies[i].rc ||
		    strstr(e.msg, lies[i].words) == NULL)
			fail_msg("%s: %s", lies[i].to, e.msg);
		free(text);
	}
}

/* The lines are the old ones, so that people read these. */
static void
test_another_draft_under_the_same_lines_is_refused(void **state)
{
	struct data d = data_file("approval/request");
	struct certbody b;
	char *text, *lines, *end, *draft;
	struct err e;

	(void)state;
	body_make(&b);
	b.principals = span_cstr("alice|root");
	text = text_of(&b);
	draft = strstr(text, "draft:\n");
	lines = strndup((const char *)d.p, d.n);
	end = strstr(lines, "draft:\n");
	*end = '\0';
	assert_true(asprintf(&end, "%s%s", lines, draft) > 0);
	assert_int_equal(read_text(span_cstr(end), &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "line 7 "));
	assert_non_null(strstr(e.msg, "\"root\""));
	free(end);
	free(lines);
	free(text);
	certbody_free(&b);
	data_free(&d);
}

static void
test_a_draft_that_is_none_is_refused(void **state)
{
	struct certbody b;
	struct err e;
	char *text;

	(void)state;
	body_make(&b);
	b.serial = 7;
	assert_int_equal(put(&b, &text, &e), ERR_FORMAT);
	assert_non_null(strstr(e.msg, "serial number"));
	b.serial = 0;
	b.nonce = span_cstr("short");
	assert_int_equal(put(&b, &text, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "nonce"));
	b.nonce = span_cstr(LONG16);
	b.key_id = span_cstr("alice\nprincipal: \"ops\"");
	assert_int_equal(put(&b, &text, &e), ERR_DENIED);
	b.key_id = span_cstr("alice");
	b.tail = span_cstr("x");
	assert_int_equal(put(&b, &text, &e), ERR_FORMAT);
	b.tail = (struct span){ 0 };
	b.before = CERT_FOREVER;
	assert_int_equal(put(&b, &text, &e), ERR_DENIED);
	certbody_free(&b);
	assert_int_equal(approval_request_put((struct span){ 0 }, &text, &e),
	    ERR_FORMAT);
}

/* As approval_request_put() would not have made it. */
static void
test_a_text_around_a_draft_with_a_serial_number_is_refused(void **state)
{
	char text[4096], *good, *b64;
	struct certbody b;
	struct data d;
	struct err e;

	(void)state;
	body_make(&b);
	good = text_of(&b);
	strstr(good, "draft:\n")[7] = '\0';
	b.serial = 7;
	d = certbody_bytes(&b);
	b64 = base64_lines(data_span(&d), 70);
	snprintf(text, sizeof(text), "%s%s", good, b64);
	assert_int_equal(read_text(span_cstr(text), &e), ERR_FORMAT);
	assert_non_null(strstr(e.msg, "serial number"));
	free(b64);
	data_free(&d);
	free(good);
	certbody_free(&b);
}

/* Each with its own line, whole, and readable again. */
static void
assert_line(const struct certbody *b, const char *line)
{
	char *text = text_of(b), want[600];
	struct err e;

	snprintf(want, sizeof(want), "\n%s\n", line);
	if (strstr(text, want) == NULL)
		fail_msg("%s: not in %s", line, text);
	assert_int_equal(read_text(span_cstr(text), &e), 0);
	free(text);
}

static void
test_no_name_is_cut_and_none_can_pass_for_another_line(void **state)
{
	struct certbody b;

	(void)state;
	body_make(&b);
	b.key_id = span_cstr(LONG256);
	assert_line(&b, "key id: \"" LONG256 "\"");
	b.key_id = span_cstr("a\" \\n \"b\xc3\xb6");
	assert_line(&b, "key id: \"a\\\" \\\\n \\\"b\xc3\xb6\"");
	b.principals = span_cstr(LONG256);
	assert_line(&b, "principal: \"" LONG256 "\"");
	b.critical = span_cstr("force-command=say \"" LONG256 "\"");
	assert_line(&b, "critical option: force-command \"say \\\"" LONG256
	    "\\\"\"");
	certbody_free(&b);
}

static void
test_options_show_their_values_in_full(void **state)
{
	struct certbody b;

	(void)state;
	body_make(&b);
	b.extensions = span_cstr("login@github.com=alice");
	assert_line(&b, "extension: login@github.com \"alice\"");
	b.extensions = span_cstr("login@github.com=");
	assert_line(&b, "extension: login@github.com \"\"");
	b.extensions = span_cstr("login@github.com");
	assert_line(&b, "extension: login@github.com");
	b.extensions = span_cstr("a \"b\"=c");
	assert_line(&b, "extension: \"a \\\"b\\\"\" \"c\"");
	b.extensions = span_cstr("x@y=\x01\x02\xff" "d");
	assert_line(&b, "extension: x@y \"\\x01\\x02\\xffd\"");
	b.extensions = span_cstr("x@y=\\x01");
	assert_line(&b, "extension: x@y \"\\\\x01\"");
	b.critical = (struct span){ 0 };
	b.extensions = (struct span){ 0 };
	assert_line(&b, "valid until: 2027-01-15 09:00:00 UTC\ndraft:");
	b.kind = CERT_HOST;
	b.principals = span_cstr("*.example.org");
	assert_line(&b, "type: host");
	certbody_free(&b);
}

static void
test_a_request_over_64_kib_is_over_the_limit(void **state)
{
	static char names[120 * 256 + 1], text[APPROVAL_TEXT_MAX + 1];
	struct certbody b;
	char *made;
	struct err e;

	(void)state;
	body_make(&b);
	memset(names, 'x', sizeof(names) - 1);
	for (size_t i = 255; i < sizeof(names) - 1; i += 256)
		names[i] = '|';
	b.principals = span_cstr(names);
	assert_int_equal(put(&b, &made, &e), ERR_LIMIT);
	b.principals.n /= 2;
	made = text_of(&b);
	assert_int_equal(read_text(span_cstr(made), &e), 0);
	free(made);
	certbody_free(&b);
	memset(text, 'x', sizeof(text));
	assert_int_equal(read_text((struct span){ (uint8_t *)text,
	    sizeof(text) }, &e), ERR_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_text_is_the_one_that_people_signed),
		cmocka_unit_test(test_the_draft_is_read_out_of_the_text_again),
		cmocka_unit_test(
		    test_what_is_cut_anywhere_or_goes_on_is_refused),
		cmocka_unit_test(
		    test_lines_that_are_not_those_of_the_draft_are_refused),
		cmocka_unit_test(
		    test_another_draft_under_the_same_lines_is_refused),
		cmocka_unit_test(test_a_draft_that_is_none_is_refused),
		cmocka_unit_test(
		    test_a_text_around_a_draft_with_a_serial_number_is_refused),
		cmocka_unit_test(
		    test_no_name_is_cut_and_none_can_pass_for_another_line),
		cmocka_unit_test(test_options_show_their_values_in_full),
		cmocka_unit_test(test_a_request_over_64_kib_is_over_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/keytext.h"
#include "tests/unit/data.h"

static const char *const names[] = {
	"ca", "rsaca", "u_rsa", "u_ecdsa", "u_ed25519", "p384", "p521",
	"rsa2048", "sk_ed25519", "sk_ecdsa", "u_rsa-cert", "u_ecdsa-cert",
	"u_ed25519-cert", "p384-cert", "p521-cert", "sk_ed25519-cert",
	"sk_ecdsa-cert",
};

#define N_NAMES	(sizeof(names) / sizeof(names[0]))

static char *
expected(const char *name, const char *suffix)
{
	char file[80];

	snprintf(file, sizeof(file), "%s.%s", name, suffix);
	return data_text(file);
}

/* No file of what ssh-keygen printed: then it refused, and so do we. */
static void
assert_text(char *got, const char *name, const char *suffix)
{
	char *want = expected(name, suffix);

	if (want == NULL)
		assert_null(got);
	else {
		assert_non_null(got);
		assert_string_equal(got, want);
	}
	free(want);
	free(got);
}

/* Cut `end` off s and give what is before it in there, after `start`. */
static char *
between(char *s, const char *start, const char *end)
{
	char *from = strstr(s, start), *to;

	assert_non_null(from);
	from += strlen(start);
	to = strstr(from, end);
	assert_non_null(to);
	*to = '\0';
	return from;
}

static void
test_listing_is_ssh_keygens(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_NAMES; i++) {
		struct data d = data_pub(names[i]);
		char *want = expected(names[i], "sha256"), *got, *comment;

		want[strlen(want) - 1] = '\0';
		comment = strdup(want);
		got = keytext_listing(data_span(&d),
		    between(strstr(comment, "SHA256:"), " ", " ("));
		assert_non_null(got);
		assert_string_equal(got, want);
		free(got);
		free(comment);
		free(want);
		data_free(&d);
	}
}

static void
test_fingerprints_are_ssh_keygens(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_NAMES; i++) {
		struct data d = data_pub(names[i]);
		char *sha = expected(names[i], "sha256");
		char *md5 = expected(names[i], "md5");
		char *got_sha = keytext_fingerprint(data_span(&d));
		char *got_md5 = keytext_fingerprint_md5(data_span(&d));

		assert_string_equal(got_sha, between(sha, " ", " "));
		assert_string_equal(got_md5, between(md5, " ", " "));
		free(got_sha);
		free(got_md5);
		free(sha);
		free(md5);
		data_free(&d);
	}
}

static void
test_a_fingerprint_is_one_when_it_is_whole(void **state)
{
	struct data d = data_pub(names[0]);
	char *fp = keytext_fingerprint(data_span(&d));
	char *md5 = keytext_fingerprint_md5(data_span(&d));
	char longer[64];

	(void)state;
	assert_true(keytext_is_fingerprint(fp));
	assert_false(keytext_is_fingerprint(md5));
	snprintf(longer, sizeof(longer), "%sA", fp);
	assert_false(keytext_is_fingerprint(longer));
	for (size_t n = strlen(fp); n-- > 0;) {
		snprintf(longer, sizeof(longer), "%s", fp);
		longer[n] = '-';
		assert_false(keytext_is_fingerprint(longer));
		longer[n] = '\0';
		assert_false(keytext_is_fingerprint(longer));
	}
	free(fp);
	free(md5);
	data_free(&d);
}

static void
test_rfc4716_is_ssh_keygens(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_NAMES; i++) {
		struct data d = data_pub(names[i]);
		char *text = expected(names[i], "rfc4716");

		assert_text(keytext_rfc4716(data_span(&d),
		    between(text, "Comment: \"", "\"\n")), names[i],
		    "rfc4716");
		free(text);
		data_free(&d);
	}
}

static void
test_pem_and_sshfp_are_ssh_keygens(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_NAMES; i++) {
		struct data d = data_pub(names[i]);

		assert_text(keytext_pem(data_span(&d)), names[i], "pem");
		assert_text(keytext_sshfp(data_span(&d), "host.example.org"),
		    names[i], "sshfp");
		data_free(&d);
	}
}

static void
test_a_line_is_read_and_printed_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_NAMES; i++) {
		char *want = expected(names[i], "pub"), *got, text[128];
		struct span comment;
		struct wire_w w;
		struct err e;

		assert_true(wire_write(&w, 65536));
		assert_int_equal(keytext_parse(want, &w, &comment, &e), 0);
		assert_true(comment.n < sizeof(text));
		memcpy(text, comment.p, comment.n);
		text[comment.n] = '\0';
		got = keytext_openssh(wire_bytes(&w), text);
		want[strlen(want) - 1] = '\0';
		assert_string_equal(got, want);
		free(got);
		free(want);
		wire_free(&w);
	}
}

static void
test_a_long_comment_is_continued_after_a_backslash(void **state)
{
	struct data d = data_pub("u_ed25519");
	char comment[200], *text, *line, *end;
	size_t lines = 0;

	(void)state;
	memset(comment, 'x', sizeof(comment) - 1);
	comment[sizeof(comment) - 1] = '\0';
	text = keytext_rfc4716(data_span(&d), comment);
	for (line = text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		assert_true(end - line <= 72);
		lines += end > line && end[-1] == '\\';
	}
	assert_int_equal(lines, 2);
	free(text);
	data_free(&d);
}

static void
test_no_comment_leaves_no_blank_and_no_header(void **state)
{
	struct data d = data_pub("u_ed25519");
	char *a = keytext_openssh(data_span(&d), NULL);
	char *b = keytext_openssh(data_span(&d), "");
	char *c = keytext_rfc4716(data_span(&d), NULL);
	char *l = keytext_listing(data_span(&d), NULL);

	(void)state;
	assert_string_equal(a, b);
	assert_int_not_equal(a[strlen(a) - 1], ' ');
	assert_null(strstr(c, "Comment"));
	assert_non_null(strstr(l, " no comment (ED25519)"));
	free(a);
	free(b);
	free(c);
	free(l);
	data_free(&d);
}

static int
parse(const char *line)
{
	/* Exactly as long as the line, for the sanitizer. */
	char *copy = strdup(line);
	struct span comment;
	struct wire_w w;
	struct err e;
	int r;

	assert_true(wire_write(&w, 65536));
	r = keytext_parse(copy, &w, &comment, &e);
	if (r != 0)
		assert_int_equal(wire_bytes(&w).n, 0);
	wire_free(&w);
	free(copy);
	return r;
}

#define ED "AAAAC3NzaC1lZDI1NTE5AAAAIJg4RaoIfbynmb+8mun9B2Y+Zc8tlhewS15YmEKm" \
	"Z9fN"

static void
test_a_line_may_have_blanks_and_an_end(void **state)
{
	(void)state;
	assert_int_equal(parse("ssh-ed25519 " ED), 0);
	assert_int_equal(parse("ssh-ed25519 " ED "\n"), 0);
	assert_int_equal(parse("ssh-ed25519 " ED " a b\r\n"), 0);
	assert_int_equal(parse("  ssh-ed25519\t " ED "\t a"), 0);
}

static void
test_a_line_that_is_not_a_key_is_refused(void **state)
{
	(void)state;
	assert_int_equal(parse(""), ERR_FORMAT);
	assert_int_equal(parse("\n"), ERR_FORMAT);
	assert_int_equal(parse("ssh-ed25519"), ERR_FORMAT);
	assert_int_equal(parse("ssh-ed25519 "), ERR_FORMAT);
	assert_int_equal(parse("ssh-ed25519 =" ED), ERR_FORMAT);
	assert_int_equal(parse("ssh-ed25519 ===="), ERR_FORMAT);
	assert_int_equal(parse("ssh-ed25519 " ED "="), ERR_FORMAT);
	assert_int_equal(parse("ssh-ed25519 " ED "AA=A"), ERR_FORMAT);
	assert_int_equal(parse("ssh-ed25519 " ED "-_-_"), ERR_FORMAT);
	assert_int_equal(parse("ssh-ed25519 " ED "AA"), ERR_FORMAT);
	assert_int_equal(parse("ssh-ed25519 " ED "AB=="), ERR_FORMAT);
	assert_int_equal(parse("ssh-rsa " ED), ERR_FORMAT);
	assert_int_equal(parse("ssh-ed25519 " ED "\nx\n"), ERR_FORMAT);
	assert_int_equal(parse("# ssh-ed25519 " ED), ERR_FORMAT);
}

static void
test_a_line_cut_anywhere_never_gives_the_whole_key(void **state)
{
	const char line[] = "ssh-ed25519 " ED;

	(void)state;
	/* A blob cut at a multiple of three is base64 still. */
	for (size_t n = 0; n < sizeof(line) - 1; n++) {
		struct data d = data_pub("u_ed25519");
		struct wire_w w;
		struct err e;
		char *copy = strndup(line, n);

		assert_true(wire_write(&w, 4096));
		if (keytext_parse(copy, &w, NULL, &e) == 0)
			assert_true(wire_bytes(&w).n < d.n);
		wire_free(&w);
		free(copy);
		data_free(&d);
	}
}

static void
test_a_line_over_64_kib_is_over_the_limit(void **state)
{
	char *line = malloc(65538);

	(void)state;
	memset(line, 'A', 65537);
	line[65537] = '\0';
	assert_int_equal(parse(line), ERR_LIMIT);
	line[65536] = '\0';
	assert_int_equal(parse(line), ERR_FORMAT);
	free(line);
}

static void
test_a_blob_whose_name_is_not_text_is_not_printed(void **state)
{
	struct data d = data_hex("000000056162" "0a" "6364");

	(void)state;
	assert_null(keytext_openssh(data_span(&d), NULL));
	assert_null(keytext_listing(data_span(&d), NULL));
	data_free(&d);
	assert_null(keytext_openssh((struct span){ 0 }, NULL));
}

static void
assert_clean(const char *in, const char *want)
{
	struct data d = data_copy(span_cstr(in));
	char out[64];

	keytext_clean(out, sizeof(out), data_span(&d));
	assert_string_equal(out, want);
	assert_int_equal(keytext_is_clean(data_span(&d)),
	    strcmp(in, want) == 0);
	data_free(&d);
}

static void
test_clean_lets_utf8_pass_and_nothing_that_moves_a_line(void **state)
{
	(void)state;
	assert_clean("", "");
	assert_clean("plain text", "plain text");
	assert_clean("b\xc3\xb6" "b \xf0\x9f\x94\x91",
	    "b\xc3\xb6" "b \xf0\x9f\x94\x91");
	assert_clean("a\nb\tc\x1b[2J\x7f", "a?b?c?[2J?");
	assert_clean("\xc2\x9b" "31m", "?31m");		/* C1 CSI */
	assert_clean("\xe2\x80\xae" "x", "?x");		/* right to left */
	assert_clean("\xc0\xaf", "??");			/* overlong */
	assert_clean("\xed\xa0\x80", "???");		/* surrogate */
	assert_clean("\xf4\x90\x80\x80", "????");	/* over 10ffff */
	assert_clean("\xc3", "?");
	assert_clean("\xff\xfe", "??");
}

static void
test_clean_cuts_between_characters(void **state)
{
	char out[8];

	(void)state;
	memset(out, 'x', sizeof(out));
	keytext_clean(out, 4, span_cstr("ab\xc3\xb6"));
	assert_string_equal(out, "ab");
	keytext_clean(out, 5, span_cstr("ab\xc3\xb6"));
	assert_string_equal(out, "ab\xc3\xb6");
	keytext_clean(out, 1, span_cstr("ab"));
	assert_string_equal(out, "");
	out[0] = 'x';
	keytext_clean(out, 0, span_cstr("ab"));
	assert_int_equal(out[0], 'x');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listing_is_ssh_keygens),
		cmocka_unit_test(test_fingerprints_are_ssh_keygens),
		cmocka_unit_test(test_a_fingerprint_is_one_when_it_is_whole),
		cmocka_unit_test(test_rfc4716_is_ssh_keygens),
		cmocka_unit_test(test_pem_and_sshfp_are_ssh_keygens),
		cmocka_unit_test(test_a_line_is_read_and_printed_again),
		cmocka_unit_test(
		    test_a_long_comment_is_continued_after_a_backslash),
		cmocka_unit_test(
		    test_no_comment_leaves_no_blank_and_no_header),
		cmocka_unit_test(test_a_line_may_have_blanks_and_an_end),
		cmocka_unit_test(test_a_line_that_is_not_a_key_is_refused),
		cmocka_unit_test(
		    test_a_line_cut_anywhere_never_gives_the_whole_key),
		cmocka_unit_test(test_a_line_over_64_kib_is_over_the_limit),
		cmocka_unit_test(
		    test_a_blob_whose_name_is_not_text_is_not_printed),
		cmocka_unit_test(
		    test_clean_lets_utf8_pass_and_nothing_that_moves_a_line),
		cmocka_unit_test(test_clean_cuts_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

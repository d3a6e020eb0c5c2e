/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "keyutil/pubfile.h"
#include "tests/unit/data.h"

#define LINE_ROOM 2000
#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAg" \
	"JRNarH4TRpNePnAS"

/* The text of a .pub file among the data. */
static char *
data_text_of(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s.pub", name);
	return data_text(path);
}

static int
parse(const char *text, char line[LINE_ROOM], struct err *e)
{
	struct data d = data_copy(span_cstr(text));
	char *got;
	int r = pubfile_parse(data_span(&d), &got, e);

	snprintf(line, LINE_ROOM, "%s", got != NULL ? got : "");
	assert_int_equal(r == 0, got != NULL);
	free(got);
	data_free(&d);
	return r;
}

static void
test_the_one_key_is_found(void **state)
{
	static const char *const t[][2] = {
		{ KEY, KEY }, { KEY "\n", KEY }, { KEY " me\r\n", KEY " me" },
		{ "# mine\n\n" KEY " a b \n\n# end", KEY " a b" },
		{ "  " KEY " a\033[0m\n", KEY " a?[0m" },
	};
	char line[LINE_ROOM];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(parse(t[i][0], line, &e), 0);
		assert_string_equal(line, t[i][1]);
	}
}

static void
test_every_type_of_key_is_taken_and_no_certificate(void **state)
{
	static const char *const keys[] = { "ca", "p384", "p521", "rsa2048",
	    "u_ed25519", "sk_ecdsa", "sk_ed25519" };
	static const char *const certs[] = { "p384-cert", "u_rsa-cert",
	    "u_ed25519-cert", "sk_ecdsa-cert" };
	char line[LINE_ROOM], *text;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		assert_non_null(text = data_text_of(keys[i]));
		assert_int_equal(parse(text, line, &e), 0);
		text[strcspn(text, "\n")] = '\0';
		assert_string_equal(line, text);
		free(text);
	}
	for (size_t i = 0; i < sizeof(certs) / sizeof(certs[0]); i++) {
		assert_non_null(text = data_text_of(certs[i]));
		assert_int_equal(parse(text, line, &e), ERR_FORMAT);
		assert_non_null(strstr(e.msg, "a certificate"));
		free(text);
	}
}

static void
test_anything_else_is_refused(void **state)
{
	static const char *const t[] = { "", "\n", "# mine\n",
	    KEY "\n" KEY "\n", "cert-authority " KEY, "ssh-ed25519",
	    "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNa"
	    "rH4TRpNePnAS", "no-such AAAAB25vLXN1Y2g=",
	    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH "
	    "PRIVATE KEY-----\n" };
	char line[LINE_ROOM];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(parse(t[i], line, &e), ERR_FORMAT);
	assert_non_null(strstr(e.msg, "in NAME.pub"));
	assert_int_equal(pubfile_parse((struct span){
	    (const uint8_t *)KEY "\0", sizeof(KEY) }, &(char *){ NULL }, &e),
	    ERR_FORMAT);
}

static void
parse_cut(struct span cut, void *arg)
{
	struct err e;
	char *line;

	(void)arg;
	assert_int_equal(pubfile_parse(cut, &line, &e), ERR_FORMAT);
	assert_null(line);
}

static void
test_half_a_key_is_none(void **state)
{
	(void)state;
	data_each_cut(span_cstr(KEY), parse_cut, NULL);
}

/* As sshd gives it to a command: it cannot be opened by a name. */
static void
test_standard_input_may_be_a_socket(void **state)
{
	const int before = dup(STDIN_FILENO);
	struct err e;
	char *line;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(write(fds[0], KEY " me\n", sizeof(KEY " me")),
	    sizeof(KEY " me"));
	close(fds[0]);
	assert_int_equal(dup2(fds[1], STDIN_FILENO), STDIN_FILENO);
	close(fds[1]);
	assert_int_equal(pubfile_read("-", &line, &e), 0);
	assert_string_equal(line, KEY " me");
	free(line);
	assert_int_equal(pubfile_read("-", &line, &e), ERR_FORMAT);
	assert_string_equal(e.msg, "\"standard input\": no key");
	assert_int_equal(dup2(before, STDIN_FILENO), STDIN_FILENO);
	close(before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_one_key_is_found),
		cmocka_unit_test(
		    test_every_type_of_key_is_taken_and_no_certificate),
		cmocka_unit_test(test_anything_else_is_refused),
		cmocka_unit_test(test_half_a_key_is_none),
		cmocka_unit_test(test_standard_input_may_be_a_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

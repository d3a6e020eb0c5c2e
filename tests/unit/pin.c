/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pin/askpass.h"
#include "pin/file.h"
#include "pin/pin.h"

static void
make_file(char *path, const char *text, mode_t mode)
{
	int fd = mkstemp(path);

	assert_true(fd != -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
test_a_pin_file_must_be_private(void **state)
{
	static const mode_t bad[] = { 0640, 0604, 0620, 0660, 0777 };
	char path[] = "pin-test-XXXXXX", empty[] = "pin-empty-XXXXXX";
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	make_file(path, "648219\n", 0600);
	assert_int_equal(pin_file_read(path, s, &e), 0);
	assert_int_equal(secret_len(s), 6);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		secret_clear(s);
		assert_int_equal(chmod(path, bad[i]), 0);
		assert_int_equal(pin_file_read(path, s, &e), ERR_DENIED);
		assert_int_equal(secret_len(s), 0);
		assert_non_null(strstr(e.msg, path));
	}
	unlink(path);
	assert_int_equal(pin_file_read(path, s, &e), ERR_SYS);
	assert_int_equal(pin_file_read(".", s, &e), ERR_DENIED);
	make_file(empty, "\n", 0400);
	assert_int_equal(pin_file_read(empty, s, &e), ERR_FORMAT);
	unlink(empty);
	secret_free(s);
}

static void
test_askpass_answers_or_declines(void **state)
{
	char yes[] = "./askpass-yes-XXXXXX", no[] = "./askpass-no-XXXXXX";
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	make_file(yes, "#!/bin/sh\necho \"got $1\"\n", 0700);
	make_file(no, "#!/bin/sh\necho half an answer\nexit 1\n", 0700);
	assert_int_equal(pin_askpass(yes, "prompt", -1, s, &e), 0);
	assert_int_equal(secret_len(s), 10);
	assert_memory_equal(secret_bytes(s), "got prompt", 10);
	assert_int_equal(pin_askpass(no, "prompt", -1, s, &e), ERR_CANCELLED);
	assert_int_equal(secret_len(s), 0);
	/* Under valgrind, what exec fails with is not reported back. */
	if (getenv("UNDER_VALGRIND") == NULL)
		assert_int_equal(pin_askpass("/no/such", "p", -1, s, &e),
		    ERR_SYS);
	unlink(yes);
	unlink(no);
	secret_free(s);
}

static void
test_askpass_is_taken_away_when_cancelled(void **state)
{
	char slow[] = "./askpass-slow-XXXXXX";
	struct secret *s = secret_new();
	int cancel = eventfd(1, 0);
	struct err e;

	(void)state;
	make_file(slow, "#!/bin/sh\nexec sleep 1000\n", 0700);
	assert_int_equal(pin_askpass(slow, "prompt", cancel, s, &e),
	    ERR_CANCELLED);
	unlink(slow);
	close(cancel);
	secret_free(s);
}

static void
test_nobody_to_ask_is_said(void **state)
{
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	unsetenv("SSH_ASKPASS");
	unsetenv("DISPLAY");
	unsetenv("WAYLAND_DISPLAY");
	assert_int_equal(pin_ask("prompt", -1, s, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "ssh-add -s"));
	secret_free(s);
}

static void
test_the_environment_chooses_askpass(void **state)
{
	char yes[] = "./askpass-env-XXXXXX";
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	make_file(yes, "#!/bin/sh\necho 648219\n", 0700);
	setenv("SSH_ASKPASS", yes, 1);
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	assert_int_equal(pin_ask("prompt", -1, s, &e), 0);
	assert_int_equal(secret_len(s), 6);
	unlink(yes);
	secret_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pin_file_must_be_private),
		cmocka_unit_test(test_askpass_answers_or_declines),
		cmocka_unit_test(test_askpass_is_taken_away_when_cancelled),
		cmocka_unit_test(test_nobody_to_ask_is_said),
		cmocka_unit_test(test_the_environment_chooses_askpass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

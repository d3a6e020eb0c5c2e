/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pin/confirm.h"

#define WAIT_MS	10000
#define TEXT	"Allow use of key login?\nlogin as alice"

static const struct pin_asker anyhow = { 0 };
static const struct pin_asker pinentry = { .pinentry = "./pinentry",
    .timeout = 45 };

/* A program in the scratch directory. */
static void
make_program(const char *name, const char *text)
{
	FILE *f;

	unlink(name);
	f = fopen(name, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", text);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(name, 0700), 0);
}

/* One that writes what it hears into a file, and runs this for CONFIRM. */
static void
make_pinentry(const char *confirm)
{
	char program[512];

	snprintf(program, sizeof(program),
	    "echo OK hello\n"
	    "while read -r word rest; do\n"
	    "echo \"$word $rest\" >>heard\n"
	    "case $word in\n"
	    "CONFIRM) %s ;;\n"
	    "BYE) echo OK; exit ;;\n"
	    "*) echo OK ;;\n"
	    "esac\n"
	    "done", confirm);
	unlink("heard");
	make_program("pinentry", program);
}

static void
read_file(const char *name, char *buf, size_t size)
{
	FILE *f = fopen(name, "r");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	fclose(f);
}

/* Was that line, and no longer one, said to the pinentry? */
static bool
heard(const char *line)
{
	char all[8192] = "\n", whole[1200];

	read_file("heard", all + 1, sizeof(all) - 1);
	snprintf(whole, sizeof(whole), "\n%s\n", line);
	return strstr(all, whole) != NULL;
}

static int
ask_askpass(const char *program, struct err *e)
{
	make_program("askpass", program);
	return pin_confirm(&anyhow, TEXT, -1, e);
}

static void
test_askpass_is_told_that_it_is_about_consent(void **state)
{
	char text[256];
	struct err e;

	(void)state;
	setenv("SSH_ASKPASS_PROMPT", "none", 1);
	assert_int_equal(ask_askpass("printf '%s|%s|%s' \"$#\" \"$1\" "
	    "\"$SSH_ASKPASS_PROMPT\" >asked; env | grep -c ^SSH_ASKPASS_PROMPT "
	    ">>asked", &e), 0);
	read_file("asked", text, sizeof(text));
	assert_string_equal(text, "1|" TEXT "|confirm1\n");
	/* In its environment only. */
	assert_string_equal(getenv("SSH_ASKPASS_PROMPT"), "none");
	unsetenv("SSH_ASKPASS_PROMPT");
	assert_int_equal(ask_askpass("test \"$SSH_ASKPASS_PROMPT\" = confirm",
	    &e), 0);
	assert_null(getenv("SSH_ASKPASS_PROMPT"));
}

static void
test_askpass_says_yes_only_by_a_good_end(void **state)
{
	static const struct {
		const char *program;
		int r;
	} v[] = {
		{ "exit 0", 0 },
		{ "echo", 0 },
		{ "echo yes", 0 },
		{ "printf YES", 0 },
		{ "printf 'yes\\r\\n'", 0 },
		{ "exit 1", ERR_CANCELLED },
		{ "exit 255", ERR_CANCELLED },
		{ "echo yes; exit 1", ERR_CANCELLED },
		{ "kill -9 $$", ERR_CANCELLED },
		{ "echo no", ERR_CANCELLED },
		{ "echo y", ERR_CANCELLED },
		{ "echo yes please", ERR_CANCELLED },
		{ "printf 'yes\\0'", ERR_CANCELLED },
		{ "head -c 300 /dev/zero", ERR_CANCELLED },
		{ "head -c 9999 /dev/zero | tr '\\0' y", ERR_CANCELLED },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		assert_int_equal(ask_askpass(v[i].program, &e), v[i].r);
		if (v[i].r != 0)
			assert_non_null(strstr(e.msg, "declined"));
	}
}

/* It may say something before it asks; then a person takes some time. */
static void
test_askpass_is_waited_for_to_its_end(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(ask_askpass("echo; sleep 2.5; exit 3", &e),
	    ERR_CANCELLED);
	assert_int_equal(e.detail, 3);
	/* One that closes its output and stays is not believed. */
	assert_int_equal(ask_askpass("exec >&-; exec sleep 1000", &e),
	    ERR_CANCELLED);
}

static void
test_a_pinentry_shows_the_question_and_two_buttons(void **state)
{
	struct err e;

	(void)state;
	make_pinentry("echo OK");
	assert_int_equal(pin_confirm(&pinentry, TEXT, -1, &e), 0);
	assert_true(heard("SETDESC Allow use of key login?%0Alogin as alice"));
	assert_true(heard("SETOK Allow"));
	assert_true(heard("SETCANCEL Deny"));
	assert_true(heard("SETTIMEOUT 45"));
	assert_true(heard("CONFIRM "));
	assert_true(heard("BYE "));
	assert_false(heard("GETPIN "));
	make_pinentry("echo OK");
	assert_int_equal(pin_confirm(&pinentry, "a <b>\033[2J% \xff", -1, &e),
	    0);
	assert_true(heard("SETDESC a (b)?[2J%25 ?"));
}

static void
test_a_pinentry_says_yes_only_by_ok(void **state)
{
	static const struct {
		const char *says, *means;
		int r;
	} v[] = {
		{ "echo ERR 83886179 Operation cancelled", "declined",
		    ERR_CANCELLED },
		{ "echo S BUTTON_INFO close; echo ERR 83886179", "declined",
		    ERR_CANCELLED },
		{ "echo ERR 83886194 Not confirmed", "declined",
		    ERR_CANCELLED },
		{ "echo ERR 198", "declined", ERR_CANCELLED },
		{ "echo ERR 83886142 Timeout", "nobody answered in time",
		    ERR_CANCELLED },
		{ "echo ERR 83886355 Unknown IPC command",
		    "Unknown IPC command", ERR_DENIED },
		{ "exit 0", "without an answer", ERR_CANCELLED },
		{ "printf OK; exit 0", "without an answer", ERR_CANCELLED },
		{ "echo D yes; echo OK", "nobody asked for", ERR_FORMAT },
		{ "echo OKAY", "not Assuan", ERR_FORMAT },
		{ "echo yes", "not Assuan", ERR_FORMAT },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		make_pinentry(v[i].says);
		assert_int_equal(pin_confirm(&pinentry, TEXT, -1, &e),
		    v[i].r);
		assert_non_null(strstr(e.msg, v[i].means));
	}
	/* Nor when it could not show the question. */
	make_program("pinentry", "echo OK; while read -r w r; do case $w in "
	    "SETDESC) echo ERR 1 no ;; *) echo OK ;; esac; done");
	assert_int_equal(pin_confirm(&pinentry, TEXT, -1, &e), ERR_DENIED);
}

static void
test_a_question_that_cannot_be_shown_whole_is_not_put(void **state)
{
	char text[PIN_CONFIRM_MAX + 1];
	struct err e;

	(void)state;
	make_program("askpass", "exit 0");
	make_pinentry("echo OK");
	memset(text, 'x', sizeof(text));
	text[PIN_CONFIRM_MAX - 1] = '\0';
	assert_int_equal(pin_confirm(&anyhow, text, -1, &e), 0);
	assert_int_equal(pin_confirm(&pinentry, text, -1, &e), 0);
	text[PIN_CONFIRM_MAX - 1] = 'x';
	text[PIN_CONFIRM_MAX] = '\0';
	assert_int_equal(pin_confirm(&anyhow, text, -1, &e), ERR_LIMIT);
	assert_int_equal(pin_confirm(&pinentry, text, -1, &e), ERR_LIMIT);
	/* Three bytes each, for it. */
	memset(text, '%', 400);
	text[400] = '\0';
	unlink("heard");
	assert_int_equal(pin_confirm(&pinentry, text, -1, &e), ERR_LIMIT);
	assert_false(heard("CONFIRM "));
}

static bool
is_gone(const char *pid_file)
{
	char pid[32];

	read_file(pid_file, pid, sizeof(pid));
	return kill((pid_t)strtol(pid, NULL, 10), 0) == -1 && errno == ESRCH;
}

/* Each cancels itself, through a FIFO, once it is to ask. */
static void
test_a_question_is_taken_away_when_cancelled(void **state)
{
	struct err e;
	int cancel;

	(void)state;
	unlink("fifo");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	cancel = open("fifo", O_RDWR | O_CLOEXEC);
	assert_true(cancel != -1);
	make_program("askpass", "echo $$ >pid; echo yes; echo >fifo; "
	    "exec sleep 1000");
	assert_int_equal(pin_confirm(&anyhow, TEXT, cancel, &e),
	    ERR_CANCELLED);
	assert_true(is_gone("pid"));
	close(cancel);
	cancel = open("fifo", O_RDWR | O_CLOEXEC);
	make_pinentry("echo $$ >pid; echo >fifo; exec sleep 1000");
	assert_int_equal(pin_confirm(&pinentry, TEXT, cancel, &e),
	    ERR_CANCELLED);
	assert_true(is_gone("pid"));
	close(cancel);
	unlink("fifo");
}

static void
test_nobody_to_ask_is_said(void **state)
{
	struct err e;

	(void)state;
	setenv("SSH_ASKPASS_REQUIRE", "never", 1);
	assert_int_equal(pin_confirm(&anyhow, TEXT, -1, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "set SSH_ASKPASS"));
	setenv("SSH_ASKPASS_REQUIRE", "prefer", 1);
}

static void
test_only_our_lines_are_lines(void **state)
{
	char text[PIN_CONFIRM_MAX] = "", many[2000];
	size_t n;

	(void)state;
	pin_confirm_add(text, "Allow use of key %s?", "a\nb\r\033[2J\xff");
	pin_confirm_add(text, "%s", "");
	pin_confirm_add(text, "login as %s", "\342\202\254\342\200\256x");
	assert_string_equal(text, "Allow use of key a?b??[2J??\n\n"
	    "login as \342\202\254?x");

	/* What is too long shows that it is. */
	memset(many, 'm', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	text[0] = '\0';
	pin_confirm_add(text, "%.*s", PIN_CONFIRM_LINE - 4, many);
	assert_int_equal(strlen(text), PIN_CONFIRM_LINE - 4);
	assert_null(strchr(text, '.'));
	text[0] = '\0';
	pin_confirm_add(text, "%s", many);
	n = strlen(text);
	assert_int_equal(n, PIN_CONFIRM_LINE - 1);
	assert_string_equal(text + n - 4, "m...");
	for (int i = 0; i < 4; i++)
		pin_confirm_add(text, "%s", many);
	n = strlen(text);
	assert_int_equal(n, PIN_CONFIRM_MAX - 1);
	assert_string_equal(text + n - 4, "m...");
}

/* What the terminal shows, up to this; or all there is once it is over. */
static bool
await_text(int tty, const char *end, char *seen, size_t size)
{
	struct pollfd p = { .fd = tty, .events = POLLIN };
	size_t n = 0;
	ssize_t got;

	seen[0] = '\0';
	while (strstr(seen, end) == NULL && n < size - 1 &&
	    poll(&p, 1, WAIT_MS) == 1) {
		if ((got = read(tty, seen + n, size - 1 - n)) <= 0)
			break;
		n += (size_t)got;
		seen[n] = '\0';
	}
	return strstr(seen, end) != NULL;
}

/* Asked on a terminal where `before` was typed too soon, then `typed`. */
static int
ask_terminal(const char *before, const char *typed, char *seen, size_t size)
{
	int go[2], status, tty;
	struct err e;
	char c;
	pid_t pid;

	assert_int_equal(pipe(go), 0);
	assert_true((pid = forkpty(&tty, NULL, NULL, NULL)) != -1);
	if (pid == 0) {
		unsetenv("SSH_ASKPASS_REQUIRE");
		if (read(go[0], &c, 1) != 1)
			_exit(99);
		_exit(pin_confirm(&anyhow, TEXT, -1, &e));
	}
	assert_int_equal(write(tty, before, strlen(before)), strlen(before));
	assert_int_equal(write(go[1], "", 1), 1);
	assert_true(await_text(tty, "allow it: ", seen, size));
	assert_int_equal(write(tty, typed, strlen(typed)), strlen(typed));
	(void)await_text(tty, "never said", seen + strlen(seen),
	    size - strlen(seen));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(tty);
	close(go[0]);
	close(go[1]);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_yes_is_typed_at_the_terminal(void **state)
{
	char seen[1024];

	(void)state;
	assert_int_equal(ask_terminal("", "yes\n", seen, sizeof(seen)), 0);
	assert_non_null(strstr(seen, "Allow use of key login?\r\n"
	    "login as alice\r\nType \"yes\" to allow it: yes\r\n"));
	assert_int_equal(ask_terminal("", "\n", seen, sizeof(seen)),
	    ERR_CANCELLED);
	assert_int_equal(ask_terminal("", "y\n", seen, sizeof(seen)),
	    ERR_CANCELLED);
	assert_int_equal(ask_terminal("", "\004", seen, sizeof(seen)),
	    ERR_CANCELLED);
	/* Typed before the question was there, it is no answer. */
	assert_int_equal(ask_terminal("yes\nyes\n", "no\n", seen,
	    sizeof(seen)), ERR_CANCELLED);
}

static char scratch[] = "/tmp/confirm-XXXXXX";

/* Nor may the terminal of who runs this answer. */
static int
set_up(void **state)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	(void)state;
	if (tty != -1) {
		ioctl(tty, TIOCNOTTY);
		close(tty);
	}
	setenv("SSH_ASKPASS", "./askpass", 1);
	setenv("SSH_ASKPASS_REQUIRE", "prefer", 1);
	return mkdtemp(scratch) == NULL || chdir(scratch) == -1;
}

static int
tear_down(void **state)
{
	static const char *const files[] = { "askpass", "asked", "heard",
	    "pid", "pinentry" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(files[i]);
	return chdir("/") == -1 || rmdir(scratch) == -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_askpass_is_told_that_it_is_about_consent),
		cmocka_unit_test(test_askpass_says_yes_only_by_a_good_end),
		cmocka_unit_test(test_askpass_is_waited_for_to_its_end),
		cmocka_unit_test(
		    test_a_pinentry_shows_the_question_and_two_buttons),
		cmocka_unit_test(test_a_pinentry_says_yes_only_by_ok),
		cmocka_unit_test(
		    test_a_question_that_cannot_be_shown_whole_is_not_put),
		cmocka_unit_test(
		    test_a_question_is_taken_away_when_cancelled),
		cmocka_unit_test(test_nobody_to_ask_is_said),
		cmocka_unit_test(test_only_our_lines_are_lines),
		cmocka_unit_test(test_yes_is_typed_at_the_terminal),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

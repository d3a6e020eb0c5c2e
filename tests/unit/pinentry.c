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
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pin/pinentry.h"

/*
 * Against pinentries made of shell, which speak well up to a point.  They
 * write each line that they get into the file "heard".
 */
static const struct pin_prompt prompt = {
	.label = "office", .serial = "DENK1", .tries = 3,
};

static void
write_fake(const char *program, mode_t mode)
{
	FILE *f = fopen("fake", "w");

	assert_non_null(f);
	fputs(program, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod("fake", mode), 0);
}

/* One that runs this shell text when it is to get the PIN. */
static void
fake(const char *getpin)
{
	char program[1024];

	snprintf(program, sizeof(program),
	    "#!/bin/sh\n"
	    "echo OK hello\n"
	    "while read -r word rest; do\n"
	    "echo \"$word $rest\" >>heard\n"
	    "case $word in\n"
	    "GETPIN) %s\n"
	    ";;\n"
	    "BYE) echo OK; exit ;;\n"
	    "OPTION) echo ERR 83886254 Unknown option ;;\n"
	    "*) echo OK ;;\n"
	    "esac\n"
	    "done\n", getpin);
	unlink("heard");
	write_fake(program, 0700);
}

static int
ask_with(const struct pin_prompt *p, unsigned int timeout, int cancel_fd,
    struct secret *s, struct err *e)
{
	e->msg[0] = '\0';
	secret_clear(s);
	return pin_pinentry("./fake", timeout, p, cancel_fd, s, e);
}

static int
ask(struct secret *s, struct err *e)
{
	return ask_with(&prompt, 0, -1, s, e);
}

static void
assert_secret(const struct secret *s, const char *text)
{
	assert_int_equal(secret_len(s), strlen(text));
	assert_memory_equal(secret_bytes(s), text, strlen(text));
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

/* Was that line, and no longer one, said to it? */
static bool
heard(const char *line)
{
	char all[4096] = "\n", whole[1200];

	read_file("heard", all + 1, sizeof(all) - 1);
	snprintf(whole, sizeof(whole), "\n%s\n", line);
	return strstr(all, whole) != NULL;
}

static void
test_what_is_typed_is_the_pin(void **state)
{
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	fake("echo D 648219; echo OK");
	assert_int_equal(ask(s, &e), 0);
	assert_secret(s, "648219");
	assert_true(heard("BYE "));
	fake("echo '# a remark'; echo S KEY v; echo D 6%34; echo D 82%25;"
	    "echo OK done");
	assert_int_equal(ask(s, &e), 0);
	assert_secret(s, "6482%");
	fake("echo OK");
	assert_int_equal(ask(s, &e), 0);
	assert_secret(s, "");
	secret_free(s);
}

static void
test_it_is_told_all_there_is_to_say(void **state)
{
	const struct pin_prompt all = { "100% office", "DENK1",
	    "ssh wants to log in with key \"login\"",
	    "wrong PIN, 1 try left", 1, NULL };
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	setenv("GPG_TTY", "/dev/pts/99", 1);
	setenv("TERM", "vt220", 1);
	setenv("LC_ALL", "", 1);
	setenv("LC_CTYPE", "de_DE.UTF-8", 1);
	setenv("DISPLAY", ":9\nBYE", 1);
	fake("echo D 1; echo OK");
	assert_int_equal(ask_with(&all, 45, -1, s, &e), 0);
	assert_true(heard("OPTION ttyname=/dev/pts/99"));
	assert_true(heard("OPTION ttytype=vt220"));
	assert_true(heard("OPTION lc-ctype=de_DE.UTF-8"));
	assert_false(heard("OPTION display=:9"));
	assert_true(heard("SETDESC PIN for token 100%25 office (DENK1)%0A"
	    "1 try left%0A%0Assh wants to log in with key \"login\""));
	assert_true(heard("SETPROMPT PIN:"));
	assert_true(heard("SETERROR wrong PIN, 1 try left"));
	assert_true(heard("SETTIMEOUT 45"));
	assert_true(heard("SETTITLE pinentry"));	/* this test */
	assert_int_equal(ask(s, &e), 0);
	unsetenv("GPG_TTY");
	unsetenv("TERM");
	unsetenv("LC_ALL");
	unsetenv("LC_CTYPE");
	unsetenv("DISPLAY");
	fake("echo D 1; echo OK");
	assert_int_equal(ask(s, &e), 0);
	assert_true(heard("SETDESC PIN for token office (DENK1)%0A"
	    "3 tries left"));
	assert_false(heard("SETTIMEOUT 0"));
	secret_free(s);
}

static void
test_a_label_can_say_nothing_of_its_own(void **state)
{
	char percents[400];
	const struct pin_prompt bad = { "a\nSETDESC b\r\033[2J<b>\377",
	    "1\n2", "r\ns", "e\nGETPIN", -1, NULL };
	const struct pin_prompt longer = { percents, percents, percents,
	    percents, 3, NULL };
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	fake("echo D 1; echo OK");
	assert_int_equal(ask_with(&bad, 0, -1, s, &e), 0);
	assert_true(heard("SETDESC PIN for token a?SETDESC b??[2J(b)? (1?2)"
	    "%0A%0Ar?s"));
	assert_true(heard("SETERROR e?GETPIN"));
	memset(percents, '%', sizeof(percents) - 1);
	percents[sizeof(percents) - 1] = '\0';
	fake("echo D 1; echo OK");
	assert_int_equal(ask_with(&longer, 0, -1, s, &e), 0);
	assert_secret(s, "1");
	secret_free(s);
}

static void
test_a_person_may_decline(void **state)
{
	static const struct {
		const char *says, *means;
		int r, detail;
	} v[] = {
		{ "ERR 83886179 Operation cancelled <Pinentry>", "cancelled",
		    ERR_CANCELLED, 0 },
		{ "ERR 99", "cancelled", ERR_CANCELLED, 0 },
		{ "ERR 83886278 Fully cancelled", "cancelled",
		    ERR_CANCELLED, 0 },
		{ "ERR 83886142 Timeout <Pinentry>", "in time",
		    ERR_CANCELLED, ETIMEDOUT },
		{ "ERR 83918950 Inappropriate ioctl <Pinentry>",
		    "Inappropriate ioctl <Pinentry> (83918950)", ERR_DENIED,
		    83918950 & 0xffff },
	};
	struct secret *s = secret_new();
	char getpin[256];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		/* Whatever was typed before that is no PIN. */
		snprintf(getpin, sizeof(getpin), "echo D 12; echo '%s'",
		    v[i].says);
		fake(getpin);
		assert_int_equal(ask(s, &e), v[i].r);
		assert_int_equal(e.detail, v[i].detail);
		assert_non_null(strstr(e.msg, v[i].means));
		assert_secret(s, "");
	}
	secret_free(s);
}

static void
test_bad_talk_is_an_error_and_gives_no_pin(void **state)
{
	static const struct {
		const char *getpin;
		int r;
	} v[] = {
		{ "echo D 12; exit", ERR_CANCELLED },
		{ "exit 1", ERR_CANCELLED },
		{ "kill -9 $$", ERR_CANCELLED },
		{ "printf 'D 12\\nO'; exit", ERR_CANCELLED },
		{ "printf 'D 12\\nOK'; exit", ERR_CANCELLED },
		{ "exec >&-; exec <&-; kill -9 $$", ERR_CANCELLED },
		{ "echo D 12; echo nonsense", ERR_FORMAT },
		{ "echo D 12%3; echo OK", ERR_FORMAT },
		{ "echo D 12; echo ERR", ERR_FORMAT },
		{ "printf '\\0\\0\\n'", ERR_FORMAT },
		{ "yes D 12345678 2>&-", ERR_LIMIT },
		{ "yes S x 2>&-", ERR_LIMIT },
		{ "yes '#' 2>&-", ERR_LIMIT },
		{ "exec 2>&-; yes D | tr '\\n' ' '", ERR_LIMIT },
		{ "exec cat /dev/zero", ERR_LIMIT },
	};
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		fake(v[i].getpin);
		assert_int_equal(ask(s, &e), v[i].r);
		assert_memory_equal(e.msg, "./fake: ", 8);
		assert_secret(s, "");
	}
	secret_free(s);
}

static void
test_it_must_greet_and_show_which_token_it_is(void **state)
{
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	write_fake("#!/bin/sh\necho hello\n", 0700);
	assert_int_equal(ask(s, &e), ERR_FORMAT);
	write_fake("#!/bin/sh\necho D 12\necho OK\n", 0700);
	assert_int_equal(ask(s, &e), ERR_FORMAT);
	write_fake("#!/bin/sh\necho ERR 62\n", 0700);
	assert_int_equal(ask(s, &e), ERR_CANCELLED);
	write_fake("#!/bin/sh\n", 0700);
	assert_int_equal(ask(s, &e), ERR_CANCELLED);
	write_fake("#!/bin/sh\necho OK\nwhile read -r word rest; do\n"
	    "case $word in SETDESC) echo ERR 1 no ;;\n"
	    "GETPIN) echo D 12; echo OK ;; *) echo OK ;; esac; done\n",
	    0700);
	assert_int_equal(ask(s, &e), ERR_DENIED);
	assert_secret(s, "");
	/* Under valgrind, what exec fails with is not reported back. */
	if (getenv("UNDER_VALGRIND") == NULL) {
		write_fake("#!/bin/sh\n", 0600);
		assert_int_equal(ask(s, &e), ERR_SYS);
		assert_non_null(strstr(e.msg, "./fake"));
	}
	secret_free(s);
}

static void
test_its_questions_are_refused(void **state)
{
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	fake("echo INQUIRE QUALITY 12; read -r word; "
	    "echo \"answer $word\" >>heard; echo D 34; echo OK");
	assert_int_equal(ask(s, &e), 0);
	assert_secret(s, "34");
	assert_true(heard("answer CAN"));
	secret_free(s);
}

static bool
is_gone(const char *pid_file)
{
	char pid[32];

	read_file(pid_file, pid, sizeof(pid));
	return kill((pid_t)strtol(pid, NULL, 10), 0) == -1 && errno == ESRCH;
}

/* It cancels itself, through a FIFO, once it is to get the PIN. */
static void
test_it_is_taken_away_when_cancelled(void **state)
{
	static const char *const how[] = {
		"echo $$ >pid; echo D 12; echo >fifo; exec sleep 1000",
		/* One that does not want to. */
		"echo $$ >pid; trap '' TERM; echo >fifo; "
		"while :; do read -r x; done",
	};
	struct secret *s = secret_new();
	struct err e;
	int cancel;

	(void)state;
	for (size_t i = 0; i < sizeof(how) / sizeof(*how); i++) {
		assert_int_equal(mkfifo("fifo", 0600), 0);
		cancel = open("fifo", O_RDWR | O_CLOEXEC);
		assert_true(cancel != -1);
		fake(how[i]);
		assert_int_equal(ask_with(&prompt, 0, cancel, s, &e),
		    ERR_CANCELLED);
		assert_secret(s, "");
		assert_true(is_gone("pid"));
		close(cancel);
		unlink("fifo");
	}
	cancel = eventfd(1, EFD_CLOEXEC);
	write_fake("#!/bin/sh\nexec sleep 1000\n", 0700);
	assert_int_equal(ask_with(&prompt, 0, cancel, s, &e), ERR_CANCELLED);
	close(cancel);
	secret_free(s);
}

static void
test_one_that_does_not_end_is_ended(void **state)
{
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	fake("echo $$ >pid; echo D 12; echo OK; exec sleep 1000");
	assert_int_equal(ask(s, &e), 0);
	assert_secret(s, "12");
	assert_true(is_gone("pid"));
	secret_free(s);
}

static void
test_it_gets_no_descriptor_of_ours(void **state)
{
	struct secret *s = secret_new();
	int open_one = dup2(STDERR_FILENO, 57);
	char fds[1024];
	struct err e;

	(void)state;
	assert_int_equal(open_one, 57);
	fake("ls /proc/$$/fd >fds; echo D 12; echo OK");
	assert_int_equal(ask(s, &e), 0);
	read_file("fds", fds, sizeof(fds));
	assert_memory_equal(fds, "0\n1\n", 4);
	assert_null(strstr(fds, "57"));
	close(open_one);
	secret_free(s);
}

static char scratch[] = "/tmp/pinentry-XXXXXX";

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(scratch) == NULL || chdir(scratch) == -1;
}

static int
tear_down(void **state)
{
	static const char *const files[] = { "fake", "heard", "pid", "fds" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(files[i]);
	return chdir("/") == -1 || rmdir(scratch) == -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_typed_is_the_pin),
		cmocka_unit_test(test_it_is_told_all_there_is_to_say),
		cmocka_unit_test(test_a_label_can_say_nothing_of_its_own),
		cmocka_unit_test(test_a_person_may_decline),
		cmocka_unit_test(test_bad_talk_is_an_error_and_gives_no_pin),
		cmocka_unit_test(
		    test_it_must_greet_and_show_which_token_it_is),
		cmocka_unit_test(test_its_questions_are_refused),
		cmocka_unit_test(test_it_is_taken_away_when_cancelled),
		cmocka_unit_test(test_one_that_does_not_end_is_ended),
		cmocka_unit_test(test_it_gets_no_descriptor_of_ours),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

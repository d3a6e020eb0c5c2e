/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pin/askpass.h"
#include "pin/pin.h"
#include "pin/text.h"
#include "pin/way.h"

static const struct pin_asker anyhow = { 0 };
static const struct pin_prompt prompt = {
	.label = "office", .serial = "DENK1", .tries = 3,
};

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

static void
assert_cleaned(const char *text, const char *want)
{
	char out[64];

	pin_text_clean(out, sizeof(out), text);
	assert_string_equal(out, want);
}

static void
test_a_text_of_a_token_is_shown_harmless(void **state)
{
	(void)state;
	assert_cleaned(NULL, "");
	assert_cleaned("plain ~ text", "plain ~ text");
	assert_cleaned("\303\234n\303\257 \342\202\254 \360\237\224\221",
	    "\303\234n\303\257 \342\202\254 \360\237\224\221");
	assert_cleaned("a\nb\r\tc\033[2J\177", "a?b??c?[2J?");
	assert_cleaned("\302\205\302\233m", "??m");		/* C1 */
	assert_cleaned("\342\200\256txt\342\201\246", "?txt?");	/* bidi */
	assert_cleaned("\342\200\213\357\273\277", "??");	/* unseen */
	assert_cleaned("\300\257 \340\200\257 \355\240\200", "?? ??? ???");
	assert_cleaned("\364\220\200\200 \377 \200", "???? ? ?");
	assert_cleaned("\342\202", "??");
	assert_cleaned("\360\237\224", "???");
}

static void
test_a_long_text_is_cut_between_characters(void **state)
{
	static const char text[] = "aaa\342\202\254";
	char out[sizeof(text)];

	(void)state;
	for (size_t size = 1; size <= sizeof(text); size++) {
		memset(out, 'x', sizeof(out));
		pin_text_clean(out, size, text);
		assert_int_equal(strlen(out), size < 4 ? size - 1 :
		    size < sizeof(text) ? 3 : 6);
	}
}

static void
assert_line(struct pin_prompt p, const char *want)
{
	char out[PIN_TEXT_ALL];

	pin_text_line(out, sizeof(out), &p);
	assert_string_equal(out, want);
}

static void
test_a_prompt_is_one_line(void **state)
{
	char many[1000];

	(void)state;
	assert_line(prompt, "PIN for token office (DENK1), 3 tries left: ");
	assert_line((struct pin_prompt){ "office", "DENK1", NULL, NULL, 1,
	    NULL },
	    "PIN for token office (DENK1), 1 try left: ");
	assert_line((struct pin_prompt){ "", "DENK1", NULL, NULL, -1, NULL },
	    "PIN for token DENK1: ");
	assert_line((struct pin_prompt){ "", "DENK1", NULL, NULL,
	    PIN_TRIES_FEW, NULL },
	    "PIN for token DENK1, few tries left: ");
	assert_line((struct pin_prompt){ "", "", "of a.pbe", NULL, -1,
	    "password" }, "of a.pbe; password: ");
	assert_line((struct pin_prompt){ "a\nb", "1", "ssh wants to sign",
	    "wrong PIN", 2, NULL },
	    "wrong PIN; ssh wants to sign; PIN for token a?b (1), "
	    "2 tries left: ");
	/* The question is not lost, whatever comes before it. */
	memset(many, 'm', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	pin_text_line(many + 400, PIN_TEXT_ALL, &(struct pin_prompt){ many,
	    many, many, many, 2, NULL });
	assert_string_equal(many + strlen(many) - 17, "), 2 tries left: ");
}

static void
test_askpass_answers_or_declines(void **state)
{
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	make_program("yes", "echo \"got $1\"");
	make_program("no", "echo half an answer; exit 1");
	assert_int_equal(pin_askpass("./yes", "prompt", -1, s, &e), 0);
	assert_int_equal(secret_len(s), 10);
	assert_memory_equal(secret_bytes(s), "got prompt", 10);
	assert_int_equal(pin_askpass("./no", "prompt", -1, s, &e),
	    ERR_CANCELLED);
	assert_int_equal(secret_len(s), 0);
	/* Under valgrind, what exec fails with is not reported back. */
	if (getenv("UNDER_VALGRIND") == NULL)
		assert_int_equal(pin_askpass("/no/such", "p", -1, s, &e),
		    ERR_SYS);
	secret_free(s);
}

static void
test_askpass_is_taken_away_when_cancelled(void **state)
{
	struct secret *s = secret_new();
	int cancel = eventfd(1, EFD_CLOEXEC);
	struct err e;

	(void)state;
	make_program("slow", "exec sleep 1000");
	assert_int_equal(pin_askpass("./slow", "prompt", cancel, s, &e),
	    ERR_CANCELLED);
	make_program("slow", "trap '' TERM; while :; do sleep 0.1; done");
	assert_int_equal(pin_askpass("./slow", "prompt", cancel, s, &e),
	    ERR_CANCELLED);
	close(cancel);
	secret_free(s);
}

static void
test_askpass_must_end_to_be_believed(void **state)
{
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	make_program("slow", "echo 648219; exec sleep 1000");
	assert_int_equal(pin_askpass("./slow", "prompt", -1, s, &e),
	    ERR_CANCELLED);
	assert_int_equal(secret_len(s), 0);
	secret_free(s);
}

/*
 * Who is asked, without a terminal.  In the scratch directory are askpass,
 * and in it/bin a pinentry; in other/bin is one that knows terminals only.
 * PATH has it/bin always, but as a relative name, which does not count.
 */
enum { IT = 1, CURSES = 2, X = 4, TTY = 8, ASK = 16 };

static const struct {
	int			 has;
	const char		*require, *pinentry;
	enum pin_way_kind	 kind;
	const char		*program;	/* its end */
} choices[] = {
	{ 0, NULL, NULL, PIN_WAY_NONE, "" },
	{ IT, NULL, NULL, PIN_WAY_NONE, "" },
	{ X, NULL, NULL, PIN_WAY_NONE, "" },
	{ IT | X, NULL, NULL, PIN_WAY_PINENTRY, "/bin/pinentry" },
	{ IT | TTY, NULL, NULL, PIN_WAY_PINENTRY, "/bin/pinentry" },
	{ IT | X, "prefer", NULL, PIN_WAY_PINENTRY, "/bin/pinentry" },
	{ IT | X, "never", NULL, PIN_WAY_NONE, "" },
	{ IT | X, "force", NULL, PIN_WAY_NONE, "" },
	{ IT | X, NULL, "none", PIN_WAY_NONE, "" },
	{ CURSES | X, NULL, NULL, PIN_WAY_NONE, "" },
	{ CURSES | TTY, NULL, NULL, PIN_WAY_PINENTRY, "/bin/pinentry" },
	{ ASK, NULL, NULL, PIN_WAY_ASKPASS, "./askpass" },
	{ ASK | IT | X, NULL, NULL, PIN_WAY_ASKPASS, "./askpass" },
	{ ASK | IT | X, "force", NULL, PIN_WAY_ASKPASS, "./askpass" },
	{ ASK, "never", NULL, PIN_WAY_NONE, "" },
	{ ASK, NULL, "none", PIN_WAY_ASKPASS, "./askpass" },
	{ ASK, NULL, "./askpass", PIN_WAY_PINENTRY, "./askpass" },
	{ ASK, "never", "./askpass", PIN_WAY_PINENTRY, "./askpass" },
	{ ASK | IT, NULL, "pinentry", PIN_WAY_PINENTRY, "it/bin/pinentry" },
	{ ASK | IT, "prefer", "pinentry", PIN_WAY_PINENTRY,
	    "it/bin/pinentry" },
	{ ASK | IT, "force", "pinentry", PIN_WAY_ASKPASS, "./askpass" },
	{ ASK, NULL, "./gone", PIN_WAY_PINENTRY, "./gone" },
	{ ASK, NULL, "pinentry", PIN_WAY_PINENTRY, "pinentry" },
};

static void
set(const char *name, const char *value)
{
	if (value != NULL)
		assert_int_equal(setenv(name, value, 1), 0);
	else
		assert_int_equal(unsetenv(name), 0);
}

static void
set_choice(int has, const char *require)
{
	char here[200], path[512];

	assert_non_null(getcwd(here, sizeof(here)));
	snprintf(path, sizeof(path), "%s/%s/bin:it/bin:", here,
	    (has & IT) != 0 ? "it" : (has & CURSES) != 0 ? "other" : "no");
	set("PATH", path);
	set("SSH_ASKPASS_REQUIRE", require);
	set("SSH_ASKPASS", (has & ASK) != 0 ? "./askpass" : NULL);
	set("DISPLAY", (has & X) != 0 ? ":9" : NULL);
	set("GPG_TTY", (has & TTY) != 0 ? "/dev/null" : NULL);
	set("WAYLAND_DISPLAY", NULL);
}

static void
test_the_environment_says_whom_to_ask(void **state)
{
	const bool askpass = access("/usr/bin/ssh-askpass", X_OK) == 0;
	struct pin_asker how = { 0 };
	struct pin_way w;
	size_t len, end;

	(void)state;
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		if (askpass && (choices[i].has & X) != 0 &&
		    choices[i].kind == PIN_WAY_NONE)
			continue;	/* there is a last resort here */
		set_choice(choices[i].has, choices[i].require);
		how.pinentry = choices[i].pinentry;
		pin_way_choose(&how, &w);
		assert_int_equal(w.kind, choices[i].kind);
		if (w.kind == PIN_WAY_NONE) {
			assert_false(pin_can_ask(&how));
			continue;
		}
		len = strlen(w.program);
		end = strlen(choices[i].program);
		assert_true(len >= end);
		assert_string_equal(w.program + len - end,
		    choices[i].program);
		assert_int_equal(pin_can_ask(&how),
		    access(w.program, X_OK) == 0);
	}
}

static void
test_who_is_chosen_is_asked(void **state)
{
	const struct pin_asker pinentry = { .pinentry = "./pinentry" };
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	set_choice(ASK, NULL);
	set("PATH", "/usr/bin:/bin");
	make_program("askpass", "echo \"$1\"");
	make_program("pinentry", "echo OK; while read -r x; do case $x in "
	    "GETPIN) echo D 12; esac; echo OK; done");
	assert_int_equal(pin_ask(&anyhow, &prompt, -1, s, &e), 0);
	assert_int_equal(secret_len(s), 44);
	assert_memory_equal(secret_bytes(s),
	    "PIN for token office (DENK1), 3 tries left: ", 44);
	assert_int_equal(pin_ask(&pinentry, &prompt, -1, s, &e), 0);
	assert_int_equal(secret_len(s), 2);
	secret_free(s);
}

static void
test_an_empty_answer_is_none(void **state)
{
	const struct pin_asker pinentry = { .pinentry = "./pinentry" };
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	set_choice(ASK, NULL);
	set("PATH", "/usr/bin:/bin");
	make_program("askpass", "echo");
	make_program("pinentry", "echo OK; while read -r x; do echo OK; "
	    "done");
	assert_int_equal(pin_ask(&anyhow, &prompt, -1, s, &e),
	    ERR_CANCELLED);
	assert_int_equal(pin_ask(&pinentry, &prompt, -1, s, &e),
	    ERR_CANCELLED);
	secret_free(s);
}

static void
test_nobody_to_ask_is_said(void **state)
{
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	set_choice(0, NULL);
	assert_int_equal(pin_ask(&anyhow, &prompt, -1, s, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "\"ssh-add -s DENK1\""));
	set_choice(0, "force");
	assert_int_equal(pin_ask(&anyhow, &prompt, -1, s, &e), ERR_DENIED);
	secret_free(s);
}

static char scratch[] = "/tmp/pin-XXXXXX";

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
	if (mkdtemp(scratch) == NULL || chdir(scratch) == -1)
		return 1;
	make_program("askpass", "");
	return mkdir("it", 0700) == -1 || mkdir("other", 0700) == -1 ||
	    mkdir("it/bin", 0700) == -1 || mkdir("other/bin", 0700) == -1 ||
	    symlink("../../askpass", "it/bin/pinentry") == -1 ||
	    symlink("pinentry-curses", "other/bin/pinentry") == -1 ||
	    link("askpass", "other/bin/pinentry-curses") == -1;
}

static int
tear_down(void **state)
{
	static const char *const files[] = { "yes", "no", "slow", "askpass",
	    "pinentry", "it/bin/pinentry", "other/bin/pinentry",
	    "other/bin/pinentry-curses" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(files[i]);
	rmdir("it/bin");
	rmdir("other/bin");
	rmdir("it");
	rmdir("other");
	return chdir("/") == -1 || rmdir(scratch) == -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_text_of_a_token_is_shown_harmless),
		cmocka_unit_test(test_a_long_text_is_cut_between_characters),
		cmocka_unit_test(test_a_prompt_is_one_line),
		cmocka_unit_test(test_askpass_answers_or_declines),
		cmocka_unit_test(test_askpass_is_taken_away_when_cancelled),
		cmocka_unit_test(test_askpass_must_end_to_be_believed),
		cmocka_unit_test(test_the_environment_says_whom_to_ask),
		cmocka_unit_test(test_who_is_chosen_is_asked),
		cmocka_unit_test(test_an_empty_answer_is_none),
		cmocka_unit_test(test_nobody_to_ask_is_said),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pin/command.h"
#include "pin/source.h"

/* In the scratch directory. */
static void
make_file(const char *name, const char *text, mode_t mode)
{
	int fd;

	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd != -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int
read_source(enum pin_source_kind kind, const char *value, int cancel_fd,
    struct secret *out, struct err *e)
{
	const struct pin_source s = { kind, strdup(value) };
	int r;

	secret_clear(out);
	r = pin_source_read(&s, cancel_fd, out, e);
	free(s.value);
	return r;
}

static int
changed(enum pin_source_kind kind, const char *value, struct timespec *when)
{
	const struct pin_source s = { kind, strdup(value) };
	struct err e;
	int r;

	r = pin_source_changed(&s, when, &e);
	free(s.value);
	return r;
}

static void
assert_pin(const struct secret *s)
{
	assert_int_equal(secret_len(s), 6);
	assert_memory_equal(secret_bytes(s), "648219", 6);
}

static void
test_a_pin_file_must_be_private(void **state)
{
	static const mode_t bad[] = { 0640, 0604, 0620, 0660, 0440, 0777 };
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	make_file("file", "648219\nnot this", 0600);
	assert_int_equal(read_source(PIN_SOURCE_FILE, "file", -1, s, &e), 0);
	assert_pin(s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(chmod("file", bad[i]), 0);
		assert_int_equal(read_source(PIN_SOURCE_FILE, "file", -1, s,
		    &e), ERR_DENIED);
		assert_int_equal(secret_len(s), 0);
		assert_memory_equal(e.msg, "PIN file file: others ", 22);
	}
	assert_int_equal(read_source(PIN_SOURCE_FILE, "none", -1, s, &e),
	    ERR_SYS);
	assert_int_equal(e.detail, ENOENT);
	assert_int_equal(read_source(PIN_SOURCE_FILE, ".", -1, s, &e),
	    ERR_DENIED);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(read_source(PIN_SOURCE_FILE, "fifo", -1, s, &e),
	    ERR_DENIED);
	make_file("file", "\n648219\n", 0400);
	assert_int_equal(read_source(PIN_SOURCE_FILE, "file", -1, s, &e),
	    ERR_FORMAT);
	secret_free(s);
}

static void
test_a_credential_is_one_of_systemd(void **state)
{
	static const char *const names[] = { "", ".", "..", "../file",
	    "a/b", "/etc/passwd" };
	struct secret *s = secret_new();
	char dir[64];
	struct err e;

	(void)state;
	assert_int_equal(mkdir("dir", 0700), 0);
	make_file("dir/pin", "648219", 0400);
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(read_source(PIN_SOURCE_CREDENTIAL, "pin", -1, s,
	    &e), ERR_NOTFOUND);
	setenv("CREDENTIALS_DIRECTORY", "dir", 1);
	assert_int_equal(read_source(PIN_SOURCE_CREDENTIAL, "pin", -1, s,
	    &e), ERR_NOTFOUND);
	assert_non_null(getcwd(dir, sizeof(dir) - 4));
	memcpy(dir + strlen(dir), "/dir", 5);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	assert_int_equal(read_source(PIN_SOURCE_CREDENTIAL, "pin", -1, s,
	    &e), 0);
	assert_pin(s);
	assert_int_equal(read_source(PIN_SOURCE_CREDENTIAL, "none", -1, s,
	    &e), ERR_SYS);
	assert_memory_equal(e.msg, "PIN credential none: ", 21);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(read_source(PIN_SOURCE_CREDENTIAL, names[i],
		    -1, s, &e), ERR_USAGE);
	secret_free(s);
}

/* Root's may look like this, for that is how an access list shows. */
static void
test_a_credential_must_be_private(void **state)
{
	static const struct {
		mode_t dir, file;
		bool root;
	} v[] = {
		{ 0700, 0440, true }, { 0750, 0400, true },
		{ 0550, 0440, true },
		{ 0700, 0404, false }, { 0700, 0460, false },
		{ 0701, 0400, false }, { 0770, 0400, false },
		{ 0705, 0400, false },
	};
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		assert_int_equal(chmod("dir/pin", v[i].file), 0);
		assert_int_equal(chmod("dir", v[i].dir), 0);
		assert_int_equal(read_source(PIN_SOURCE_CREDENTIAL, "pin", -1,
		    s, &e), v[i].root && geteuid() == 0 ? 0 : ERR_DENIED);
		chmod("dir", 0700);
	}
	secret_free(s);
}

static void
test_when_a_person_changed_it_is_known(void **state)
{
	const struct timespec then[2] = { { 1000, 5 }, { 2000, 7 } };
	struct timespec when;

	(void)state;
	make_file("file", "648219\n", 0600);
	assert_int_equal(chmod("dir/pin", 0600), 0);
	assert_int_equal(utimensat(AT_FDCWD, "file", then, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, "dir/pin", then, 0), 0);
	assert_int_equal(changed(PIN_SOURCE_FILE, "file", &when), 0);
	assert_int_equal(when.tv_sec, 2000);
	assert_int_equal(when.tv_nsec, 7);
	when.tv_sec = 0;
	assert_int_equal(changed(PIN_SOURCE_CREDENTIAL, "pin", &when), 0);
	assert_int_equal(when.tv_sec, 2000);
	assert_int_equal(changed(PIN_SOURCE_COMMAND, "/bin/true", &when),
	    ERR_NOTFOUND);
	assert_int_equal(changed(PIN_SOURCE_FILE, "none", &when), ERR_SYS);
	assert_int_equal(chmod("file", 0644), 0);
	assert_int_equal(changed(PIN_SOURCE_FILE, "file", &when),
	    ERR_DENIED);
}

static void
test_a_command_line_is_cut_without_a_shell(void **state)
{
	static const struct {
		const char *line;
		const char *words[5];
	} v[] = {
		{ "/bin/x", { "/bin/x" } },
		{ " /bin/x\ta  b ", { "/bin/x", "a", "b" } },
		{ "/bin/x \"a  b\" c", { "/bin/x", "a  b", "c" } },
		{ "/bin/x --key=\"a b\"c \"\"", { "/bin/x", "--key=a bc",
		    "" } },
		{ "\"/my dir/x\" \"a\\\"b\\\\c\\d\"", { "/my dir/x",
		    "a\"b\\c\\d" } },
		{ "/bin/x $HOME;ls 'a b' #c", { "/bin/x", "$HOME;ls", "'a",
		    "b'", "#c" } },
	};
	static const char *const bad[] = { "", "  ", "x", "./x", "\"\"",
	    "/bin/x \"a", "/bin/x a\"" };
	char many[2 + 2 * PIN_COMMAND_WORDS + 1] = "/x";
	char **words;
	struct err e;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		assert_int_equal(pin_command_split(v[i].line, &words, &e),
		    0);
		for (n = 0; n < 5 && v[i].words[n] != NULL; n++)
			assert_string_equal(words[n], v[i].words[n]);
		assert_null(words[n]);
		free(words);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(pin_command_split(bad[i], &words, &e),
		    ERR_USAGE);
	/* Cut anywhere it is one command line or none. */
	for (n = 0; v[4].line[n] != '\0'; n++) {
		char *part = strndup(v[4].line, n);

		if (pin_command_split(part, &words, &e) == 0)
			free(words);
		else
			assert_int_equal(e.code, ERR_USAGE);
		free(part);
	}
	for (n = 1; n < PIN_COMMAND_WORDS; n++)
		memcpy(many + 2 * n, " a", 3);
	assert_int_equal(pin_command_split(many, &words, &e), 0);
	free(words);
	memcpy(many + 2 * n, " a", 3);
	assert_int_equal(pin_command_split(many, &words, &e), ERR_USAGE);
}

static void
test_a_configured_source_can_be_checked(void **state)
{
	static const struct {
		enum pin_source_kind kind;
		const char *value;
		int r;
	} v[] = {
		{ PIN_SOURCE_FILE, "/no/such/file", 0 },
		{ PIN_SOURCE_FILE, "", ERR_USAGE },
		{ PIN_SOURCE_CREDENTIAL, "name", 0 },
		{ PIN_SOURCE_CREDENTIAL, "a/name", ERR_USAGE },
		{ PIN_SOURCE_COMMAND, "/no/such/program", 0 },
		{ PIN_SOURCE_COMMAND, "program", ERR_USAGE },
	};
	struct pin_source s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		s = (struct pin_source){ v[i].kind, strdup(v[i].value) };
		assert_int_equal(pin_source_check(&s, &e), v[i].r);
		free(s.value);
	}
}

static void
test_a_command_prints_the_pin(void **state)
{
	static const struct {
		const char *line;
		int r;
	} v[] = {
		{ "/bin/echo 648219", 0 },
		{ "/bin/echo -n 648219", 0 },
		{ "/usr/bin/printf \"648219\\r\\nmore\\nand more\\n\"", 0 },
		{ "/bin/sh -c \"cat; echo 648219\"", 0 },
		{ "/bin/sh -c \"echo 648219; exit 3\"", ERR_DENIED },
		{ "/bin/sh -c \"echo 648219; kill -9 $$\"", ERR_DENIED },
		{ "/bin/true", ERR_FORMAT },
		{ "/bin/echo", ERR_FORMAT },
		{ "/usr/bin/printf %0256d 0", ERR_LIMIT },
		{ "/bin/cat /dev/zero", ERR_LIMIT },
		{ "echo 648219", ERR_USAGE },
	};
	struct secret *s = secret_new();
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		assert_int_equal(read_source(PIN_SOURCE_COMMAND, v[i].line,
		    -1, s, &e), v[i].r);
		if (v[i].r == 0) {
			assert_pin(s);
		} else {
			assert_int_equal(secret_len(s), 0);
			assert_memory_equal(e.msg, "PIN command", 11);
		}
	}
	/* Under valgrind, what exec fails with is not reported back. */
	if (getenv("UNDER_VALGRIND") == NULL)
		assert_int_equal(read_source(PIN_SOURCE_COMMAND,
		    "/no/such/program", -1, s, &e), ERR_SYS);
	secret_free(s);
}

static void
test_a_command_does_not_take_for_ever(void **state)
{
	struct secret *s = secret_new();
	struct err e;
	int cancel;

	(void)state;
	assert_int_equal(pin_command_read("/bin/sh -c "
	    "\"echo 648219; exec sleep 1000\"", 0, -1, s, &e),
	    ERR_CANCELLED);
	assert_int_equal(e.detail, ETIMEDOUT);
	assert_int_equal(pin_command_read("/bin/sh -c "
	    "\"echo 648219; exec sleep 1000 >&-\"", 1, -1, s, &e),
	    ERR_CANCELLED);
	assert_int_equal(e.detail, ETIMEDOUT);
	/* It cancels itself, through the FIFO. */
	cancel = open("fifo", O_RDWR | O_CLOEXEC);
	assert_int_equal(read_source(PIN_SOURCE_COMMAND, "/bin/sh -c "
	    "\"echo 648219; echo >fifo; exec sleep 1000\"", cancel, s, &e),
	    ERR_CANCELLED);
	assert_int_equal(e.detail, 0);
	assert_int_equal(secret_len(s), 0);
	close(cancel);
	secret_free(s);
}

static char scratch[] = "/tmp/pin-source-XXXXXX";

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(scratch) == NULL || chdir(scratch) == -1;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink("file");
	unlink("fifo");
	unlink("dir/pin");
	rmdir("dir");
	return chdir("/") == -1 || rmdir(scratch) == -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pin_file_must_be_private),
		cmocka_unit_test(test_a_credential_is_one_of_systemd),
		cmocka_unit_test(test_a_credential_must_be_private),
		cmocka_unit_test(test_when_a_person_changed_it_is_known),
		cmocka_unit_test(test_a_command_line_is_cut_without_a_shell),
		cmocka_unit_test(test_a_configured_source_can_be_checked),
		cmocka_unit_test(test_a_command_prints_the_pin),
		cmocka_unit_test(test_a_command_does_not_take_for_ever),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

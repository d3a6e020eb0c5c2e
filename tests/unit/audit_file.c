/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/audit_file.h"

/* A log in a directory of its own; what goes to stderr comes to us. */
struct fixture {
	char	 dir[32], path[64], old[64];
	struct log log;
	struct audit_file *a;
	int	 err_fd;		/* the real one */
	int	 said_fd;
	char	 said[4096];
};

static void
setup(struct fixture *f)
{
	struct err e;
	int fds[2];

	*f = (struct fixture){ .dir = "/tmp/audit-XXXXXX",
	    .log = { .level = LOG_LEVEL_DEBUG, .name = "unit" } };
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/log", f->dir);
	snprintf(f->old, sizeof(f->old), "%s/old", f->dir);
	assert_int_equal(audit_file_new(&f->a, &f->log, f->path, &e), 0);
	f->err_fd = dup(STDERR_FILENO);
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	f->said_fd = fds[0];
}

static void
teardown(struct fixture *f)
{
	audit_file_free(f->a);
	dup2(f->err_fd, STDERR_FILENO);
	close(f->err_fd);
	close(f->said_fd);
	unlink(f->path);
	unlink(f->old);
	assert_int_equal(rmdir(f->dir), 0);
}

/* How often was that said in the log? */
static int
said(struct fixture *f, const char *what)
{
	const size_t used = strlen(f->said);
	const char *p = f->said;
	int n = 0;

	(void)!read(f->said_fd, f->said + used, sizeof(f->said) - 1 - used);
	for (; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static void
holds(const char *path, const char *want)
{
	char buf[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	assert_string_equal(buf, want);
}

static int
add(struct fixture *f, const char *text)
{
	char line[64];
	struct err e;
	int r;

	snprintf(line, sizeof(line), "%s", text);
	r = audit_file_add(f->a, line, &e);
	assert_string_equal(line, text);
	if (r != 0)
		assert_int_equal(r, ERR_SYS);
	return r;
}

static int
open_again(struct fixture *f, const char *path)
{
	struct audit_file *a;
	struct err e;
	int r;

	if ((r = audit_file_new(&a, &f->log, path, &e)) == 0)
		audit_file_free(a);
	return r;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
test_the_file_is_ours_alone(void **state)
{
	const mode_t before = umask(0);
	struct fixture f;

	(void)state;
	setup(&f);
	(void)umask(before);
	assert_int_equal(mode_of(f.path), 0600);
	assert_int_equal(open_again(&f, f.path), 0);
	/* Who may read it is up to its owner. */
	assert_int_equal(chmod(f.path, 0644), 0);
	assert_int_equal(open_again(&f, f.path), 0);
	assert_int_equal(chmod(f.path, 0620), 0);
	assert_int_equal(open_again(&f, f.path), ERR_DENIED);
	assert_int_equal(chmod(f.path, 0602), 0);
	assert_int_equal(open_again(&f, f.path), ERR_DENIED);
	assert_int_equal(chmod(f.path, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(f.path, 65534, 65534), 0);
		assert_int_equal(open_again(&f, f.path), ERR_DENIED);
		assert_int_equal(chown(f.path, 0, 0), 0);
	}
	assert_int_equal(symlink(f.path, f.old), 0);
	assert_int_equal(open_again(&f, f.old), ERR_DENIED);
	assert_int_equal(unlink(f.old), 0);
	assert_int_equal(mkfifo(f.old, 0600), 0);
	assert_int_equal(open_again(&f, f.old), ERR_DENIED);
	assert_int_equal(open_again(&f, "/dev/full"), ERR_DENIED);
	assert_int_equal(open_again(&f, f.dir), ERR_SYS);
	teardown(&f);
}

static void
limit_file_size(rlim_t size)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* With room for the line that is to come up to each of its bytes. */
static void
test_a_line_that_does_not_fit_is_not_there_at_all(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	assert_int_equal(add(&f, "one"), 0);
	for (rlim_t part = 0; part < 4; part++) {
		limit_file_size(4 + part);
		assert_int_equal(add(&f, "two"), ERR_SYS);
		assert_int_equal(add(&f, "two"), ERR_SYS);
		limit_file_size(RLIM_INFINITY);
		holds(f.path, "one\n");
	}
	limit_file_size(8);
	assert_int_equal(add(&f, "two"), 0);
	limit_file_size(RLIM_INFINITY);
	holds(f.path, "one\ntwo\n");
	assert_int_equal(said(&f, "\n"), 0);	/* that is the caller's */
	teardown(&f);
}

/* As an agent leaves it that was killed; with room for parts, again. */
static void
test_after_half_a_line_comes_a_whole_one(void **state)
{
	struct fixture f;
	struct err e;
	FILE *file;

	(void)state;
	setup(&f);
	audit_file_free(f.a);
	f.a = NULL;
	assert_non_null(file = fopen(f.path, "w"));
	fputs("half", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(audit_file_new(&f.a, &f.log, f.path, &e), 0);
	for (rlim_t part = 0; part < 5; part++) {
		limit_file_size(4 + part);
		assert_int_equal(add(&f, "one"), ERR_SYS);
		limit_file_size(RLIM_INFINITY);
		holds(f.path, "half");
	}
	assert_int_equal(add(&f, "one"), 0);
	assert_int_equal(add(&f, "two"), 0);
	holds(f.path, "half\none\ntwo\n");
	teardown(&f);
}

/* Root may forbid a file to get shorter, where the file system can. */
static bool
set_append_only(const char *path, bool on)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), flags = 0;
	bool ok;

	ok = fd != -1 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
	flags = on ? flags | FS_APPEND_FL : flags & ~FS_APPEND_FL;
	ok = ok && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
	if (fd != -1)
		close(fd);
	return ok;
}

static void
test_half_a_line_that_has_to_stay_is_ended(void **state)
{
	struct fixture f;
	bool can;

	(void)state;
	setup(&f);
	if ((can = set_append_only(f.path, true))) {
		limit_file_size(2);
		assert_int_equal(add(&f, "one"), ERR_SYS);
		limit_file_size(RLIM_INFINITY);
		assert_int_equal(add(&f, "two"), 0);
		assert_int_equal(add(&f, "three"), 0);
		holds(f.path, "on\ntwo\nthree\n");
		assert_true(set_append_only(f.path, false));
	}
	teardown(&f);
	if (!can)
		skip();
}

static void
test_a_file_that_was_moved_away_is_made_anew(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	assert_int_equal(add(&f, "one"), 0);
	assert_int_equal(rename(f.path, f.old), 0);
	assert_int_equal(add(&f, "two"), 0);
	holds(f.path, "two\n");
	assert_int_equal(mode_of(f.path), 0600);
	holds(f.old, "one\n");

	/* With a signal, before there is anything to write. */
	assert_int_equal(rename(f.path, f.old), 0);
	audit_file_reopen(f.a);
	holds(f.path, "");

	/* One that was removed; one that was emptied. */
	assert_int_equal(unlink(f.path), 0);
	assert_int_equal(add(&f, "three"), 0);
	holds(f.path, "three\n");
	assert_int_equal(truncate(f.path, 0), 0);
	assert_int_equal(add(&f, "four"), 0);
	holds(f.path, "four\n");
	assert_int_equal(said(&f, "\n"), 0);
	teardown(&f);
}

static void
test_a_bad_file_in_its_place_is_not_followed(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	assert_int_equal(rename(f.path, f.old), 0);
	assert_int_equal(symlink("/dev/null", f.path), 0);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(add(&f, "one"), 0);
		assert_int_equal(add(&f, "two"), 0);
		audit_file_reopen(f.a);
		assert_int_equal(said(&f, "it is a symbolic link; entries "
		    "still go"), i);
		holds(f.old, "one\ntwo\n");
		assert_int_equal(unlink(f.path), 0);
		assert_int_equal(add(&f, "three"), 0);
		holds(f.path, "three\n");

		/* And once more. */
		assert_int_equal(rename(f.path, f.old), 0);
		assert_int_equal(truncate(f.old, 0), 0);
		assert_int_equal(symlink("/dev/null", f.path), 0);
	}
	assert_int_equal(said(&f, "\n"), 2);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_file_is_ours_alone),
		cmocka_unit_test(
		    test_a_line_that_does_not_fit_is_not_there_at_all),
		cmocka_unit_test(test_after_half_a_line_comes_a_whole_one),
		cmocka_unit_test(test_half_a_line_that_has_to_stay_is_ended),
		cmocka_unit_test(
		    test_a_file_that_was_moved_away_is_made_anew),
		cmocka_unit_test(
		    test_a_bad_file_in_its_place_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

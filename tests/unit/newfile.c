/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyutil/newfile.h"

struct place {
	char	 dir[64];
	char	 file[80];
};

static struct place
place_new(void)
{
	struct place p = { .dir = "/tmp/newfile-XXXXXX" };

	assert_non_null(mkdtemp(p.dir));
	snprintf(p.file, sizeof(p.file), "%s/a", p.dir);
	return p;
}

static size_t
count_files(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *f; (f = readdir(d)) != NULL;)
		n += strcmp(f->d_name, ".") != 0 &&
		    strcmp(f->d_name, "..") != 0;
	closedir(d);
	return n;
}

static void
place_free(const struct place *p)
{
	unlink(p->file);
	assert_int_equal(rmdir(p->dir), 0);
}

static void
content_is(const char *path, const char *text)
{
	char buf[64] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_int_equal(fread(buf, 1, sizeof(buf) - 1, f), strlen(text));
	assert_string_equal(buf, text);
	fclose(f);
}

static void
test_a_file_is_there_for_its_owner_alone(void **state)
{
	struct place p = place_new();
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(newfile_check(p.file, &e), 0);
	assert_int_equal(newfile_write(p.file, span_cstr("all"), &e), 0);
	content_is(p.file, "all");
	assert_int_equal(stat(p.file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(count_files(p.dir), 1);
	place_free(&p);
}

static void
test_a_name_without_directory_is_one_here(void **state)
{
	struct place p = place_new();
	char here[4096];
	struct err e;

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(p.dir), 0);
	assert_int_equal(newfile_write("a", span_cstr("b"), &e), 0);
	assert_int_equal(chdir(here), 0);
	content_is(p.file, "b");
	place_free(&p);
}

static void
test_what_is_there_is_never_replaced(void **state)
{
	struct place p = place_new();
	struct err e;

	(void)state;
	assert_int_equal(newfile_write(p.file, span_cstr("old"), &e), 0);
	assert_int_equal(newfile_check(p.file, &e), ERR_DENIED);
	assert_int_equal(newfile_write(p.file, span_cstr("new"), &e),
	    ERR_DENIED);
	assert_non_null(strstr(e.msg, p.file));
	content_is(p.file, "old");
	assert_int_equal(count_files(p.dir), 1);

	/* A link to nowhere is something, too. */
	unlink(p.file);
	assert_int_equal(symlink("nowhere", p.file), 0);
	assert_int_equal(newfile_write(p.file, span_cstr("new"), &e),
	    ERR_DENIED);
	assert_int_equal(count_files(p.dir), 1);
	place_free(&p);
}

static void
test_what_was_read_is_replaced_with_its_mode(void **state)
{
	struct place p = place_new();
	struct stat st, now;
	struct err e;

	(void)state;
	assert_int_equal(newfile_write(p.file, span_cstr("old"), &e), 0);
	assert_int_equal(chmod(p.file, 0644), 0);
	assert_int_equal(stat(p.file, &st), 0);
	assert_int_equal(newfile_replace(p.file, &st, span_cstr("new"), &e),
	    0);
	content_is(p.file, "new");
	assert_int_equal(stat(p.file, &now), 0);
	assert_int_equal(now.st_mode & 07777, 0644);
	assert_int_equal(count_files(p.dir), 1);

	/* That is another file by now, though it has the same name. */
	assert_int_equal(newfile_replace(p.file, &st, span_cstr("more"), &e),
	    ERR_STALE);
	content_is(p.file, "new");
	unlink(p.file);
	assert_int_equal(newfile_replace(p.file, &now, span_cstr("more"),
	    &e), ERR_SYS);
	assert_int_equal(count_files(p.dir), 0);
	place_free(&p);
}

static void
test_what_is_for_everybody_can_be_read_by_everybody(void **state)
{
	struct place p = place_new();
	struct stat st, now;
	struct err e;

	(void)state;
	assert_int_equal(newfile_publish(p.file, NULL, span_cstr("old"), &e),
	    0);
	assert_int_equal(stat(p.file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(newfile_publish(p.file, NULL, span_cstr("new"), &e),
	    ERR_DENIED);
	content_is(p.file, "old");
	assert_int_equal(chmod(p.file, 0600), 0);
	assert_int_equal(stat(p.file, &st), 0);
	assert_int_equal(newfile_publish(p.file, &st, span_cstr("new"), &e),
	    0);
	content_is(p.file, "new");
	assert_int_equal(stat(p.file, &now), 0);
	assert_int_equal(now.st_mode & 07777, 0644);
	assert_int_equal(newfile_publish(p.file, &st, span_cstr("more"), &e),
	    ERR_STALE);
	content_is(p.file, "new");
	assert_int_equal(count_files(p.dir), 1);
	place_free(&p);
}

static void
test_a_directory_that_is_none_is_told(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(newfile_write("/nonexistent/a", span_cstr("x"), &e),
	    ERR_SYS);
	assert_int_equal(e.detail, ENOENT);
	assert_int_equal(newfile_check("/dev/null/a", &e), ERR_SYS);
	assert_int_equal(e.detail, ENOTDIR);
	assert_int_equal(newfile_write("/proc/a", span_cstr("x"), &e),
	    ERR_SYS);
}

/* As a full disk, and the signal that comes with it ends nobody. */
static void
test_a_file_that_grows_too_large_leaves_nothing(void **state)
{
	struct rlimit old, small = { 0 };
	struct place p = place_new();
	char text[8192];
	struct err e;
	int r;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_cur = 4096;
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = newfile_write(p.file, (struct span){ (uint8_t *)text,
	    sizeof(text) }, &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(r, ERR_SYS);
	assert_int_equal(e.detail, EFBIG);
	assert_int_equal(count_files(p.dir), 0);
	place_free(&p);
}

static void
note(int sig)
{
	(void)sig;
}

/* Signals are as they were, whatever happened. */
static void
test_signals_are_held_back_no_longer_than_it_takes(void **state)
{
	struct sigaction sa = { .sa_handler = note };
	struct place p = place_new();
	sigset_t set;
	struct err e;

	(void)state;
	assert_int_equal(sigaction(SIGTERM, &sa, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(newfile_write(p.file, span_cstr("x"), &e),
		    i == 0 ? 0 : ERR_DENIED);
		assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &set), 0);
		assert_int_equal(sigismember(&set, SIGTERM), 0);
		assert_int_equal(sigismember(&set, SIGINT), 0);
	}
	place_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_is_there_for_its_owner_alone),
		cmocka_unit_test(test_a_name_without_directory_is_one_here),
		cmocka_unit_test(test_what_is_there_is_never_replaced),
		cmocka_unit_test(test_what_was_read_is_replaced_with_its_mode),
		cmocka_unit_test(
		    test_what_is_for_everybody_can_be_read_by_everybody),
		cmocka_unit_test(test_a_directory_that_is_none_is_told),
		cmocka_unit_test(
		    test_a_file_that_grows_too_large_leaves_nothing),
		cmocka_unit_test(
		    test_signals_are_held_back_no_longer_than_it_takes),
	};

	signal(SIGXFSZ, SIG_IGN);	/* as main() does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyutil/conffile.h"

struct place {
	char	 dir[64];
	char	 file[80];
};

static struct place
place_new(void)
{
	struct place p = { .dir = "/tmp/conffile-XXXXXX" };

	assert_non_null(mkdtemp(p.dir));
	snprintf(p.file, sizeof(p.file), "%s/config", p.dir);
	return p;
}

static void
place_free(const struct place *p)
{
	char path[400];
	DIR *d = opendir(p->dir);

	assert_non_null(d);
	for (struct dirent *f; (f = readdir(d)) != NULL;) {
		/* Whatever was made on the way is gone. */
		assert_false(strncmp(f->d_name, ".hsm", 4) == 0);
		snprintf(path, sizeof(path), "%s/%s", p->dir, f->d_name);
		(void)unlink(path);
	}
	closedir(d);
	assert_int_equal(rmdir(p->dir), 0);
}

static void
put(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
content_is(const char *path, const char *text)
{
	char buf[256] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	(void)!fread(buf, 1, sizeof(buf) - 1, f);
	assert_string_equal(buf, text);
	fclose(f);
}

/* Read it and add these lines; where it was is at *old, or "". */
static int
add(const char *path, const char *lines, char old[100], struct err *e)
{
	struct conffile c;
	char *name = NULL;
	int r;

	old[0] = '\0';
	if ((r = conffile_read(&c, path, e)) == 0)
		r = conffile_add(&c, lines, &name, e);
	if (name != NULL)
		snprintf(old, 100, "%s", name);
	free(name);
	conffile_free(&c);
	return r;
}

static void
test_a_new_one_has_these_lines_alone(void **state)
{
	struct place p = place_new();
	char old[100];
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(add(p.file, "CA a\n", old, &e), 0);
	assert_string_equal(old, "");
	content_is(p.file, "CA a\n");
	assert_int_equal(stat(p.file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	place_free(&p);
}

static void
test_what_was_there_comes_first_and_is_kept(void **state)
{
	struct place p = place_new();
	char old[100], want[100];
	struct stat st;
	struct err e;

	(void)state;
	put(p.file, "# mine", 0640);
	assert_int_equal(add(p.file, "CA a\n", old, &e), 0);
	content_is(p.file, "# mine\n\nCA a\n");
	snprintf(want, sizeof(want), "%s.old", p.file);
	assert_string_equal(old, want);
	content_is(old, "# mine");
	assert_int_equal(stat(p.file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);

	assert_int_equal(add(p.file, "CA b\n", old, &e), 0);
	content_is(p.file, "# mine\n\nCA a\n\nCA b\n");
	content_is(want, "# mine");
	snprintf(want, sizeof(want), "%s.old.2", p.file);
	assert_string_equal(old, want);
	content_is(old, "# mine\n\nCA a\n");

	put(p.file, "", 0600);
	assert_int_equal(add(p.file, "CA c\n", old, &e), 0);
	content_is(p.file, "CA c\n");
	place_free(&p);
}

static void
test_a_link_stays_one(void **state)
{
	struct place p = place_new();
	char real[100], old[100];
	struct stat st;
	struct err e;

	(void)state;
	snprintf(real, sizeof(real), "%s/real", p.dir);
	put(real, "# mine\n", 0600);
	assert_int_equal(symlink("real", p.file), 0);
	assert_int_equal(add(p.file, "CA a\n", old, &e), 0);
	assert_int_equal(lstat(p.file, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	content_is(real, "# mine\n\nCA a\n");
	place_free(&p);
}

static void
test_another_one_by_now_is_left_alone(void **state)
{
	struct place p = place_new();
	struct conffile c;
	char *old, path[100];
	struct err e;

	(void)state;
	put(p.file, "# mine\n", 0600);
	assert_int_equal(conffile_read(&c, p.file, &e), 0);
	put(p.file, "# and more\n", 0600);
	assert_int_equal(conffile_add(&c, "CA a\n", &old, &e), ERR_STALE);
	assert_null(old);
	content_is(p.file, "# and more\n");
	snprintf(path, sizeof(path), "%s.old", p.file);
	assert_int_equal(access(path, F_OK), -1);
	conffile_free(&c);

	/* Nor is one that was not there. */
	unlink(p.file);
	assert_int_equal(conffile_read(&c, p.file, &e), 0);
	put(p.file, "# mine\n", 0600);
	assert_int_equal(conffile_add(&c, "CA a\n", &old, &e), ERR_DENIED);
	content_is(p.file, "# mine\n");
	conffile_free(&c);
	place_free(&p);
}

static void
test_what_the_agent_would_not_read_is_not_added_to(void **state)
{
	struct place p = place_new();
	char old[100];
	struct err e;

	(void)state;
	put(p.file, "# mine\n", 0666);
	assert_int_equal(add(p.file, "CA a\n", old, &e), ERR_DENIED);
	put(p.file, "Key \"open\n", 0600);
	assert_int_equal(add(p.file, "CA a\n", old, &e), ERR_FORMAT);
	content_is(p.file, "Key \"open\n");
	assert_int_equal(add(p.dir, "CA a\n", old, &e), ERR_DENIED);
	assert_int_equal(add("/proc/nowhere/config", "CA a\n", old, &e),
	    ERR_SYS);
	place_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_one_has_these_lines_alone),
		cmocka_unit_test(
		    test_what_was_there_comes_first_and_is_kept),
		cmocka_unit_test(test_a_link_stays_one),
		cmocka_unit_test(test_another_one_by_now_is_left_alone),
		cmocka_unit_test(
		    test_what_the_agent_would_not_read_is_not_added_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

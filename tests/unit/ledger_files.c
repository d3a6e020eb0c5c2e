/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/ledgerdir.h"

static const char *
path_of(const struct ledgerdir *p, const char *name, char path[160])
{
	snprintf(path, 160, "%s/%s", p->dir, name);
	return path;
}

/* --- whose files they are --- */

static void
expect_refused(struct ledgerdir *p, int code, const char *words)
{
	static const enum ledger_mode modes[] = { LEDGER_READ, LEDGER_WRITE };

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ledgerdir_try_open(p, modes[i]), code);
		if (strstr(p->e.msg, words) == NULL)
			fail_msg("%s", p->e.msg);
		assert_null(p->l);
	}
}

static void
files_that_others_can_write_are_refused(void **state)
{
	struct ledgerdir *p = *state;
	const char *const paths[] = { p->path, p->head, p->dir };

	ledgerdir_close(p);
	for (size_t i = 0; i < 3; i++) {
		const mode_t own = i == 2 ? 0700 : 0600;

		assert_int_equal(chmod(paths[i], own | 020), 0);
		expect_refused(p, ERR_DENIED, paths[i]);
		assert_non_null(strstr(p->e.msg, "chmod go-w"));
		assert_int_equal(chmod(paths[i], own | 002), 0);
		expect_refused(p, ERR_DENIED, "chmod go-w");
		assert_int_equal(chmod(paths[i], own), 0);
		ledgerdir_reopen(p);
		ledgerdir_close(p);
	}
}

static void
files_of_others_are_refused(void **state)
{
	struct ledgerdir *p = *state;
	const char *const paths[] = { p->path, p->head, p->dir };

	if (geteuid() != 0)
		skip();
	ledgerdir_close(p);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(chown(paths[i], 12345, (gid_t)-1), 0);
		expect_refused(p, ERR_DENIED, "belong to you or root");
		assert_int_equal(chown(paths[i], 0, (gid_t)-1), 0);
	}
	ledgerdir_reopen(p);
}

static void
what_is_no_regular_file_is_refused(void **state)
{
	struct ledgerdir *p = *state;
	const char *const paths[] = { p->path, p->head };
	char moved[160];

	ledgerdir_close(p);
	for (size_t i = 0; i < 2; i++) {
		path_of(p, "moved", moved);
		assert_int_equal(rename(paths[i], moved), 0);
		assert_int_equal(symlink(moved, paths[i]), 0);
		expect_refused(p, ERR_DENIED, "not a regular file");
		assert_int_equal(remove(paths[i]), 0);
		assert_int_equal(mkdir(paths[i], 0700), 0);
		expect_refused(p, ERR_DENIED, "not a regular file");
		assert_int_equal(remove(paths[i]), 0);
		assert_int_equal(mkfifo(paths[i], 0600), 0);
		expect_refused(p, ERR_DENIED, "not a regular file");
		assert_int_equal(remove(paths[i]), 0);
		assert_int_equal(symlink("nowhere", paths[i]), 0);
		expect_refused(p, ERR_DENIED, "not a regular file");
		assert_int_equal(remove(paths[i]), 0);
		assert_int_equal(rename(moved, paths[i]), 0);
	}
	ledgerdir_reopen(p);
}

/* Homes are reached through links. */
static void
a_link_on_the_way_there_is_no_fault(void **state)
{
	struct ledgerdir *p = *state;
	char link[160], path[200];
	struct ledger *l;

	snprintf(link, sizeof(link), "%s.link", p->dir);
	assert_int_equal(symlink(p->dir, link), 0);
	snprintf(path, sizeof(path), "%s/" LEDGER_FILE, link);
	ledgerdir_add_serials(p, 1, 1);
	ledgerdir_close(p);
	assert_int_equal(ledger_open(&l, path, LEDGER_WRITE, &p->e), 0);
	assert_int_equal(ledgerdir_add_to(p, l, &(struct ledgercert){
	    .serial = 2 }, NULL), 0);
	ledger_close(l);
	assert_int_equal(remove(link), 0);
	ledgerdir_reopen(p);
	assert_int_equal(ledgerdir_verify(p), 2);
}

static void
what_is_not_there_is_not_made_to_be_read(void **state)
{
	struct ledgerdir *p = *state;
	char path[160];
	struct ledger *l;

	assert_int_equal(ledger_open(&l, path_of(p, "none", path),
	    LEDGER_READ, &p->e), ERR_NOTFOUND);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(ledger_open(&l, path_of(p, "none/none", path),
	    LEDGER_WRITE, &p->e), ERR_NOTFOUND);
	assert_int_equal(ledger_open(&l, "ledger.db", LEDGER_WRITE, &p->e),
	    ERR_USAGE);
	assert_int_equal(close(open(path_of(p, "empty", path), O_CREAT |
	    O_WRONLY, 0600)), 0);
	assert_int_equal(ledger_open(&l, path, LEDGER_READ, &p->e),
	    ERR_NOTFOUND);
}

/* --- no right to write --- */

static int
use_as_nobody(struct ledgerdir *p, void *arg)
{
	struct ledger *l;
	struct err e;

	(void)arg;
	(void)!chown(p->dir, 12345, (gid_t)-1);
	(void)!chown(p->path, 12345, (gid_t)-1);
	(void)!chown(p->head, 12345, (gid_t)-1);
	if (setuid(12345) == -1)
		return 100;
	if (ledger_open(&l, p->path, LEDGER_WRITE, &e) == 0)
		return 101;
	return e.code == ERR_SYS && strstr(e.msg, p->dir) != NULL ? 0 : 102;
}

static void
a_ledger_that_cannot_be_written_is_refused(void **state)
{
	struct ledgerdir *p = *state;
	static const struct {
		mode_t	dir, db, head;
	} modes[] = {
		{ 0700, 0400, 0600 }, { 0700, 0600, 0400 },
		{ 0500, 0600, 0600 }, { 0700, 0000, 0600 },
	};

	if (geteuid() != 0)
		skip();
	ledgerdir_add_serials(p, 1, 3);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		ledgerdir_close(p);
		chmod(p->path, modes[i].db);
		chmod(p->head, modes[i].head);
		chmod(p->dir, modes[i].dir);
		assert_int_equal(ledgerdir_fork(p, use_as_nobody, NULL), 0);
		chmod(p->dir, 0700);
		(void)!chown(p->dir, 0, (gid_t)-1);
		(void)!chown(p->path, 0, (gid_t)-1);
		(void)!chown(p->head, 0, (gid_t)-1);
	}
	chmod(p->path, 0600);
	chmod(p->head, 0600);
	ledgerdir_reopen(p);
	assert_int_equal(ledgerdir_verify(p), 3);
}

static void
who_keeps_it_for_himself_is_waited_for_and_told_of(void **state)
{
	struct ledgerdir *p = *state;
	struct err e;
	int fd;

	ledgerdir_reopen(p);
	fd = open(p->head, O_RDWR);
	assert_int_equal(ledger_head_lock(fd, 0, &e), 0);
	assert_int_equal(ledgerdir_add_to(p, p->l, &(struct ledgercert){
	    .serial = 1 }, NULL), ERR_AGAIN);
	assert_non_null(strstr(p->e.msg, "another program"));
	close(fd);
	ledgerdir_add_serials(p, 1, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LEDGERDIR_TEST(files_that_others_can_write_are_refused),
		LEDGERDIR_TEST(files_of_others_are_refused),
		LEDGERDIR_TEST(what_is_no_regular_file_is_refused),
		LEDGERDIR_TEST(a_link_on_the_way_there_is_no_fault),
		LEDGERDIR_TEST(what_is_not_there_is_not_made_to_be_read),
		LEDGERDIR_TEST(a_ledger_that_cannot_be_written_is_refused),
		LEDGERDIR_TEST(
		    who_keeps_it_for_himself_is_waited_for_and_told_of),
	};

	return cmocka_run_group_tests_name("ledger_files", tests, NULL,
	    NULL);
}

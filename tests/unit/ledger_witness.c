/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <glob.h>
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

static void
reopen(struct ledgerdir *p)
{
	ledgerdir_reopen(p);
	ledger_remember(p->l);
}

static int
set_up(void **state)
{
	struct ledgerdir *p;
	char path[160];

	ledgerdir_set_up(state);
	p = *state;
	setenv("XDG_CACHE_HOME", path_of(p, "cache", path), 1);
	reopen(p);
	return 0;
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, set_up, \
		    ledgerdir_tear_down)

/* The file; NULL: there is none.  Good until the next call. */
static const char *
witness(const struct ledgerdir *p)
{
	static char found[200];
	char path[160];
	glob_t g;
	bool there;

	there = glob(path_of(p, "cache/hsm-ssh-agent/ledger-*.head", path), 0,
	    NULL, &g) == 0;
	if (there) {
		assert_int_equal(g.gl_pathc, 1);
		snprintf(found, sizeof(found), "%s", g.gl_pathv[0]);
	}
	globfree(&g);
	return there ? found : NULL;
}

/* As it was, together with its head. */
static void
put_backup(struct ledgerdir *p)
{
	char path[160];

	ledgerdir_close(p);
	ledgerdir_copy(path_of(p, "old", path), p->path);
	ledgerdir_copy(path_of(p, "old.head", path), p->head);
}

static void
fill(struct ledgerdir *p)
{
	char path[160];

	ledgerdir_take(p, 5);
	ledgerdir_add_serials(p, 1, 3);
	ledgerdir_close(p);
	ledgerdir_copy(p->path, path_of(p, "old", path));
	ledgerdir_copy(p->head, path_of(p, "old.head", path));
	reopen(p);
	ledgerdir_take(p, 5);
	ledgerdir_add_serials(p, 4, 8);
}

static void
an_old_ledger_with_its_own_head_is_found(void **state)
{
	struct ledgerdir *p = *state;

	fill(p);
	put_backup(p);
	reopen(p);
	assert_int_equal(ledgerdir_add_to(p, p->l, &(struct ledgercert){
	    .serial = 20 }, NULL), ERR_STALE);
	assert_non_null(strstr(p->e.msg, "is older than what was written"));
	assert_int_equal(ledgerdir_resume(p), 0);
	assert_int_equal(ledgerdir_take(p, 1), 11);
	assert_int_equal(ledgerdir_add_to(p, p->l, &(struct ledgercert){
	    .serial = 8 }, NULL), ERR_DENIED);
	ledgerdir_add_serials(p, 11, 11);
	reopen(p);
	ledgerdir_add_serials(p, 12, 12);
	assert_int_equal(ledgerdir_verify(p), 5);
}

static void
who_only_reads_finds_it_and_leaves_nothing(void **state)
{
	struct ledgerdir *p = *state;
	struct ledger_head head;
	uint64_t last;

	fill(p);
	put_backup(p);
	reopen(p);
	assert_int_equal(ledger_check_end(p->l, &last, &head, &p->e),
	    ERR_STALE);
	assert_int_equal(last, 3);
	assert_int_equal(head.seq, 8);
	assert_int_equal(head.serial, 10);
	ledgerdir_close(p);
	assert_int_equal(unlink(witness(p)), 0);
	assert_int_equal(ledgerdir_try_open(p, LEDGER_READ), 0);
	ledger_remember(p->l);
	assert_null(witness(p));
}

/* Nobody has to guess then. */
static void
it_knows_what_a_lost_head_knew(void **state)
{
	struct ledgerdir *p = *state;

	fill(p);
	ledgerdir_close(p);
	assert_int_equal(unlink(p->head), 0);
	reopen(p);
	assert_int_equal(ledgerdir_resume(p), 0);
	assert_int_equal(ledgerdir_take(p, 1), 11);
}

static void
replace(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void
without_it_all_goes_on_and_it_is_written_anew(void **state)
{
	struct ledgerdir *p = *state;

	fill(p);
	assert_int_equal(unlink(witness(p)), 0);
	ledgerdir_add_serials(p, 20, 20);
	replace(witness(p), "damaged", 0600);
	ledgerdir_add_serials(p, 21, 21);
	put_backup(p);
	reopen(p);
	assert_int_equal(ledgerdir_add_to(p, p->l, &(struct ledgercert){
	    .serial = 30 }, NULL), ERR_STALE);
	/* What others can write tells nothing. */
	assert_int_equal(chmod(witness(p), 0666), 0);
	ledgerdir_add_serials(p, 30, 30);
}

static void
there_may_be_no_place_for_it(void **state)
{
	struct ledgerdir *p = *state;
	char path[160];

	ledgerdir_close(p);
	replace(path_of(p, "file", path), "", 0600);
	setenv("XDG_CACHE_HOME", path, 1);
	reopen(p);
	ledgerdir_add_serials(p, 1, 2);
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	reopen(p);
	ledgerdir_add_serials(p, 3, 4);
	assert_int_equal(ledgerdir_verify(p), 4);
}

/* A copy elsewhere is not what is remembered. */
static void
each_path_has_its_own(void **state)
{
	struct ledgerdir *p = *state;
	char path[160];
	struct ledger *copy;
	struct ledger_head head;
	uint64_t last;

	fill(p);
	assert_int_equal(ledger_open(&copy, path_of(p, "old", path),
	    LEDGER_WRITE, &p->e), 0);
	ledger_remember(copy);
	assert_int_equal(ledger_check_end(copy, &last, &head, &p->e), 0);
	assert_int_equal(last, 3);
	ledger_close(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_old_ledger_with_its_own_head_is_found),
		TEST(who_only_reads_finds_it_and_leaves_nothing),
		TEST(it_knows_what_a_lost_head_knew),
		TEST(without_it_all_goes_on_and_it_is_written_anew),
		TEST(each_path_has_its_own),
		TEST(there_may_be_no_place_for_it),
	};

	return cmocka_run_group_tests_name("ledger_witness", tests, NULL,
	    NULL);
}

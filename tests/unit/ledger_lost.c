/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/wait.h>

#include <fcntl.h>
#include <inttypes.h>
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

/* --- an end that was lost --- */

/* What becomes of the ledger that fill() made. */
struct loss {
	const char	*name;
	void		(*lose)(struct ledgerdir *p);
	const char	*words;		/* of the refusal */
};

static const char *
path_of(const struct ledgerdir *p, const char *name, char path[160])
{
	snprintf(path, 160, "%s/%s", p->dir, name);
	return path;
}

static void
put_old(struct ledgerdir *p)
{
	char path[160];

	ledgerdir_copy(path_of(p, "old", path), p->path);
}

static void
put_old_with_wal(struct ledgerdir *p)
{
	char path[160];

	ledgerdir_copy(path_of(p, "old", path), p->path);
	ledgerdir_copy(path_of(p, "old-wal", path), p->wal);
}

/* As "sqlite3 .backup" makes it. */
static void
put_backup(struct ledgerdir *p)
{
	char path[160];

	ledgerdir_copy(path_of(p, "backup", path), p->path);
}

static void
remove_head(struct ledgerdir *p)
{
	assert_int_equal(remove(p->head), 0);
}

static void
empty_head(struct ledgerdir *p)
{
	assert_int_equal(truncate(p->head, 0), 0);
}

static void
cut_head(struct ledgerdir *p)
{
	assert_int_equal(truncate(p->head, 40), 0);
}

static void
lengthen_head(struct ledgerdir *p)
{
	FILE *f = fopen(p->head, "a");

	assert_non_null(f);
	for (int i = 0; i < 100; i++)
		fputs("more\n", f);
	fclose(f);
}

static void
change_head(struct ledgerdir *p)
{
	const int fd = open(p->head, O_WRONLY);

	assert_int_equal(pwrite(fd, "x", 1, 80), 1);
	close(fd);
}

static void
change_hash_in_head(struct ledgerdir *p)
{
	const int fd = open(p->head, O_RDWR);
	struct ledger_head h;
	struct err e;

	assert_int_equal(ledger_head_read(fd, &h, &e), 0);
	h.hash[0] ^= 1;
	assert_int_equal(ledger_head_write(fd, &h, &e), 0);
	close(fd);
}

static void
remove_database(struct ledgerdir *p)
{
	assert_int_equal(remove(p->path), 0);
}

static void
empty_database(struct ledgerdir *p)
{
	assert_int_equal(truncate(p->path, 0), 0);
}

static void
delete_last_entry(struct ledgerdir *p)
{
	ledgerdir_sql(p, "CREATE TEMP TABLE last AS SELECT max(seq) AS seq "
	    "FROM entry; DELETE FROM entry WHERE seq IN last; "
	    "DELETE FROM certificate WHERE seq IN last; "
	    "DELETE FROM principal WHERE seq IN last");
}

static void
delete_all_entries(struct ledgerdir *p)
{
	ledgerdir_sql(p, "DELETE FROM entry; DELETE FROM certificate; "
	    "DELETE FROM principal; DELETE FROM ca");
}

static void
lower_serial(struct ledgerdir *p)
{
	ledgerdir_sql(p, "UPDATE ca SET serial = 30, grants = 2");
}

static void
lower_krl(struct ledgerdir *p)
{
	ledgerdir_sql(p, "UPDATE ca SET krl = 1, grants = 3");
}

static const struct loss losses[] = {
	{ "old copy", put_old, "old copy" },
	{ "old copy with its log", put_old_with_wal, "old copy" },
	{ "backup", put_backup, "old copy" },
	{ "head removed", remove_head, "lost its head" },
	{ "head empty", empty_head, "lost its head" },
	{ "head cut", cut_head, "head that is damaged" },
	{ "head longer", lengthen_head, "head that is damaged" },
	{ "head changed", change_head, "head that is damaged" },
	{ "another head", change_hash_in_head, "is another one" },
	{ "database removed", remove_database, "it was cut" },
	{ "database empty", empty_database, "it was cut" },
	{ "last entry deleted", delete_last_entry, "it was cut" },
	{ "all entries deleted", delete_all_entries, "it was cut" },
	{ "numbers lowered", lower_serial, "it was cut" },
	{ "version lowered", lower_krl, "it was cut" },
};

static void
take_version(struct ledgerdir *p, uint64_t *version)
{
	if (ledger_krl_version(p->l, data_span(&p->ca.blob), version,
	    &p->e) != 0)
		fail_msg("%s", p->e.msg);
}

/*
 * Numbers up to 40 are given out, 50 was chosen by somebody, and there were
 * two KRLs.  "backup", "old" and "old-wal" have the first ten, and one.
 */
static void
fill(struct ledgerdir *p)
{
	char path[160], sql[200];
	uint64_t v;

	ledgerdir_take(p, 10);
	ledgerdir_add_serials(p, 1, 10);
	take_version(p, &v);
	snprintf(sql, sizeof(sql), "VACUUM INTO '%s'",
	    path_of(p, "backup", path));
	ledgerdir_sql(p, sql);
	ledgerdir_copy(p->path, path_of(p, "old", path));
	ledgerdir_copy(p->wal, path_of(p, "old-wal", path));
	ledgerdir_take(p, 30);
	ledgerdir_add_serials(p, 11, 20);
	ledgerdir_add_serials(p, 50, 50);
	take_version(p, &v);
	ledgerdir_close(p);
}

static void
expect_stale(struct ledgerdir *p, const struct loss *loss)
{
	const struct ledger_rule none = { 0 };
	const struct ledgercert c = { .serial = 60 };
	struct data d = ledgerdir_certify(p, &c);
	struct cert cert;
	uint64_t n;

	assert_int_equal(cert_parse(data_span(&d), &cert, &p->e), 0);
	if (ledger_check(p->l, &cert, &none, &p->e) != ERR_STALE ||
	    strstr(p->e.msg, loss->words) == NULL)
		fail_msg("%s: %s", loss->name, p->e.msg);
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, NULL), ERR_STALE);
	assert_int_equal(ledger_serials(p->l, data_span(&p->ca.blob), 1, &n,
	    &p->e), ERR_STALE);
	assert_int_equal(ledger_krl_version(p->l, data_span(&p->ca.blob), &n,
	    &p->e), ERR_STALE);
	data_free(&d);
}

/* Neither this CA nor another one gets a number that may be in use. */
static void
expect_new_numbers(struct ledgerdir *p)
{
	uint64_t n;

	assert_in_range(ledgerdir_take(p, 1), 51, UINT32_MAX);
	assert_int_equal(ledger_serials(p->l, data_span(&p->other.blob), 1,
	    &n, &p->e), 0);
	assert_in_range(n, 51, UINT32_MAX);
	take_version(p, &n);
	assert_in_range(n, 3, UINT32_MAX);
	assert_int_equal(ledger_krl_version(p->l, data_span(&p->other.blob),
	    &n, &p->e), 0);
	assert_in_range(n, 3, UINT32_MAX);
}

/* Nor may a client choose one of those that were lost. */
static void
expect_no_old_number(struct ledgerdir *p)
{
	const struct ledgercert lost = { .serial = 50 },
	    of_other = { .serial = 50, .ca = &p->other };
	const uint64_t next = ledgerdir_take(p, 1);

	assert_int_equal(ledgerdir_add_to(p, p->l, &lost, NULL), ERR_DENIED);
	assert_int_equal(ledgerdir_add_to(p, p->l, &of_other, NULL),
	    ERR_DENIED);
	assert_non_null(strstr(p->e.msg, "that the ledger has lost"));
	ledgerdir_add_serials(p, next, next);
}

static void
lose_and_resume(struct ledgerdir *p, const struct loss *loss)
{
	fill(p);
	loss->lose(p);
	ledgerdir_reopen(p);
	expect_stale(p, loss);
	ledgerdir_reopen(p);
	expect_stale(p, loss);
	if (ledgerdir_resume(p) != 0)
		fail_msg("%s: %s", loss->name, p->e.msg);
	assert_int_equal(ledgerdir_resume(p), ERR_DENIED);
	expect_new_numbers(p);
	ledgerdir_reopen(p);
	expect_new_numbers(p);
	expect_no_old_number(p);
}

static void
a_lost_end_is_found_and_no_number_given_out_twice(void **state)
{
	void *one;

	(void)state;
	for (size_t i = 0; i < sizeof(losses) / sizeof(*losses); i++) {
		ledgerdir_set_up(&one);
		lose_and_resume(one, &losses[i]);
		ledgerdir_tear_down(&one);
	}
}

static void
what_was_resumed_verifies(void **state)
{
	struct ledgerdir *p = *state;

	lose_and_resume(p, &losses[1]);
	assert_int_equal(ledgerdir_verify(p), 11);
	ledgerdir_close(p);
	put_backup(p);
	ledgerdir_reopen(p);
	expect_stale(p, &losses[2]);
	assert_int_equal(ledgerdir_resume(p), 0);
	assert_in_range(ledgerdir_take(p, 1), 53, UINT32_MAX);
	assert_int_equal(ledgerdir_verify(p), 10);
}

static void
a_ledger_that_is_whole_is_not_resumed(void **state)
{
	struct ledgerdir *p = *state;

	assert_int_equal(ledgerdir_resume(p), ERR_DENIED);
	ledgerdir_add_serials(p, 1, 1);
	assert_int_equal(ledgerdir_resume(p), ERR_DENIED);
	assert_non_null(strstr(p->e.msg, "is whole"));
}

static void
a_lost_end_can_be_read(void **state)
{
	struct ledgerdir *p = *state;
	uint64_t end;

	fill(p);
	put_backup(p);
	remove_head(p);
	assert_int_equal(ledgerdir_try_open(p, LEDGER_READ), 0);
	assert_int_equal(ledger_end(p->l, &end, &p->e), 0);
	assert_int_equal(end, 10);
}

/* A CA's numbers that were given out, and not used, before there was more. */
static void
numbers_of_each_ca_count(void **state)
{
	struct ledgerdir *p = *state;
	const struct loss loss = { "small numbers", put_old, "old copy" };
	char path[160];
	uint64_t n;

	ledgerdir_take(p, 1000);
	ledgerdir_add_serials(p, 2000, 2000);
	assert_int_equal(ledger_serials(p->l, data_span(&p->other.blob), 1,
	    &n, &p->e), 0);
	ledgerdir_close(p);
	ledgerdir_copy(p->path, path_of(p, "old", path));
	ledgerdir_reopen(p);
	assert_int_equal(ledger_serials(p->l, data_span(&p->other.blob), 1,
	    &n, &p->e), 0);
	assert_int_equal(n, 2);
	ledgerdir_close(p);
	put_old(p);
	ledgerdir_reopen(p);
	expect_stale(p, &loss);
}

static void
a_head_that_is_behind_is_right(void **state)
{
	struct ledgerdir *p = *state;
	char path[160];

	ledgerdir_add_serials(p, 1, 3);
	ledgerdir_copy(p->head, path_of(p, "head", path));
	ledgerdir_add_serials(p, 4, 6);
	ledgerdir_take(p, 3);
	ledgerdir_close(p);
	ledgerdir_copy(path, p->head);
	ledgerdir_reopen(p);
	ledgerdir_add_serials(p, 10, 10);
	assert_int_equal(ledgerdir_verify(p), 7);
}

/* A head can say anything: what is too high is not believed. */
static void
numbers_do_not_run_out_by_a_head(void **state)
{
	struct ledgerdir *p = *state;
	const struct ledger_head h = { .seq = UINT64_MAX,
	    .serial = UINT64_MAX, .krl = UINT64_MAX };
	uint64_t first;
	int fd;

	ledgerdir_add_serials(p, 1, 1);
	ledgerdir_close(p);
	fd = open(p->head, O_RDWR);
	assert_int_equal(ledger_head_write(fd, &h, &p->e), 0);
	close(fd);
	ledgerdir_reopen(p);
	assert_int_equal(ledgerdir_resume(p), 0);
	first = ledgerdir_take(p, 1);
	assert_true(first > UINT64_C(1) << 62);
	assert_true(first < INT64_MAX);
	ledgerdir_reopen(p);
	assert_int_equal(ledgerdir_take(p, 1), first + 1);
	ledgerdir_verify(p);
}

/* --- a log without its file --- */

#define MORE	250		/* certificates: more than one log takes */

static int
add_and_die(struct ledgerdir *p, void *arg)
{
	const uint64_t n = *(const uint64_t *)arg;
	uint64_t end;

	if (ledger_open(&p->l, p->path, LEDGER_WRITE, &p->e) != 0 ||
	    ledger_end(p->l, &end, &p->e) != 0)
		return 1;
	for (uint64_t i = 0; i < n; i++)
		if (ledgerdir_add_to(p, p->l, &(struct ledgercert){
		    .serial = 1000 + end + i }, NULL) != 0)
			return 2;
	return 0;
}

static void
remove_log(struct ledgerdir *p)
{
	char shm[100];

	snprintf(shm, sizeof(shm), "%s-shm", p->path);
	assert_int_equal(remove(p->wal), 0);
	assert_int_equal(remove(shm), 0);
}

static void
an_old_copy_under_a_newer_log_is_found(void **state)
{
	const struct loss loss = { "without it", put_old, "old copy" };
	struct ledgerdir *p = *state;
	uint64_t more = MORE;
	char path[160];

	ledgerdir_add_serials(p, 1, 50);
	ledgerdir_close(p);
	ledgerdir_copy(p->path, path_of(p, "old", path));
	assert_int_equal(ledgerdir_fork(p, add_and_die, &more), 0);
	put_old(p);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ledgerdir_try_open(p, LEDGER_WRITE),
		    ERR_STALE);
		assert_non_null(strstr(p->e.msg, "-wal"));
	}
	remove_log(p);
	ledgerdir_reopen(p);
	expect_stale(p, &loss);
	assert_int_equal(ledgerdir_resume(p), 0);
	assert_int_equal(ledgerdir_verify(p), 50);
	ledgerdir_reopen(p);
	assert_in_range(ledgerdir_take(p, 1), 1000 + MORE, UINT32_MAX);
}

/* As long as the log has everything since the copy, nothing is missing. */
static void
an_old_copy_under_its_own_log_is_whole(void **state)
{
	struct ledgerdir *p = *state;
	uint64_t more = 20;
	char path[160];

	ledgerdir_add_serials(p, 1, 50);
	ledgerdir_close(p);
	ledgerdir_copy(p->path, path_of(p, "old", path));
	assert_int_equal(ledgerdir_fork(p, add_and_die, &more), 0);
	put_old(p);
	ledgerdir_reopen(p);
	assert_int_equal(ledgerdir_verify(p), 70);
	ledgerdir_add_serials(p, 60, 60);
}

static void
a_log_that_was_left_over_is_taken_on(void **state)
{
	struct ledgerdir *p = *state;
	uint64_t there = 0;

	for (uint64_t more = 60; more < 300; more += 67) {
		assert_int_equal(ledgerdir_fork(p, add_and_die, &more), 0);
		there += more;
		ledgerdir_reopen(p);
		assert_int_equal(ledgerdir_verify(p), there);
	}
}

/* --- while it is open --- */

static void
replace(const char *path)
{
	char with[160];

	snprintf(with, sizeof(with), "%s.new", path);
	ledgerdir_copy(path, with);
	assert_int_equal(rename(with, path), 0);
}

static void
a_file_that_was_replaced_is_noticed(void **state)
{
	struct ledgerdir *p = *state;
	const struct ledgercert c = { .serial = 9 };

	ledgerdir_add_serials(p, 1, 1);
	assert_false(ledger_is_astray(p->l));
	replace(p->path);
	assert_true(ledger_is_astray(p->l));
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, NULL), ERR_STALE);
	remove(p->wal);
	ledgerdir_reopen(p);
	assert_false(ledger_is_astray(p->l));
	replace(p->head);
	assert_true(ledger_is_astray(p->l));
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, NULL), ERR_STALE);
	ledgerdir_reopen(p);
	remove_head(p);
	assert_true(ledger_is_astray(p->l));
	assert_int_equal(ledgerdir_add_to(p, p->l, &c, NULL), ERR_STALE);
}

/* A process that opens it and closes it once it is told to. */
static pid_t
start_another(const struct ledgerdir *p, int *tell)
{
	struct ledger *l;
	struct err e;
	pid_t pid;
	int fd[2];
	char c;

	assert_int_equal(pipe(fd), 0);
	if ((pid = fork()) == 0) {
		if (read(fd[0], &c, 1) != 1 ||
		    ledger_open(&l, p->path, LEDGER_WRITE, &e) != 0)
			_exit(1);
		ledger_close(l);
		_exit(0);
	}
	assert_true(pid > 0);
	close(fd[0]);
	*tell = fd[1];
	return pid;
}

/*
 * Were SQLite's locks lost when somebody else in this process looks at the
 * file, the last one to close it elsewhere would remove the log.
 */
static void
the_log_is_not_taken_from_under_us(void **state)
{
	struct ledgerdir *p = *state;
	struct ledger *second;
	int tell, status;
	pid_t pid;

	ledgerdir_close(p);
	pid = start_another(p, &tell);
	ledgerdir_reopen(p);
	ledgerdir_add_serials(p, 1, 1);
	assert_int_equal(ledger_open(&second, p->path, LEDGER_WRITE, &p->e),
	    0);
	ledger_close(second);
	assert_int_equal(write(tell, "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	ledgerdir_add_serials(p, 2, 2);
	assert_int_equal(ledgerdir_ask(p, "SELECT count(*) FROM entry"), 2);
	close(tell);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_lost_end_is_found_and_no_number_given_out_twice),
		LEDGERDIR_TEST(what_was_resumed_verifies),
		LEDGERDIR_TEST(a_ledger_that_is_whole_is_not_resumed),
		LEDGERDIR_TEST(a_lost_end_can_be_read),
		LEDGERDIR_TEST(numbers_of_each_ca_count),
		LEDGERDIR_TEST(a_head_that_is_behind_is_right),
		LEDGERDIR_TEST(numbers_do_not_run_out_by_a_head),
		LEDGERDIR_TEST(an_old_copy_under_a_newer_log_is_found),
		LEDGERDIR_TEST(an_old_copy_under_its_own_log_is_whole),
		LEDGERDIR_TEST(a_log_that_was_left_over_is_taken_on),
		LEDGERDIR_TEST(a_file_that_was_replaced_is_noticed),
		LEDGERDIR_TEST(the_log_is_not_taken_from_under_us),
	};

	return cmocka_run_group_tests_name("ledger_lost", tests, NULL, NULL);
}

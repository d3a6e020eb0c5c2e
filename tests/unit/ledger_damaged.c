/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/resource.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/ledger_verify.h"
#include "tests/unit/ledgerdir.h"

/* --- what is no ledger --- */

static void
expect_refused(struct ledgerdir *p, int code, const char *words)
{
	static const enum ledger_mode modes[] = { LEDGER_READ, LEDGER_WRITE };

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ledgerdir_try_open(p, modes[i]), code);
		if (strstr(p->e.msg, words) == NULL)
			fail_msg("%s", p->e.msg);
	}
}

static void
a_ledger_of_another_version_is_refused(void **state)
{
	struct ledgerdir *p = *state;

	ledgerdir_close(p);
	ledgerdir_sql(p, "PRAGMA user_version = 2");
	expect_refused(p, ERR_UNSUPPORTED, "a ledger of version 2");
	ledgerdir_sql(p, "PRAGMA user_version = 0");
	expect_refused(p, ERR_UNSUPPORTED, "a ledger of version 0");
}

static void
another_database_is_refused_and_left_alone(void **state)
{
	struct ledgerdir *p = *state;

	ledgerdir_close(p);
	remove(p->path);
	ledgerdir_sql(p, "CREATE TABLE entry (seq, hash, body)");
	assert_int_equal(chmod(p->path, 0600), 0);
	expect_refused(p, ERR_FORMAT, "a database, and not a ledger");
	ledgerdir_sql(p, "PRAGMA user_version = 1");
	expect_refused(p, ERR_FORMAT, "a database, and not a ledger");
	assert_int_equal(ledgerdir_ask(p, "SELECT count(*) FROM "
	    "sqlite_master"), 1);
}

/* Each as somebody might leave it who wants more than to look. */
static const char *const strange[] = {
	"DROP TABLE checkpoint",
	"DROP INDEX certificate_serial",
	"DROP INDEX certificate_nonce; CREATE INDEX certificate_nonce ON "
	    "certificate (key_id)",
	"CREATE TRIGGER t AFTER INSERT ON certificate BEGIN DELETE FROM "
	    "entry; END",
	"CREATE VIEW v AS SELECT 1",
	"ALTER TABLE certificate RENAME TO was; CREATE VIEW certificate AS "
	    "SELECT * FROM was",
	"CREATE TABLE more (a)",
	"ALTER TABLE ca ADD COLUMN more",
};

static void
tables_that_are_not_ours_are_refused(void **state)
{
	struct ledgerdir *p = *state;
	char kept[120];

	ledgerdir_add_serials(p, 1, 3);
	ledgerdir_close(p);
	snprintf(kept, sizeof(kept), "%s/kept", p->dir);
	ledgerdir_copy(p->path, kept);
	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
		ledgerdir_sql(p, strange[i]);
		expect_refused(p, ERR_FORMAT, "not those of a ledger");
		ledgerdir_copy(kept, p->path);
	}
	ledgerdir_sql(p, "ANALYZE; VACUUM");
	ledgerdir_reopen(p);
	assert_int_equal(ledgerdir_verify(p), 3);
}

static void
put(const char *path, const void *bytes, size_t n)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static void
a_file_that_is_no_database_is_refused(void **state)
{
	struct ledgerdir *p = *state;
	char text[3000];

	ledgerdir_close(p);
	memset(text, 'x', sizeof(text));
	for (size_t n = 1; n <= sizeof(text); n += n < 120 ? 1 : 99) {
		put(p->path, text, n);
		expect_refused(p, ERR_FORMAT, "not a database");
	}
}

/* --- a database that is broken --- */

static void
ignore(void *arg, uint64_t seq, const char *text)
{
	(void)arg;
	(void)seq;
	assert_true(text[0] != '\0');
}

static int
look_at(void *arg, const struct ledger_entry *en, const struct cert *c,
    struct err *e)
{
	(void)arg;
	(void)en;
	(void)c;
	(void)e;
	return 0;
}

/* Use it in each way: any answer will do, if it is one. */
static int
use_all(struct ledgerdir *p)
{
	const struct ledger_query q = { .principal = span_cstr("alice") };
	struct ledger_sums sums;
	uint64_t n;
	int r;

	if ((r = ledgerdir_try_open(p, LEDGER_WRITE)) != 0)
		return r;
	(void)!ledgerdir_add_to(p, p->l, &(struct ledgercert){
	    .serial = 4711 }, NULL);
	(void)!ledger_serials(p->l, data_span(&p->ca.blob), 1, &n, &p->e);
	(void)!ledger_find(p->l, &q, look_at, NULL, &p->e);
	(void)!ledger_revoked(p->l, (struct span){ 0 }, look_at, NULL,
	    &p->e);
	r = ledger_verify(p->l, &sums, ignore, NULL, &p->e);
	ledgerdir_close(p);
	return r;
}

static void
expect_sentence(struct ledgerdir *p, int r)
{
	assert_true(r == 0 || r == ERR_FORMAT || r == ERR_SYS ||
	    r == ERR_UNSUPPORTED || r == ERR_STALE);
	if (r != 0)
		assert_in_range(strlen(p->e.msg), 20, sizeof(p->e.msg) - 1);
}

struct kept {
	struct data	 db, head;
};

static struct data
slurp(const char *path)
{
	static uint8_t buf[1 << 20];
	const int fd = open(path, O_RDONLY);
	const ssize_t n = read(fd, buf, sizeof(buf));

	assert_in_range(n, 1, sizeof(buf) - 1);
	close(fd);
	return data_copy((struct span){ buf, (size_t)n });
}

static struct kept
keep(struct ledgerdir *p)
{
	ledgerdir_add_serials(p, 1, 12);
	ledgerdir_revoke(p, 3);
	ledgerdir_checkpoint(p);
	ledgerdir_close(p);
	return (struct kept){ slurp(p->path), slurp(p->head) };
}

static void
put_back(struct ledgerdir *p, const struct kept *k)
{
	remove(p->wal);
	put(p->path, k->db.p, k->db.n);
	put(p->head, k->head.p, k->head.n);
}

static void
forget(struct kept *k)
{
	data_free(&k->db);
	data_free(&k->head);
}

static void
a_database_that_was_cut_is_no_crash(void **state)
{
	struct ledgerdir *p = *state;
	struct kept k = keep(p);
	int r;

	for (size_t n = 0; n < k.db.n; n += n < 120 ? 7 : 1024 + 333) {
		put_back(p, &k);
		assert_int_equal(truncate(p->path, (off_t)n), 0);
		r = use_all(p);
		assert_int_not_equal(r, 0);
		expect_sentence(p, r);
	}
	put_back(p, &k);
	assert_int_equal(use_all(p), 0);
	forget(&k);
}

/* Bits all over it, and more of them where it says how it is built. */
static size_t
next_place(size_t at, size_t i, size_t n)
{
	if (i < 100)
		return i;
	return (at + 7919) % n;
}

static void
a_bit_that_flipped_is_no_crash(void **state)
{
	struct ledgerdir *p = *state;
	const size_t flips = getenv("UNDER_VALGRIND") != NULL ? 120 : 250;
	struct kept k = keep(p);
	size_t at = 0, noticed = 0;
	int r;

	for (size_t i = 0; i < flips; i++) {
		at = next_place(at, i, k.db.n);
		k.db.p[at] ^= (uint8_t)(1 << i % 8);
		put_back(p, &k);
		r = use_all(p);
		expect_sentence(p, r);
		noticed += r != 0;
		k.db.p[at] ^= (uint8_t)(1 << i % 8);
	}
	print_message("# %zu of %zu flips were noticed\n", noticed, flips);
	forget(&k);
}

/* --- no room --- */

struct limit {
	rlim_t		 bytes;
	uint64_t	 serial;	/* of the first one */
};

/*
 * Adds three in a process that may write no file beyond some byte, as on a
 * disk without more room.  Its result is how many there must be.
 */
static int
add_within(struct ledgerdir *p, void *arg)
{
	const struct limit *l = arg;
	const struct rlimit limit = { l->bytes, l->bytes };
	int n = 0, r;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) == -1)
		return 100;
	if (ledger_open(&p->l, p->path, LEDGER_WRITE, &p->e) != 0)
		return p->e.code == ERR_SYS && strlen(p->e.msg) > 20 ? 0 :
		    101;
	for (uint64_t i = 0; i < 3; i++) {
		r = ledgerdir_add_to(p, p->l, &(struct ledgercert){
		    .serial = l->serial + i }, NULL);
		if (r != 0 && (r != ERR_SYS || strlen(p->e.msg) <= 20))
			return 102;
		n += r == 0;
	}
	ledger_close(p->l);
	return n;
}

static void
without_room_there_is_an_error_or_a_row(void **state)
{
	struct ledgerdir *p = *state;
	struct limit limit = { .serial = 1 };
	unsigned int full = 0, some = 0;
	int n;

	for (; full < 3; limit.bytes += limit.bytes < 300 ? 3 : 1531) {
		ledgerdir_close(p);
		remove(p->path);
		remove(p->head);
		remove(p->wal);
		n = ledgerdir_fork(p, add_within, &limit);
		assert_in_range(n, 0, 3);
		full += n == 3;
		some += n > 0 && n < 3;
		ledgerdir_reopen(p);
		assert_int_equal(ledgerdir_verify(p), n);
		assert_int_equal(ledgerdir_take(p, 1), n + 1);
	}
	print_message("# the limit mattered to some of three: %u\n", some);
	assert_in_range(some, 1, 1000);
}

/* The same of one that is there, whose log begins anew. */
static void
without_more_room_what_is_there_stays(void **state)
{
	struct ledgerdir *p = *state;
	struct limit limit = { .serial = 1000 };
	uint64_t there = 31;
	struct stat st;
	int n;

	ledgerdir_add_serials(p, 100, 130);
	ledgerdir_close(p);
	assert_int_equal(stat(p->path, &st), 0);
	for (; limit.bytes < (rlim_t)st.st_size; limit.bytes += 4099) {
		n = ledgerdir_fork(p, add_within, &limit);
		assert_in_range(n, 0, 3);
		limit.serial += 3;
		there += (uint64_t)n;
		ledgerdir_reopen(p);
		assert_int_equal(ledgerdir_verify(p), there);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LEDGERDIR_TEST(a_ledger_of_another_version_is_refused),
		LEDGERDIR_TEST(another_database_is_refused_and_left_alone),
		LEDGERDIR_TEST(tables_that_are_not_ours_are_refused),
		LEDGERDIR_TEST(a_file_that_is_no_database_is_refused),
		LEDGERDIR_TEST(a_database_that_was_cut_is_no_crash),
		LEDGERDIR_TEST(a_bit_that_flipped_is_no_crash),
		LEDGERDIR_TEST(without_room_there_is_an_error_or_a_row),
		LEDGERDIR_TEST(without_more_room_what_is_there_stays),
	};

	return cmocka_run_group_tests_name("ledger_damaged", tests, NULL,
	    NULL);
}

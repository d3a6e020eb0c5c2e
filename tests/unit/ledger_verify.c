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
#include <sqlite3.h>

#include "ca/ledger_verify.h"
#include "tests/unit/ledgerdir.h"

/*
 * The ledger that is edited: entries 1 to 5 and 8, 9, 11 are certificates
 * of the same serial numbers, and so on.
 */
#define REVOCATION	6
#define CHECKPOINT	7		/* of 6 */
#define RESUMPTION	10
#define LAST		11

#define UNUSED		2000000		/* no number that may have been lost */

static void
fill(struct ledgerdir *p)
{
	uint64_t n;

	ledgerdir_take(p, 20);
	ledgerdir_add_serials(p, 1, 5);
	ledgerdir_revoke(p, 3);
	ledgerdir_checkpoint(p);
	ledgerdir_add_serials(p, 8, 8);
	ledgerdir_add(p, &(struct ledgercert){ .serial = 9,
	    .ca = &p->other });
	ledgerdir_close(p);
	remove(p->head);
	ledgerdir_reopen(p);
	assert_int_equal(ledgerdir_resume(p), 0);
	n = ledgerdir_take(p, 1);
	ledgerdir_add_serials(p, n, n);
	assert_int_equal(ledgerdir_verify(p), 8);
	ledgerdir_close(p);
}

static int
set_up(void **state)
{
	ledgerdir_set_up(state);
	fill(*state);
	return 0;
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, set_up, \
		    ledgerdir_tear_down)

/* --- what an editor has --- */

/* Offsets into an entry: its fields of fixed sizes, and what is after them. */
#define SEQ	26
#define PREV	34
#define TIME	66
#define KIND	74
#define UID	76
#define PID	80
#define PROGRAM	88
#define CA	(PROGRAM + 19 + 4 + 4)

/* flip(bytes, i): one bit of byte i; from the end when i < 0. */
static void
sql_flip(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const int size = sqlite3_value_bytes(v[0]);
	struct data d = data_copy((struct span){ sqlite3_value_blob(v[0]),
	    (size_t)size });
	int at = sqlite3_value_int(v[1]);

	(void)n;
	if (at < 0)
		at += size;
	assert_in_range(at, 0, size - 1);
	d.p[at] ^= 1;
	sqlite3_result_blob(ctx, d.p, size, SQLITE_TRANSIENT);
	data_free(&d);
}

static void
sql_hash(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	uint8_t hash[LEDGER_HASH];
	struct err e;

	(void)n;
	assert_int_equal(ledger_hash((struct span){ sqlite3_value_blob(v[0]),
	    (size_t)sqlite3_value_bytes(v[0]) }, hash, &e), 0);
	sqlite3_result_blob(ctx, hash, sizeof(hash), SQLITE_TRANSIENT);
}

static void
edit(struct ledgerdir *p, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	sqlite3_create_function(db, "flip", 2, SQLITE_UTF8, NULL, sql_flip,
	    NULL, NULL);
	sqlite3_create_function(db, "hash", 1, SQLITE_UTF8, NULL, sql_hash,
	    NULL, NULL);
	if (sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL,
	    NULL) != SQLITE_OK || sqlite3_exec(db, sql, NULL, NULL,
	    NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* One entry of the chain, after `prev`, whose place is taken by its hash. */
static void
link_one(sqlite3 *db, sqlite3_int64 seq, struct ledger_head *h)
{
	sqlite3_blob *b;
	sqlite3_stmt *st;
	struct data d;
	struct err e;

	assert_int_equal(sqlite3_blob_open(db, "main", "entry", "body", seq,
	    1, &b), SQLITE_OK);
	d.n = (size_t)sqlite3_blob_bytes(b);
	assert_non_null(d.p = malloc(d.n));
	assert_int_equal(sqlite3_blob_read(b, d.p, (int)d.n, 0), SQLITE_OK);
	memcpy(d.p + PREV, h->hash, LEDGER_HASH);
	assert_int_equal(sqlite3_blob_write(b, d.p, (int)d.n, 0), SQLITE_OK);
	sqlite3_blob_close(b);
	assert_int_equal(ledger_hash(data_span(&d), h->hash, &e), 0);
	sqlite3_prepare_v2(db, "UPDATE entry SET hash = ? WHERE seq = ?", -1,
	    &st, NULL);
	sqlite3_bind_blob(st, 1, h->hash, LEDGER_HASH, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, seq);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
	data_free(&d);
	h->seq = (uint64_t)seq;
}

/* All hashes anew, and the head: what was edited is what always was. */
static void
link_all(struct ledgerdir *p)
{
	struct ledger_head h = { 0 }, old;
	sqlite3 *db;
	int fd;

	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	for (sqlite3_int64 seq = 1; seq <= LAST; seq++)
		link_one(db, seq, &h);
	sqlite3_close(db);
	fd = open(p->head, O_RDWR);
	assert_int_equal(ledger_head_read(fd, &old, &p->e), 0);
	h.serial = old.serial;
	h.krl = old.krl;
	h.grants = old.grants;
	memcpy(h.numbers, old.numbers, LEDGER_HASH);
	assert_int_equal(ledger_head_write(fd, &h, &p->e), 0);
	close(fd);
}

/* --- edits --- */

struct edit {
	const char	*sql;
	uint64_t	 seq;		/* of the entry that is named */
	const char	*words;		/* what is said of it */
	bool		 linked;	/* all hashes are made anew */
};

#define FLIP(at)	"UPDATE entry SET body = flip(body, " at ") "
#define HASHED(at)	"UPDATE entry SET body = flip(body, " at "), " \
			    "hash = hash(flip(body, " at ")) "
#define STR(n)		#n
#define NUM(n)		STR(n)

static const struct edit edits[] = {
	/* One entry. */
	{ FLIP(NUM(TIME)) "WHERE seq = 3", 3, "was changed", false },
	{ FLIP(NUM(UID)) "WHERE seq = 3", 3, "was changed", false },
	{ FLIP(NUM(PID)) "WHERE seq = 3", 3, "was changed", false },
	{ FLIP(NUM(PROGRAM)) "WHERE seq = 3", 3, "was changed", false },
	{ FLIP("-1") "WHERE seq = 3", 3, "was changed", false },
	{ FLIP("-1") "WHERE seq = 6", 6, "was changed", false },
	{ FLIP("-1") "WHERE seq = 11", 11, "was changed", false },
	{ "UPDATE entry SET body = x'' WHERE seq = 3", 3, "no entry", false },
	{ "UPDATE entry SET hash = flip(hash, 0) WHERE seq = 3", 3,
	    "was changed", false },
	{ "UPDATE entry SET hash = x'' WHERE seq = 3", 3, "was changed",
	    false },
	{ HASHED(NUM(TIME)) "WHERE seq = 3", 3, "one of the two was changed",
	    false },
	{ HASHED("-1") "WHERE seq = 6", 6, "one of the two was changed",
	    false },
	{ HASHED(NUM(PREV)) "WHERE seq = 4", 3, "one of the two was changed",
	    false },
	{ HASHED("-1") "WHERE seq = 11", 11, "another one than was written",
	    false },
	{ HASHED(NUM(KIND)) "WHERE seq = 3", 3, "no entry", false },
	{ FLIP(NUM(KIND)) "WHERE seq = 6", 6, "no entry", true },
	{ FLIP(NUM(SEQ)) "WHERE seq = 3", 3, "it was moved", true },

	/* Removed, moved and put in twice. */
	{ "DELETE FROM entry WHERE seq = 3", 3, "it is missing", false },
	{ "DELETE FROM entry WHERE seq = 3; DELETE FROM certificate WHERE "
	    "seq = 3; DELETE FROM principal WHERE seq = 3", 3,
	    "it is missing", false },
	{ "DELETE FROM entry WHERE seq = 1; DELETE FROM certificate WHERE "
	    "seq = 1; DELETE FROM principal WHERE seq = 1", 1,
	    "it is missing", false },
	{ "DELETE FROM entry WHERE seq = 7; DELETE FROM checkpoint", 7,
	    "it is missing", false },
	{ "DELETE FROM entry WHERE seq = 11; DELETE FROM certificate WHERE "
	    "seq = 11; DELETE FROM principal WHERE seq = 11", 11,
	    "is older than what was written", false },
	{ "DELETE FROM entry WHERE seq > 8; DELETE FROM certificate WHERE "
	    "seq > 8; DELETE FROM principal WHERE seq > 8; DELETE FROM "
	    "resumption", 11, "is older than what was written", false },
	{ "UPDATE entry SET seq = -3 WHERE seq = 3; UPDATE entry SET seq = 3 "
	    "WHERE seq = 4; UPDATE entry SET seq = 4 WHERE seq = -3", 3,
	    "it was moved: it was entry 4", false },
	{ "UPDATE entry SET seq = -3 WHERE seq = 3; UPDATE entry SET seq = "
	    "seq - 1 WHERE seq > 3; DELETE FROM entry WHERE seq < 0", 3,
	    "it was moved: it was entry 4", false },
	{ "INSERT INTO entry SELECT 12, hash, body FROM entry WHERE seq = 3",
	    12, "it was moved: it was entry 3", false },
	{ "REPLACE INTO entry SELECT 4, hash, body FROM entry WHERE seq = 3",
	    4, "it was moved: it was entry 3", false },
	{ "INSERT INTO entry SELECT -1, hash, body FROM entry WHERE seq = 3",
	    UINT64_MAX, "it was moved: it was entry 3", false },

	/* Columns and rows that queries go by. */
	{ "UPDATE certificate SET ca = 2 WHERE seq = 3", 3, "its row",
	    false },
	{ "UPDATE certificate SET serial = 4711 WHERE seq = 3", 3, "its row",
	    false },
	{ "UPDATE certificate SET time = time + 1 WHERE seq = 3", 3,
	    "its row", false },
	{ "UPDATE certificate SET ends = ends + 1 WHERE seq = 3", 3,
	    "its row", false },
	{ "UPDATE certificate SET key_id = x'00' WHERE seq = 3", 3, "its row",
	    false },
	{ "UPDATE certificate SET key_id = CAST(key_id AS TEXT) WHERE "
	    "seq = 3", 3, "its row", false },
	{ "UPDATE certificate SET subject = x'00' WHERE seq = 3", 3,
	    "its row", false },
	{ "UPDATE certificate SET nonce = x'00' WHERE seq = 3", 3, "its row",
	    false },
	{ "DELETE FROM certificate WHERE seq = 3", 3, "its row", false },
	{ "INSERT INTO certificate SELECT 99, ca, 99, time, ends, key_id, "
	    "subject, nonce FROM certificate WHERE seq = 3", 99,
	    "a row among certificates", false },
	{ "INSERT INTO certificate SELECT 6, ca, 99, time, ends, key_id, "
	    "subject, nonce FROM certificate WHERE seq = 3", 6,
	    "a row among certificates", false },
	{ "DELETE FROM principal WHERE seq = 3 AND name = "
	    "CAST('ops' AS BLOB)", 3, "one of its principals", false },
	{ "UPDATE principal SET name = CAST('root' AS BLOB) WHERE seq = 3 "
	    "AND name = CAST('ops' AS BLOB)", 3, "one of its principals",
	    false },
	{ "UPDATE principal SET name = CAST(name AS TEXT) WHERE seq = 3", 3,
	    "one of its principals", false },
	{ "INSERT INTO principal VALUES (CAST('root' AS BLOB), 3)", 3,
	    "a row among principals", false },
	{ "INSERT INTO principal VALUES (CAST('ops' AS BLOB), 99)", 99,
	    "a row among principals", false },
	{ "DELETE FROM revocation", 6, "its row", false },
	{ "UPDATE revocation SET ca = 2", 6, "its row", false },
	{ "INSERT INTO revocation VALUES (3, 1)", 3,
	    "a row among revocations", false },
	{ "DELETE FROM checkpoint", 7, "something else than is there",
	    false },
	{ "UPDATE checkpoint SET of = 5", 7, "something else than is there",
	    false },
	{ "UPDATE checkpoint SET of = 8", 7, "something else than is there",
	    false },
	{ "UPDATE checkpoint SET ca = 2", 7, "its row", false },
	{ "UPDATE checkpoint SET time = time + 1", 7, "its row", false },
	{ "INSERT INTO checkpoint VALUES (11, 1, 10, 0)", 11,
	    "a row among checkpoints", false },
	{ "UPDATE resumption SET serial = serial + 1", 10, "its row",
	    false },
	{ "UPDATE resumption SET krl = 0", 10, "its row", false },
	{ "INSERT INTO resumption VALUES (3, 1, 1)", 3,
	    "a row among resumptions", false },
	{ "UPDATE ca SET key = x'00' WHERE id = 1", 3, "its row", false },
	{ "DELETE FROM ca WHERE id = 2", 9, "its row", false },

	/* By somebody who makes all hashes anew. */
	{ FLIP(NUM(TIME)) "WHERE seq = 3", 7, "something else than is there",
	    true },
	{ FLIP("-1") "WHERE seq = 6", 7, "something else than is there",
	    true },
	{ FLIP("-11") "WHERE seq = 8", 8, "wrong signature", true },
	{ FLIP("-200") "WHERE seq = 8", 8, "its certificate", true },
	{ FLIP(NUM(CA) " + 30") "WHERE seq = 8", 8, "by another CA", true },
	{ FLIP("-1") "WHERE seq = 7", 7, "something else than is there",
	    true },
};

struct look {
	const struct edit *edit;
	bool		   found;
	char		   all[2000];	/* faults, for the reader */
};

static void
look(void *arg, uint64_t seq, const char *text)
{
	struct look *k = arg;
	const size_t n = strlen(k->all);

	if (seq == k->edit->seq && strstr(text, k->edit->words) != NULL)
		k->found = true;
	snprintf(k->all + n, sizeof(k->all) - n, "\n%" PRIu64 ": %s", seq,
	    text);
}

static void
expect_fault(struct ledgerdir *p, const struct edit *want)
{
	struct look k = { .edit = want };
	struct ledger_sums sums;

	if (ledgerdir_try_open(p, LEDGER_READ) != 0)
		fail_msg("%s: %s", want->sql, p->e.msg);
	if (ledger_verify(p->l, &sums, look, &k, &p->e) != ERR_FORMAT ||
	    !k.found)
		fail_msg("%s:%s", want->sql, k.all);
	ledgerdir_close(p);
}

static void
expect_faults(struct ledgerdir *p, const struct edit *all, size_t n)
{
	char db[120], head[120];

	snprintf(db, sizeof(db), "%s/kept", p->dir);
	snprintf(head, sizeof(head), "%s/kept.head", p->dir);
	ledgerdir_copy(p->path, db);
	ledgerdir_copy(p->head, head);
	for (size_t i = 0; i < n; i++) {
		ledgerdir_copy(db, p->path);
		ledgerdir_copy(head, p->head);
		edit(p, all[i].sql);
		if (all[i].linked)
			link_all(p);
		expect_fault(p, &all[i]);
	}
}

static void
each_edit_is_found_and_the_entry_named(void **state)
{
	expect_faults(*state, edits, sizeof(edits) / sizeof(*edits));
}

/* In steps, as each check takes its time. */
static void
each_byte_of_an_entry_counts(void **state)
{
	struct ledgerdir *p = *state;
	const struct edit want = { "a byte", 8, "", false };
	const uint64_t n = ledgerdir_ask(p, "SELECT length(body) FROM entry "
	    "WHERE seq = 8");
	char sql[100];

	assert_in_range(n, 400, 1000);
	for (uint64_t i = 0; i < n; i += 5) {
		snprintf(sql, sizeof(sql), "UPDATE entry SET body = "
		    "flip(body, %" PRIu64 ") WHERE seq = 8", i);
		edit(p, sql);
		expect_fault(p, &want);
		edit(p, sql);
	}
	ledgerdir_reopen(p);
	assert_int_equal(ledgerdir_verify(p), 8);
}

/* Entries that were never edited, and are not as they should be. */

static void
a_certificate_that_its_ca_did_not_sign_is_found(void **state)
{
	const struct ledger_rule none = { 0 };
	const struct ledger_who who = { 0 };
	const struct edit want = { "no signature", 12, "wrong signature",
	    false };
	struct ledgerdir *p = *state;
	struct data d = ledgerdir_certify(p, &(struct ledgercert){
	    .serial = UNUSED });

	d.p[d.n - 1] ^= 1;
	ledgerdir_reopen(p);
	assert_int_equal(ledger_add_certificate(p->l, data_span(&d), &none,
	    &who, span_cstr(""), &p->e), 0);
	expect_fault(p, &want);
	data_free(&d);
}

static void
put_checkpoint(struct ledgerdir *p, uint64_t seq, const struct hostkey *k,
    const char *ns, const char *said)
{
	char text[LEDGER_CHECKPOINT_MAX];
	struct data sig;

	assert_int_equal(ledger_checkpoint_text(p->l, seq, text, &p->e), 0);
	sig = ledgerdir_sshsig(k, ns, said != NULL ? said : text);
	assert_int_equal(ledger_add_checkpoint(p->l, data_span(&p->ca.blob),
	    seq, data_span(&sig), &p->e), 0);
	data_free(&sig);
}

static void
a_checkpoint_with_a_wrong_signature_is_found(void **state)
{
	struct ledgerdir *p = *state;
	struct edit want = { "checkpoint", 12, "its signature is not", 0 };
	struct ledger_sums sums;
	struct look k = { .edit = &want };

	ledgerdir_reopen(p);
	put_checkpoint(p, 8, &p->other, LEDGER_CHECKPOINT_NS, NULL);
	put_checkpoint(p, 9, &p->ca, "file", NULL);
	put_checkpoint(p, 10, &p->ca, LEDGER_CHECKPOINT_NS, "another text");
	for (; want.seq <= 14; want.seq++) {
		ledgerdir_reopen(p);
		expect_fault(p, &want);
	}
	ledgerdir_reopen(p);
	assert_int_equal(ledger_verify(p->l, &sums, look, &k, &p->e),
	    ERR_FORMAT);
	assert_int_equal(sums.signed_until, 6);
}

static void
what_a_checkpoint_vouches_for_is_told(void **state)
{
	struct ledgerdir *p = *state;
	struct ledger_sums sums;

	ledgerdir_reopen(p);
	ledgerdir_checkpoint(p);
	ledgerdir_add_serials(p, UNUSED, UNUSED);
	assert_int_equal(ledger_verify(p->l, &sums, NULL, NULL, &p->e), 0);
	assert_int_equal(sums.signed_until, LAST);
	assert_int_equal(sums.certificates, 9);
	assert_int_equal(sums.revocations, 1);
	assert_int_equal(sums.checkpoints, 2);
	assert_int_equal(sums.resumptions, 1);
	assert_int_equal(sums.head.seq, LAST + 2);
}

static void
the_highest_number_given_out_is_not_lowered_unseen(void **state)
{
	struct ledgerdir *p = *state;
	const struct edit want = { "lower", LAST + 1, "is older", false };
	uint64_t first;

	ledgerdir_reopen(p);
	first = ledgerdir_take(p, 100);
	ledgerdir_add_serials(p, first, first);
	ledgerdir_close(p);
	ledgerdir_sql(p, "UPDATE ca SET serial = 30 WHERE id = 1");
	expect_fault(p, &want);
}

/* Those of one CA, below the highest of them all. */
static void
no_number_of_a_ca_is_changed_unseen(void **state)
{
	static const char words[] = "at other numbers";
	static const struct edit of_ca[] = {
		{ "UPDATE ca SET krl = 0 WHERE id = 2", LAST, words, false },
		{ "UPDATE ca SET krl = 2000000 WHERE id = 2", LAST, words,
		    false },
		{ "UPDATE ca SET serial = 1 WHERE id = 2", LAST, words,
		    false },
		{ "UPDATE ca SET grants = 0 WHERE id = 2; UPDATE ca SET "
		    "grants = grants + 1 WHERE id = 1", LAST, words, false },
	};
	struct ledgerdir *p = *state;
	uint64_t v;

	ledgerdir_reopen(p);
	ledgerdir_take(p, 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(ledger_krl_version(p->l, data_span(
		    &p->ca.blob), &v, &p->e), 0);
	assert_int_equal(ledger_krl_version(p->l, data_span(&p->other.blob),
	    &v, &p->e), 0);
	ledgerdir_close(p);
	expect_faults(p, of_ca, sizeof(of_ca) / sizeof(*of_ca));
}

static void
an_index_that_does_not_fit_its_table_is_found(void **state)
{
	struct ledgerdir *p = *state;
	const struct edit want = { "index", 0, "damaged: ", false };

	edit(p, "UPDATE certificate SET time = time + 1 WHERE seq = 3; "
	    "CREATE TEMP TABLE kept AS SELECT * FROM sqlite_master WHERE "
	    "name = 'certificate_time'; PRAGMA writable_schema = ON; "
	    "DELETE FROM sqlite_master WHERE name = 'certificate_time'; "
	    "PRAGMA writable_schema = RESET; "
	    "UPDATE certificate SET time = time - 1 WHERE seq = 3; "
	    "PRAGMA writable_schema = ON; "
	    "INSERT INTO sqlite_master SELECT * FROM kept; "
	    "PRAGMA writable_schema = RESET");
	expect_fault(p, &want);
}

static void
no_more_faults_are_told_than_anybody_reads(void **state)
{
	struct ledgerdir *p = *state;
	struct ledger_sums sums;
	const struct edit want = { "many", 0, "", false };
	struct look k = { .edit = &want };
	size_t lines = 0;

	ledgerdir_reopen(p);
	for (int i = 0; i < 2 * LEDGER_FAULTS_MAX; i++)
		ledgerdir_revoke(p, 1);
	edit(p, "UPDATE entry SET body = x''");
	assert_int_equal(ledger_verify(p->l, &sums, look, &k, &p->e),
	    ERR_FORMAT);
	for (const char *s = k.all; (s = strchr(s, '\n')) != NULL; s++)
		lines++;
	assert_in_range(lines, 1, LEDGER_FAULTS_MAX);
}

/* --- while another one writes --- */

static int
add_and_end(const struct ledgerdir *p)
{
	struct ledgerdir own = *p;

	if (ledger_open(&own.l, p->path, LEDGER_WRITE, &own.e) != 0)
		return 1;
	for (uint64_t i = 100; i < 200; i++)
		if (ledgerdir_add_to(&own, own.l, &(struct ledgercert){
		    .serial = UNUSED + i }, NULL) != 0)
			return 2;
	ledger_close(own.l);
	return 0;
}

static void
it_can_be_checked_while_another_one_writes(void **state)
{
	struct ledgerdir *p = *state;
	const pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(add_and_end(p));
	assert_int_equal(ledgerdir_try_open(p, LEDGER_READ), 0);
	while (waitpid(pid, &status, WNOHANG) == 0)
		assert_in_range(ledgerdir_verify(p), 8, 108);
	assert_int_equal(status, 0);
	assert_int_equal(ledgerdir_verify(p), 108);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_edit_is_found_and_the_entry_named),
		TEST(each_byte_of_an_entry_counts),
		TEST(a_certificate_that_its_ca_did_not_sign_is_found),
		TEST(a_checkpoint_with_a_wrong_signature_is_found),
		TEST(what_a_checkpoint_vouches_for_is_told),
		TEST(the_highest_number_given_out_is_not_lowered_unseen),
		TEST(no_number_of_a_ca_is_changed_unseen),
		TEST(an_index_that_does_not_fit_its_table_is_found),
		TEST(no_more_faults_are_told_than_anybody_reads),
		TEST(it_can_be_checked_while_another_one_writes),
	};

	return cmocka_run_group_tests_name("ledger_verify", tests, NULL,
	    NULL);
}

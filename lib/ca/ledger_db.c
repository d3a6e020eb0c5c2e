/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "ca/ledger_db.h"
#include "ca/ledger_log.h"
#include "ca/ledger_witness.h"

#define LOG_PAGES	1000		/* before it is copied to the file */

int
db_error(const struct ledger *l, struct err *e)
{
	const int r = sqlite3_errcode(l->db);

	if (r == SQLITE_NOMEM)
		return err_set(e, ERR_NOMEM, 0, "no memory");
	if (r == SQLITE_BUSY || r == SQLITE_LOCKED)
		return err_set(e, ERR_AGAIN, r, "%s: another program keeps "
		    "it for itself", l->path);
	switch (r) {
	case SQLITE_NOTADB:
		return err_set(e, ERR_FORMAT, r, "%s: not a database",
		    l->path);
	case SQLITE_CORRUPT:
	case SQLITE_CONSTRAINT:		/* its tables do not fit each other */
	case SQLITE_MISMATCH:
	case SQLITE_ERROR:
		return err_set(e, ERR_FORMAT, r, "%s is damaged (%s); put a "
		    "backup back", l->path, sqlite3_errmsg(l->db));
	}
	if ((errno = sqlite3_system_errno(l->db)) != 0)
		return err_sys(e, "%s: %s", l->path, sqlite3_errmsg(l->db));
	return err_set(e, ERR_SYS, 0, "%s: %s", l->path,
	    sqlite3_errmsg(l->db));
}

int
db_exec(struct ledger *l, const char *sql, struct err *e)
{
	if (sqlite3_exec(l->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_error(l, e);
	return 0;
}

struct db_query
db_query(struct ledger *l, const char *sql)
{
	struct db_query q = { .l = l };

	q.r = sqlite3_prepare_v2(l->db, sql, -1, &q.st, NULL);
	return q;
}

/* SQLite's numbers have a sign; only equality is asked of serial numbers. */
void
db_number(struct db_query *q, uint64_t v)
{
	if (q->r == SQLITE_OK)
		q->r = sqlite3_bind_int64(q->st, ++q->at, (sqlite3_int64)v);
}

void
db_bytes(struct db_query *q, struct span s)
{
	if (q->r == SQLITE_OK)
		q->r = sqlite3_bind_blob64(q->st, ++q->at, s.n > 0 ?
		    (const void *)s.p : "", s.n, SQLITE_STATIC);
}

bool
db_step(struct db_query *q)
{
	if (q->r != SQLITE_OK && q->r != SQLITE_ROW)
		return false;
	q->r = sqlite3_step(q->st);
	return q->r == SQLITE_ROW;
}

int
db_end(struct db_query *q, struct err *e)
{
	int r = 0;

	if (q->r != SQLITE_OK && q->r != SQLITE_ROW && q->r != SQLITE_DONE)
		r = db_error(q->l, e);
	sqlite3_finalize(q->st);
	q->st = NULL;
	return r;
}

uint64_t
db_get_number(const struct db_query *q, int i)
{
	return (uint64_t)sqlite3_column_int64(q->st, i);
}

struct span
db_get_bytes(const struct db_query *q, int i)
{
	const void *p = sqlite3_column_blob(q->st, i);
	const int n = sqlite3_column_bytes(q->st, i);

	if (p == NULL)
		return (struct span){ 0 };
	return (struct span){ p, (size_t)n };
}

int
ledger_ca_id(struct ledger *l, struct span ca, uint64_t *id, struct err *e)
{
	struct db_query q = db_query(l, "SELECT id FROM ca WHERE key = ?");

	db_bytes(&q, ca);
	*id = db_step(&q) ? db_get_number(&q, 0) : 0;
	return db_end(&q, e);
}

int
ledger_ca_id_for(struct ledger *l, struct span ca, uint64_t *id, struct err *e)
{
	struct db_query q;
	int r;

	if ((r = ledger_ca_id(l, ca, id, e)) != 0 || *id != 0)
		return r;
	q = db_query(l, "INSERT INTO ca (key) VALUES (?)");
	db_bytes(&q, ca);
	(void)db_step(&q);
	if ((r = db_end(&q, e)) == 0)
		*id = (uint64_t)sqlite3_last_insert_rowid(l->db);
	return r;
}

/* Nothing, when none were given out. */
static int
hash_numbers(struct ledger *l, uint8_t hash[LEDGER_HASH], struct err *e)
{
	struct db_query q = db_query(l, "SELECT key, serial, krl, grants "
	    "FROM ca WHERE grants > 0 ORDER BY id");
	struct wire_w w;
	int r;

	if (!wire_write(&w, LEDGER_ENTRY_MAX))
		w.bad = true;
	while (db_step(&q)) {
		wire_put_string(&w, db_get_bytes(&q, 0));
		for (int i = 1; i <= 3; i++)
			wire_put_u64(&w, db_get_number(&q, i));
	}
	if ((r = db_end(&q, e)) == 0 && w.bad)
		r = err_set(e, ERR_NOMEM, 0, "ledger");
	if (r == 0 && wire_bytes(&w).n > 0)
		r = ledger_hash(wire_bytes(&w), hash, e);
	wire_free(&w);
	return r;
}

static int
last_numbers(struct ledger *l, struct ledger_head *h, struct err *e)
{
	struct db_query q = db_query(l, "SELECT max("
	    "(SELECT ifnull(max(serial), 0) FROM ca), "
	    "(SELECT ifnull(max(serial), 0) FROM resumption), "
	    "(SELECT ifnull(max(serial), 0) FROM certificate "
	    "INDEXED BY certificate_serial WHERE serial <> 0 AND "
	    "serial BETWEEN 1 AND ?)), max("
	    "(SELECT ifnull(max(krl), 0) FROM ca), "
	    "(SELECT ifnull(max(krl), 0) FROM resumption)), "
	    "(SELECT ifnull(sum(grants), 0) FROM ca)");
	int r;

	db_number(&q, LEDGER_SERIAL_HIGH);
	if (db_step(&q)) {
		h->serial = db_get_number(&q, 0);
		h->krl = db_get_number(&q, 1);
		h->grants = db_get_number(&q, 2);
	}
	if ((r = db_end(&q, e)) != 0)
		return r;
	return hash_numbers(l, h->numbers, e);
}

int
ledger_last(struct ledger *l, struct ledger_head *h, struct err *e)
{
	struct db_query q = db_query(l, "SELECT seq, hash FROM entry "
	    "ORDER BY seq DESC LIMIT 1");
	struct span hash;
	bool whole = true;
	int r;

	*h = (struct ledger_head){ 0 };
	if (db_step(&q)) {
		h->seq = db_get_number(&q, 0);
		hash = db_get_bytes(&q, 1);
		if ((whole = hash.n == LEDGER_HASH))
			memcpy(h->hash, hash.p, LEDGER_HASH);
	}
	if ((r = db_end(&q, e)) != 0)
		return r;
	if (!whole)
		return err_set(e, ERR_FORMAT, 0, "%s is damaged (entry %"
		    PRIu64 " has no hash); put a backup back", l->path,
		    h->seq);
	return last_numbers(l, h, e);
}

static int
stale(const struct ledger *l, const char *how, struct err *e)
{
	return err_set(e, ERR_STALE, 0, "%s %s; if that cannot be mended, "
	    "\"hsm-keyutil ca log resume\" goes on from here", l->path, how);
}

static int
read_head(struct ledger *l, struct err *e)
{
	const int r = l->head_fd == -1 ? ERR_NOTFOUND :
	    ledger_head_read(l->head_fd, &l->seen, e);

	if (r == ERR_NOTFOUND)
		return stale(l, "has lost its head (the file beside it)", e);
	if (r == ERR_FORMAT)
		return stale(l, "has a head that is damaged", e);
	return r;
}

static int
compare_to(struct ledger *l, const struct ledger_head *head, struct err *e)
{
	struct ledger_head last;
	struct db_query q;
	bool same;
	int r;

	if ((r = ledger_last(l, &last, e)) != 0)
		return r;
	if (head->seq > last.seq || head->grants > last.grants ||
	    head->serial > last.serial || head->krl > last.krl)
		return stale(l, "is older than what was written to it: an "
		    "old copy was put in its place, or it was cut", e);
	if (head->grants == last.grants && memcmp(head->numbers,
	    last.numbers, LEDGER_HASH) != 0)
		return stale(l, "was changed: its CAs are at other numbers "
		    "than they were", e);
	if (head->seq == 0)
		return 0;
	q = db_query(l, "SELECT hash FROM entry WHERE seq = ?");
	db_number(&q, head->seq);
	same = db_step(&q) && span_eq(db_get_bytes(&q, 0), (struct span){
	    head->hash, LEDGER_HASH });
	if ((r = db_end(&q, e)) != 0)
		return r;
	if (!same)
		return stale(l, "is another one than was written to", e);
	return 0;
}

/* The furthest that is known of. */
static void
take_further(struct ledger_head *h, const struct ledger_head *other)
{
	if (other->seq > h->seq) {
		h->seq = other->seq;
		memcpy(h->hash, other->hash, LEDGER_HASH);
	}
	if (other->serial > h->serial)
		h->serial = other->serial;
	if (other->krl > h->krl)
		h->krl = other->krl;
	if (other->grants > h->grants)
		h->grants = other->grants;
}

/*
 * The heads first: without the lock, the other order could show one that is
 * newer than what SQLite lets us see of the database.
 */
int
ledger_compare(struct ledger *l, struct err *e)
{
	struct ledger_head witness;
	const bool known = l->witness != NULL &&
	    ledger_witness_read(l->witness, &witness);
	int r;

	if ((r = read_head(l, e)) == 0)
		r = compare_to(l, &l->seen, e);
	if (r == 0 && known)
		r = compare_to(l, &witness, e);
	if (known)
		take_further(&l->seen, &witness);
	return r;
}

/* --- from the lock to the disk --- */

int
ledger_begin(struct ledger *l, struct err *e)
{
	int r;

	if (l->mode != LEDGER_WRITE)
		return err_set(e, ERR_USAGE, 0, "the ledger was opened for "
		    "reading");
	if (ledger_is_astray(l))
		return err_set(e, ERR_STALE, 0, "%s was replaced while it "
		    "was open", l->path);
	if ((r = ledger_head_lock(l->head_fd, LEDGER_WAIT_MS, e)) != 0)
		return r;
	if ((r = db_exec(l, "BEGIN IMMEDIATE", e)) != 0) {
		ledger_head_unlock(l->head_fd);
		return r;
	}
	return 0;
}

int
ledger_give_up(struct ledger *l, int r)
{
	sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	ledger_head_unlock(l->head_fd);
	return r;
}

/* Where the database is now, which may be behind where it was: a new base. */
static int
write_head(struct ledger *l, struct err *e)
{
	const uint64_t base = l->seen.base;
	int r;

	if ((r = ledger_last(l, &l->seen, e)) != 0)
		return r;
	l->seen.base = base <= l->seen.seq ? base : 0;
	if (l->log_pages >= LOG_PAGES)
		ledger_log_copy(l);
	r = ledger_head_write(l->head_fd, &l->seen, e);
	if (l->witness != NULL)
		ledger_witness_write(l->witness, &l->seen);
	return r;
}

/*
 * The entry is there from here on, whatever becomes of the head: that is
 * behind then, which is no error.
 */
int
ledger_commit(struct ledger *l, struct err *e)
{
	struct err ignored;
	int r;

	if ((r = db_exec(l, "COMMIT", e)) != 0)
		return ledger_give_up(l, r);
	(void)!write_head(l, &ignored);
	ledger_head_unlock(l->head_fd);
	return 0;
}

int
ledger_put_entry(struct ledger *l, struct ledger_entry *en, struct err *e)
{
	uint8_t hash[LEDGER_HASH];
	struct ledger_head last;
	struct db_query q;
	struct wire_w w;
	int r;

	if ((r = ledger_last(l, &last, e)) != 0)
		return r;
	en->seq = last.seq + 1;
	memcpy(en->prev, last.hash, LEDGER_HASH);
	en->time = (uint64_t)time(NULL);
	if (!wire_write(&w, LEDGER_ENTRY_MAX))
		return err_set(e, ERR_NOMEM, 0, "ledger");
	ledger_entry_put(en, &w);
	if (w.bad)
		r = err_set(e, ERR_LIMIT, 0, "an entry of the ledger with "
		    "over %d bytes", LEDGER_ENTRY_MAX);
	else if ((r = ledger_hash(wire_bytes(&w), hash, e)) == 0) {
		q = db_query(l, "INSERT INTO entry VALUES (?, ?, ?)");
		db_number(&q, en->seq);
		db_bytes(&q, (struct span){ hash, LEDGER_HASH });
		db_bytes(&q, wire_bytes(&w));
		(void)db_step(&q);
		r = db_end(&q, e);
	}
	wire_free(&w);
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/ledger_db.h"
#include "ca/ledger_log.h"
#include "ca/ledger_witness.h"

#define APPLICATION	0x4c534348	/* in the file's header: "HCSL" */
#define SCHEMA_VERSION	1
#define PAGE_MIN	512		/* bytes, of SQLite's */

/*
 * entry is what counts; all else can be made of it, and is checked against
 * it by ledger_verify(), save the highest numbers in ca, which the head
 * knows.  Numbers have 64 bits and a sign.  The statements stand in the file
 * as they stand here.
 */
static const char *const schema[] = {
	"CREATE TABLE entry (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, "
	"body BLOB NOT NULL)",
	"CREATE TABLE ca (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, "
	"serial INTEGER NOT NULL DEFAULT 0, krl INTEGER NOT NULL DEFAULT 0, "
	"grants INTEGER NOT NULL DEFAULT 0)",
	"CREATE TABLE certificate (seq INTEGER PRIMARY KEY, "
	"ca INTEGER NOT NULL, serial INTEGER NOT NULL, "
	"time INTEGER NOT NULL, ends INTEGER NOT NULL, "
	"key_id BLOB NOT NULL, subject BLOB NOT NULL, nonce BLOB NOT NULL)",
	"CREATE UNIQUE INDEX certificate_serial ON certificate (serial, ca) "
	"WHERE serial <> 0",
	"CREATE INDEX certificate_ca ON certificate (ca)",
	"CREATE INDEX certificate_time ON certificate (ca, time)",
	"CREATE INDEX certificate_ends ON certificate (ends)",
	"CREATE INDEX certificate_key_id ON certificate (key_id)",
	"CREATE INDEX certificate_subject ON certificate (subject)",
	"CREATE INDEX certificate_nonce ON certificate (nonce)",
	"CREATE TABLE principal (name BLOB NOT NULL, seq INTEGER NOT NULL, "
	"PRIMARY KEY (name, seq)) WITHOUT ROWID",
	"CREATE TABLE revocation (seq INTEGER PRIMARY KEY, "
	"ca INTEGER NOT NULL)",
	"CREATE TABLE checkpoint (seq INTEGER PRIMARY KEY, "
	"ca INTEGER NOT NULL, of INTEGER NOT NULL, time INTEGER NOT NULL)",
	"CREATE INDEX checkpoint_of ON checkpoint (ca, of)",
	"CREATE TABLE resumption (seq INTEGER PRIMARY KEY, "
	"serial INTEGER NOT NULL, krl INTEGER NOT NULL)",
};

#define N_SCHEMA	(sizeof(schema) / sizeof(schema[0]))

static int
ask_number(struct ledger *l, const char *sql, uint64_t *v, struct err *e)
{
	struct db_query q = db_query(l, sql);

	*v = db_step(&q) ? db_get_number(&q, 0) : 0;
	return db_end(&q, e);
}

/* --- tables --- */

static int
make_tables(struct ledger *l, struct err *e)
{
	char marks[80];
	int r;

	snprintf(marks, sizeof(marks), "PRAGMA application_id = %d; "
	    "PRAGMA user_version = %d", APPLICATION, SCHEMA_VERSION);
	if ((r = db_exec(l, "BEGIN IMMEDIATE", e)) != 0)
		return r;
	for (size_t i = 0; r == 0 && i < N_SCHEMA; i++)
		r = db_exec(l, schema[i], e);
	if (r == 0 && (r = db_exec(l, marks, e)) == 0 &&
	    (r = db_exec(l, "COMMIT", e)) == 0)
		return ledger_file_sync_dir(l->path, e);
	sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static bool
is_ours(struct span sql)
{
	for (size_t i = 0; i < N_SCHEMA; i++)
		if (span_is(sql, schema[i]))
			return true;
	return false;
}

/* All of them, and no other; those of SQLite's own do no harm. */
static int
check_tables(struct ledger *l, struct err *e)
{
	struct db_query q = db_query(l, "SELECT sql FROM sqlite_master "
	    "WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'");
	size_t n = 0;
	bool ours = true;
	int r;

	for (; db_step(&q); n++)
		ours = ours && is_ours(db_get_bytes(&q, 0));
	if ((r = db_end(&q, e)) != 0)
		return r;
	if (!ours || n != N_SCHEMA)
		return err_set(e, ERR_FORMAT, 0, "%s: its tables are not "
		    "those of a ledger", l->path);
	return 0;
}

static int
check_marks(struct ledger *l, struct err *e)
{
	uint64_t application, version;
	int r;

	if ((r = ask_number(l, "PRAGMA application_id", &application,
	    e)) != 0 || (r = ask_number(l, "PRAGMA user_version", &version,
	    e)) != 0)
		return r;
	if (application != APPLICATION)
		return err_set(e, ERR_FORMAT, 0, "%s: a database, and not a "
		    "ledger", l->path);
	if (version != SCHEMA_VERSION)
		return err_set(e, ERR_UNSUPPORTED, 0, "%s: a ledger of "
		    "version %" PRIu64 ", and this program knows version %d",
		    l->path, version, SCHEMA_VERSION);
	return check_tables(l, e);
}

/*
 * Who was killed while making it has left a database without anything.  To
 * SQLite, a file of less than a page of its is that, too.
 */
static int
check_db(struct ledger *l, bool *empty, struct err *e)
{
	struct ledger_file f;
	uint64_t things;
	int r;

	if ((r = ask_number(l, "SELECT count(*) FROM sqlite_master", &things,
	    e)) != 0 || (r = ledger_file_look(l->path, &f, e)) != 0)
		return r;
	*empty = things == 0;
	if (!*empty)
		return check_marks(l, e);
	if (f.size > 0 && f.size < PAGE_MIN)
		return err_set(e, ERR_FORMAT, 0, "%s: not a database",
		    l->path);
	return 0;
}

/* --- opening --- */

/* Nothing that stands in the file is run, and damage is found early. */
static int
connect_db(struct ledger *l, struct err *e)
{
	const int flags = l->mode == LEDGER_WRITE ? SQLITE_OPEN_READWRITE :
	    SQLITE_OPEN_READONLY;

	if (sqlite3_open_v2(l->path, &l->db, flags, NULL) != SQLITE_OK)
		return l->db != NULL ? db_error(l, e) :
		    err_set(e, ERR_NOMEM, 0, "no memory");
	sqlite3_busy_timeout(l->db, LEDGER_WAIT_MS);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return db_exec(l, "PRAGMA cell_size_check = ON", e);
}

static int
open_db(struct ledger *l, struct err *e)
{
	bool empty;
	int r;

	if ((r = connect_db(l, e)) != 0 || (r = check_db(l, &empty, e)) != 0)
		return r;
	if (l->mode == LEDGER_READ)
		return !empty ? 0 : err_set(e, ERR_NOTFOUND, 0,
		    "there is nothing in %s yet", l->path);
	/* SQLite opens what it may not write, too. */
	if (sqlite3_db_readonly(l->db, "main") != 0)
		return err_set(e, ERR_SYS, EACCES, "%s: it cannot be written",
		    l->path);
	if ((r = db_exec(l, "PRAGMA journal_mode = WAL; "
	    "PRAGMA synchronous = EXTRA; BEGIN IMMEDIATE; ROLLBACK", e)) != 0)
		return r;
	return empty ? make_tables(l, e) : 0;
}

static int
open_head(struct ledger *l, struct err *e)
{
	int r;

	r = ledger_head_open(l->head_path, l->mode == LEDGER_WRITE,
	    &l->head_fd, e);
	if (r == ERR_NOTFOUND && l->mode == LEDGER_READ)
		return 0;
	return r != 0 ? r : ledger_file_look(l->head_path, &l->head_file, e);
}

/*
 * A new ledger's head: filled in at once, as later there may be no room, or
 * somebody be killed before he does it.  An empty head of an old one is lost.
 */
static int
fill_head(struct ledger *l, struct err *e)
{
	struct ledger_head h, last;
	int r;

	if ((r = ledger_head_read(l->head_fd, &h, e)) != ERR_NOTFOUND)
		return r == ERR_FORMAT ? 0 : r;
	if ((r = ledger_last(l, &last, e)) != 0 || last.seq > 0 ||
	    last.grants > 0)
		return r;
	if ((r = ledger_head_make(l->head_fd, &h, e)) != 0)
		return r;
	return ledger_file_sync_dir(l->path, e);
}

static int
count_pages(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct ledger *l = arg;

	(void)db;
	(void)name;
	l->log_pages = pages;
	return SQLITE_OK;
}

/*
 * From here on the log begins anew only where we know of it.  One that is
 * left over is copied; not to be able to is no error.
 */
static void
take_over_log(struct ledger *l)
{
	struct err ignored;
	uint64_t base;

	if (ledger_compare(l, &ignored) != 0)
		return;
	base = l->seen.base;
	if (ledger_last(l, &l->seen, &ignored) != 0)
		return;
	l->seen.base = base;
	ledger_log_copy(l);
	if (l->seen.base != base)
		(void)!ledger_head_write(l->head_fd, &l->seen, &ignored);
}

/* Until it is known whose the log is, it is left alone. */
static int
open_db_to_write(struct ledger *l, struct err *e)
{
	const bool log = ledger_log_exists(l);
	bool own = true;
	int r;

	if ((r = open_db(l, e)) != 0 ||
	    (log && (r = ledger_log_check(l, &own, e)) != 0) ||
	    (r = fill_head(l, e)) != 0)
		return r;
	sqlite3_wal_hook(l->db, count_pages, l);
	if (!own)
		return 0;
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	take_over_log(l);
	return 0;
}

static int
open_to_write(struct ledger *l, struct err *e)
{
	int r;

	if ((r = ledger_head_lock(l->head_fd, LEDGER_WAIT_MS, e)) != 0)
		return r;
	if ((r = ledger_file_make(l->path, e)) == 0 &&
	    (r = ledger_file_look(l->path, &l->file, e)) == 0)
		r = open_db_to_write(l, e);
	ledger_head_unlock(l->head_fd);
	return r;
}

static int
open_files(struct ledger *l, struct err *e)
{
	int r;

	if ((r = ledger_file_look_at_dir(l->path, e)) != 0 ||
	    (r = open_head(l, e)) != 0)
		return r;
	if (l->mode == LEDGER_WRITE)
		return open_to_write(l, e);
	if ((r = ledger_file_look(l->path, &l->file, e)) != 0)
		return r;
	return open_db(l, e);
}

static struct ledger *
new_ledger(const char *path, enum ledger_mode mode)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->mode = mode;
	l->head_fd = -1;
	l->path = strdup(path);
	if (asprintf(&l->head_path, "%s.head", path) == -1)
		l->head_path = NULL;
	if (l->path == NULL || l->head_path == NULL) {
		ledger_close(l);
		return NULL;
	}
	return l;
}

int
ledger_open(struct ledger **out, const char *path, enum ledger_mode mode,
    struct err *e)
{
	struct ledger *l;
	int r;

	*out = NULL;
	if (path[0] != '/')
		return err_set(e, ERR_USAGE, 0, "%s is no whole path", path);
	if ((l = new_ledger(path, mode)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "ledger");
	if ((r = open_files(l, e)) != 0) {
		ledger_close(l);
		return err_wrap(e, "the ledger");
	}
	*out = l;
	return 0;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	sqlite3_close(l->db);
	if (l->head_fd != -1)
		close(l->head_fd);
	free(l->witness);
	free(l->head_path);
	free(l->path);
	free(l);
}

void
ledger_remember(struct ledger *l)
{
	free(l->witness);
	l->witness = ledger_witness_path(l->path, l->mode == LEDGER_WRITE);
}

bool
ledger_is_astray(const struct ledger *l)
{
	return !ledger_file_is_at(&l->file, l->path) || (l->head_fd != -1 &&
	    !ledger_file_is_at(&l->head_file, l->head_path));
}

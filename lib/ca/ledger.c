/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/ledger_db.h"

#define APPLICATION	"0x4c534348"	/* in the file's header: "HCSL" */

/*
 * entry is what counts; all else can be made of it, and is checked against
 * it by ledger_verify(), save the highest numbers in ca.  Numbers have 64
 * bits and a sign.
 */
static const char schema[] =
    "CREATE TABLE entry (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, "
    "body BLOB NOT NULL);"
    "CREATE TABLE ca (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, "
    "serial INTEGER NOT NULL DEFAULT 0, krl INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE certificate (seq INTEGER PRIMARY KEY, "
    "ca INTEGER NOT NULL, serial INTEGER NOT NULL, time INTEGER NOT NULL, "
    "ends INTEGER NOT NULL, key_id BLOB NOT NULL, subject BLOB NOT NULL, "
    "nonce BLOB NOT NULL);"
    "CREATE UNIQUE INDEX certificate_serial ON certificate (ca, serial) "
    "WHERE serial <> 0;"
    "CREATE INDEX certificate_time ON certificate (ca, time);"
    "CREATE INDEX certificate_ends ON certificate (ends);"
    "CREATE INDEX certificate_key_id ON certificate (key_id);"
    "CREATE INDEX certificate_subject ON certificate (subject);"
    "CREATE INDEX certificate_nonce ON certificate (nonce);"
    "CREATE TABLE principal (name BLOB NOT NULL, seq INTEGER NOT NULL, "
    "PRIMARY KEY (name, seq)) WITHOUT ROWID;"
    "CREATE TABLE revocation (seq INTEGER PRIMARY KEY, ca INTEGER NOT NULL);"
    "CREATE TABLE checkpoint (seq INTEGER PRIMARY KEY, ca INTEGER NOT NULL, "
    "of INTEGER NOT NULL, time INTEGER NOT NULL);"
    "CREATE INDEX checkpoint_of ON checkpoint (ca, of);"
    "CREATE INDEX certificate_ca ON certificate (ca, seq);"
    "PRAGMA application_id = " APPLICATION "; PRAGMA user_version = 1;";

/* The database's file, as safe as the head's; SQLite opens it once more. */
static int
look_at_file(struct ledger *l, struct err *e)
{
	struct stat st;
	int fd, r;

	if ((r = ledger_head_open(l->path, l->mode == LEDGER_WRITE, &fd,
	    e)) != 0)
		return r;
	if (fstat(fd, &st) == -1)
		r = err_sys(e, "%s", l->path);
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	close(fd);
	return r;
}

/* The names of new files are on the disk, too. */
static int
sync_dir(const char *path, struct err *e)
{
	char *dir = strdup(path);
	int fd = -1, r = 0;

	if (dir == NULL)
		return err_set(e, ERR_NOMEM, 0, "no memory");
	*strrchr(dir, '/') = '\0';
	fd = open(dir[0] != '\0' ? dir : "/", O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC);
	if (fd == -1 || fsync(fd) == -1)
		r = err_sys(e, "%s", dir);
	if (fd != -1)
		close(fd);
	free(dir);
	return r;
}

static int
version_of(struct ledger *l, uint64_t *version, struct err *e)
{
	struct db_query q = db_query(l, "PRAGMA user_version");

	*version = db_step(&q) ? db_get_number(&q, 0) : 0;
	return db_end(&q, e);
}

/* Who was killed while making them has left an empty database. */
static int
make_tables(struct ledger *l, struct err *e)
{
	uint64_t version;
	int r;

	if ((r = version_of(l, &version, e)) != 0 || version != 0)
		return r;
	if ((r = db_exec(l, "BEGIN IMMEDIATE", e)) != 0)
		return r;
	if ((r = db_exec(l, schema, e)) == 0 &&
	    (r = db_exec(l, "COMMIT", e)) == 0)
		return sync_dir(l->path, e);
	sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static int
check_version(struct ledger *l, struct err *e)
{
	uint64_t version;
	int r;

	if ((r = version_of(l, &version, e)) != 0)
		return r;
	if (version != 1)
		return err_set(e, ERR_UNSUPPORTED, 0, "%s: a ledger of "
		    "version %" PRIu64 ", and this program knows version 1",
		    l->path, version);
	return 0;
}

/* Nothing that stands in the file is run, and damage is found early. */
static int
open_db(struct ledger *l, struct err *e)
{
	const int flags = SQLITE_OPEN_NOFOLLOW | (l->mode == LEDGER_WRITE ?
	    SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
	int r;

	if (sqlite3_open_v2(l->path, &l->db, flags, NULL) != SQLITE_OK)
		return l->db != NULL ? db_error(l, e) :
		    err_set(e, ERR_NOMEM, 0, "no memory");
	sqlite3_busy_timeout(l->db, LEDGER_WAIT_MS);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if ((r = db_exec(l, "PRAGMA cell_size_check = ON;", e)) != 0)
		return r;
	if (l->mode == LEDGER_WRITE &&
	    ((r = db_exec(l, "PRAGMA journal_mode = WAL; "
	    "PRAGMA synchronous = FULL;", e)) != 0 ||
	    (r = make_tables(l, e)) != 0))
		return r;
	return check_version(l, e);
}

static int
open_head(struct ledger *l, struct err *e)
{
	char *path;
	int r;

	if (asprintf(&path, "%s.head", l->path) == -1)
		return err_set(e, ERR_NOMEM, 0, "no memory");
	r = ledger_head_open(path, l->mode == LEDGER_WRITE, &l->head_fd, e);
	if (r == ERR_NOTFOUND)
		r = 0;
	free(path);
	return r;
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
	if ((r = ledger_last(l, &last, e)) != 0 || last.seq > 0)
		return r;
	if ((r = ledger_head_write(l->head_fd, &h, e)) != 0)
		return r;
	if (fsync(l->head_fd) == -1)
		return err_sys(e, "%s.head", l->path);
	return sync_dir(l->path, e);
}

static int
open_files(struct ledger *l, struct err *e)
{
	int r;

	if ((r = look_at_file(l, e)) != 0 ||
	    (r = open_head(l, e)) != 0)
		return r;
	if (l->mode == LEDGER_READ)
		return open_db(l, e);
	if ((r = ledger_head_lock(l->head_fd, LEDGER_WAIT_MS, e)) != 0)
		return r;
	if ((r = open_db(l, e)) == 0)
		r = fill_head(l, e);
	ledger_head_unlock(l->head_fd);
	return r;
}

int
ledger_open(struct ledger **out, const char *path, enum ledger_mode mode,
    struct err *e)
{
	struct ledger *l;
	int r;

	if (path[0] != '/')
		return err_set(e, ERR_USAGE, 0, "%s is no whole path", path);
	if ((l = calloc(1, sizeof(*l))) == NULL ||
	    (l->path = strdup(path)) == NULL) {
		free(l);
		return err_set(e, ERR_NOMEM, 0, "ledger");
	}
	l->mode = mode;
	l->head_fd = -1;
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
	free(l->path);
	free(l);
}

bool
ledger_is_astray(const struct ledger *l)
{
	struct stat st;

	return stat(l->path, &st) == -1 || st.st_dev != l->dev ||
	    st.st_ino != l->ino;
}

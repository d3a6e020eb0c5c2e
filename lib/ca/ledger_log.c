/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>

#include "ca/ledger_log.h"
#include "ca/ledger_tail.h"

bool
ledger_log_exists(const struct ledger *l)
{
	struct stat st;
	bool exists;
	char *path;

	if (asprintf(&path, "%s-wal", l->path) == -1)
		return true;
	exists = stat(path, &st) == 0 && st.st_size > 0;
	free(path);
	return exists;
}

/* --- the end of the file alone --- */

/* The file as it is, by SQLite's own descriptor; see ledger_file.h. */
static enum ledger_tail_got
read_file(void *arg, uint8_t *buf, size_t n, uint64_t at)
{
	sqlite3_file *f = arg;
	const int r = f->pMethods->xRead(f, buf, (int)n, (sqlite3_int64)at);

	return r == SQLITE_OK ? LEDGER_TAIL_ALL :
	    r == SQLITE_IOERR_SHORT_READ ? LEDGER_TAIL_SHORT :
	    LEDGER_TAIL_ERROR;
}

static int
root_of_entries(struct ledger *l, uint64_t *root, struct err *e)
{
	struct db_query q = db_query(l, "SELECT rootpage FROM sqlite_master "
	    "WHERE name = 'entry'");

	*root = db_step(&q) ? db_get_number(&q, 0) : 0;
	return db_end(&q, e);
}

static int
file_is_behind(struct ledger *l, uint64_t base, bool *behind, struct err *e)
{
	sqlite3_file *f;
	uint64_t root, seq;
	int r;

	*behind = false;
	if ((r = root_of_entries(l, &root, e)) != 0)
		return r;
	if (sqlite3_file_control(l->db, "main", SQLITE_FCNTL_FILE_POINTER,
	    &f) == SQLITE_OK && f->pMethods != NULL)
		*behind = ledger_tail_find(read_file, f, root, &seq) &&
		    seq < base;
	return 0;
}

/* --- log and file --- */

int
ledger_log_check(struct ledger *l, bool *own, struct err *e)
{
	struct ledger_head head, last;
	struct err ignored;
	bool behind;
	int r;

	*own = true;
	if (ledger_head_read(l->head_fd, &head, &ignored) != 0 ||
	    head.base == 0)
		return 0;
	if ((r = file_is_behind(l, head.base, &behind, e)) != 0 || !behind)
		return r;
	*own = false;
	/* An old copy with its own log is only old. */
	if (ledger_last(l, &last, &ignored) == 0 && last.seq < head.base)
		return 0;
	return err_set(e, ERR_STALE, 0, "%s is an old copy under the log of "
	    "a newer one: remove that (its -wal and -shm files), or put back "
	    "those of the copy, too", l->path);
}

void
ledger_log_copy(struct ledger *l)
{
	int pages = -1, copied = -1;

	if (sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_PASSIVE,
	    &pages, &copied) == SQLITE_OK && pages >= 0 && pages == copied)
		l->seen.base = l->seen.seq;
}

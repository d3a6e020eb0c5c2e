/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "ca/ledger_tail.h"
#include "tests/unit/data.h"

/* A database in memory, of pages of this size, with table t on page 2. */
struct db {
	sqlite3		*db;
	struct data	 file;		/* as it would lie on a disk */
};

static void
run(struct db *d, const char *sql)
{
	if (sqlite3_exec(d->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(d->db));
}

static void
make(struct db *d, unsigned int page_size)
{
	char sql[80];

	*d = (struct db){ 0 };
	assert_int_equal(sqlite3_open(":memory:", &d->db), SQLITE_OK);
	snprintf(sql, sizeof(sql), "PRAGMA page_size = %u; CREATE TABLE t "
	    "(seq INTEGER PRIMARY KEY, body BLOB)", page_size);
	run(d, sql);
}

static void
done(struct db *d)
{
	data_free(&d->file);
	sqlite3_close(d->db);
}

static void
take_file(struct db *d)
{
	sqlite3_int64 n;
	uint8_t *p = sqlite3_serialize(d->db, "main", &n, 0);

	assert_non_null(p);
	data_free(&d->file);
	d->file = data_copy((struct span){ p, (size_t)n });
	sqlite3_free(p);
}

static enum ledger_tail_got
read_span(void *arg, uint8_t *buf, size_t n, uint64_t at)
{
	const struct span *s = arg;

	if (at >= s->n || n > s->n - at)
		return LEDGER_TAIL_SHORT;
	memcpy(buf, s->p + at, n);
	return LEDGER_TAIL_ALL;
}

static bool
find(struct span file, uint64_t *key)
{
	return ledger_tail_find(read_span, &file, 2, key);
}

static void
the_last_row_is_that_of_sqlite(void **state)
{
	static const unsigned int sizes[] = { 512, 4096, 65536 };
	uint64_t key;
	struct db d;
	char sql[120];

	(void)state;
	for (size_t s = 0; s < 3; s++) {
		make(&d, sizes[s]);
		take_file(&d);
		assert_true(find(data_span(&d.file), &key));
		assert_int_equal(key, 0);
		for (uint64_t i = 1; i < 3000; i += 1 + i / 9) {
			snprintf(sql, sizeof(sql), "INSERT INTO t VALUES "
			    "(%" PRIu64 ", randomblob(%" PRIu64 "))", i,
			    i * 7 % 1500);
			run(&d, sql);
			take_file(&d);
			assert_true(find(data_span(&d.file), &key));
			assert_int_equal(key, i);
		}
		done(&d);
	}
}

static void
large_keys_are_read_whole(void **state)
{
	uint64_t key;
	struct db d;
	char sql[80];

	(void)state;
	make(&d, 4096);
	for (int bits = 1; bits < 63; bits++) {
		snprintf(sql, sizeof(sql), "INSERT INTO t VALUES (%" PRIu64
		    ", x'00')", (UINT64_C(1) << bits) - (bits % 2));
		run(&d, sql);
		take_file(&d);
		assert_true(find(data_span(&d.file), &key));
		assert_int_equal(key, (UINT64_C(1) << bits) - (bits % 2));
	}
	done(&d);
}

/* A table that is not there has no rows; a page that is missing is no end. */
static void
what_was_cut_is_not_guessed(void **state)
{
	uint64_t key;
	struct db d;
	bool whole;

	(void)state;
	make(&d, 512);
	run(&d, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
	    "FROM n WHERE i < 300) INSERT INTO t SELECT i, randomblob(100) "
	    "FROM n");
	take_file(&d);
	assert_in_range(d.file.n, 50 * 512, 500 * 512);
	for (size_t n = 0; n < d.file.n; n += 100) {
		struct data cut = data_copy((struct span){ d.file.p, n });

		whole = find(data_span(&cut), &key);
		assert_true(n < 2 * 512 ? whole && key == 0 :
		    !whole || key == 300);
		data_free(&cut);
	}
	done(&d);
}

static void
no_bytes_are_believed(void **state)
{
	uint64_t key;
	struct db d;

	(void)state;
	make(&d, 512);
	run(&d, "INSERT INTO t VALUES (7, x'00')");
	take_file(&d);
	for (size_t i = 0; i < d.file.n; i++) {
		for (int v = 0; v < 256; v += 15) {
			const uint8_t was = d.file.p[i];

			d.file.p[i] = (uint8_t)v;
			(void)find(data_span(&d.file), &key);
			d.file.p[i] = was;
		}
	}
	/* A page that is its own child. */
	memcpy(d.file.p + 512, (const uint8_t[]){ 5, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 2 }, 12);
	assert_false(find(data_span(&d.file), &key));
	done(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_row_is_that_of_sqlite),
		cmocka_unit_test(large_keys_are_read_whole),
		cmocka_unit_test(what_was_cut_is_not_guessed),
		cmocka_unit_test(no_bytes_are_believed),
	};

	return cmocka_run_group_tests_name("ledger_tail", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
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

#include "tests/unit/ledgerdir.h"
#include "tests/unit/traced.h"

/*
 * One certificate is issued by a process that is killed at each of its
 * system calls in turn, or whose calls fail.  It tells us by a pipe when it
 * has a number, and when the signature has left.
 */
#define NUMBERS	4000		/* of runs, at most */

struct told {
	char		 what;	/* 'n'umber, 's'ignature, 'e'rror */
	uint64_t	 serial;
	char		 msg[200];
};

struct run {
	struct ledgerdir *p;
	int		 fd[2];		/* the pipe */
	struct traced	 t;
	bool		 taken[NUMBERS];	/* numbers that we heard of */
	uint64_t	 taken_max;
	uint64_t	 signed_serial;	/* by the last one; 0: nothing left */
	char		 msg[200];	/* its error */
	unsigned int	 left;		/* signatures, in all */
};

/* --- in the child --- */

/* Begin and end of what the ledger does, for who traces us. */
static void
mark(void)
{
	(void)getppid();
}

static void
tell(const struct run *k, char what, uint64_t serial, const char *msg)
{
	struct told t = { .what = what, .serial = serial };

	snprintf(t.msg, sizeof(t.msg), "%.*s", (int)sizeof(t.msg) - 1, msg);
	(void)!write(k->fd[1], &t, sizeof(t));
}

static int
issue(struct run *k, struct ledger *l)
{
	struct ledgerdir *p = k->p;
	const struct ledger_rule none = { 0 };
	const struct ledger_who who = { 0 };
	struct ledgercert c = { 0 };
	struct data d;
	int r;

	mark();
	r = ledger_serials(l, data_span(&p->ca.blob), 1, &c.serial, &p->e);
	mark();
	if (r != 0)
		return r;
	tell(k, 'n', c.serial, "");
	d = ledgerdir_certify(p, &c);
	mark();
	r = ledger_add_certificate(l, data_span(&d), &none, &who,
	    span_cstr("a test"), &p->e);
	mark();
	if (r == 0)
		tell(k, 's', c.serial, "");
	data_free(&d);
	return r;
}

static int
child(void *arg)
{
	struct run *k = arg;
	struct ledger *l;
	int r;

	mark();
	r = ledger_open(&l, k->p->path, LEDGER_WRITE, &k->p->e);
	mark();
	if (r == 0) {
		r = issue(k, l);
		mark();
		ledger_close(l);
		mark();
	}
	if (r != 0)
		tell(k, 'e', 0, k->p->e.msg);
	return r;
}

/* --- what it has left behind --- */

static void
hear(struct run *k)
{
	struct told t;

	k->signed_serial = 0;
	k->msg[0] = '\0';
	while (read(k->fd[0], &t, sizeof(t)) == (ssize_t)sizeof(t)) {
		if (t.what == 'n') {
			assert_in_range(t.serial, 1, NUMBERS - 1);
			assert_false(k->taken[t.serial]);
			k->taken[t.serial] = true;
		} else if (t.what == 's') {
			k->signed_serial = t.serial;
			k->left++;
		} else {
			memcpy(k->msg, t.msg, sizeof(k->msg));
		}
	}
}

static int
count(void *arg, const struct ledger_entry *en, const struct cert *c,
    struct err *e)
{
	(void)en;
	(void)c;
	(void)e;
	++*(size_t *)arg;
	return 0;
}

/* The row of a signature that has left, once. */
static void
look_for_row(struct run *k)
{
	const struct ledger_query q = { .serial = k->signed_serial };
	size_t n = 0;

	if (k->signed_serial == 0)
		return;
	assert_int_equal(ledger_find(k->p->l, &q, count, &n, &k->p->e), 0);
	assert_int_equal(n, 1);
}

/*
 * Its process has ended, somehow.  The next one may find what is left of it
 * as it is, and not tidied up by who writes.
 */
static void
look_after(struct run *k, enum ledger_mode mode)
{
	const int r = ledgerdir_try_open(k->p, mode);

	hear(k);
	if (r == ERR_NOTFOUND && mode == LEDGER_READ) {
		assert_int_equal(k->signed_serial, 0);
		return;
	}
	if (r != 0)
		fail_msg("%s", k->p->e.msg);
	ledgerdir_verify(k->p);
	look_for_row(k);
	ledgerdir_close(k->p);
}

/* A number after all others, and nothing is in the way of the next one. */
static void
look_at_numbers(struct run *k)
{
	uint64_t n;

	ledgerdir_reopen(k->p);
	n = ledgerdir_take(k->p, 1);
	assert_in_range(n, 1, NUMBERS - 1);
	assert_false(k->taken[n]);
	k->taken[n] = true;
	ledgerdir_close(k->p);
}

static void
remove_all(struct run *k)
{
	ledgerdir_close(k->p);
	remove(k->p->path);
	remove(k->p->head);
	remove(k->p->wal);
	memset(k->taken, 0, sizeof(k->taken));
}

static struct run *
run_new(void **state)
{
	struct run *k;

	if (getenv("UNDER_VALGRIND") != NULL)
		skip();
	assert_non_null(k = calloc(1, sizeof(*k)));
	k->p = *state;
	assert_int_equal(pipe2(k->fd, O_CLOEXEC | O_NONBLOCK), 0);
	ledgerdir_close(k->p);
	return k;
}

static void
run_free(struct run *k)
{
	close(k->fd[0]);
	close(k->fd[1]);
	free(k);
}

static void
start(struct run *k)
{
	if (traced_start(&k->t, child, k))
		return;
	run_free(k);
	skip();
}

/* --- killed --- */

/*
 * Before its nth call, which is after the one before it; false: it came to
 * its end before.
 */
static bool
kill_at(struct run *k, unsigned int n)
{
	start(k);
	while (traced_step(&k->t)) {
		if (k->t.entering && n-- == 0) {
			traced_kill(&k->t);
			return true;
		}
	}
	return false;
}

static void
killed_at_each_call_while_the_ledger_is_made(void **state)
{
	struct run *k = run_new(state);
	unsigned int n = 0;
	bool killed;

	do {
		remove_all(k);
		killed = kill_at(k, n++);
		look_after(k, LEDGER_WRITE);
		look_at_numbers(k);
	} while (killed);
	assert_int_equal(k->t.status, 0);
	assert_in_range(n, 100, NUMBERS);
	print_message("# killed at %u calls, %u signatures left\n", n,
	    k->left);
	run_free(k);
}

#define KEPT	12		/* certificates in a ledger that is verified */

static void
killed_at_each_call_of_an_issue(void **state)
{
	struct run *k = run_new(state);
	unsigned int n = 0;
	bool killed;

	do {
		if (k->left % KEPT == KEPT - 1) {
			remove_all(k);
			k->left++;
		}
		killed = kill_at(k, n);
		look_after(k, n++ % 2 == 0 ? LEDGER_WRITE : LEDGER_READ);
		if (n % 8 == 0)
			look_at_numbers(k);
	} while (killed);
	assert_int_equal(k->t.status, 0);
	assert_in_range(n, 100, NUMBERS);
	print_message("# killed at %u calls, %u signatures left\n", n,
	    k->left);
	run_free(k);
}

/* --- calls that fail --- */

struct failure {
	int	 error;
	bool	 again;			/* all calls after it fail, too */
};

/* Whether such an error is one that the call can have. */
static bool
can_fail(const struct run *k, int error)
{
	switch (k->t.nr) {
	case SYS_write:
	case SYS_pwrite64:
	case SYS_fsync:
	case SYS_fdatasync:
	case SYS_ftruncate:
		return error == EIO || error == ENOSPC;
	case SYS_pread64:
	case SYS_read:
	case SYS_unlinkat:
#ifdef SYS_unlink
	case SYS_unlink:
#endif
		return error == EIO;
	case SYS_openat:
	case SYS_flock:
		return error == ENOMEM;
	case SYS_mmap:		/* of a file; a sanitizer needs the others */
		return error == ENOMEM && (int)k->t.arg[4] != -1;
	}
	return false;
}

/* The nth call that can; false: there was none. */
static bool
fail_at(struct run *k, unsigned int n, const struct failure *f)
{
	bool failed = false, inside = false;

	start(k);
	while (traced_step(&k->t)) {
		if (!k->t.entering)
			continue;
		if (k->t.nr == SYS_getppid)
			inside = !inside;
		if (!inside || !can_fail(k, f->error) ||
		    (failed ? !f->again : n-- > 0))
			continue;
		traced_fail(&k->t, f->error);
		failed = true;
	}
	return failed;
}

static void
fail_each(struct run *k, const struct failure *f, unsigned int *runs)
{
	unsigned int n = 0;
	bool failed;

	do {
		if (k->left % KEPT == KEPT - 1) {
			remove_all(k);
			k->left++;
		}
		failed = fail_at(k, n++, f);
		look_after(k, LEDGER_WRITE);
		assert_true(WIFEXITED(k->t.status));
		if (WEXITSTATUS(k->t.status) != 0) {
			assert_int_equal(k->signed_serial, 0);
			assert_in_range(strlen(k->msg), 20, 199);
		} else {
			assert_int_not_equal(k->signed_serial, 0);
		}
	} while (failed);
	assert_int_equal(k->t.status, 0);
	*runs += n;
}

static void
calls_that_fail_are_told_of_or_do_no_harm(void **state)
{
	static const struct failure failures[] = {
		{ ENOSPC, false }, { ENOSPC, true }, { EIO, false },
		{ EIO, true }, { ENOMEM, false } };
	struct run *k;
	unsigned int runs = 0;

	if (!TRACED_CAN_FAIL)
		skip();
	k = run_new(state);
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++)
		fail_each(k, &failures[i], &runs);
	look_at_numbers(k);
	assert_in_range(runs, 50, NUMBERS);
	print_message("# %u failures, %u signatures left\n", runs, k->left);
	run_free(k);
}

/* --- from SQLite to the disk --- */

#define ADDED		6	/* at this mark the signature may leave */

enum file { THE_DB, THE_WAL, THE_DIR, N_FILES };

struct disk {
	bool		 unsynced[N_FILES];
	unsigned int	 synced[N_FILES];	/* times that it had to be */
};

/* The call's first argument is this file; another name for it is, too. */
static bool
is_about(const struct run *k, const char *path)
{
	char fd[64];
	struct stat a, b;

	snprintf(fd, sizeof(fd), "/proc/%d/fd/%" PRIu64, (int)k->t.pid,
	    k->t.arg[0]);
	return stat(fd, &a) == 0 && stat(path, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A file that is not there yet is news in the directory. */
static void
note_write(const struct run *k, struct disk *d)
{
	const char *paths[N_FILES] = { k->p->path, k->p->wal, k->p->dir };
	const int nr = (int)k->t.nr;

	if (nr == SYS_openat && (k->t.arg[2] & O_CREAT) != 0)
		d->unsynced[THE_DIR] = d->unsynced[THE_DIR] ||
		    access(k->p->wal, F_OK) == -1;
	for (int i = 0; i < N_FILES; i++) {
		if ((nr == SYS_write || nr == SYS_pwrite64) &&
		    is_about(k, paths[i])) {
			d->unsynced[i] = true;
		} else if ((nr == SYS_fsync || nr == SYS_fdatasync) &&
		    d->unsynced[i] && is_about(k, paths[i])) {
			d->unsynced[i] = false;
			d->synced[i]++;
		}
	}
}

/* To the moment from which on nothing keeps the signature back. */
static void
run_until_added(struct run *k, struct disk *d)
{
	unsigned int marks = 0;

	*d = (struct disk){ 0 };
	start(k);
	while (marks < ADDED && traced_step(&k->t)) {
		if (!k->t.entering)
			continue;
		if (k->t.nr != SYS_getppid)
			note_write(k, d);
		else if (++marks == ADDED - 1)
			d->synced[THE_DB] = d->synced[THE_WAL] = 0;
	}
	assert_int_equal(marks, ADDED);
}

static void
a_certificate_is_on_the_disk_before_its_signature_leaves(void **state)
{
	struct run *k = run_new(state);
	struct disk d;

	for (int round = 0; round < 3; round++) {
		if (round == 0)
			remove_all(k);
		run_until_added(k, &d);
		/* in the log of SQLite, or already in the file itself */
		assert_true(d.synced[THE_WAL] + d.synced[THE_DB] > 0);
		for (int i = 0; i < N_FILES; i++)
			assert_false(d.unsynced[i]);
		/* a new file is of no use without its name */
		assert_true(round > 0 || d.synced[THE_DIR] > 0);
		while (traced_step(&k->t))
			continue;
		look_after(k, LEDGER_READ);
		assert_int_not_equal(k->signed_serial, 0);
	}
	run_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LEDGERDIR_TEST(killed_at_each_call_while_the_ledger_is_made),
		LEDGERDIR_TEST(killed_at_each_call_of_an_issue),
		LEDGERDIR_TEST(calls_that_fail_are_told_of_or_do_no_harm),
		LEDGERDIR_TEST(
		    a_certificate_is_on_the_disk_before_its_signature_leaves),
	};

	return cmocka_run_group_tests_name("ledger_killed", tests, NULL,
	    NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/wait.h>

#include <fcntl.h>
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
#include "ssh/sshsig.h"
#include "tests/unit/certbody.h"
#include "tests/unit/ledgerdir.h"
#include "tests/unit/root.h"

static const struct ledger_who somebody = { .uid = 1000, .pid = 4711,
    .program = { (const uint8_t *)"/usr/bin/ssh-keygen", 19 } };

/* AddressSanitizer asks for this: else forks copy what was freed. */
const char	*__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=1";
}

/* --- the directory --- */

/* In memory if there is such a place: nobody cuts the power in a test. */
static char *
make_dir(void)
{
	char *dir = strdup("/dev/shm/ledger.XXXXXX");

	assert_non_null(dir);
	if (mkdtemp(dir) != NULL)
		return dir;
	free(dir);
	return root_make();
}

int
ledgerdir_set_up(void **state)
{
	struct ledgerdir *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->dir = make_dir();
	snprintf(p->path, sizeof(p->path), "%s/" LEDGER_FILE, p->dir);
	snprintf(p->head, sizeof(p->head), "%s/" LEDGER_FILE
	    ".head", p->dir);
	snprintf(p->wal, sizeof(p->wal), "%s/" LEDGER_FILE "-wal",
	    p->dir);
	hostkey_make(&p->ca, HOSTKEY_ED25519);
	hostkey_make(&p->other, HOSTKEY_ED25519);
	ledgerdir_reopen(p);
	*state = p;
	return 0;
}

int
ledgerdir_tear_down(void **state)
{
	struct ledgerdir *p = *state;

	ledgerdir_close(p);
	hostkey_free(&p->ca);
	hostkey_free(&p->other);
	root_remove(p->dir);
	free(p);
	return 0;
}

void
ledgerdir_close(struct ledgerdir *p)
{
	ledger_close(p->l);
	p->l = NULL;
}

int
ledgerdir_try_open(struct ledgerdir *p, enum ledger_mode mode)
{
	ledgerdir_close(p);
	return ledger_open(&p->l, p->path, mode, &p->e);
}

void
ledgerdir_reopen(struct ledgerdir *p)
{
	if (ledgerdir_try_open(p, LEDGER_WRITE) != 0)
		fail_msg("%s", p->e.msg);
}

/* --- through the ledger --- */

static void
fill(struct certbody *b, const struct ledgercert *c,
    const struct hostkey *ca)
{
	certbody_make(b);
	certbody_set_ca(b, data_span(&ca->blob));
	b->serial = c->serial;
	if (c->key_id != NULL)
		b->key_id = span_cstr(c->key_id);
	if (c->principals != NULL)
		b->principals = span_cstr(c->principals);
	if (c->subject != NULL)
		certbody_set_subject(b, c->subject);
	if (c->nonce != NULL)
		b->nonce = span_cstr(c->nonce);
	if (c->before != 0)
		b->before = c->before;
}

struct data
ledgerdir_certify(const struct ledgerdir *p, const struct ledgercert *c)
{
	const struct hostkey *ca = c->ca != NULL ? c->ca : &p->ca;
	struct data body, sig, d;
	struct certbody b;
	struct wire_w w;

	fill(&b, c, ca);
	body = certbody_bytes(&b);
	sig = hostkey_sign(ca, data_span(&body));
	assert_true(wire_write(&w, 1 << 17));
	wire_put_raw(&w, data_span(&body));
	wire_put_string(&w, data_span(&sig));
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	data_free(&sig);
	data_free(&body);
	certbody_free(&b);
	return d;
}

int
ledgerdir_add_to(struct ledgerdir *p, struct ledger *l,
    const struct ledgercert *c, const struct ledger_rule *rule)
{
	const struct ledger_rule none = { 0 };
	struct data d = ledgerdir_certify(p, c);
	const int r = ledger_add_certificate(l, data_span(&d),
	    rule != NULL ? rule : &none, &somebody, span_cstr("a test"),
	    &p->e);

	data_free(&d);
	return r;
}

void
ledgerdir_add(struct ledgerdir *p, const struct ledgercert *c)
{
	if (ledgerdir_add_to(p, p->l, c, NULL) != 0)
		fail_msg("%s", p->e.msg);
}

void
ledgerdir_add_serials(struct ledgerdir *p, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i <= to; i++)
		ledgerdir_add(p, &(struct ledgercert){ .serial = i });
}

uint64_t
ledgerdir_take(struct ledgerdir *p, uint64_t n)
{
	uint64_t first = 0;

	if (ledger_serials(p->l, data_span(&p->ca.blob), n, &first,
	    &p->e) != 0)
		fail_msg("%s", p->e.msg);
	return first;
}

void
ledgerdir_revoke(struct ledgerdir *p, uint64_t serial)
{
	struct wire_w w;

	assert_true(wire_write(&w, 16));
	wire_put_u64(&w, serial);
	wire_put_u64(&w, serial);
	assert_int_equal(ledger_add_revocation(p->l, data_span(&p->ca.blob),
	    LEDGER_SERIALS, wire_bytes(&w), &somebody, span_cstr("lost"),
	    &p->e), 0);
	wire_free(&w);
}

struct data
ledgerdir_sshsig(const struct hostkey *k, const char *ns, const char *text)
{
	struct sshsig s = { .key = data_span(&k->blob), .ns = span_cstr(ns),
	    .hash = SSHSIG_SHA512 };
	struct data sig, d;
	struct wire_w w;
	struct err e;

	assert_true(wire_write(&w, SSHSIG_MAX));
	assert_int_equal(sshsig_put_tbs(&s, span_cstr(text), &w, &e), 0);
	sig = hostkey_sign(k, wire_bytes(&w));
	wire_free(&w);
	s.signature = data_span(&sig);
	assert_true(wire_write(&w, SSHSIG_MAX));
	sshsig_put(&s, &w);
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	data_free(&sig);
	return d;
}

void
ledgerdir_checkpoint(struct ledgerdir *p)
{
	char text[LEDGER_CHECKPOINT_MAX];
	struct data sig;
	uint64_t seq;

	assert_int_equal(ledger_end(p->l, &seq, &p->e), 0);
	assert_int_equal(ledger_checkpoint_text(p->l, seq, text, &p->e), 0);
	sig = ledgerdir_sshsig(&p->ca, LEDGER_CHECKPOINT_NS, text);
	assert_int_equal(ledger_add_checkpoint(p->l, data_span(&p->ca.blob),
	    seq, data_span(&sig), &p->e), 0);
	data_free(&sig);
}

int
ledgerdir_resume(struct ledgerdir *p)
{
	return ledger_resume(p->l, &somebody, span_cstr("I know"), &p->e);
}

static void
no_fault(void *arg, uint64_t seq, const char *text)
{
	(void)arg;
	print_message("entry %u: %s\n", (unsigned int)seq, text);
}

uint64_t
ledgerdir_verify(struct ledgerdir *p)
{
	struct ledger_sums sums;

	if (ledger_verify(p->l, &sums, no_fault, NULL, &p->e) != 0)
		fail_msg("%s", p->e.msg);
	return sums.certificates;
}

/* --- behind its back --- */

static sqlite3 *
open_db(const struct ledgerdir *p)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	return db;
}

void
ledgerdir_sql(struct ledgerdir *p, const char *sql)
{
	sqlite3 *db = open_db(p);

	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

uint64_t
ledgerdir_ask(struct ledgerdir *p, const char *sql)
{
	sqlite3 *db = open_db(p);
	sqlite3_stmt *st;
	uint64_t n;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static int
copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out;
	char buf[65536];
	ssize_t n;

	if (in == -1)
		return 1;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			return 2;
	return n == 0 && close(out) == 0 ? 0 : 3;
}

static int
wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Elsewhere: SQLite's locks end with any descriptor of this process. */
void
ledgerdir_copy(const char *from, const char *to)
{
	const pid_t pid = fork();

	if (pid == 0)
		_exit(copy(from, to));
	assert_int_equal(wait_for(pid), 0);
}

int
ledgerdir_fork(struct ledgerdir *p,
    int (*fn)(struct ledgerdir *p, void *arg), void *arg)
{
	pid_t pid;

	ledgerdir_close(p);
	if ((pid = fork()) == 0)
		_exit(fn(p, arg));
	return wait_for(pid);
}

void
ledgerdir_fork_two(struct ledgerdir *p, int (*fn)(struct ledgerdir *p, int i))
{
	pid_t pid[2];

	ledgerdir_close(p);
	for (int i = 0; i < 2; i++)
		if ((pid[i] = fork()) == 0)
			_exit(fn(p, i));
	for (int i = 0; i < 2; i++)
		assert_int_equal(wait_for(pid[i]), 0);
	ledgerdir_reopen(p);
}

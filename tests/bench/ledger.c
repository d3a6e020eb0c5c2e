/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * make bench-ledger: how long a ledger of a million certificates takes to
 * answer.  The certificates are one certificate with other serial numbers,
 * names, keys, nonces and ends, and have no right signatures.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "ca/ledger_db.h"
#include "tests/bench/sample.h"

#define CERTIFICATES	1000000
#define PEOPLE		100000		/* who have as many each */
#define STEP		30		/* seconds from one to the next */
#define VALID		(8 * 3600)
#define LIMIT_MS	50
#define ROUNDS		200
#define NAME		16

/* --- a certificate, with places to write to --- */

struct model {
	uint8_t		 bytes[1024];
	size_t		 n;
	uint64_t	 start;		/* so that the last one is new */
	size_t		 nonce, key, serial, id, name, after, before;
	struct span	 ca;
};

static void
put_at(struct wire_w *w, size_t *at, const char *fill)
{
	*at = wire_bytes(w).n + 4;
	wire_put_cstring(w, fill);
}

/* A CA of RSA with 2048 bits, and a user's Ed25519 key. */
static void
put_model(struct wire_w *w, struct model *m)
{
	static const uint8_t number[256] = { 0x80 };
	struct wire_w ca;

	if (!wire_write(&ca, sizeof(m->bytes)))
		errx(2, "no memory");
	wire_put_cstring(&ca, "ssh-rsa");
	wire_put_raw(&ca, (struct span){ (const uint8_t *)"\0\0\0\3\1\0\1",
	    7 });
	wire_put_mpint(&ca, (struct span){ number, sizeof(number) });

	wire_put_cstring(w, "ssh-ed25519-cert-v01@openssh.com");
	put_at(w, &m->nonce, "0123456789abcdef0123456789ABCDEF");
	put_at(w, &m->key, "0123456789abcdef0123456789ABCDEF");
	m->serial = wire_bytes(w).n;
	wire_put_u64(w, 0);
	wire_put_u32(w, CERT_USER);
	put_at(w, &m->id, "0123456789abcdef");
	wire_put_u32(w, 4 + NAME + 4 + 8);
	put_at(w, &m->name, "0123456789abcdef");
	wire_put_cstring(w, "everyone");
	m->after = wire_bytes(w).n;
	wire_put_u64(w, 0);
	m->before = wire_bytes(w).n;
	wire_put_u64(w, 0);
	wire_put_cstring(w, "");
	wire_put_u32(w, 4 + 10 + 4);
	wire_put_cstring(w, "permit-pty");
	wire_put_cstring(w, "");
	wire_put_cstring(w, "");
	wire_put_string(w, wire_bytes(&ca));
	wire_put_u32(w, 4 + 12 + 4 + 256);
	wire_put_cstring(w, "rsa-sha2-512");
	wire_put_string(w, (struct span){ number, sizeof(number) });
	wire_free(&ca);
}

static void
make_model(struct model *m)
{
	struct wire_w w;
	struct cert c;
	struct err e;

	if (!wire_write(&w, sizeof(m->bytes)))
		errx(2, "no memory");
	put_model(&w, m);
	m->start = (uint64_t)time(NULL) - CERTIFICATES * STEP;
	m->n = wire_bytes(&w).n;
	memcpy(m->bytes, wire_bytes(&w).p, m->n);
	wire_free(&w);
	if (cert_parse((struct span){ m->bytes, m->n }, &c, &e) != 0)
		errx(2, "%s", e.msg);
	m->ca = c.ca;
}

static void
put_u64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static void
name_of(uint64_t person, char name[NAME + 1])
{
	snprintf(name, NAME + 1, "user-%011u", (unsigned int)person);
}

/* A stand-in for what is random, and the same each time. */
static void
scatter(uint8_t out[32], uint64_t seed)
{
	for (size_t i = 0; i < 4; i++) {
		seed = seed * UINT64_C(6364136223846793005) +
		    UINT64_C(1442695040888963407);
		put_u64(out + 8 * i, seed ^ seed >> 29);
	}
}

/* That of entry `seq`, which is its serial number, too. */
static void
set_model(struct model *m, uint64_t seq)
{
	const uint64_t person = seq * 7919 % PEOPLE;
	char name[NAME + 1];

	name_of(person, name);
	scatter(m->bytes + m->nonce, seq);
	scatter(m->bytes + m->key, person + UINT64_MAX / 2);
	put_u64(m->bytes + m->serial, seq);
	memcpy(m->bytes + m->id, name, NAME);
	memcpy(m->bytes + m->name, name, NAME);
	put_u64(m->bytes + m->after, m->start + seq * STEP);
	put_u64(m->bytes + m->before, m->start + seq * STEP + VALID);
}

/* --- the ledger --- */

struct fill {
	sqlite3		*db;
	sqlite3_stmt	*entry, *certificate, *principal;
	uint8_t		 prev[LEDGER_HASH];
};

static void
run(struct fill *f, const char *sql)
{
	if (sqlite3_exec(f->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		errx(2, "%s: %s", sql, sqlite3_errmsg(f->db));
}

static sqlite3_stmt *
prepare(struct fill *f, const char *sql)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(f->db, sql, -1, &st, NULL) != SQLITE_OK)
		errx(2, "%s: %s", sql, sqlite3_errmsg(f->db));
	return st;
}

static void
bind(sqlite3_stmt *st, int i, struct span s)
{
	sqlite3_bind_blob(st, i, s.p, (int)s.n, SQLITE_STATIC);
}

static void
step(struct fill *f, sqlite3_stmt *st)
{
	if (sqlite3_step(st) != SQLITE_DONE)
		errx(2, "%s", sqlite3_errmsg(f->db));
	sqlite3_reset(st);
}

static void
put_entry(struct fill *f, const struct model *m, uint64_t seq)
{
	struct ledger_entry en = { .seq = seq, .time = m->start + seq * STEP,
	    .kind = LEDGER_CERTIFICATE, .ca = m->ca,
	    .who = { .uid = 1000, .pid = 4711,
	    .program = span_cstr("/usr/bin/ssh-keygen") },
	    .what = { m->bytes, m->n }, .note = span_cstr("CA ops") };
	struct wire_w w;
	struct err e;

	memcpy(en.prev, f->prev, LEDGER_HASH);
	if (!wire_write(&w, LEDGER_ENTRY_MAX))
		errx(2, "no memory");
	ledger_entry_put(&en, &w);
	if (ledger_hash(wire_bytes(&w), f->prev, &e) != 0)
		errx(2, "%s", e.msg);
	sqlite3_bind_int64(f->entry, 1, (sqlite3_int64)seq);
	bind(f->entry, 2, (struct span){ f->prev, LEDGER_HASH });
	bind(f->entry, 3, wire_bytes(&w));
	step(f, f->entry);
	wire_free(&w);
}

static void
put_rows(struct fill *f, const struct model *m, uint64_t seq)
{
	const struct span name = { m->bytes + m->name, NAME },
	    everyone = span_cstr("everyone");
	uint8_t subject[LEDGER_HASH];
	struct cert c;
	struct err e;

	if (cert_parse((struct span){ m->bytes, m->n }, &c, &e) != 0 ||
	    ledger_subject(&c, subject, &e) != 0)
		errx(2, "%s", e.msg);
	sqlite3_bind_int64(f->certificate, 1, (sqlite3_int64)seq);
	sqlite3_bind_int64(f->certificate, 2, (sqlite3_int64)(m->start +
	    seq * STEP));
	sqlite3_bind_int64(f->certificate, 3, (sqlite3_int64)c.valid_before);
	bind(f->certificate, 4, name);
	bind(f->certificate, 5, (struct span){ subject, LEDGER_HASH });
	bind(f->certificate, 6, c.nonce);
	step(f, f->certificate);
	for (int i = 0; i < 2; i++) {
		bind(f->principal, 1, i == 0 ? name : everyone);
		sqlite3_bind_int64(f->principal, 2, (sqlite3_int64)seq);
		step(f, f->principal);
	}
}

/* Indexes are made when all is there. */
static void
take_indexes(struct fill *f, char sql[4096])
{
	sqlite3_stmt *st = prepare(f, "SELECT name, sql FROM sqlite_master "
	    "WHERE type = 'index' AND sql IS NOT NULL");
	char drop[1024] = "";
	size_t n = 0, d = 0;

	while (sqlite3_step(st) == SQLITE_ROW) {
		n += (size_t)snprintf(sql + n, 4096 - n, "%s;",
		    (const char *)sqlite3_column_text(st, 1));
		d += (size_t)snprintf(drop + d, sizeof(drop) - d,
		    "DROP INDEX %s;",
		    (const char *)sqlite3_column_text(st, 0));
	}
	sqlite3_finalize(st);
	run(f, drop);
}

static void
fill(const char *path, struct model *m)
{
	struct fill f = { 0 };
	char indexes[4096] = "";

	if (sqlite3_open(path, &f.db) != SQLITE_OK)
		errx(2, "%s", sqlite3_errmsg(f.db));
	run(&f, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
	    "PRAGMA cache_size = -400000");
	take_indexes(&f, indexes);
	run(&f, "BEGIN");
	f.entry = prepare(&f, "INSERT INTO entry VALUES (?, ?, ?)");
	f.certificate = prepare(&f, "INSERT INTO certificate VALUES "
	    "(?1, 1, ?1, ?2, ?3, ?4, ?5, ?6)");
	f.principal = prepare(&f, "INSERT INTO principal VALUES (?, ?)");
	for (uint64_t seq = 1; seq <= CERTIFICATES; seq++) {
		set_model(m, seq);
		put_entry(&f, m, seq);
		put_rows(&f, m, seq);
	}
	sqlite3_finalize(f.entry);
	sqlite3_finalize(f.certificate);
	sqlite3_finalize(f.principal);
	run(&f, "UPDATE ca SET serial = 1000000, grants = 1000000");
	run(&f, indexes);
	run(&f, "COMMIT; PRAGMA journal_mode = WAL");
	sqlite3_close(f.db);
}

/* --- questions --- */

struct asking {
	struct ledger	*l;
	struct model	*m;
	uint64_t	 i;		/* a certificate, another each time */
	uint64_t	 found;
	struct err	 e;
};

static int
count(void *arg, const struct ledger_entry *en, const struct cert *c,
    struct err *e)
{
	struct asking *a = arg;

	(void)en;
	(void)e;
	a->found += c->serial != 0;
	return 0;
}

static void
find(struct asking *a, const struct ledger_query *q)
{
	if (ledger_find(a->l, q, count, a, &a->e) != 0)
		errx(2, "%s", a->e.msg);
}

static void
by_serial(struct asking *a)
{
	find(a, &(struct ledger_query){ .serial = a->i });
}

static void
by_serial_of_ca(struct asking *a)
{
	find(a, &(struct ledger_query){ .serial = a->i, .ca = a->m->ca });
}

static void
by_no_serial(struct asking *a)
{
	find(a, &(struct ledger_query){ .serial = a->i + CERTIFICATES });
}

static void
by_key_id(struct asking *a)
{
	char name[NAME + 1];

	name_of(a->i % PEOPLE, name);
	find(a, &(struct ledger_query){ .key_id = span_cstr(name),
	    .ca = a->m->ca });
}

static void
by_principal(struct asking *a)
{
	char name[NAME + 1];

	name_of(a->i % PEOPLE, name);
	find(a, &(struct ledger_query){ .principal = span_cstr(name),
	    .ca = a->m->ca });
}

/* By its fingerprint, as "ca log --subject" asks. */
static void
by_subject(struct asking *a)
{
	uint8_t hash[LEDGER_HASH];
	struct cert c;

	set_model(a->m, a->i);
	if (cert_parse((struct span){ a->m->bytes, a->m->n }, &c,
	    &a->e) != 0 || ledger_subject(&c, hash, &a->e) != 0)
		errx(2, "%s", a->e.msg);
	find(a, &(struct ledger_query){ .subject_hash = (struct span){ hash,
	    sizeof(hash) }, .ca = a->m->ca });
}

/* A hundred of them. */
static void
by_end(struct asking *a)
{
	const uint64_t now = a->m->start + a->i * STEP + VALID;

	find(a, &(struct ledger_query){ .ends_after = now,
	    .ends_before = now + 100 * STEP, .ca = a->m->ca });
}

static void
by_end_and_name(struct asking *a)
{
	const uint64_t now = a->m->start + a->i * STEP + VALID;
	char name[NAME + 1];

	name_of(a->i % PEOPLE, name);
	find(a, &(struct ledger_query){ .ends_after = now,
	    .principal = span_cstr(name), .ca = a->m->ca });
}

static void
last_of_all(struct asking *a)
{
	find(a, &(struct ledger_query){ .last = 20 });
}

static void
last_of_ca(struct asking *a)
{
	find(a, &(struct ledger_query){ .last = 20, .ca = a->m->ca });
}

static void
last_before(struct asking *a)
{
	find(a, &(struct ledger_query){ .last = 20, .ca = a->m->ca,
	    .until = a->i });
}

static void
last_of_everyone(struct asking *a)
{
	find(a, &(struct ledger_query){ .last = 20, .ca = a->m->ca,
	    .principal = span_cstr("everyone") });
}

/* What is asked for each signature, before it and after it. */
static void
check(struct asking *a)
{
	const struct ledger_rule rule = { .rate = 1000, .per = 3600,
	    .once = true };
	struct cert c;

	set_model(a->m, CERTIFICATES + a->i);
	if (cert_parse((struct span){ a->m->bytes, a->m->n }, &c,
	    &a->e) != 0 || ledger_check(a->l, &c, &rule, &a->e) != 0)
		errx(2, "%s", a->e.msg);
	a->found++;
}

static void
check_rate(struct asking *a)
{
	const struct ledger_rule rule = { .rate = 10000,
	    .per = INT64_C(1) << 32 };
	struct cert c;

	set_model(a->m, CERTIFICATES + a->i);
	if (cert_parse((struct span){ a->m->bytes, a->m->n }, &c,
	    &a->e) != 0 || ledger_check(a->l, &c, &rule, &a->e) != ERR_LIMIT)
		errx(2, "the rate was not reached");
	a->found++;
}

static void
checkpoint_due(struct asking *a)
{
	char text[LEDGER_CHECKPOINT_MAX];
	uint64_t seq;

	if (ledger_checkpoint_due(a->l, a->m->ca, &seq, text, &a->e) != 0)
		errx(2, "%s", a->e.msg);
	a->found += text[0] != '\0';
}

static void
take_serial(struct asking *a)
{
	uint64_t first;

	if (ledger_serials(a->l, a->m->ca, 1, &first, &a->e) != 0)
		errx(2, "%s", a->e.msg);
	a->found++;
}

static void
add(struct asking *a)
{
	const struct ledger_rule none = { 0 };
	const struct ledger_who who = { 0 };

	set_model(a->m, 3 * (uint64_t)CERTIFICATES + a->i);
	if (ledger_add_certificate(a->l, (struct span){ a->m->bytes,
	    a->m->n }, &none, &who, span_cstr("CA ops"), &a->e) != 0)
		errx(2, "%s", a->e.msg);
	a->found++;
}

struct question {
	const char	*name;
	void		(*ask)(struct asking *a);
	double		 limit;		/* ms; 0: the disk decides */
};

static const struct question questions[] = {
	{ "by serial number", by_serial, LIMIT_MS },
	{ "by serial number, of a CA", by_serial_of_ca, LIMIT_MS },
	{ "by a serial number that is not there", by_no_serial, LIMIT_MS },
	{ "by key ID", by_key_id, LIMIT_MS },
	{ "by principal", by_principal, LIMIT_MS },
	{ "by the subject's key", by_subject, LIMIT_MS },
	{ "that end soon", by_end, LIMIT_MS },
	{ "that end after now, by principal", by_end_and_name, LIMIT_MS },
	{ "the last 20", last_of_all, LIMIT_MS },
	{ "the last 20, of a CA", last_of_ca, LIMIT_MS },
	{ "the last 20 before an entry", last_before, LIMIT_MS },
	{ "the last 20, by a principal of all", last_of_everyone, LIMIT_MS },
	{ "may it be signed?", check, LIMIT_MS },
	{ "may it be signed? no, by the rate", check_rate, LIMIT_MS },
	{ "is it time for a checkpoint?", checkpoint_due, LIMIT_MS },
	{ "a serial number (synced)", take_serial, 0 },
	{ "a certificate is added (synced)", add, 0 },
};

#define N_QUESTIONS	(sizeof(questions) / sizeof(*questions))

static bool
ask(struct asking *a, const struct question *q)
{
	struct samples s = { 0 };
	double from, slow;

	a->found = 0;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		a->i = 1 + i * 104729 % CERTIFICATES;
		from = now_ms();
		q->ask(a);
		samples_add(&s, now_ms() - from);
	}
	slow = samples_quantile(&s, 0.99);
	printf("%-38s %9.2f %9.2f %9.2f %9.1f%s\n", q->name,
	    samples_quantile(&s, 0.5), slow, samples_quantile(&s, 1),
	    (double)a->found / ROUNDS,
	    q->limit > 0 && slow > q->limit ? "   too slow" : "");
	return q->limit == 0 || slow <= q->limit;
}

static struct ledger *
open_ledger(const char *path, double *ms)
{
	const double from = now_ms();
	struct ledger *l;
	struct err e;

	if (ledger_open(&l, path, LEDGER_WRITE, &e) != 0)
		errx(2, "%s", e.msg);
	*ms = now_ms() - from;
	return l;
}

static bool
measure(const char *path)
{
	struct model m;
	struct asking a = { .m = &m };
	struct stat st;
	bool good = true;
	double ms;

	make_model(&m);
	a.l = open_ledger(path, &ms);
	take_serial(&a);	/* and it knows the CA */
	ledger_close(a.l);
	fill(path, &m);
	a.l = open_ledger(path, &ms);
	if (stat(path, &st) == -1)
		err(2, "%s", path);
	printf("%d certificates of %zu bytes, %.0f bytes each in the "
	    "ledger; opened in %.1f ms\n\n%-38s %9s %9s %9s %9s\n",
	    CERTIFICATES, m.n, (double)st.st_size / CERTIFICATES, ms,
	    "ms", "median", "99 of 100", "worst", "found");
	for (size_t i = 0; i < N_QUESTIONS; i++)
		good = ask(&a, &questions[i]) && good;
	ledger_close(a.l);
	return good;
}

int
main(void)
{
	char dir[] = "/var/tmp/bench-ledger.XXXXXX";
	static const char *const ends[] = { "", ".head", "-wal", "-shm" };
	char path[64], file[80];
	int status;
	pid_t pid;

	if (mkdtemp(dir) == NULL)
		err(2, "%s", dir);
	snprintf(path, sizeof(path), "%s/" LEDGER_FILE, dir);
	if ((pid = fork()) == 0)
		return measure(path) ? 0 : 1;
	if (pid == -1 || waitpid(pid, &status, 0) == -1)
		err(2, "fork");
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		(void)unlink(file);
	}
	if (rmdir(dir) == -1)
		warn("%s", dir);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

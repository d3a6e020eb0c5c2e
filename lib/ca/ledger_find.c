/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ca/ledger_db.h"

/* A question that is put together; its parameters come in the same order. */
struct question {
	char		 sql[800];
	struct {
		bool		 is_number;
		uint64_t	 number;
		struct span	 bytes;
	} value[10];
	size_t		 n;
};

static void
ask(struct question *q, const char *sql)
{
	const size_t n = strlen(q->sql);

	snprintf(q->sql + n, sizeof(q->sql) - n, "%s", sql);
}

static void
ask_number(struct question *q, const char *sql, uint64_t v)
{
	ask(q, sql);
	q->value[q->n].is_number = true;
	q->value[q->n++].number = v;
}

static void
ask_bytes(struct question *q, const char *sql, struct span s)
{
	ask(q, sql);
	q->value[q->n++].bytes = s;
}

static struct db_query
put_question(struct ledger *l, const struct question *q)
{
	struct db_query out = db_query(l, q->sql);

	for (size_t i = 0; i < q->n; i++) {
		if (q->value[i].is_number)
			db_number(&out, q->value[i].number);
		else
			db_bytes(&out, q->value[i].bytes);
	}
	return out;
}

static int
tell(const struct db_query *q, ledger_fn *fn, void *arg, struct err *e)
{
	struct ledger_entry en;
	struct cert c;
	int r;

	if ((r = ledger_entry_parse(db_get_bytes(q, 1), &en, e)) != 0 ||
	    (en.kind == LEDGER_CERTIFICATE &&
	    (r = cert_parse(en.what, &c, e)) != 0))
		return err_wrap(e, "%s: entry %" PRIu64, q->l->path,
		    db_get_number(q, 0));
	return fn(arg, &en, en.kind == LEDGER_CERTIFICATE ? &c : NULL, e);
}

static int
tell_all(struct ledger *l, const struct question *question, ledger_fn *fn,
    void *arg, struct err *e)
{
	struct db_query q = put_question(l, question);
	struct err ignored;
	int r = 0;

	while (r == 0 && db_step(&q))
		r = tell(&q, fn, arg, e);
	if (r != 0) {
		(void)db_end(&q, &ignored);
		return r;
	}
	return db_end(&q, e);
}

/*
 * SQLite cannot know which condition leaves the fewest rows; we do, mostly:
 * the first of these that is asked for is looked up, the others are compared.
 */
static const char *
source_of(const struct ledger_query *q)
{
	if (q->serial != 0)
		return "certificate c INDEXED BY certificate_serial";
	if (q->subject.n > 0 || q->subject_hash.n > 0)
		return "certificate c INDEXED BY certificate_subject";
	if (q->key_id.n > 0)
		return "certificate c INDEXED BY certificate_key_id";
	if (q->principal.n > 0)
		return NULL;
	if (q->ends_after != 0 || q->ends_before != 0)
		return "certificate c INDEXED BY certificate_ends";
	if (q->ca.n > 0)
		return "certificate c INDEXED BY certificate_ca";
	return "certificate c NOT INDEXED";
}

static void
ask_source(struct question *s, const struct ledger_query *q)
{
	const char *source = source_of(q);

	ask(s, "SELECT seq, body FROM entry WHERE seq IN (SELECT ");
	if (source == NULL) {
		ask_bytes(s, "p.seq FROM principal p CROSS JOIN certificate c "
		    "NOT INDEXED ON c.seq = p.seq WHERE p.name = ?",
		    q->principal);
		return;
	}
	ask(s, "c.seq FROM ");
	ask(s, source);
	ask(s, " WHERE 1");
	if (q->principal.n > 0)
		ask_bytes(s, " AND EXISTS (SELECT 1 FROM principal p WHERE "
		    "p.name = ? AND p.seq = c.seq)", q->principal);
}

static int
ask_certificates(struct ledger *l, struct question *s,
    const struct ledger_query *q, uint8_t subject[LEDGER_HASH],
    struct err *e)
{
	uint64_t ca;
	int r;

	ask_source(s, q);
	if (q->ca.n > 0) {
		if ((r = ledger_ca_id(l, q->ca, &ca, e)) != 0)
			return r;
		ask_number(s, " AND c.ca = ?", ca);
	}
	if (q->serial != 0)
		ask_number(s, " AND c.serial <> 0 AND c.serial = ?",
		    q->serial);
	if (q->key_id.n > 0)
		ask_bytes(s, " AND c.key_id = ?", q->key_id);
	if (q->subject.n > 0) {
		if ((r = ledger_hash(q->subject, subject, e)) != 0)
			return r;
		ask_bytes(s, " AND c.subject = ?", (struct span){
		    subject, LEDGER_HASH });
	}
	if (q->subject_hash.n > 0)
		ask_bytes(s, " AND c.subject = ?", q->subject_hash);
	if (q->ends_after != 0)
		ask_number(s, " AND c.ends > ?", ledger_ends(q->ends_after));
	if (q->ends_before != 0)
		ask_number(s, " AND c.ends <= ?",
		    ledger_ends(q->ends_before));
	return 0;
}

int
ledger_find(struct ledger *l, const struct ledger_query *q, ledger_fn *fn,
    void *arg, struct err *e)
{
	const char *seq = source_of(q) == NULL ? "p.seq" : "c.seq";
	struct question s = { 0 };
	uint8_t subject[LEDGER_HASH];
	int r;

	if ((r = ask_certificates(l, &s, q, subject, e)) != 0)
		return r;
	if (q->until != 0) {
		ask(&s, " AND ");
		ask(&s, seq);
		ask_number(&s, " <= ?", ledger_ends(q->until));
	}
	if (q->last != 0) {
		ask(&s, " ORDER BY ");
		ask(&s, seq);
		ask_number(&s, " DESC LIMIT ?", q->last);
	}
	ask(&s, ") ORDER BY seq");
	return tell_all(l, &s, fn, arg, e);
}

int
ledger_revoked(struct ledger *l, struct span ca, ledger_fn *fn, void *arg,
    struct err *e)
{
	struct question s = { .sql = "SELECT e.seq, e.body FROM entry e "
	    "JOIN revocation r ON r.seq = e.seq" };
	uint64_t id;
	int r;

	if (ca.n > 0) {
		if ((r = ledger_ca_id(l, ca, &id, e)) != 0)
			return r;
		ask_number(&s, " WHERE r.ca = ?", id);
	}
	ask(&s, " ORDER BY e.seq");
	return tell_all(l, &s, fn, arg, e);
}

int
ledger_cas(struct ledger *l, ledger_ca_fn *fn, void *arg, struct err *e)
{
	struct db_query q = db_query(l, "SELECT key FROM ca ORDER BY id");
	struct err ignored;
	int r = 0;

	while (r == 0 && db_step(&q))
		r = fn(arg, db_get_bytes(&q, 0), e);
	if (r != 0) {
		(void)db_end(&q, &ignored);
		return r;
	}
	return db_end(&q, e);
}

int
ledger_end(struct ledger *l, uint64_t *seq, struct err *e)
{
	struct ledger_head last;
	int r = ledger_last(l, &last, e);

	*seq = last.seq;
	return r;
}

int
ledger_unsigned(struct ledger *l, struct span ca, struct ledger_unsigned *u,
    struct err *e)
{
	uint64_t id, of = 0;
	struct db_query q;
	int r;

	*u = (struct ledger_unsigned){ 0 };
	if ((r = ledger_ca_id(l, ca, &id, e)) != 0)
		return r;
	q = db_query(l, "SELECT of, time FROM checkpoint WHERE ca = ? "
	    "ORDER BY of DESC LIMIT 1");
	db_number(&q, id);
	if (db_step(&q)) {
		of = db_get_number(&q, 0);
		u->since = (int64_t)db_get_number(&q, 1);
	}
	if ((r = db_end(&q, e)) != 0)
		return r;
	q = db_query(l, "SELECT count(*) FROM (SELECT 1 FROM certificate "
	    "INDEXED BY certificate_ca WHERE ca = ? AND seq > ? LIMIT ?)");
	db_number(&q, id);
	db_number(&q, of);
	db_number(&q, LEDGER_UNSIGNED_MAX);
	if (db_step(&q))
		u->n = db_get_number(&q, 0);
	return db_end(&q, e);
}

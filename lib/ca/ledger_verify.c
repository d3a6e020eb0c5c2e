/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/ledger_db.h"
#include "ca/ledger_verify.h"
#include "ssh/hostsig.h"
#include "ssh/keytext.h"
#include "ssh/sshsig.h"

/* What queries go by. */
enum table {
	CERTIFICATES,
	PRINCIPALS,
	REVOCATIONS,
	CHECKPOINTS,
	RESUMPTIONS,
};

#define N_TABLES	5

#define COUNT(t)	"SELECT count(*) FROM " t
#define STRAYS(t, name)	"SELECT t.seq, e.body, " name " FROM " t \
	    " t LEFT JOIN entry e ON e.seq = t.seq"

static const struct {
	const char	*name;
	enum ledger_kind kind;		/* of the entries that have rows */
	const char	*count, *strays;
} tables[N_TABLES] = {
	[CERTIFICATES] = { "certificates", LEDGER_CERTIFICATE,
	    COUNT("certificate"), STRAYS("certificate", "NULL") },
	[PRINCIPALS] = { "principals", LEDGER_CERTIFICATE,
	    COUNT("principal"), STRAYS("principal", "t.name") },
	[REVOCATIONS] = { "revocations", LEDGER_REVOCATION,
	    COUNT("revocation"), STRAYS("revocation", "NULL") },
	[CHECKPOINTS] = { "checkpoints", LEDGER_CHECKPOINT,
	    COUNT("checkpoint"), STRAYS("checkpoint", "NULL") },
	[RESUMPTIONS] = { "resumptions", LEDGER_RESUMPTION,
	    COUNT("resumption"), STRAYS("resumption", "NULL") },
};

struct checking {
	struct ledger	*l;
	struct ledger_sums *sums;
	uint64_t	 seq;		/* of the entry in hand */
	uint64_t	 rows[N_TABLES]; /* that there should be */
	ledger_fault_fn	*fn;
	void		*arg;
	unsigned int	 faults;
};

static void	 fault(struct checking *k, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));

static void
fault(struct checking *k, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (k->faults++ >= LEDGER_FAULTS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	k->fn(k->arg, k->seq, text);
}

/* --- one entry --- */

/* The row of this entry: the query has one row when it is as it should be. */
static int
end_row(struct checking *k, struct db_query *q, struct err *e)
{
	const bool same = db_step(q);
	int r;

	if ((r = db_end(q, e)) == 0 && !same)
		fault(k, "its row, by which it is found, says something else");
	return r;
}

static int
check_columns(struct checking *k, const struct ledger_entry *en,
    const struct cert *c, struct err *e)
{
	uint8_t subject[LEDGER_HASH];
	struct db_query q;
	int r;

	if ((r = ledger_subject(c, subject, e)) != 0)
		return r;
	q = db_query(k->l, "SELECT 1 FROM certificate t JOIN ca a ON "
	    "a.id = t.ca WHERE t.seq = ? AND a.key = ? AND t.serial = ? AND "
	    "t.time = ? AND t.ends = ? AND t.key_id = ? AND t.subject = ? "
	    "AND t.nonce = ?");
	db_number(&q, k->seq);
	db_bytes(&q, c->ca);
	db_number(&q, c->serial);
	db_number(&q, en->time);
	db_number(&q, ledger_ends(c->valid_before));
	db_bytes(&q, c->key_id);
	db_bytes(&q, (struct span){ subject, LEDGER_HASH });
	db_bytes(&q, c->nonce);
	return end_row(k, &q, e);
}

/* Is it one of the first n names? */
static bool
has_principal(const struct cert *c, size_t n, struct span name)
{
	struct wire_r names;
	struct span other;

	wire_read(&names, c->principals);
	for (size_t i = 0; i < n && cert_next_principal(&names, &other); i++)
		if (span_eq(name, other))
			return true;
	return false;
}

static int
check_principals(struct checking *k, const struct cert *c, struct err *e)
{
	struct wire_r names;
	struct span name;
	struct db_query q;
	bool found;
	int r;

	wire_read(&names, c->principals);
	for (size_t i = 0; cert_next_principal(&names, &name); i++) {
		if (has_principal(c, i, name))
			continue;
		k->rows[PRINCIPALS]++;
		q = db_query(k->l, "SELECT 1 FROM principal WHERE name = ? "
		    "AND seq = ?");
		db_bytes(&q, name);
		db_number(&q, k->seq);
		found = db_step(&q);
		if ((r = db_end(&q, e)) != 0)
			return r;
		if (!found)
			fault(k, "it is not found by one of its principals");
	}
	return 0;
}

static int
check_certificate(struct checking *k, const struct ledger_entry *en,
    struct err *e)
{
	struct err why;
	struct cert c;
	int r;

	k->rows[CERTIFICATES]++;
	if (cert_parse(en->what, &c, &why) != 0) {
		fault(k, "its certificate is none: %s", why.msg);
		return 0;
	}
	if (!span_eq(c.ca, en->ca))
		fault(k, "its certificate is by another CA");
	if (hostsig_verify_cert(&c, &why) != 0)
		fault(k, "its certificate has a wrong signature: %s",
		    why.msg);
	if ((r = check_columns(k, en, &c, e)) != 0)
		return r;
	return check_principals(k, &c, e);
}

static int
check_revocation(struct checking *k, const struct ledger_entry *en,
    struct err *e)
{
	uint64_t low, high;
	struct db_query q;

	k->rows[REVOCATIONS]++;
	if (en->how == LEDGER_SERIALS &&
	    !ledger_serials_of(en->what, &low, &high))
		fault(k, "it revokes no serial numbers");
	q = db_query(k->l, "SELECT 1 FROM revocation t JOIN ca a ON "
	    "a.id = t.ca WHERE t.seq = ? AND a.key = ?");
	db_number(&q, k->seq);
	db_bytes(&q, en->ca);
	return end_row(k, &q, e);
}

static int
check_resumption(struct checking *k, const struct ledger_entry *en,
    struct err *e)
{
	struct ledger_head floor;
	struct db_query q;

	k->rows[RESUMPTIONS]++;
	if (!ledger_head_parse(en->what, &floor))
		fault(k, "it does not say what was lost");
	q = db_query(k->l, "SELECT 1 FROM resumption WHERE seq = ? AND "
	    "serial = ? AND krl = ?");
	db_number(&q, k->seq);
	db_number(&q, floor.serial);
	db_number(&q, floor.krl);
	return end_row(k, &q, e);
}

static bool
is_signed(const struct ledger_entry *en)
{
	struct sshsig sig;
	struct err why;
	bool ok;

	if (sshsig_parse(en->what, &sig, &why) != 0)
		return false;
	ok = span_eq(sig.key, en->ca) && sshsig_verify(&sig,
	    LEDGER_CHECKPOINT_NS, en->note, &why) == 0;
	sshsig_free(&sig);
	return ok;
}

/* The entry that it is about; 0: its row is not there. */
static int
get_of(struct checking *k, uint64_t *of, struct err *e)
{
	struct db_query q = db_query(k->l, "SELECT of FROM checkpoint WHERE "
	    "seq = ?");

	db_number(&q, k->seq);
	*of = db_step(&q) ? db_get_number(&q, 0) : 0;
	return db_end(&q, e);
}

static int
vouch(struct checking *k, uint64_t of, struct span key, struct err *e)
{
	char *fp = keytext_fingerprint(key);

	if (fp == NULL)
		return err_set(e, ERR_NOMEM, 0, "fingerprint");
	k->sums->signed_until = of;
	snprintf(k->sums->signed_by, sizeof(k->sums->signed_by), "%s", fp);
	free(fp);
	return 0;
}

static int
check_checkpoint(struct checking *k, const struct ledger_entry *en,
    struct err *e)
{
	char text[LEDGER_CHECKPOINT_MAX] = "";
	struct db_query q;
	struct err why;
	uint64_t of;
	int r;

	k->rows[CHECKPOINTS]++;
	if ((r = get_of(k, &of, e)) != 0)
		return r;
	if (of >= k->seq || ledger_checkpoint_text(k->l, of, text,
	    &why) != 0 || !span_is(en->note, text))
		fault(k, "it is a checkpoint of something else than is "
		    "there");
	else if (!is_signed(en))
		fault(k, "its signature is not that of the CA's key");
	else if (of > k->sums->signed_until && (r = vouch(k, of, en->ca,
	    e)) != 0)
		return r;
	q = db_query(k->l, "SELECT 1 FROM checkpoint t JOIN ca a ON "
	    "a.id = t.ca WHERE t.seq = ? AND a.key = ? AND t.time = ?");
	db_number(&q, k->seq);
	db_bytes(&q, en->ca);
	db_number(&q, en->time);
	return end_row(k, &q, e);
}

static int
check_kind(struct checking *k, const struct ledger_entry *en, struct err *e)
{
	switch (en->kind) {
	case LEDGER_CERTIFICATE:
		return check_certificate(k, en, e);
	case LEDGER_REVOCATION:
		return check_revocation(k, en, e);
	case LEDGER_CHECKPOINT:
		return check_checkpoint(k, en, e);
	case LEDGER_RESUMPTION:
		return check_resumption(k, en, e);
	}
	return 0;
}

/* Between the one before it, which may be missing, and this one. */
static void
check_link(struct checking *k, uint64_t seq, const struct ledger_entry *en)
{
	const struct ledger_head *before = &k->sums->head;

	k->seq = before->seq + 1;
	if (seq != k->seq) {
		fault(k, "it is missing; the next one is %" PRIu64, seq);
	} else if (memcmp(en->prev, before->hash, LEDGER_HASH) != 0) {
		k->seq = before->seq;
		fault(k, "it is not what entry %" PRIu64 " was put after: "
		    "one of the two was changed", seq);
	}
	k->seq = seq;
	if (en->seq != seq)
		fault(k, "it was moved: it was entry %" PRIu64, en->seq);
}

static int
check_entry(struct checking *k, uint64_t seq, struct span hash,
    struct span body, struct err *e)
{
	struct ledger_head *end = &k->sums->head;
	uint8_t is[LEDGER_HASH];
	struct ledger_entry en;
	struct err why;
	int r;

	k->seq = seq;
	if ((r = ledger_hash(body, is, e)) != 0)
		return r;
	if (!span_eq(hash, (struct span){ is, LEDGER_HASH }))
		fault(k, "it was changed: its hash is another one");
	if (ledger_entry_parse(body, &en, &why) != 0) {
		fault(k, "%s", why.msg);
	} else {
		check_link(k, seq, &en);
		r = check_kind(k, &en, e);
	}
	end->seq = seq;
	if (hash.n == LEDGER_HASH)
		memcpy(end->hash, hash.p, LEDGER_HASH);
	return r;
}

/* --- the whole --- */

static int
check_entries(struct checking *k, struct err *e)
{
	struct db_query q = db_query(k->l, "SELECT seq, hash, body FROM "
	    "entry ORDER BY seq");
	struct err ignored;
	int r = 0;

	while (r == 0 && db_step(&q))
		r = check_entry(k, db_get_number(&q, 0), db_get_bytes(&q, 1),
		    db_get_bytes(&q, 2), e);
	if (r != 0) {
		(void)db_end(&q, &ignored);
		return r;
	}
	return db_end(&q, e);
}

/* Whether an entry has such a row. */
static bool
has_row(const struct ledger_entry *en, enum table t, struct span name)
{
	struct err why;
	struct cert c;

	if (en->kind != tables[t].kind)
		return false;
	return t != PRINCIPALS || (cert_parse(en->what, &c, &why) == 0 &&
	    has_principal(&c, c.n_principals, name));
}

/* Rows that no entry has. */
static int
check_strays(struct checking *k, enum table t, struct err *e)
{
	struct db_query q = db_query(k->l, tables[t].strays);
	struct ledger_entry en;
	struct err why;

	while (db_step(&q)) {
		k->seq = db_get_number(&q, 0);
		if (ledger_entry_parse(db_get_bytes(&q, 1), &en, &why) != 0 ||
		    !has_row(&en, t, db_get_bytes(&q, 2)))
			fault(k, "there is a row among %s that it does not "
			    "have", tables[t].name);
	}
	return db_end(&q, e);
}

/* Each entry was found in its table; there may be more in it. */
static int
check_rows(struct checking *k, enum table t, struct err *e)
{
	struct db_query q = db_query(k->l, tables[t].count);
	const uint64_t there = db_step(&q) ? db_get_number(&q, 0) : 0;
	int r;

	if ((r = db_end(&q, e)) != 0 ||
	    (there == k->rows[t] && k->faults == 0))
		return r;
	if ((r = check_strays(k, t, e)) != 0 || k->faults > 0)
		return r;
	k->seq = 0;
	fault(k, "there are %" PRIu64 " rows among %s, not %" PRIu64, there,
	    tables[t].name, k->rows[t]);
	return 0;
}

/* What SQLite itself has to say: of its indexes, for instance. */
static int
check_pages(struct checking *k, struct err *e)
{
	struct db_query q = db_query(k->l, "PRAGMA integrity_check(10)");
	struct span says;

	while (db_step(&q)) {
		says = db_get_bytes(&q, 0);
		if (!span_is(says, "ok"))
			fault(k, "damaged: %.*s", (int)says.n,
			    (const char *)says.p);
	}
	return db_end(&q, e);
}

static int
check_head(struct checking *k, struct err *e)
{
	struct err why;
	int r;

	if ((r = ledger_compare(k->l, &why)) == ERR_STALE) {
		k->seq = k->l->seen.seq;
		fault(k, "%s", why.msg);
		k->seq = 0;
		return 0;
	}
	if (r != 0)
		*e = why;
	return r;
}

static int
check_all(struct checking *k, struct err *e)
{
	int r;

	if ((r = check_head(k, e)) != 0 || (r = check_pages(k, e)) != 0 ||
	    (r = check_entries(k, e)) != 0)
		return r;
	for (enum table t = 0; r == 0 && t < N_TABLES; t++)
		r = check_rows(k, t, e);
	return r;
}

int
ledger_verify(struct ledger *l, struct ledger_sums *sums,
    ledger_fault_fn *fn, void *arg, struct err *e)
{
	struct checking k = { .l = l, .sums = sums, .fn = fn, .arg = arg };
	int r;

	*sums = (struct ledger_sums){ 0 };
	/* All of it as of one moment, whatever is added meanwhile. */
	if ((r = db_exec(l, "BEGIN", e)) != 0)
		return r;
	r = check_all(&k, e);
	sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	sums->certificates = k.rows[CERTIFICATES];
	sums->revocations = k.rows[REVOCATIONS];
	sums->checkpoints = k.rows[CHECKPOINTS];
	sums->resumptions = k.rows[RESUMPTIONS];
	if (r == 0 && k.faults > 0)
		return err_set(e, ERR_FORMAT, 0, "%s is not whole: %u "
		    "faults", l->path, k.faults);
	return r;
}

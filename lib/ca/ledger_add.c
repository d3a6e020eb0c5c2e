/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ca/ledger_db.h"
#include "ca/when.h"
#include "ssh/keytext.h"

#define DAY	(24 * 60 * 60)

/* --- certificates --- */

int
ledger_subject(const struct cert *c, uint8_t hash[LEDGER_HASH],
    struct err *e)
{
	struct wire_w w;
	int r;

	if (!wire_write(&w, LEDGER_ENTRY_MAX))
		return err_set(e, ERR_NOMEM, 0, "ledger");
	cert_put_subject(c, &w);
	r = w.bad ? err_set(e, ERR_LIMIT, 0, "a key that is too long") :
	    ledger_hash(wire_bytes(&w), hash, e);
	wire_free(&w);
	return r;
}

static void
describe_use(const struct db_query *q, char *text, size_t len)
{
	const time_t t = (time_t)db_get_number(q, 0);
	char when[32] = "?", id[65];
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
	keytext_clean(id, sizeof(id), db_get_bytes(q, 1));
	snprintf(text, len, "certificate \"%s\" of %s", id, when);
}

/* A ledger that has lost its end does not know which numbers were used. */
static int
check_floor(struct ledger *l, uint64_t serial, struct err *e)
{
	struct db_query q = db_query(l, "SELECT ifnull(max(serial), 0) FROM "
	    "resumption");
	const uint64_t floor = db_step(&q) ? db_get_number(&q, 0) : 0;
	int r;

	if ((r = db_end(&q, e)) != 0 || serial > floor)
		return r;
	return err_set(e, ERR_DENIED, 0, "serial number %" PRIu64 " may be "
	    "that of a certificate that the ledger has lost; take one over %"
	    PRIu64 " (ssh-keygen -z)", serial, floor);
}

static int
check_serial(struct ledger *l, uint64_t ca, const struct cert *c,
    struct err *e)
{
	struct db_query q;
	char use[128] = "";
	int r;

	if (c->serial == 0)
		return 0;
	q = db_query(l, "SELECT time, key_id FROM certificate "
	    "INDEXED BY certificate_serial WHERE ca = ? AND serial = ? AND "
	    "serial <> 0");
	db_number(&q, ca);
	db_number(&q, c->serial);
	if (db_step(&q))
		describe_use(&q, use, sizeof(use));
	if ((r = db_end(&q, e)) != 0)
		return r;
	if (use[0] == '\0')
		return check_floor(l, c->serial, e);
	return err_set(e, ERR_DENIED, 0, "serial number %" PRIu64 " was used "
	    "for the %s; take another (ssh-keygen -z)", c->serial, use);
}

static int
check_nonce(struct ledger *l, const struct cert *c, struct err *e)
{
	struct db_query q = db_query(l, "SELECT time, key_id FROM "
	    "certificate WHERE nonce = ? LIMIT 1");
	char use[128] = "";
	int r;

	db_bytes(&q, c->nonce);
	if (db_step(&q))
		describe_use(&q, use, sizeof(use));
	if ((r = db_end(&q, e)) != 0 || use[0] == '\0')
		return r;
	return err_set(e, ERR_LIMIT, 0, "what was approved was signed once "
	    "already, as the %s", use);
}

/*
 * By the clock of the machine.  Where that was set back, what lies in its
 * future counts, too: rather too few certificates than too many.
 */
static int
check_rate(struct ledger *l, uint64_t ca, const struct ledger_rule *rule,
    struct err *e)
{
	const int64_t since = (int64_t)time(NULL) - rule->per;
	struct db_query q = db_query(l, "SELECT count(*) FROM (SELECT 1 FROM "
	    "certificate INDEXED BY certificate_time WHERE ca = ? AND "
	    "time > ? LIMIT ?)");
	char per[CA_WHEN_TEXT];
	uint64_t n;
	int r;

	db_number(&q, ca);
	db_number(&q, (uint64_t)since);
	db_number(&q, rule->rate);
	n = db_step(&q) ? db_get_number(&q, 0) : 0;
	if ((r = db_end(&q, e)) != 0 || n < rule->rate)
		return r;
	return err_set(e, ERR_LIMIT, 0, "this CA has signed %" PRIu64
	    " certificates in %s, and that is all it may", n,
	    ca_when_text((uint64_t)rule->per, per));
}

static int
check_rule(struct ledger *l, uint64_t ca, const struct cert *c,
    const struct ledger_rule *rule, struct err *e)
{
	int r;

	if ((r = check_serial(l, ca, c, e)) != 0 ||
	    (rule->once && (r = check_nonce(l, c, e)) != 0))
		return r;
	return rule->rate > 0 ? check_rate(l, ca, rule, e) : 0;
}

int
ledger_check(struct ledger *l, const struct cert *c,
    const struct ledger_rule *rule, struct err *e)
{
	uint64_t ca;
	int r;

	if ((r = ledger_begin(l, e)) != 0)
		return r;
	if ((r = ledger_compare(l, e)) == 0 &&
	    (r = ledger_ca_id(l, c->ca, &ca, e)) == 0)
		r = check_rule(l, ca, c, rule, e);
	return ledger_give_up(l, r);
}

static int
put_columns(struct ledger *l, uint64_t ca, const struct ledger_entry *en,
    const struct cert *c, struct err *e)
{
	uint8_t subject[LEDGER_HASH];
	struct db_query q;
	int r;

	if ((r = ledger_subject(c, subject, e)) != 0)
		return r;
	q = db_query(l, "INSERT INTO certificate VALUES "
	    "(?, ?, ?, ?, ?, ?, ?, ?)");
	db_number(&q, en->seq);
	db_number(&q, ca);
	db_number(&q, c->serial);
	db_number(&q, en->time);
	db_number(&q, ledger_ends(c->valid_before));
	db_bytes(&q, c->key_id);
	db_bytes(&q, (struct span){ subject, LEDGER_HASH });
	db_bytes(&q, c->nonce);
	(void)db_step(&q);
	return db_end(&q, e);
}

static int
put_principals(struct ledger *l, uint64_t seq, const struct cert *c,
    struct err *e)
{
	struct span name;
	struct db_query q;
	struct wire_r r;
	int x = 0;

	wire_read(&r, c->principals);
	while (x == 0 && cert_next_principal(&r, &name)) {
		q = db_query(l, "INSERT OR IGNORE INTO principal "
		    "VALUES (?, ?)");
		db_bytes(&q, name);
		db_number(&q, seq);
		(void)db_step(&q);
		x = db_end(&q, e);
	}
	return x;
}

int
ledger_add_certificate(struct ledger *l, struct span cert,
    const struct ledger_rule *rule, const struct ledger_who *who,
    struct span note, struct err *e)
{
	struct ledger_entry en = { .kind = LEDGER_CERTIFICATE, .who = *who,
	    .what = cert, .note = note };
	struct cert c;
	uint64_t ca;
	int r;

	if ((r = cert_parse(cert, &c, e)) != 0 || (r = ledger_begin(l, e)) != 0)
		return r;
	en.ca = c.ca;
	if ((r = ledger_compare(l, e)) != 0 ||
	    (r = ledger_ca_id_for(l, c.ca, &ca, e)) != 0 ||
	    (r = check_rule(l, ca, &c, rule, e)) != 0 ||
	    (r = ledger_put_entry(l, &en, e)) != 0 ||
	    (r = put_columns(l, ca, &en, &c, e)) != 0 ||
	    (r = put_principals(l, en.seq, &c, e)) != 0)
		return ledger_give_up(l, r);
	return ledger_commit(l, e);
}

/* --- the other kinds --- */

/* With a row of its own; `of` is for a checkpoint. */
static int
put_with_row(struct ledger *l, struct ledger_entry *en, const char *insert,
    uint64_t of, struct err *e)
{
	struct db_query q;
	uint64_t ca;
	int r;

	if ((r = ledger_ca_id_for(l, en->ca, &ca, e)) != 0 ||
	    (r = ledger_put_entry(l, en, e)) != 0)
		return r;
	q = db_query(l, insert);
	db_number(&q, en->seq);
	db_number(&q, ca);
	if (of != 0) {
		db_number(&q, of);
		db_number(&q, en->time);
	}
	(void)db_step(&q);
	return db_end(&q, e);
}

int
ledger_add_revocation(struct ledger *l, struct span ca,
    enum ledger_revoked how, struct span what, const struct ledger_who *who,
    struct span reason, struct err *e)
{
	struct ledger_entry en = { .kind = LEDGER_REVOCATION, .how = how,
	    .who = *who, .ca = ca, .what = what, .note = reason };
	uint64_t low, high;
	int r;

	if (how == LEDGER_SERIALS && !ledger_serials_of(what, &low, &high))
		return err_set(e, ERR_USAGE, 0, "no serial numbers that "
		    "could be revoked");
	if (what.n == 0)
		return err_set(e, ERR_USAGE, 0, "nothing that could be "
		    "revoked");
	if ((r = ledger_begin(l, e)) != 0)
		return r;
	if ((r = ledger_compare(l, e)) != 0 || (r = put_with_row(l, &en,
	    "INSERT INTO revocation VALUES (?, ?)", 0, e)) != 0)
		return ledger_give_up(l, r);
	return ledger_commit(l, e);
}

int
ledger_checkpoint_text(struct ledger *l, uint64_t seq,
    char text[LEDGER_CHECKPOINT_MAX], struct err *e)
{
	struct db_query q = db_query(l, "SELECT hash FROM entry WHERE "
	    "seq = ?");
	char hex[2 * LEDGER_HASH + 1] = "";
	struct span hash;
	int r;

	db_number(&q, seq);
	if (db_step(&q)) {
		hash = db_get_bytes(&q, 0);
		for (size_t i = 0; i < hash.n && i < LEDGER_HASH; i++)
			snprintf(hex + 2 * i, 3, "%02x", hash.p[i]);
	}
	if ((r = db_end(&q, e)) != 0)
		return r;
	if (hex[0] == '\0')
		return err_set(e, ERR_NOTFOUND, 0, "the ledger has no entry "
		    "%" PRIu64, seq);
	snprintf(text, LEDGER_CHECKPOINT_MAX, "hsm-ssh-agent ledger: entry "
	    "%" PRIu64 " has the hash %s\n", seq, hex);
	return 0;
}

int
ledger_checkpoint_due(struct ledger *l, struct span ca, uint64_t *seq,
    char text[LEDGER_CHECKPOINT_MAX], struct err *e)
{
	struct ledger_unsigned u;
	int r;

	text[0] = '\0';
	if ((r = ledger_unsigned(l, ca, &u, e)) != 0 || u.n == 0 ||
	    (u.n < LEDGER_CHECKPOINT_EACH && u.since + DAY > time(NULL)))
		return r;
	if ((r = ledger_end(l, seq, e)) != 0)
		return r;
	return ledger_checkpoint_text(l, *seq, text, e);
}

/* That the signature is right is for ledger_verify(). */
int
ledger_add_checkpoint(struct ledger *l, struct span key, uint64_t seq,
    struct span sig, struct err *e)
{
	struct ledger_entry en = { .kind = LEDGER_CHECKPOINT, .ca = key,
	    .what = sig };
	char text[LEDGER_CHECKPOINT_MAX];
	int r;

	if ((r = ledger_begin(l, e)) != 0)
		return r;
	if ((r = ledger_compare(l, e)) != 0 ||
	    (r = ledger_checkpoint_text(l, seq, text, e)) != 0)
		return ledger_give_up(l, r);
	en.note = span_cstr(text);
	if ((r = put_with_row(l, &en, "INSERT INTO checkpoint VALUES "
	    "(?, ?, ?, ?)", seq, e)) != 0)
		return ledger_give_up(l, r);
	return ledger_commit(l, e);
}

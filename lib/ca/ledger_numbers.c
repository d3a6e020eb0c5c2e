/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca/ledger_db.h"

/* --- numbers --- */

/* Past those that were used with "ssh-keygen -z". */
static int
free_serials(struct ledger *l, uint64_t ca, uint64_t n, uint64_t *first,
    struct err *e)
{
	struct db_query q;
	uint64_t used;
	int r;

	do {
		if (*first > INT64_MAX - n)
			return err_set(e, ERR_LIMIT, 0, "this CA has no "
			    "serial numbers left");
		q = db_query(l, "SELECT ifnull(max(serial), 0) FROM "
		    "certificate INDEXED BY certificate_serial WHERE "
		    "ca = ? AND serial <> 0 AND serial BETWEEN ? AND ?");
		db_number(&q, ca);
		db_number(&q, *first);
		db_number(&q, *first + n - 1);
		used = db_step(&q) ? db_get_number(&q, 0) : 0;
		if ((r = db_end(&q, e)) != 0)
			return r;
		if (used != 0)
			*first = used + 1;
	} while (used != 0);
	return 0;
}

static int
take_serials(struct ledger *l, struct span key, uint64_t n,
    uint64_t *first, struct err *e)
{
	struct db_query q;
	uint64_t ca;
	int r;

	if ((r = ledger_ca_id_for(l, key, &ca, e)) != 0)
		return r;
	q = db_query(l, "SELECT 1 + max(serial, (SELECT "
	    "ifnull(max(serial), 0) FROM resumption)) FROM ca WHERE id = ?");
	db_number(&q, ca);
	*first = db_step(&q) ? db_get_number(&q, 0) : 1;
	if ((r = db_end(&q, e)) != 0 ||
	    (r = free_serials(l, ca, n, first, e)) != 0)
		return r;
	q = db_query(l, "UPDATE ca SET serial = ?, grants = grants + 1 "
	    "WHERE id = ?");
	db_number(&q, *first + n - 1);
	db_number(&q, ca);
	(void)db_step(&q);
	return db_end(&q, e);
}

int
ledger_serials(struct ledger *l, struct span ca, uint64_t n,
    uint64_t *first, struct err *e)
{
	int r;

	if (n == 0 || n > LEDGER_SERIALS_MAX)
		return err_set(e, ERR_LIMIT, 0, "1 to %d serial numbers are "
		    "given out at a time", LEDGER_SERIALS_MAX);
	if ((r = ledger_begin(l, e)) != 0)
		return r;
	if ((r = ledger_compare(l, e)) != 0 ||
	    (r = take_serials(l, ca, n, first, e)) != 0)
		return ledger_give_up(l, r);
	return ledger_commit(l, e);
}

static int
take_version(struct ledger *l, struct span key, uint64_t *version,
    struct err *e)
{
	struct db_query q;
	uint64_t ca;
	int r;

	if ((r = ledger_ca_id_for(l, key, &ca, e)) != 0)
		return r;
	q = db_query(l, "UPDATE ca SET krl = 1 + max(krl, (SELECT "
	    "ifnull(max(krl), 0) FROM resumption)), grants = grants + 1 "
	    "WHERE id = ? RETURNING krl");
	db_number(&q, ca);
	*version = db_step(&q) ? db_get_number(&q, 0) : 0;
	(void)db_step(&q);
	return db_end(&q, e);
}

int
ledger_krl_version(struct ledger *l, struct span ca, uint64_t *version,
    struct err *e)
{
	int r;

	if ((r = ledger_begin(l, e)) != 0)
		return r;
	if ((r = ledger_compare(l, e)) != 0 ||
	    (r = take_version(l, ca, version, e)) != 0)
		return ledger_give_up(l, r);
	return ledger_commit(l, e);
}

/* --- going on after a loss --- */

int
ledger_check_end(struct ledger *l, uint64_t *last, struct ledger_head *head,
    struct err *e)
{
	int r;

	*last = 0;
	*head = (struct ledger_head){ 0 };
	if ((r = ledger_begin(l, e)) != 0)
		return r;
	if ((r = ledger_end(l, last, e)) == 0)
		r = ledger_compare(l, e);
	if (r == 0 || r == ERR_STALE)
		*head = l->seen;
	return ledger_give_up(l, r);
}

/* What is not known is guessed: nobody misses a million numbers. */
#define GAP	1000000

/* No CA, known or not, is given a number at or under these again. */
static void
choose_floor(struct ledger_head *floor, const struct ledger_head *last)
{
	if (floor->seq == 0 && floor->grants == 0) {
		floor->serial = last->serial + GAP;
		floor->krl = last->krl + GAP;
	}
	if (floor->serial > LEDGER_SERIAL_HIGH)
		floor->serial = LEDGER_SERIAL_HIGH;
	if (floor->krl > LEDGER_SERIAL_HIGH)
		floor->krl = LEDGER_SERIAL_HIGH;
}

static int
put_resumption(struct ledger *l, struct ledger_entry *en, struct err *e)
{
	struct ledger_head floor = l->seen, last;
	char text[LEDGER_HEAD_MAX];
	struct db_query q;
	int r;

	if ((r = ledger_last(l, &last, e)) != 0)
		return r;
	choose_floor(&floor, &last);
	l->seen.base = 0;		/* that was another file's */
	en->what = (struct span){ (const uint8_t *)text,
	    ledger_head_put(&floor, text) };
	if ((r = ledger_put_entry(l, en, e)) != 0)
		return r;
	q = db_query(l, "INSERT INTO resumption VALUES (?, ?, ?)");
	db_number(&q, en->seq);
	db_number(&q, floor.serial);
	db_number(&q, floor.krl);
	(void)db_step(&q);
	return db_end(&q, e);
}

int
ledger_resume(struct ledger *l, const struct ledger_who *who,
    struct span reason, struct err *e)
{
	struct ledger_entry en = { .kind = LEDGER_RESUMPTION, .who = *who,
	    .note = reason };
	int r;

	if ((r = ledger_begin(l, e)) != 0)
		return r;
	if ((r = ledger_compare(l, e)) == 0)
		r = err_set(e, ERR_DENIED, 0, "%s is whole: there is nothing "
		    "to resume after", l->path);
	else if (r == ERR_STALE)
		r = put_resumption(l, &en, e);
	if (r != 0)
		return ledger_give_up(l, r);
	return ledger_commit(l, e);
}

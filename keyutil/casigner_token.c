/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <time.h>

#include "ca/draft.h"
#include "keyutil/caledger.h"
#include "keyutil/casigner_way.h"
#include "keyutil/keys.h"
#include "keyutil/login.h"
#include "keyutil/out.h"
#include "ssh/sshsig.h"

#define SEATS	8		/* certificates under way */

/*
 * A certificate goes from one thread to the other: the main thread makes the
 * body and has it signed, the clerk writes to the ledger, so that the token
 * does not wait for the disk.
 */
enum seat_state {
	SEAT_EMPTY,
	SEAT_DRAFTED,			/* the clerk asks the ledger */
	SEAT_CHECKED,			/* the token signs */
	SEAT_SIGNED,			/* the clerk verifies and records it */
};

struct seat {
	enum seat_state	 state;
	size_t		 i;
	struct wire_w	 tbs, sig;
	struct err	 observed;
	struct approval_names who;	/* has approved; n 0: not asked */
};

struct shop {
	struct casigner	*s;
	const struct casigner_work *work;
	enum sig_alg	 alg;
	struct ledger	*ledger;	/* the clerk's, while he works */
	pthread_t	 clerk;
	pthread_mutex_t	 lock;		/* of what follows */
	pthread_cond_t	 changed;
	struct seat	 seat[SEATS];
	bool		 stop;		/* no more are drafted or signed */
	bool		 closed;	/* the clerk may go */
	int		 r;		/* the first error */
	struct err	*e;
};

static void
fail(struct shop *shop, int r, const struct err *why)
{
	if (shop->r == 0) {
		shop->r = r;
		*shop->e = *why;
	}
	shop->stop = true;
}

static const struct ca_policy *
policy_of(const struct casigner *s)
{
	return s->block != NULL ? &s->block->policy : NULL;
}

static bool
observes(const struct casigner *s)
{
	return s->block != NULL && s->block->policy.observe;
}

static struct seat *
seat_in(struct shop *shop, enum seat_state state)
{
	struct seat *first = NULL;

	for (size_t i = 0; i < SEATS; i++)
		if (shop->seat[i].state == state && (first == NULL ||
		    shop->seat[i].i < first->i))
			first = &shop->seat[i];
	return first;
}

static void
seat_clear(struct seat *seat)
{
	wire_free(&seat->tbs);
	wire_free(&seat->sig);
	*seat = (struct seat){ 0 };
}

/* --- the clerk; not locked --- */

/* What the CA's own rules say. */
static int
judge(const struct casigner *s, const struct cert *c, struct seat *seat,
    struct err *e)
{
	const struct ca_policy *p = policy_of(s);
	const struct ca_request who = casigner_who(s);
	struct approval_rule rule;
	int r;

	if ((r = ca_policy_check(p, c, &who, time(NULL), e)) != 0 ||
	    p == NULL || p->approvals == 0)
		return r;
	if (s->wish.papers == NULL)
		return err_set(e, ERR_DENIED, 0, "nobody has approved of it "
		    "(RequireApprovals)");
	rule = approval_rule_of(p);
	return approval_check(&rule, c, s->wish.papers, &seat->who, e);
}

static int
check(struct shop *shop, struct seat *seat, struct err *e)
{
	const struct casigner *s = shop->s;
	const struct ledger_rule rule = ledger_rule_of(policy_of(s), false);
	struct cert c;
	int r;

	if ((r = cert_parse_tbs(wire_bytes(&seat->tbs), &c, e)) != 0 ||
	    (r = ca_form_check(&c, e)) != 0)
		return r;
	r = judge(s, &c, seat, e);
	if (r != 0 && r != ERR_NOMEM && observes(s)) {
		seat->observed = *e;
		r = 0;
	}
	if (r == 0 && (r = ledger_check(shop->ledger, &c, &rule, e)) ==
	    ERR_LIMIT && observes(s)) {
		seat->observed = *e;
		r = 0;
	}
	return r;
}

static int
record(struct shop *shop, const struct seat *seat, struct span cert,
    struct err *e)
{
	const struct ledger_rule rule = ledger_rule_of(policy_of(shop->s),
	    true);
	struct caledger_program program;
	const struct ledger_who who = caledger_who(&program);
	char approved[LEDGER_TEXT_MAX];
	struct span note = { 0 };

	if (seat->observed.code != ERR_NONE) {
		out_warn("only Observe lets it pass: %s", seat->observed.msg);
		note = span_cstr(seat->observed.msg);
	} else if (seat->who.n > 0) {
		approval_describe(&seat->who, approved, sizeof(approved));
		note = span_cstr(approved);
	}
	return ledger_add_certificate(shop->ledger, cert, &rule, &who, note,
	    e);
}

static int
hand_out(struct shop *shop, const struct seat *seat, struct err *e)
{
	struct wire_w cert;
	int r;

	if ((r = casigner_assemble(wire_bytes(&seat->tbs),
	    wire_bytes(&seat->sig), &cert, e)) != 0)
		return r;
	if ((r = record(shop, seat, wire_bytes(&cert), e)) == 0)
		r = shop->work->done(shop->work->arg, seat->i,
		    wire_bytes(&cert), e);
	wire_free(&cert);
	return r;
}

static void
serve(struct shop *shop, struct seat *seat)
{
	const bool is_new = seat->state == SEAT_DRAFTED;
	struct err e;
	int r;

	pthread_mutex_unlock(&shop->lock);
	r = is_new ? check(shop, seat, &e) : hand_out(shop, seat, &e);
	pthread_mutex_lock(&shop->lock);
	if (r != 0)
		fail(shop, r, &e);
	if (r == 0 && is_new)
		seat->state = SEAT_CHECKED;
	else
		seat_clear(seat);
	pthread_cond_broadcast(&shop->changed);
}

static void *
clerk_main(void *arg)
{
	struct shop *shop = arg;
	struct seat *seat;

	pthread_mutex_lock(&shop->lock);
	for (;;) {
		if ((seat = seat_in(shop, SEAT_DRAFTED)) != NULL ||
		    (seat = seat_in(shop, SEAT_SIGNED)) != NULL)
			serve(shop, seat);
		else if (shop->closed)
			break;
		else
			pthread_cond_wait(&shop->changed, &shop->lock);
	}
	pthread_mutex_unlock(&shop->lock);
	return NULL;
}

/* --- the main thread --- */

static int
draft(struct shop *shop, struct seat *seat, struct err *e)
{
	if (!wire_write(&seat->tbs, CA_DRAFT_MAX))
		return err_set(e, ERR_NOMEM, 0, "certificate");
	return shop->work->body(shop->work->arg, seat->i, &seat->tbs, e);
}

static int
sign(struct shop *shop, struct seat *seat, struct err *e)
{
	const struct casigner *s = shop->s;

	if (!wire_write(&seat->sig, SIG_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "signature");
	if (token_sign(s->slot->token, s->key, shop->alg,
	    wire_bytes(&seat->tbs), &seat->sig, e) == 0)
		return 0;
	return err_wrap(e, "token %s, key \"%.64s\"", s->slot->info.serial,
	    s->name);
}

/* Locked, but for what takes time. */
static void
work_at(struct shop *shop, struct seat *seat, enum seat_state then, int r,
    const struct err *e)
{
	pthread_mutex_lock(&shop->lock);
	if (r != 0) {
		fail(shop, r, e);
		seat_clear(seat);
	} else
		seat->state = then;
	pthread_cond_broadcast(&shop->changed);
}

static bool
all_empty(struct shop *shop)
{
	for (size_t i = 0; i < SEATS; i++)
		if (shop->seat[i].state != SEAT_EMPTY)
			return false;
	return true;
}

static void
look_for_halt(struct shop *shop, struct halt *halt)
{
	struct err e;

	if (halt_asked(halt))
		fail(shop, casigner_halted(&e), &e);
}

/* What was not signed yet is not, once it is to stop. */
static void
drop_unsigned(struct shop *shop)
{
	struct seat *seat;

	while ((seat = seat_in(shop, SEAT_CHECKED)) != NULL)
		seat_clear(seat);
}

static void
run(struct shop *shop, struct halt *halt)
{
	struct seat *seat;
	size_t next = 0;
	struct err e;
	int r;

	pthread_mutex_lock(&shop->lock);
	for (;;) {
		look_for_halt(shop, halt);
		if (shop->stop)
			drop_unsigned(shop);
		if (!shop->stop && next < shop->work->n &&
		    (seat = seat_in(shop, SEAT_EMPTY)) != NULL) {
			seat->i = next++;
			pthread_mutex_unlock(&shop->lock);
			r = draft(shop, seat, &e);
			work_at(shop, seat, SEAT_DRAFTED, r, &e);
		} else if ((seat = seat_in(shop, SEAT_CHECKED)) != NULL) {
			pthread_mutex_unlock(&shop->lock);
			r = sign(shop, seat, &e);
			work_at(shop, seat, SEAT_SIGNED, r, &e);
		} else if (all_empty(shop)) {
			break;
		} else {
			pthread_cond_wait(&shop->changed, &shop->lock);
		}
	}
	shop->closed = true;
	pthread_cond_broadcast(&shop->changed);
	pthread_mutex_unlock(&shop->lock);
}

/* --- checkpoints --- */

static int
put_checkpoint(struct shop *shop, struct span text, uint64_t seq,
    struct wire_w *tbs, struct wire_w *raw, struct err *e)
{
	struct sshsig sig = { .key = casigner_ca(shop->s),
	    .hash = SSHSIG_SHA512, .ns = span_cstr(LEDGER_CHECKPOINT_NS) };
	struct wire_w out;
	int r;

	if ((r = sshsig_put_tbs(&sig, text, tbs, e)) != 0 ||
	    (r = token_sign(shop->s->slot->token, shop->s->key, shop->alg,
	    wire_bytes(tbs), raw, e)) != 0)
		return r;
	sig.signature = wire_bytes(raw);
	if (!wire_write(&out, SSHSIG_MAX))
		return err_set(e, ERR_NOMEM, 0, "signature");
	sshsig_put(&sig, &out);
	r = ledger_add_checkpoint(shop->ledger, sig.key, seq,
	    wire_bytes(&out), e);
	wire_free(&out);
	return r;
}

/* The certificates are in the ledger without it: trouble is told, no more. */
static void
checkpoint(struct shop *shop)
{
	char text[LEDGER_CHECKPOINT_MAX];
	struct wire_w tbs = { 0 }, raw = { 0 };
	uint64_t seq;
	struct err e;
	int r;

	r = ledger_checkpoint_due(shop->ledger, casigner_ca(shop->s), &seq,
	    text, &e);
	if (r == 0 && text[0] == '\0')
		return;
	if (r == 0 && (!wire_write(&tbs, SSHSIG_MAX) ||
	    !wire_write(&raw, SIG_BLOB_MAX)))
		r = err_set(&e, ERR_NOMEM, 0, "signature");
	if (r == 0)
		r = put_checkpoint(shop, span_cstr(text), seq, &tbs, &raw,
		    &e);
	if (r != 0)
		out_warn("no checkpoint in the ledger: %s", e.msg);
	wire_free(&tbs);
	wire_free(&raw);
}

/* --- all of it --- */

static int
with_clerk(struct shop *shop, struct err *e)
{
	struct halt halt;
	int r;

	if ((r = halt_begin(&halt, e)) != 0)
		return r;
	if (pthread_create(&shop->clerk, NULL, clerk_main, shop) != 0) {
		r = err_set(e, ERR_NOMEM, 0, "thread");
	} else {
		run(shop, &halt);
		pthread_join(shop->clerk, NULL);
		if (shop->r == 0)
			checkpoint(shop);
		r = shop->r;
	}
	halt_end(&halt);
	return r;
}

int
casigner_token_sign(struct casigner *s, const struct casigner_work *w,
    struct err *e)
{
	struct shop shop = { .s = s, .work = w, .e = e };
	struct login login;
	int r;

	if ((r = keys_best_alg(casigner_ca(s), &shop.alg, e)) != 0 ||
	    (r = caledger_open(NULL, LEDGER_WRITE, &shop.ledger,
	    e)) != 0)
		return r;
	if ((r = login_begin(&login, s->slot, s->wish.pin_file,
	    "to sign certificates", e)) == 0) {
		pthread_mutex_init(&shop.lock, NULL);
		pthread_cond_init(&shop.changed, NULL);
		r = with_clerk(&shop, e);
		pthread_cond_destroy(&shop.changed);
		pthread_mutex_destroy(&shop.lock);
		login_end(&login);
	}
	ledger_close(shop.ledger);
	return r;
}

int
casigner_token_serials(struct casigner *s, uint64_t n, uint64_t *first,
    struct err *e)
{
	struct ledger *l;
	int r;

	if ((r = caledger_open(NULL, LEDGER_WRITE, &l, e)) != 0)
		return r;
	r = ledger_serials(l, casigner_ca(s), n, first, e);
	ledger_close(l);
	return r;
}

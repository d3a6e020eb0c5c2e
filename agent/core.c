/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core_call.h"
#include "agent/relay.h"

void
core_send_byte(struct core *c, uint64_t id, enum agent_msg type)
{
	const uint8_t b = (uint8_t)type;

	c->conf.reply(c->conf.reply_arg, id, (struct span){ &b, 1 });
}

/* --- requests that are answered later --- */

/* Of long messages; one process can have three quarters. */
#define KEPT_MAX	(32U * 1024 * 1024)
#define KEPT_SHORT	4096

/*
 * Who only waits for an answer needs no message any more, and there may be a
 * PIN in it; what was signed is still to be told of.
 */
static bool
needs_message(const struct call *call, enum stage stage)
{
	return stage != FOR_TIME && ((stage != AT_HOLDER &&
	    stage != AT_LEDGER) || call->msg.p[0] == MSG_SIGN_REQUEST);
}

/*
 * A token may be slow, and a person away.  What is short is kept whatever
 * others do: there are only so many clients.
 */
static bool
has_room(const struct call *call)
{
	size_t all = call->msg.n, his = call->msg.n;
	const struct pending *p;

	if (call->msg.n <= KEPT_SHORT)
		return true;
	TAILQ_FOREACH(p, &call->core->pending, next) {
		all += p->msg_n;
		if (p->caller->peer.pid == call->caller->peer.pid)
			his += p->msg_n;
	}
	return all <= KEPT_MAX && his <= KEPT_MAX - KEPT_MAX / 4;
}

static struct pending *
no_room(const struct call *call, const char *what)
{
	struct err e;

	(void)err_set(&e, ERR_LIMIT, 0, "too many requests wait already");
	call_decide(call, "request", what[0] != '\0' ? what : "a request",
	    &e);
	return NULL;
}

struct pending *
call_keep(struct call *call, enum stage stage, const char *what)
{
	struct pending *p;

	if (needs_message(call, stage) && !has_room(call))
		return no_room(call, what);
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	if (needs_message(call, stage)) {
		if ((p->msg = malloc(call->msg.n)) == NULL) {
			free(p);
			return NULL;
		}
		secret_move(p->msg, call->msg.p, call->msg.n);
		p->msg_n = call->msg.n;
	}
	p->core = call->core;
	p->id = call->id;
	p->caller = call->caller;
	p->stage = stage;
	p->progress = call->progress;
	p->progress.theirs = (struct span){ 0 };
	snprintf(p->what, sizeof(p->what), "%s", what);
	TAILQ_INSERT_TAIL(&call->core->pending, p, next);
	return p;
}

struct pending *
core_pending(struct core *c, uint64_t id, enum stage stage)
{
	struct pending *p;

	TAILQ_FOREACH(p, &c->pending, next)
		if (p->id == id && p->stage == stage)
			return p;
	return NULL;
}

static void
pending_free(struct pending *p)
{
	if (p->msg != NULL)
		explicit_bzero(p->msg, p->msg_n);	/* may hold a PIN */
	free(p->msg);
	constraints_free(p->constraints);
	free(p->constraints);
	terms_free(p->terms);
	timer_free(p->timer);
	free(p->sig);
	free(p);
}

void
pending_drop(struct pending *p)
{
	if (p->stage == FOR_PERSON)
		(void)confirming_drop(p->core->others.confirming, p->id);
	TAILQ_REMOVE(&p->core->pending, p, next);
	pending_free(p);
}

/* --- from a message to its answer --- */

static const struct {
	enum agent_msg	 type;
	enum outcome	(*fn)(struct call *);
	bool		 needs_keys;	/* to be known, of all tokens */
	bool		 while_locked;
} handlers[] = {
	{ MSG_REQUEST_IDENTITIES,	on_list,		true, true },
	{ MSG_SIGN_REQUEST,		on_sign,		true, false },
	{ MSG_ADD_IDENTITY,		on_add_key,		false, false },
	{ MSG_ADD_ID_CONSTRAINED,	on_add_key,		false, false },
	{ MSG_REMOVE_IDENTITY,		on_remove_key,		true, false },
	{ MSG_REMOVE_ALL_IDENTITIES,	on_remove_all,		true, false },
	{ MSG_ADD_SMARTCARD_KEY,	on_unlock_token,	true, false },
	{ MSG_ADD_SMARTCARD_KEY_CONSTRAINED,
	    on_unlock_constrained,				true, false },
	{ MSG_REMOVE_SMARTCARD_KEY,	on_lock_token,		true, false },
	{ MSG_LOCK,			on_lock_agent,		false, true },
	{ MSG_UNLOCK,			on_unlock_agent,	false, true },
	{ MSG_EXTENSION,		on_extension,		false, true },
};

static enum outcome
dispatch(struct call *call)
{
	const struct holder *h = &call->core->conf.holder;
	uint8_t type = wire_get_u8(&call->in);
	struct err e;

	if (call->in.bad)
		return FAIL;
	for (size_t i = 0; i < sizeof(handlers) / sizeof(*handlers); i++) {
		if (handlers[i].type != type)
			continue;
		if (padlock_closed(&call->core->padlock) &&
		    !handlers[i].while_locked) {
			(void)err_set(&e, ERR_DENIED, 0, "the agent is "
			    "locked; \"ssh-add -X\" unlocks it");
			call_decide(call, "request", "a request", &e);
			return FAIL;
		}
		if (handlers[i].needs_keys)
			(void)h->want(h->arg);
		if (handlers[i].needs_keys && h->idents(h->arg) == NULL)
			return call_keep(call, FOR_KEYS, "") != NULL ? LATER :
			    FAIL;
		return handlers[i].fn(call);
	}
	log_debug(call->core->conf.log, "message type %u is not supported",
	    type);
	return FAIL;
}

static void
look_at(struct core *c, struct caller *who, uint64_t id, struct span msg,
    const struct progress *progress)
{
	struct call call = { .core = c, .caller = who, .id = id, .msg = msg,
	    .progress = *progress };
	enum outcome out = FAIL;
	struct wire_w w;

	wire_read(&call.in, msg);
	if (wire_write(&w, AGENT_MAX_MSG)) {
		call.out = &w;
		out = dispatch(&call);
	}
	if (out == ANSWER && !w.bad)
		c->conf.reply(c->conf.reply_arg, id, wire_bytes(&w));
	else if (out != LATER)
		core_send_byte(c, id, MSG_FAILURE);
	wire_free(&w);
}

void
core_request(struct core *c, struct caller *who, uint64_t id,
    struct span msg)
{
	const struct progress new = { .since = loop_now() };

	look_at(c, who, id, msg, &new);
}

/* What the pending request had waited for has come. */
void
pending_resume(struct pending *p)
{
	TAILQ_REMOVE(&p->core->pending, p, next);
	look_at(p->core, p->caller, p->id, (struct span){ p->msg, p->msg_n },
	    &p->progress);
	pending_free(p);
}

/* --- what comes from elsewhere --- */

void
core_signed(struct core *c, uint64_t id, int r, const struct err *e,
    struct span sig)
{
	struct pending *p;

	if (core_checkpoint_signed(c, id, r, e, sig))
		return;
	if ((p = core_pending(c, id, AT_HOLDER)) != NULL)
		keys_signed(p, r, e, sig);
}

void
core_done(struct core *c, uint64_t id, int r, const struct err *e)
{
	struct pending *p = core_pending(c, id, AT_HOLDER);
	bool gone;

	if (p == NULL)
		return;
	if (r == 0)
		tokens_done(p);
	core_decide(c, p->caller, &(const struct decision){ .action =
	    p->constraints != NULL ? "unlock" : "lock", .what = p->what,
	    .token = p->serial, .progress = &p->progress }, r != 0 ? e : NULL);
	gone = p->caller == &p->ghost;
	pending_drop(p);
	if (!gone)
		core_send_byte(c, id, r == 0 ? MSG_SUCCESS : MSG_FAILURE);
}

/* Those that have to wait longer are put back by look_at(). */
void
core_idents_known(struct core *c)
{
	struct pendings todo = TAILQ_HEAD_INITIALIZER(todo);
	struct pending *p, *following;

	core_ca_look(c);
	for (p = TAILQ_FIRST(&c->pending); p != NULL; p = following) {
		following = TAILQ_NEXT(p, next);
		if (p->stage != FOR_KEYS)
			continue;
		TAILQ_REMOVE(&c->pending, p, next);
		TAILQ_INSERT_TAIL(&todo, p, next);
	}
	while ((p = TAILQ_FIRST(&todo)) != NULL) {
		TAILQ_REMOVE(&todo, p, next);
		TAILQ_INSERT_TAIL(&c->pending, p, next);
		pending_resume(p);
	}
}

/*
 * An unlock that is under way is carried out although its client has gone,
 * and then with its constraints.
 */
static bool
goes_on(const struct pending *p)
{
	const struct holder *h = &p->core->conf.holder;

	return p->stage == AT_HOLDER && !h->cancel(h->arg, p->id) &&
	    p->constraints != NULL;
}

static struct pending *
pending_of(struct core *c, const struct caller *who, uint64_t id)
{
	struct pending *p;

	TAILQ_FOREACH(p, &c->pending, next)
		if (p->id == id && p->caller == who)
			return p;
	return NULL;
}

static void
leave(struct pending *p)
{
	if (goes_on(p)) {
		p->ghost.peer = p->caller->peer;
		p->caller = &p->ghost;
	} else {
		pending_drop(p);
	}
}

/* What goes may answer others, so the list is not walked any further. */
void
core_goodbye(struct core *c, struct caller *who, uint64_t id)
{
	struct pending *p = pending_of(c, who, id);

	if (p != NULL)
		leave(p);
	relay_free(who->relay);
	who->relay = NULL;
	bind_clear(&who->bind);
}

/* --- the core itself --- */

struct core *
core_new(const struct core_conf *conf)
{
	struct core *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->conf = *conf;
	TAILQ_INIT(&c->pending);
	SLIST_INIT(&c->ca_notes);
	SLIST_INIT(&c->checkpoints);
	if ((c->grants = grants_new()) == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

void
core_set_others(struct core *c, const struct core_others *others)
{
	c->others = *others;
}

void
core_free(struct core *c)
{
	struct pending *p;

	if (c == NULL)
		return;
	while ((p = TAILQ_FIRST(&c->pending)) != NULL)
		pending_drop(p);
	core_ca_free(c);
	core_record_free(c);
	papers_clear(&c->papers);
	grants_free(c->grants);
	padlock_free(&c->padlock);
	free(c);
}

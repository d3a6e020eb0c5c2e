/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/core_call.h"
#include "agent/relay.h"

/*
 * Those whose host could not be proved get nothing from the other agent: it
 * would not know of that.
 */
bool
call_has_upstream(const struct call *call)
{
	return call->core->others.upstream != NULL &&
	    !bind_failed(&call->caller->bind);
}

static int
put_binds(struct relay *r, const struct bind *b, struct err *e)
{
	struct wire_w w;
	int x = 0;

	for (size_t i = 0; i < b->n && x == 0; i++) {
		if (!wire_write(&w, AGENT_MAX_MSG))
			return err_set(e, ERR_NOMEM, 0, "session-bind");
		wire_put_u8(&w, MSG_EXTENSION);
		wire_put_cstring(&w, AGENT_EXT_SESSION_BIND);
		wire_put_raw(&w, b->hops[i].body);
		x = w.bad ? err_set(e, ERR_LIMIT, 0, "session-bind") :
		    relay_preface(r, wire_bytes(&w), e);
		wire_free(&w);
	}
	return x;
}

/* The caller's own connection, told of its hosts when it is made. */
static int
relay_of(struct call *call, struct err *e)
{
	struct caller *who = call->caller;
	int r;

	if (who->relay != NULL)
		return 0;
	if ((r = relay_new(&who->relay, call->core->others.upstream, e)) != 0)
		return r;
	if ((r = put_binds(who->relay, &who->bind, e)) != 0) {
		relay_free(who->relay);
		who->relay = NULL;
	}
	return r;
}

enum outcome
call_upstream(struct call *call, const char *what, int timeout_ms)
{
	struct pending *p;
	struct err e;

	call->progress.upstream_asked = true;
	if ((p = call_keep(call, FOR_UPSTREAM, what)) == NULL)
		return FAIL;
	if (relay_of(call, &e) == 0 && relay_ask(call->caller->relay,
	    call->id, call->msg, timeout_ms, &e) == 0)
		return LATER;
	log_error(call->core->conf.log, "upstream agent: %s", e.msg);
	/* As if it had said so: our own keys are not its business. */
	pending_resume(p);
	return LATER;
}

/* It took what it was asked; what it refused is decided here. */
static void
decide(struct pending *p, uint8_t type)
{
	if (type == MSG_SIGN_REQUEST)
		keys_decide(p, NULL);
	else
		core_decide(p->core, p->caller, &(const struct decision){
		    .action = type == MSG_REMOVE_IDENTITY ? "remove" : "add",
		    .what = p->what, .progress = &p->progress }, NULL);
}

/* Is it what is said when that was done?  A list is looked at later. */
static bool
agrees(uint8_t type, struct span reply)
{
	if (type == MSG_REQUEST_IDENTITIES)
		return reply.p[0] != MSG_FAILURE;
	return reply.p[0] == (type == MSG_SIGN_REQUEST ? MSG_SIGN_RESPONSE :
	    MSG_SUCCESS);
}

/*
 * The answer is half of ours, or not the last word: a refusal, or what would
 * not be handed out any more.
 */
static bool
goes_on(const struct pending *p, uint8_t type, bool agreed)
{
	return !agreed || type == MSG_REQUEST_IDENTITIES ||
	    type == MSG_REMOVE_ALL_IDENTITIES ||
	    (type == MSG_SIGN_REQUEST && padlock_closed(&p->core->padlock));
}

void
core_upstream(void *arg, uint64_t id, int r, struct span reply,
    const struct err *e)
{
	struct core *c = arg;
	struct pending *p = core_pending(c, id, FOR_UPSTREAM);
	uint8_t type;
	bool agreed;

	if (p == NULL)
		return;
	type = p->msg[0];
	agreed = r == 0 && agrees(type, reply);
	if (r != 0)
		log_error(c->conf.log, "%s", e->msg);
	if (goes_on(p, type, agreed)) {
		if (agreed && type == MSG_REQUEST_IDENTITIES)
			p->progress.theirs = reply;
		pending_resume(p);
		return;
	}
	decide(p, type);
	pending_drop(p);
	c->conf.reply(c->conf.reply_arg, id, reply);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "agent/core_call.h"
#include "agent/relay.h"

static enum outcome
fail_extension(struct call *call)
{
	wire_put_u8(call->out, MSG_EXTENSION_FAILURE);
	return ANSWER;
}

/* --- session-bind --- */

/* The other agent is told, too, once it was asked anything. */
static void
pass_on(struct call *call)
{
	struct err e;

	if (call->caller->relay != NULL && relay_preface(call->caller->relay,
	    call->msg, &e) != 0)
		log_error(call->core->conf.log, "upstream agent: %s", e.msg);
}

static enum outcome
on_session_bind(struct call *call)
{
	const struct span body = wire_get_raw(&call->in, call->in.left);
	struct bind *b = &call->caller->bind;
	const size_t before = b->n;
	struct err e;

	if (bind_add(b, body, &e) != 0) {
		call_decide(call, "session-bind", "a session-bind", &e);
		return fail_extension(call);
	}
	if (b->n > before)
		pass_on(call);
	wire_put_u8(call->out, MSG_SUCCESS);
	return ANSWER;
}

/* --- status --- */

static void
put_refusals(const struct refusals *rf, struct wire_w *w)
{
	size_t at;

	wire_put_u32(w, (uint32_t)rf->n);
	for (size_t i = 0; i < rf->n; i++) {
		at = (rf->first + i) % REFUSALS_KEPT;
		wire_put_u64(w, rf->v[at].time);
		wire_put_cstring(w, err_name(rf->v[at].code));
		wire_put_cstring(w, rf->v[at].text);
	}
}

static const char *
comment_of(void *arg, struct span key)
{
	const struct idents *ids = arg;
	const struct ident *id = ids != NULL ? ident_find(ids, key) : NULL;

	return id != NULL ? id->comment : NULL;
}

static void
put_certs(struct core *c, struct wire_w *w)
{
	const struct holder *h = &c->conf.holder;
	const struct certs_names names = { .comment = comment_of,
	    .arg = (void *)(uintptr_t)h->idents(h->arg) };
	const struct certfile **more;
	size_t n;

	if (c->others.certs != NULL)
		(void)certs_refresh(c->others.certs, time(NULL));
	more = grants_all_certs(c->grants, &n);
	certs_put_status(w, c->others.certs, more, n, time(NULL), &names);
	free(more);
}

/* What tokens, files and programs there are is for this machine to know. */
static enum outcome
on_status(struct call *call)
{
	struct core *c = call->core;

	if (padlock_closed(&c->padlock))
		return FAIL;
	if (!wire_end(&call->in) || bind_is_forwarded(&call->caller->bind))
		return fail_extension(call);
	if (c->conf.holder.want(c->conf.holder.arg) &&
	    call_keep(call, FOR_KEYS, "") != NULL)
		return LATER;
	wire_put_u8(call->out, MSG_EXTENSION_RESPONSE);
	wire_put_cstring(call->out, AGENT_EXT_STATUS);
	wire_put_cstring(call->out, PACKAGE_VERSION);
	wire_put_u32(call->out, (uint32_t)getpid());
	c->conf.holder.status(c->conf.holder.arg, call->out);
	put_refusals(&c->refusals, call->out);
	put_certs(c, call->out);
	return ANSWER;
}

/* --- query --- */

static enum outcome	 on_query(struct call *call);

static const struct {
	const char	*name;
	enum outcome	(*fn)(struct call *);
} extensions[] = {
	{ AGENT_EXT_QUERY,		on_query },
	{ AGENT_EXT_SESSION_BIND,	on_session_bind },
	{ AGENT_EXT_STATUS,		on_status },
	{ AGENT_EXT_SERIALS,		on_serials },
	{ AGENT_EXT_APPROVALS,		on_approvals },
};

#define N_EXTENSIONS	(sizeof(extensions) / sizeof(*extensions))

static enum outcome
on_query(struct call *call)
{
	if (padlock_closed(&call->core->padlock))
		return FAIL;
	if (!wire_end(&call->in))
		return fail_extension(call);
	wire_put_u8(call->out, MSG_EXTENSION_RESPONSE);
	wire_put_cstring(call->out, AGENT_EXT_QUERY);
	for (size_t i = 0; i < N_EXTENSIONS; i++)
		if (extensions[i].fn != on_query)
			wire_put_cstring(call->out, extensions[i].name);
	return ANSWER;
}

enum outcome
on_extension(struct call *call)
{
	struct span name = wire_get_string(&call->in);

	if (call->in.bad)
		return FAIL;
	for (size_t i = 0; i < N_EXTENSIONS; i++)
		if (span_is(name, extensions[i].name))
			return extensions[i].fn(call);
	return FAIL;
}

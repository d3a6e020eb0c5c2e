/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/core_call.h"
#include "agent/destination.h"
#include "agent/policy.h"
#include "pin/confirm.h"
#include "ssh/keytext.h"

#define PATIENCE_MS	5000	/* with a key that may be back */

/* --- waiting for keys --- */

static bool
may_wait(struct call *call)
{
	if (call->progress.patience == 0)
		call->progress.patience = loop_now() + PATIENCE_MS;
	return loop_now() < call->progress.patience;
}

/*
 * Whether there is any sense in waiting for other keys: the tokens are just
 * being looked at, once for each request, or one may be back in a moment.
 */
static bool
keys_may_come(struct call *call, bool gone, char *why, size_t len)
{
	const struct holder *h = &call->core->conf.holder;

	if (call->progress.patience == 0 && h->look(h->arg) &&
	    may_wait(call))
		return true;
	return h->expecting(h->arg, gone, why, len) && may_wait(call);
}

/* --- the list --- */

static struct view
view_of(const struct call *call)
{
	const struct core *c = call->core;

	return (struct view){ .ids = c->conf.holder.idents(c->conf.holder.arg),
	    .opt = settings_get(c->conf.settings), .certs = c->others.certs,
	    .grants = c->grants, .bind = &call->caller->bind,
	    .now = time(NULL) };
}

static enum outcome
put_list(struct call *call)
{
	const struct core *c = call->core;
	const struct view v = view_of(call);
	struct err e;

	if (c->others.certs != NULL)
		(void)certs_refresh(c->others.certs, v.now);
	if (view_put(&v, call->progress.theirs, call->out, &e) != 0)
		log_error(c->conf.log, "the upstream agent's keys are left "
		    "out: %s", e.msg);
	return ANSWER;
}

enum outcome
on_list(struct call *call)
{
	const struct holder *h = &call->core->conf.holder;
	char why[320];

	if (!wire_end(&call->in))
		return FAIL;
	if (padlock_closed(&call->core->padlock)) {
		wire_put_u8(call->out, MSG_IDENTITIES_ANSWER);
		wire_put_u32(call->out, 0);
		return ANSWER;
	}
	if (call->progress.upstream_asked)
		return put_list(call);
	if ((call->progress.patience == 0 && h->look(h->arg) &&
	    may_wait(call)) || (h->idents(h->arg)->n == 0 &&
	    h->expecting(h->arg, false, why, sizeof(why)) && may_wait(call)))
		return call_keep(call, FOR_KEYS, "") != NULL ? LATER : FAIL;
	if (call_has_upstream(call))
		return call_upstream(call, "list of keys", UPSTREAM_MS);
	return put_list(call);
}

/* --- signatures --- */

bool
signing_read(struct core *c, const struct caller *who, struct span msg,
    struct signing *s)
{
	const struct holder *h = &c->conf.holder;
	char about[160], where[BIND_TEXT_MAX], *fingerprint = NULL;
	struct wire_r in;

	wire_read(&in, msg);
	(void)wire_get_u8(&in);
	*s = (struct signing){ .blob = wire_get_string(&in) };
	s->data = wire_get_string(&in);
	s->flags = wire_get_u32(&in);
	if (!wire_end(&in))
		return false;
	s->id = view_find(h->idents(h->arg), s->blob, &s->is_cert);
	request_parse(s->data, s->id == NULL ? s->blob :
	    (struct span){ s->id->blob, s->id->blob_n }, &s->req);
	request_describe(&s->req, about, sizeof(about));
	bind_describe(&who->bind, where, sizeof(where));
	if (s->id == NULL)
		fingerprint = keytext_fingerprint(s->blob);
	snprintf(s->what, sizeof(s->what), "%s%s%.170s with key %.64s", about,
	    where[0] != '\0' ? " " : "", where, s->id != NULL ?
	    s->id->comment : fingerprint != NULL ? fingerprint : "?");
	free(fingerprint);
	if (s->id != NULL)
		s->key = options_key_policy(
		    settings_get(c->conf.settings), s->id->fingerprint,
		    s->id->id, s->id->label);
	return true;
}

/*
 * Is it by a certificate that we offer?  Anybody can make one of a key, and
 * ask with a good one for a login with the plain key.
 */
static bool
is_by_certificate(const struct core *c, const struct signing *s)
{
	const struct certfile *const *given;
	struct certs *files = c->others.certs;
	bool known = false;
	size_t n;

	if (!s->is_cert || (s->req.key.n > 0 &&
	    !span_eq(s->req.key, s->blob)))
		return false;
	if (files != NULL) {
		(void)certs_refresh(files, time(NULL));
		known = certs_find(files, s->blob) != NULL;
	}
	given = grants_certs(c->grants, s->id->serial, &n);
	for (size_t i = 0; i < n && !known; i++)
		known = span_eq(certfile_blob(given[i]), s->blob);
	return known;
}

int
core_permit_use(const struct key_policy *key, const struct caller *who,
    const struct request *req, struct err *e)
{
	const bool forwarded = bind_is_forwarded(&who->bind);

	return policy_use(key->use, forwarded ? key->forwarded : NULL,
	    who->peer.relayed ? key->relayed : NULL, req, e);
}

/* Everything that can forbid it, but a person; see core_ca_permit(). */
static int
permit(const struct core *c, const struct caller *who,
    const struct signing *s, struct err *observed, enum sig_alg *alg,
    struct err *e)
{
	const struct constraints *given = grants_of(c->grants, s->id->serial);
	const struct span key = { s->id->blob, s->id->blob_n };
	int r;

	if (grants_hidden(c->grants, s->id->serial, key))
		return err_set(e, ERR_DENIED, 0, "the key was removed with "
		    "\"ssh-add -d\"; \"ssh-add -s %s\" brings it back",
		    s->id->serial);
	if (given != NULL && given->certs_only && !is_by_certificate(c, s))
		return err_set(e, ERR_DENIED, 0, "the token was added for "
		    "its certificates only (ssh-add -C)");
	if (given != NULL && (r = destination_signs(&given->destinations,
	    &who->bind, &s->req, time(NULL), e)) != 0)
		return r;
	if ((r = core_ca_form(s, e)) != 0 ||
	    (r = core_permit_use(&s->key, who, &s->req, e)) != 0 ||
	    (r = core_ca_permit(c, who, s, observed, e)) != 0)
		return r;
	return policy_algorithm(settings_get(c->conf.settings)->allow_sha1,
	    s->id->type, s->flags, &s->req, alg, e);
}

static enum outcome
refuse(const struct call *call, const struct signing *s,
    const struct err *e)
{
	core_decide(call->core, call->caller, &(const struct decision){
	    .action = "sign", .what = s->what, .signing = s,
	    .progress = &call->progress }, e);
	return FAIL;
}

/* A signature that was kept waiting was made, or is refused now. */
void
keys_decide(struct pending *p, const struct err *refused)
{
	struct decision d = { .action = "sign", .what = p->what,
	    .progress = &p->progress };
	struct signing s;

	if (signing_read(p->core, p->caller, (struct span){ p->msg,
	    p->msg_n }, &s))
		d.signing = &s;
	core_decide(p->core, p->caller, &d, refused);
}

/* No token has the key, as far as we know; one may, or will in a moment. */
static enum outcome
wait_for_key(struct call *call, const struct signing *s)
{
	char why[320];
	struct err e;

	if (keys_may_come(call, true, why, sizeof(why)))
		return call_keep(call, FOR_KEYS, s->what) != NULL ? LATER :
		    FAIL;
	(void)err_set(&e, ERR_NOTFOUND, 0, "no token that is plugged in has "
	    "this key%s%s%.200s", call->progress.upstream_asked ?
	    ", and the upstream agent does not sign with it" : "",
	    why[0] != '\0' ? "; " : "", why);
	return refuse(call, s, &e);
}

/* --- asking a person --- */

void
core_confirmed(void *arg, uint64_t id, int r, const struct err *e)
{
	struct core *c = arg;
	struct pending *p = core_pending(c, id, FOR_PERSON);

	if (p == NULL)
		return;
	if (r == 0) {
		p->progress.confirmed = true;
		pending_resume(p);
		return;
	}
	keys_decide(p, e);
	pending_drop(p);
	core_send_byte(c, id, MSG_FAILURE);
}

static bool
wants_confirmation(const struct core *c, const struct signing *s)
{
	const struct constraints *given = grants_of(c->grants, s->id->serial);

	return s->key.confirm || (given != NULL && given->confirm);
}

static enum outcome
ask_person(struct call *call, const struct signing *s)
{
	struct core *c = call->core;
	struct pending *p;
	char text[PIN_CONFIRM_MAX] = "";
	struct err e;

	if (s->req.kind == REQUEST_CERT) {
		if (core_ca_question(call, s, text, &e) != 0)
			return refuse(call, s, &e);
	} else {
		pin_confirm_add(text, "Allow use of key %s?", s->id->comment);
		pin_confirm_add(text, "%s", s->what);
	}
	pin_confirm_add(text, "Key fingerprint %s.", s->id->fingerprint);
	pin_confirm_add(text, "Asked for by %s.",
	    peer_text(&call->caller->peer).s);
	if ((p = call_keep(call, FOR_PERSON, s->what)) == NULL)
		return FAIL;
	if (confirming_add(c->others.confirming, call->id, text, &e) == 0)
		return LATER;
	pending_drop(p);
	return refuse(call, s, &e);
}

enum outcome
on_sign(struct call *call)
{
	struct core *c = call->core;
	const struct holder *h = &c->conf.holder;
	struct pending *p;
	struct signing s;
	enum sig_alg alg;
	struct err e;

	if (!signing_read(c, call->caller, call->msg, &s))
		return FAIL;
	if (s.id == NULL && call_has_upstream(call) &&
	    !call->progress.upstream_asked)
		return call_upstream(call, s.what, 0);
	if (s.id == NULL)
		return wait_for_key(call, &s);
	if (permit(c, call->caller, &s, &call->progress.observed, &alg,
	    &e) != 0)
		return refuse(call, &s, &e);
	if (s.req.kind == REQUEST_CERT && !call->progress.recordable)
		return core_record_check(call, &s, &e) == LATER ? LATER :
		    refuse(call, &s, &e);
	if (wants_confirmation(c, &s) && !call->progress.confirmed)
		return ask_person(call, &s);
	if ((p = call_keep(call, AT_HOLDER, s.what)) == NULL)
		return FAIL;
	p->granted = grants_version(c->grants);
	h->sign(h->arg, &(const struct holder_order){ .request = call->id,
	    .peer = call->caller->peer.pid, .id = s.id, .alg = alg,
	    .data = s.data, .what = s.what });
	return LATER;
}

/*
 * The agent was locked, the token added anew, with constraints, or the key
 * removed while it signed: what would not be signed now is not handed out.
 */
static int
permit_still(struct pending *p, struct err *e)
{
	struct core *c = p->core;
	struct signing s;
	enum sig_alg alg;
	int r;

	if (padlock_closed(&c->padlock))
		return err_set(e, ERR_DENIED, 0,
		    "the agent was locked meanwhile");
	if (p->granted == grants_version(c->grants))
		return 0;
	if (!signing_read(c, p->caller, (struct span){ p->msg, p->msg_n },
	    &s) || s.id == NULL)
		return err_set(e, ERR_NOTFOUND, 0, "the key has gone "
		    "meanwhile");
	if ((r = permit(c, p->caller, &s, NULL, &alg, e)) != 0)
		return r;
	if (wants_confirmation(c, &s) && !p->progress.confirmed)
		return err_set(e, ERR_DENIED, 0, "the token was added anew "
		    "meanwhile, and its keys need consent now");
	return 0;
}

void
keys_signed(struct pending *p, int r, const struct err *why,
    struct span sig)
{
	bool later = false;
	struct err e;

	if (r != 0)
		e = *why;
	else if ((r = permit_still(p, &e)) == 0)
		r = core_record(p, sig, &later, &e);
	if (r != 0 || !later)
		keys_answer(p, r, &e, sig);
}

void
keys_answer(struct pending *p, int r, const struct err *why, struct span sig)
{
	struct core *c = p->core;
	const uint64_t id = p->id;
	struct wire_w w;
	bool sent = false;

	keys_decide(p, r != 0 ? why : NULL);
	if (r == 0 && wire_write(&w, AGENT_MAX_MSG)) {
		wire_put_u8(&w, MSG_SIGN_RESPONSE);
		wire_put_string(&w, sig);
		if ((sent = !w.bad)) {
			pending_drop(p);
			c->conf.reply(c->conf.reply_arg, id, wire_bytes(&w));
		}
		wire_free(&w);
	}
	if (!sent) {
		pending_drop(p);
		core_send_byte(c, id, MSG_FAILURE);
	}
}

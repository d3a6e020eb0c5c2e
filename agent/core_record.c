/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/core_call.h"
#include "agent/policy.h"
#include "ssh/sshsig.h"

#define OWN_REQUEST	(UINT64_C(1) << 63)	/* no client's number */

/* A signature of our own, for the ledger. */
struct checkpoint {
	SLIST_ENTRY(checkpoint) next;
	uint64_t	 id, seq;
	uint8_t		*ca;		/* blob */
	size_t		 ca_n;
};

static int
put(struct core *c, const struct record *r, struct err *e)
{
	const struct recording *to = &c->others.recording;

	if (to->put == NULL)
		return err_set(e, ERR_SYS, 0, "there is no place for the "
		    "ledger: neither XDG_STATE_HOME nor HOME is set");
	return to->put(to->arg, r, e);
}

/* --- before it is signed --- */

enum outcome
core_record_check(struct call *call, const struct signing *s, struct err *e)
{
	const struct record r = { .kind = RECORD_CHECK, .id = call->id,
	    .bytes = s->data, .rule = ledger_rule_of(s->key.ca, false) };
	struct pending *p;

	if ((p = call_keep(call, FOR_LEDGER, s->what)) == NULL) {
		(void)err_set(e, ERR_NOMEM, 0, "it cannot be kept waiting");
		return FAIL;
	}
	if (put(call->core, &r, e) == 0)
		return LATER;
	pending_drop(p);
	return FAIL;
}

static bool
observes(struct pending *p)
{
	struct signing s;

	return signing_read(p->core, p->caller, (struct span){ p->msg,
	    p->msg_n }, &s) && s.key.ca != NULL && s.key.ca->observe;
}

static void
on_checked(struct core *c, const struct record_answer *a)
{
	struct pending *p = core_pending(c, a->id, FOR_LEDGER);

	if (p == NULL)
		return;
	p->progress.recordable = true;
	if (a->r == ERR_LIMIT && observes(p)) {
		p->progress.observed = a->err;
		pending_resume(p);
	} else if (a->r == 0) {
		pending_resume(p);
	} else {
		keys_answer(p, a->r, &a->err, (struct span){ 0 });
	}
}

/* --- once it is --- */

/* The body and the signature of it are the certificate. */
static int
put_certificate(struct pending *p, const struct signing *s, struct span sig,
    struct err *e)
{
	const struct peer *peer = &p->caller->peer;
	char program[PATH_MAX], where[BIND_TEXT_MAX], note[CA_NOTE_MAX];
	struct record r = { .kind = RECORD_CERTIFICATE, .id = p->id,
	    .rule = ledger_rule_of(s->key.ca, true),
	    .who = { .uid = peer->uid, .pid = peer->relayed ? peer->claims :
	    (uint32_t)peer->pid } };
	struct wire_w w;
	int x;

	peer_exe(peer, program, sizeof(program));
	if (peer->relayed)
		snprintf(program, sizeof(program), "%s", peer->name);
	bind_describe(&p->caller->bind, where, sizeof(where));
	r.who.program = span_cstr(program);
	r.who.where = span_cstr(where);
	core_ca_note(p->core, s, &p->progress.observed, note);
	r.note = span_cstr(note);
	if (!wire_write(&w, 2 * AGENT_MAX_MSG))
		return err_set(e, ERR_NOMEM, 0, "no memory");
	wire_put_raw(&w, s->data);
	wire_put_string(&w, sig);
	r.bytes = wire_bytes(&w);
	x = w.bad ? err_set(e, ERR_NOMEM, 0, "no memory") :
	    put(p->core, &r, e);
	wire_free(&w);
	return x;
}

int
core_record(struct pending *p, struct span sig, bool *later, struct err *e)
{
	struct signing s;

	*later = false;
	if (!signing_read(p->core, p->caller, (struct span){ p->msg,
	    p->msg_n }, &s) || s.req.kind != REQUEST_CERT)
		return s.id == NULL && cert_is_meant(s.data) ? err_set(e,
		    ERR_NOTFOUND, 0, "the key has gone meanwhile") : 0;
	if ((p->sig = malloc(sig.n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "no memory");
	memcpy(p->sig, sig.p, sig.n);
	p->sig_n = sig.n;
	p->stage = AT_LEDGER;
	*later = true;
	return put_certificate(p, &s, sig, e);
}

/* --- checkpoints --- */

static void
checkpoint_free(struct core *c, struct checkpoint *k)
{
	SLIST_REMOVE(&c->checkpoints, k, checkpoint, next);
	free(k->ca);
	free(k);
}

static struct checkpoint *
checkpoint_new(struct core *c, struct span ca, uint64_t seq)
{
	struct checkpoint *k = calloc(1, sizeof(*k));

	if (k == NULL || (k->ca = malloc(ca.n)) == NULL) {
		free(k);
		return NULL;
	}
	memcpy(k->ca, ca.p, ca.n);
	k->ca_n = ca.n;
	k->seq = seq;
	k->id = OWN_REQUEST | ++c->n_checkpoints;
	SLIST_INSERT_HEAD(&c->checkpoints, k, next);
	return k;
}

static struct checkpoint *
checkpoint_of(const struct core *c, uint64_t id)
{
	struct checkpoint *k;

	SLIST_FOREACH(k, &c->checkpoints, next)
		if (k->id == id)
			return k;
	return NULL;
}

static bool
is_under_way(const struct core *c, struct span ca)
{
	const struct checkpoint *k;

	SLIST_FOREACH(k, &c->checkpoints, next)
		if (span_eq((struct span){ k->ca, k->ca_n }, ca))
			return true;
	return false;
}

static struct sshsig
sshsig_for(struct span ca)
{
	return (struct sshsig){ .key = ca, .hash = SSHSIG_SHA512,
	    .ns = span_cstr(LEDGER_CHECKPOINT_NS) };
}

/* Trouble is only told of: the certificates are in the ledger without it. */
static void
sign_checkpoint(struct core *c, const struct ident *id, const char *text,
    uint64_t seq)
{
	const struct span ca = { id->blob, id->blob_n };
	const struct sshsig sig = sshsig_for(ca);
	struct holder_order o = { .peer = getpid(), .id = id,
	    .what = "checkpoint of the ledger of what its key has signed" };
	struct request none = { 0 };
	struct checkpoint *k;
	struct wire_w w;
	struct err e;

	if (!wire_write(&w, AGENT_MAX_MSG))
		return;
	if (sshsig_put_tbs(&sig, span_cstr(text), &w, &e) == 0 &&
	    policy_algorithm(false, id->type, SIGN_FLAG_RSA_SHA512, &none,
	    &o.alg, &e) == 0 && (k = checkpoint_new(c, ca, seq)) != NULL) {
		o.request = k->id;
		o.data = wire_bytes(&w);
		c->conf.holder.sign(c->conf.holder.arg, &o);
	}
	wire_free(&w);
}

bool
core_checkpoint_signed(struct core *c, uint64_t id, int r,
    const struct err *why, struct span signature)
{
	struct record rec = { .kind = RECORD_CHECKPOINT };
	struct checkpoint *k;
	struct sshsig sig;
	struct wire_w w;
	struct err e;

	if ((id & OWN_REQUEST) == 0)
		return false;
	if ((k = checkpoint_of(c, id)) == NULL)
		return true;
	rec.ca = (struct span){ k->ca, k->ca_n };
	rec.n = k->seq;
	sig = sshsig_for(rec.ca);
	sig.signature = signature;
	if (r == 0 && wire_write(&w, SSHSIG_MAX)) {
		sshsig_put(&sig, &w);
		rec.bytes = wire_bytes(&w);
		r = put(c, &rec, &e);
		why = &e;
		wire_free(&w);
	}
	if (r != 0)
		log_error(c->conf.log, "no checkpoint in the ledger: %s",
		    why->msg);
	checkpoint_free(c, k);
	return true;
}

void
core_record_free(struct core *c)
{
	struct checkpoint *k;

	while ((k = SLIST_FIRST(&c->checkpoints)) != NULL)
		checkpoint_free(c, k);
}

/* --- answers --- */

static void
on_recorded(struct core *c, const struct record_answer *a)
{
	struct pending *p = core_pending(c, a->id, AT_LEDGER);
	struct signing s;

	if (p == NULL)
		return;
	if (a->r == 0 && a->checkpoint[0] != '\0' && signing_read(c,
	    p->caller, (struct span){ p->msg, p->msg_n }, &s) &&
	    s.id != NULL && !is_under_way(c, (struct span){ s.id->blob,
	    s.id->blob_n }))
		sign_checkpoint(c, s.id, a->checkpoint, a->seq);
	keys_answer(p, a->r, &a->err, (struct span){ p->sig, p->sig_n });
}

static void
on_serials_given(struct core *c, const struct record_answer *a)
{
	struct pending *p = core_pending(c, a->id, AT_LEDGER);
	struct wire_w w;

	if (p == NULL)
		return;
	core_decide(c, p->caller, &(const struct decision){
	    .action = "serials", .what = p->what,
	    .progress = &p->progress }, a->r != 0 ? &a->err : NULL);
	pending_drop(p);
	if (a->r != 0 || !wire_write(&w, 128)) {
		core_send_byte(c, a->id, MSG_EXTENSION_FAILURE);
		return;
	}
	wire_put_u8(&w, MSG_EXTENSION_RESPONSE);
	wire_put_cstring(&w, AGENT_EXT_SERIALS);
	wire_put_u64(&w, a->serial);
	c->conf.reply(c->conf.reply_arg, a->id, wire_bytes(&w));
	wire_free(&w);
}

void
core_recorded(void *arg, const struct record_answer *a)
{
	struct core *c = arg;

	switch (a->kind) {
	case RECORD_CHECK:
		on_checked(c, a);
		break;
	case RECORD_CERTIFICATE:
		on_recorded(c, a);
		break;
	case RECORD_SERIALS:
		on_serials_given(c, a);
		break;
	case RECORD_CHECKPOINT:
		if (a->r != 0)
			log_error(c->conf.log, "no checkpoint in the ledger: "
			    "%s", a->err.msg);
		break;
	}
}

/* --- serial numbers --- */

/* Who may have a certificate signed with it may have numbers for it. */
static int
permit_serials(const struct call *call, const struct ident *id,
    struct err *e)
{
	const struct request r = { .kind = REQUEST_CERT };
	struct key_policy key;

	if (id == NULL)
		return err_set(e, ERR_NOTFOUND, 0, "no token that is plugged "
		    "in has this key");
	key = options_key_policy(settings_get(call->core->conf.settings),
	    id->fingerprint, id->id, id->label);
	return core_permit_use(&key, call->caller, &r, e);
}

enum outcome
on_serials(struct call *call)
{
	const struct holder *h = &call->core->conf.holder;
	const struct idents *ids = h->idents(h->arg);
	struct record r = { .kind = RECORD_SERIALS, .id = call->id };
	const struct ident *id;
	char what[160];
	struct pending *p;
	struct err e;

	r.ca = wire_get_string(&call->in);
	r.n = wire_get_u64(&call->in);
	if (!wire_end(&call->in) || padlock_closed(&call->core->padlock))
		return FAIL;
	id = ids != NULL ? ident_find(ids, r.ca) : NULL;
	snprintf(what, sizeof(what), "serial numbers of the CA %.100s",
	    id != NULL ? id->comment : "?");
	if (permit_serials(call, id, &e) != 0 ||
	    (p = call_keep(call, AT_LEDGER, what)) == NULL) {
		call_decide(call, "serials", what, &e);
		return FAIL;
	}
	if (put(call->core, &r, &e) == 0)
		return LATER;
	pending_drop(p);
	call_decide(call, "serials", what, &e);
	return FAIL;
}

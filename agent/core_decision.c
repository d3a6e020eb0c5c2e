/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/core_call.h"
#include "ssh/keytext.h"

/* What only an observing policy let pass; NULL: nothing. */
static const struct err *
observed_of(const struct decision *d)
{
	return d->progress != NULL && d->progress->observed.code != ERR_NONE ?
	    &d->progress->observed : NULL;
}

/* For the log, and for those refusals that a person may ask for. */
static void
tell(struct core *c, const struct caller *who, const struct decision *d,
    const struct err *refused)
{
	const struct err *observed = observed_of(d);
	char line[800];

	if (refused == NULL) {
		log_info(c->conf.log, "%s%s for %s%s%s",
		    d->signing != NULL ? "signed " : "", d->what,
		    peer_text(&who->peer).s,
		    observed != NULL ? "; would be refused: " : "",
		    observed != NULL ? observed->msg : "");
		return;
	}
	snprintf(line, sizeof(line), "refused (%s): %s for %s: %s",
	    err_name(refused->code), d->what, peer_text(&who->peer).s,
	    refused->msg);
	log_error(c->conf.log, "%s", line);
	refusals_add(&c->refusals, (uint64_t)time(NULL), refused->code, line);
	notice_send(c->conf.notice, "hsm-ssh-agent", line);
}

static const char *
kind_name(enum request_kind kind)
{
	static const char *const names[] = {
		[REQUEST_UNKNOWN] = "unknown",
		[REQUEST_USERAUTH] = "login",
		[REQUEST_USERAUTH_HOSTBOUND] = "login-hostbound",
		[REQUEST_SSHSIG] = "sshsig",
		[REQUEST_CERT] = "certificate",
		[REQUEST_HOST_KEX] = "host-key",
		[REQUEST_HOSTKEYS_PROVE] = "host-key-proof",
		[REQUEST_PAM] = "pam",
		[REQUEST_TEST] = "test",
	};

	return names[kind];
}

static void
put_ident(struct audit_entry *en, const struct ident *id)
{
	en->token = id->serial;
	en->key = id->comment;
	en->fingerprint = id->fingerprint;
}

static void
put_signing(struct audit_entry *en, const struct signing *s)
{
	if (s->id != NULL)
		put_ident(en, s->id);
	en->kind = kind_name(s->req.kind);
	en->user = s->req.user;
	en->ns = s->req.ns;
	en->cert = s->req.kind == REQUEST_CERT ? &s->req.cert : NULL;
}

void
core_decide(struct core *c, const struct caller *who,
    const struct decision *d, const struct err *refused)
{
	const struct bind *b = &who->bind;
	char *key = NULL, *host = NULL;
	struct audit_entry en = { .peer = &who->peer, .action = d->action,
	    .what = d->what, .token = d->token,
	    .forwarded = bind_is_forwarded(b), .refused = refused,
	    .duration_ms = -1 };

	tell(c, who, d, refused);
	if (c->others.audit == NULL)
		return;
	if (refused == NULL)
		en.observed = observed_of(d);
	if (d->progress != NULL) {
		en.confirmed = d->progress->confirmed;
		en.duration_ms = loop_now() - d->progress->since;
	}
	if (d->id != NULL)
		put_ident(&en, d->id);
	if (d->signing != NULL) {
		put_signing(&en, d->signing);
		en.fingerprint = key = keytext_fingerprint(d->signing->blob);
	}
	if (b->n > 0)
		en.host = host = keytext_fingerprint(b->hops[b->n - 1].key);
	audit_write(c->others.audit, &en);
	free(key);
	free(host);
}

void
call_decide(const struct call *call, const char *action, const char *what,
    const struct err *refused)
{
	core_decide(call->core, call->caller, &(const struct decision){
	    .action = action, .what = what, .progress = &call->progress },
	    refused);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/core_call.h"
#include "pin/confirm.h"
#include "ssh/keytext.h"

/* A CA that was told of: a Key block contradicts its own. */
struct ca_note {
	SLIST_ENTRY(ca_note) next;
	char		*fingerprint;	/* of its key */
};

/* True the first time. */
static bool
note(struct core *c, const char *fingerprint)
{
	struct ca_note *n;

	SLIST_FOREACH(n, &c->ca_notes, next)
		if (strcmp(n->fingerprint, fingerprint) == 0)
			return false;
	if ((n = calloc(1, sizeof(*n))) == NULL ||
	    (n->fingerprint = strdup(fingerprint)) == NULL) {
		free(n);
		return false;
	}
	SLIST_INSERT_HEAD(&c->ca_notes, n, next);
	return true;
}

void
core_ca_look(struct core *c)
{
	const struct idents *ids = c->conf.holder.idents(c->conf.holder.arg);
	const struct options *o = settings_get(c->conf.settings);

	for (size_t i = 0; ids != NULL && i < ids->n; i++) {
		const struct ident *id = &ids->v[i];

		if (options_key_policy(o, id->fingerprint, id->id,
		    id->label).contradicted && note(c, id->fingerprint))
			log_error(c->conf.log, "key %s has a CA block, so it "
			    "certifies and does nothing else, although a Key "
			    "block says another Use", id->comment);
	}
}

void
core_ca_free(struct core *c)
{
	struct ca_note *n;

	while ((n = SLIST_FIRST(&c->ca_notes)) != NULL) {
		SLIST_REMOVE_HEAD(&c->ca_notes, next);
		free(n->fingerprint);
		free(n);
	}
}

/* Not even a key for any data signs a certificate that is not quite one. */
static int
check_other(const struct signing *s, struct err *e)
{
	struct cert cert;

	if (cert_is_meant(s->data)) {
		if (cert_parse_tbs(s->data, &cert, e) != 0)
			return err_wrap(e, "this is no certificate to sign");
		return err_set(e, ERR_DENIED, 0, "the certificate names "
		    "another key as its CA");
	}
	if (s->key.ca == NULL || uses_permit(s->key.use, &s->req))
		return 0;
	return err_set(e, ERR_DENIED, 0, "the key has a CA block in "
	    "hsm-ssh-agent.conf(5): it certifies, and does nothing else");
}

int
core_ca_form(const struct signing *s, struct err *e)
{
	return s->req.kind == REQUEST_CERT ? 0 : check_other(s, e);
}

/* By a policy, or by none. */
static int
judge(const struct core *c, const struct ca_policy *p,
    const struct caller *who, const struct signing *s, struct err *e)
{
	struct approval_names names;
	struct approval_rule rule;
	char program[PATH_MAX];
	const struct ca_request req = { .uid = who->peer.uid,
	    .program = program };
	int r;

	peer_exe(&who->peer, program, sizeof(program));
	if ((r = ca_policy_check(p, &s->req.cert, &req, time(NULL),
	    e)) != 0 || p == NULL || p->approvals == 0)
		return r;
	rule = approval_rule_of(p);
	return papers_check(&c->papers, &rule, &s->req.cert, loop_now(),
	    &names, e);
}

int
core_ca_permit(const struct core *c, const struct caller *who,
    const struct signing *s, struct err *observed, struct err *e)
{
	const struct ca_policy *p = s->key.ca;
	struct err seen;
	int r;

	if (s->req.kind != REQUEST_CERT)
		return 0;
	if (p == NULL || !p->observe)
		return judge(c, p, who, s, e);
	if ((r = judge(c, NULL, who, s, e)) == 0 && observed != NULL &&
	    judge(c, p, who, s, &seen) != 0)
		*observed = seen;
	return r;
}

void
core_ca_note(const struct core *c, const struct signing *s,
    const struct err *observed, char note[CA_NOTE_MAX])
{
	struct approval_names who;
	struct approval_rule rule;
	struct err e;

	note[0] = '\0';
	if (observed->code != ERR_NONE) {
		snprintf(note, CA_NOTE_MAX, "Observe: %s", observed->msg);
		return;
	}
	if (s->key.ca == NULL || s->key.ca->approvals == 0)
		return;
	rule = approval_rule_of(s->key.ca);
	if (papers_check(&c->papers, &rule, &s->req.cert, loop_now(), &who,
	    &e) != 0)
		return;
	approval_describe(&who, note, CA_NOTE_MAX);
}

/* What others bring for it is no secret, and worth nothing elsewhere. */
enum outcome
on_approvals(struct call *call)
{
	const struct span body = wire_get_raw(&call->in, call->in.left);
	struct err e;

	if (padlock_closed(&call->core->padlock))
		return FAIL;
	if (bind_is_forwarded(&call->caller->bind))
		(void)err_set(&e, ERR_DENIED, 0, "over a forwarded connection "
		    "nobody brings approvals");
	else if (papers_add(&call->core->papers, body, loop_now(), &e) == 0) {
		wire_put_u8(call->out, MSG_SUCCESS);
		return ANSWER;
	}
	call_decide(call, "approvals", "approvals of a certificate", &e);
	return FAIL;
}

/* The fingerprint of what is certified; free it, NULL: no memory. */
static char *
subject_of(const struct cert *c)
{
	char *text = NULL;
	struct wire_w w;

	if (!wire_write(&w, KEY_BLOB_MAX))
		return NULL;
	cert_put_subject(c, &w);
	if (!w.bad)
		text = keytext_fingerprint(wire_bytes(&w));
	wire_free(&w);
	return text;
}

/* It may be cut at its end: a client chooses how long the options are. */
int
core_ca_question(const struct call *call, const struct signing *s,
    char *text, struct err *e)
{
	const struct err *observed = &call->progress.observed;
	const struct cert *c = &s->req.cert;
	char line[PIN_CONFIRM_LINE], where[BIND_TEXT_MAX], note[CA_NOTE_MAX];
	char names[PIN_CONFIRM_LINE - sizeof("Principals: .")];
	char *subject;

	if (!cert_describe_principals(c, names, sizeof(names)))
		return err_set(e, ERR_LIMIT, 0, "its principals are too long "
		    "to be shown to who is asked (Confirm); make several "
		    "certificates of it");
	subject = subject_of(c);
	pin_confirm_add(text, "Sign with the CA key %s?", s->id->comment);
	cert_describe(c, line, sizeof(line));
	pin_confirm_add(text, "A %s", line);
	if (names[0] != '\0')
		pin_confirm_add(text, "Principals: %s.", names);
	cert_describe_times(c, line, sizeof(line));
	pin_confirm_add(text, "Valid %s.", line);
	pin_confirm_add(text, "For the %s key %s.", c->plain_name,
	    subject != NULL ? subject : "?");
	bind_describe(&call->caller->bind, where, sizeof(where));
	if (where[0] != '\0')
		pin_confirm_add(text, "Wanted %s.", where);
	if (observed->code != ERR_NONE)
		pin_confirm_add(text, "Only Observe lets it pass: %s.",
		    observed->msg);
	core_ca_note(call->core, s, observed, note);
	if (observed->code == ERR_NONE && note[0] != '\0')
		pin_confirm_add(text, "It was %s.", note);
	cert_describe_options(c->critical, line, sizeof(line));
	pin_confirm_add(text, "Critical options: %s.", line);
	cert_describe_options(c->extensions, line, sizeof(line));
	pin_confirm_add(text, "Extensions: %s.", line);
	free(subject);
	return 0;
}

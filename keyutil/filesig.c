/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdlib.h>

#include "keyutil/agents.h"
#include "keyutil/filesig.h"
#include "keyutil/keys.h"
#include "keyutil/login.h"
#include "keyutil/out.h"
#include "ssh/agentclient.h"
#include "ssh/agentmsg.h"
#include "ssh/sshsig.h"

#define PATIENCE_MS	600000	/* for a person with a PIN */

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, 0, "signature");
}

/* --- by the agent --- */

static bool
agent_has(const char *socket, struct span key)
{
	struct span blob, comment;
	struct identities ids;
	struct wire_w answer;
	bool has = false;

	if (agents_lists(socket, &answer, &ids))
		while (!has && identities_next(&ids, &blob, &comment))
			has = span_eq(blob, key);
	wire_free(&answer);
	return has;
}

static int
take_answer(const char *socket, struct span answer, struct wire_w *sig,
    struct err *e)
{
	struct span blob;

	if (!agents_get_signature(answer, &blob)) {
		(void)err_set(e, ERR_DENIED, 0, "the agent does not sign it");
		return agents_explain_at(socket, e);
	}
	wire_put_raw(sig, blob);
	return 0;
}

static int
by_agent(const char *socket, struct span key, struct span tbs,
    struct wire_w *sig, struct err *e)
{
	struct wire_w ask = { 0 }, answer = { 0 };
	int r;

	if (!wire_write(&ask, AGENT_MAX_MSG) ||
	    !wire_write(&answer, AGENT_MAX_MSG)) {
		r = no_memory(e);
		goto out;
	}
	agents_put_sign(&ask, key, tbs);
	if (ask.bad)
		r = no_memory(e);
	else if ((r = agentclient_ask(socket, wire_bytes(&ask), PATIENCE_MS,
	    &answer, e)) == 0)
		r = take_answer(socket, wire_bytes(&answer), sig, e);
out:
	wire_free(&ask);
	wire_free(&answer);
	return r;
}

/* --- on the token --- */

static int
sign_logged_in(const struct filesig_wish *w, struct slot *s,
    const struct token_key *k, struct span tbs, struct wire_w *sig,
    struct err *e)
{
	enum sig_alg a;
	struct login l;
	int r;

	if ((r = keys_best_alg(w->key, &a, e)) != 0 ||
	    (r = login_begin(&l, s, w->pin_file, w->reason, e)) != 0)
		return r;
	r = token_sign(s->token, k, a, tbs, sig, e);
	login_end(&l);
	return r == 0 ? 0 : err_wrap(e, "token %s, key \"%.64s\"",
	    s->info.serial, k->label);
}

static int
on_token(const struct filesig_wish *w, struct span tbs, struct wire_w *sig,
    struct err *e)
{
	const struct token_key *k;
	struct tokens ts;
	struct slot *s;
	int r;

	if ((r = tokens_open(&ts, w->token, e)) == 0 &&
	    (r = tokens_read_keys(&ts, e)) == 0) {
		if ((s = keys_slot_with(&ts, w->key, &k)) != NULL) {
			r = sign_logged_in(w, s, k, tbs, sig, e);
		} else {
			tokens_warn_failed(&ts);
			r = err_set(e, ERR_NOTFOUND, 0, "neither an agent nor "
			    "a token has the key that is to sign");
		}
	}
	tokens_close(&ts);
	if (r == ERR_NO_TOKEN && w->token == NULL)
		return err_wrap(e, "no agent has the key that is to sign "
		    "(ssh-add -l)");
	return r;
}

/* --- either --- */

static int
sign(const struct filesig_wish *w, struct span tbs, struct wire_w *sig,
    struct err *e)
{
	struct agents_sockets at = { 0 };
	bool has = false;
	int r = 0;

	if (w->token == NULL)
		r = agents_sockets(&at, e);
	for (size_t i = 0; r == 0 && !has && i < at.n; i++)
		if ((has = agent_has(at.v[i], w->key)))
			r = by_agent(at.v[i], w->key, tbs, sig, e);
	if (r == 0 && !has)
		r = on_token(w, tbs, sig, e);
	agents_sockets_free(&at);
	return r;
}

int
filesig_make(const struct filesig_wish *w, struct span message, char **text,
    struct err *e)
{
	struct sshsig s = { .key = w->key, .ns = span_cstr(w->ns),
	    .hash = SSHSIG_SHA512 };
	struct wire_w tbs = { 0 }, sig = { 0 };
	int r;

	*text = NULL;
	if (!wire_write(&tbs, SSHSIG_MAX) || !wire_write(&sig, SSHSIG_MAX))
		r = no_memory(e);
	else if ((r = sshsig_put_tbs(&s, message, &tbs, e)) == 0)
		r = sign(w, wire_bytes(&tbs), &sig, e);
	if (r == 0) {
		s.signature = wire_bytes(&sig);
		if ((r = sshsig_verify(&s, w->ns, message, e)) == 0 &&
		    (*text = sshsig_armor(&s)) == NULL)
			r = no_memory(e);
	}
	wire_free(&tbs);
	wire_free(&sig);
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "keyutil/agents.h"
#include "keyutil/keys.h"
#include "keyutil/out.h"
#include "ssh/agentclient.h"
#include "ssh/agentmsg.h"
#include "ssh/keytext.h"

#define TELL_TIMEOUT_MS	30000	/* a token may be busy with a key */

static void
note(struct agent *a, const char *text)
{
	keytext_clean(a->note, sizeof(a->note), span_cstr(text));
}

/*
 * Ask the agent at `path`, which is taken over; ERR_NOTFOUND and
 * ERR_UNSUPPORTED mean to look elsewhere.
 */
static int
try(struct agent *a, char *path, struct err *e)
{
	int r;

	if (path == NULL)
		return err_set(e, ERR_NOMEM, 0, "agent");
	wire_free(&a->answer);
	if (!wire_write(&a->answer, AGENT_MAX_MSG)) {
		free(path);
		return err_set(e, ERR_NOMEM, 0, "agent");
	}
	if ((r = agentstatus_ask(path, &a->answer, &a->status, e)) != 0) {
		free(path);
		return r;
	}
	a->found = true;
	a->socket = path;
	return 0;
}

static void
try_default(struct agent *a, int (*path_of)(char **, struct err *))
{
	struct err e;
	char *path;
	int r;

	if (a->found || path_of(&path, &e) != 0)
		return;
	r = try(a, path, &e);
	/* Somebody is there and in trouble: that is worth telling. */
	if (r != 0 && r != ERR_NOTFOUND && r != ERR_UNSUPPORTED)
		note(a, e.msg);
}

int
agents_find(struct agent *a, struct err *e)
{
	const char *set = getenv("SSH_AUTH_SOCK");
	int r;

	*a = (struct agent){ 0 };
	if (!wire_write(&a->answer, AGENT_MAX_MSG))
		return err_set(e, ERR_NOMEM, 0, "agent");
	if (set == NULL || set[0] == '\0') {
		note(a, "not running; SSH_AUTH_SOCK is not set");
	} else {
		r = try(a, strdup(set), e);
		if (r == ERR_UNSUPPORTED)
			note(a, "not running; SSH_AUTH_SOCK leads to another "
			    "agent, or to a locked one");
		else if (r == ERR_NOTFOUND)
			note(a, "not running; nobody listens at "
			    "SSH_AUTH_SOCK");
		else if (r != 0)
			note(a, e->msg);
	}
	a->in_use = a->found;
	try_default(a, paths_runtime_socket);
	try_default(a, paths_home_socket);
	return 0;
}

static int
add_socket(struct agents_sockets *s, const char *path, struct err *e)
{
	if ((s->v[s->n] = strdup(path)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "agent");
	s->n++;
	return 0;
}

int
agents_sockets(struct agents_sockets *s, struct err *e)
{
	const char *set = getenv("SSH_AUTH_SOCK");
	struct agent ours = { 0 };
	int r = 0;

	*s = (struct agents_sockets){ 0 };
	if (set != NULL && set[0] != '\0')
		r = add_socket(s, set, e);
	if (r == 0 && (r = agents_find(&ours, e)) == 0 && ours.found &&
	    !ours.in_use)
		r = add_socket(s, ours.socket, e);
	agents_free(&ours);
	return r;
}

void
agents_sockets_free(struct agents_sockets *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	*s = (struct agents_sockets){ 0 };
}

int
agents_find_at(struct agent *a, const char *path, struct err *e)
{
	struct err why;

	*a = (struct agent){ 0 };
	if (!wire_write(&a->answer, AGENT_MAX_MSG))
		return err_set(e, ERR_NOMEM, 0, "agent");
	if (try(a, strdup(path), &why) != 0)
		note(a, why.msg);
	return 0;
}

void
agents_free(struct agent *a)
{
	agentstatus_free(&a->status);
	wire_free(&a->answer);
	free(a->socket);
	*a = (struct agent){ 0 };
}

int
agents_tell(const char *socket, struct span message, struct err *e)
{
	struct wire_w answer = { 0 };
	struct span got;
	int r;

	if (!wire_write(&answer, AGENT_MAX_MSG))
		return err_set(e, ERR_NOMEM, 0, "agent message");
	if ((r = agentclient_ask(socket, message, TELL_TIMEOUT_MS, &answer,
	    e)) == 0) {
		got = wire_bytes(&answer);
		if (got.n != 1 || got.p[0] != MSG_SUCCESS)
			r = err_set(e, ERR_DENIED, 0,
			    "the agent did not do it");
	}
	wire_free(&answer);
	return r;
}

int
agents_tell_lock(const char *socket, struct span name, struct err *e)
{
	struct wire_w w = { 0 };
	int r;

	if (!wire_write(&w, AGENT_MAX_MSG))
		return err_set(e, ERR_NOMEM, 0, "agent message");
	wire_put_u8(&w, name.n == 0 ? MSG_REMOVE_ALL_IDENTITIES :
	    MSG_REMOVE_SMARTCARD_KEY);
	if (name.n > 0) {
		wire_put_string(&w, name);
		wire_put_cstring(&w, "");	/* a PIN, of no use */
	}
	r = w.bad ? err_set(e, ERR_LIMIT, 0, "the name is too long") :
	    agents_tell(socket, wire_bytes(&w), e);
	wire_free(&w);
	return r;
}

static bool
put_string(struct secret *to, const void *p, size_t n)
{
	const uint8_t length[] = { 0, 0, 0, (uint8_t)n };

	return n <= UINT8_MAX &&
	    secret_add(to, length, sizeof(length)) == 0 &&
	    secret_add(to, p, n) == 0;
}

int
agents_tell_unlock(const char *socket, const char *name,
    const struct secret *pin, struct err *e)
{
	const uint8_t type = MSG_ADD_SMARTCARD_KEY;
	struct secret *message = secret_new();
	int r;

	if (message == NULL || secret_add(message, &type, 1) != 0 ||
	    !put_string(message, name, strlen(name)) ||
	    !put_string(message, secret_bytes(pin), secret_len(pin)))
		r = err_set(e, ERR_NOMEM, 0, "agent message");
	else
		r = agents_tell(socket, (struct span){ secret_bytes(message),
		    secret_len(message) }, e);
	secret_free(message);
	return r;
}

static enum err_code
code_of(struct span name)
{
	static const enum err_code codes[] = { ERR_NO_TOKEN, ERR_PIN_WRONG,
	    ERR_PIN_BLOCKED };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (span_is(name, err_name(codes[i])))
			return codes[i];
	return ERR_DENIED;
}

int
agents_explain(const struct agentstatus *s, struct err *e)
{
	const struct agentstatus_refusal *last;
	char text[sizeof(e->msg)], us[32];

	if (s->n_refusals == 0)
		return (int)e->code;
	last = &s->refusals[s->n_refusals - 1];
	keytext_clean(text, sizeof(text), last->text);
	snprintf(us, sizeof(us), "(pid %ld)", (long)getpid());
	if (strstr(text, us) == NULL)
		return (int)e->code;
	return err_set(e, code_of(last->code), 0, "the agent: %s", text);
}

int
agents_explain_at(const char *socket, struct err *e)
{
	struct agent now;
	struct err why;

	if (agents_find_at(&now, socket, &why) == 0 && now.found)
		(void)agents_explain(&now.status, e);
	agents_free(&now);
	return (int)e->code;
}

int
agents_list(const char *socket, struct wire_w *answer,
    struct identities *ids, struct err *e)
{
	static const uint8_t ask[] = { MSG_REQUEST_IDENTITIES };
	int r;

	if (!wire_write(answer, AGENT_MAX_MSG))
		return err_set(e, ERR_NOMEM, 0, "agent message");
	if ((r = agentclient_ask(socket, (struct span){ ask, sizeof(ask) },
	    AGENTCLIENT_TIMEOUT_MS, answer, e)) != 0)
		return r;
	return identities_read(ids, wire_bytes(answer), e);
}

bool
agents_lists(const char *socket, struct wire_w *answer,
    struct identities *ids)
{
	struct err e;
	const int r = agents_list(socket, answer, ids, &e);

	/* FAILURE is what a locked one says. */
	if (r != 0 && r != ERR_NOTFOUND && r != ERR_UNSUPPORTED)
		out_warn("the agent at %s: %s", socket, e.msg);
	return r == 0;
}

bool
agents_key_is(struct span blob, struct span comment, const char *name)
{
	if (comment.n > 0 && comment.p[comment.n - 1] == '\0')
		comment.n--;
	return span_is(comment, name) || keys_has_fingerprint(blob, name);
}

void
agents_put_sign(struct wire_w *w, struct span key, struct span message)
{
	wire_put_u8(w, MSG_SIGN_REQUEST);
	wire_put_string(w, key);
	wire_put_string(w, message);
	wire_put_u32(w, SIGN_FLAG_RSA_SHA512);	/* no matter to EC keys */
}

bool
agents_get_signature(struct span answer, struct span *sig)
{
	struct wire_r r;
	bool ok;

	wire_read(&r, answer);
	ok = wire_get_u8(&r) == MSG_SIGN_RESPONSE;
	*sig = wire_get_string(&r);
	return wire_end(&r) && ok;
}

static bool
holds(const struct agentstatus *s, const char *serial)
{
	for (size_t i = 0; i < s->n_tokens; i++)
		if (span_is(s->tokens[i].serial, serial))
			return true;
	return false;
}

void
agents_forget_pin(const char *serial)
{
	struct agent a;
	struct err e;
	int r;

	if ((r = agents_find(&a, &e)) == 0 && a.found &&
	    holds(&a.status, serial))
		r = agents_tell_lock(a.socket, span_cstr(serial), &e);
	if (r != 0)
		out_warn("the running agent may still have the old PIN of "
		    "token %s: %s", serial, e.msg);
	agents_free(&a);
}

bool
agents_has_keys(const struct agent *a)
{
	for (size_t i = 0; i < a->status.n_tokens; i++)
		if (a->status.tokens[i].keys > 0)
			return true;
	return false;
}

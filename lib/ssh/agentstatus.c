/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "ssh/agentclient.h"
#include "ssh/agentmsg.h"
#include "ssh/agentstatus.h"

/* The least bytes one can take: its empty strings and its numbers. */
#define TOKEN_BYTES_MIN		24
#define REFUSAL_BYTES_MIN	16
#define CERT_BYTES_MIN		36

/*
 * Read a count and make room for as many entries.  An agent may lie: a
 * count that the bytes left cannot hold spoils the reader.
 */
static void *
get_entries(struct wire_r *r, size_t least, size_t size, size_t *n)
{
	const uint32_t count = wire_get_u32(r);
	void *p = NULL;

	*n = 0;
	if (r->bad || count > r->left / least)
		r->bad = true;
	else if (count > 0 && (p = calloc(count, size)) != NULL)
		*n = count;
	else if (count > 0)
		r->bad = true;
	return p;
}

static void
get_token(struct wire_r *r, struct agentstatus_token *t)
{
	t->reader = wire_get_string(r);
	t->serial = wire_get_string(r);
	t->label = wire_get_string(r);
	t->state = wire_get_string(r);
	t->keys = wire_get_u32(r);
	t->trouble = wire_get_string(r);
}

static void
get_cert(struct wire_r *r, struct agentstatus_cert *c)
{
	c->path = wire_get_string(r);
	c->fingerprint = wire_get_string(r);
	c->comment = wire_get_string(r);
	c->state = wire_get_string(r);
	c->words = wire_get_string(r);
	c->valid_after = wire_get_u64(r);
	c->valid_before = wire_get_u64(r);
}

/* What comes after the name of the extension. */
static void
get_status(struct wire_r *r, struct agentstatus *s)
{
	s->version = wire_get_string(r);
	s->pid = wire_get_u32(r);
	s->tokens = get_entries(r, TOKEN_BYTES_MIN, sizeof(*s->tokens),
	    &s->n_tokens);
	for (size_t i = 0; i < s->n_tokens; i++)
		get_token(r, &s->tokens[i]);
	s->refusals = get_entries(r, REFUSAL_BYTES_MIN,
	    sizeof(*s->refusals), &s->n_refusals);
	for (size_t i = 0; i < s->n_refusals; i++) {
		s->refusals[i].time = wire_get_u64(r);
		s->refusals[i].code = wire_get_string(r);
		s->refusals[i].text = wire_get_string(r);
	}
	if (!r->bad && r->left == 0)
		return;			/* older than certificates */
	s->certs = get_entries(r, CERT_BYTES_MIN, sizeof(*s->certs),
	    &s->n_certs);
	for (size_t i = 0; i < s->n_certs; i++)
		get_cert(r, &s->certs[i]);
}

int
agentstatus_parse(struct span answer, struct agentstatus *s, struct err *e)
{
	struct wire_r r;
	uint8_t type;

	*s = (struct agentstatus){ 0 };
	wire_read(&r, answer);
	type = wire_get_u8(&r);
	if (type != MSG_EXTENSION_RESPONSE)
		return err_set(e, ERR_UNSUPPORTED, type,
		    "not an hsm-ssh-agent");
	if (!span_is(wire_get_string(&r), AGENT_EXT_STATUS))
		return err_set(e, ERR_FORMAT, 0,
		    "the agent answered another question");
	get_status(&r, s);
	if (r.bad) {
		agentstatus_free(s);
		return err_set(e, ERR_FORMAT, 0,
		    "the agent's answer is cut off");
	}
	return 0;
}

void
agentstatus_free(struct agentstatus *s)
{
	free(s->tokens);
	free(s->refusals);
	free(s->certs);
	*s = (struct agentstatus){ 0 };
}

int
agentstatus_ask(const char *path, struct wire_w *answer,
    struct agentstatus *s, struct err *e)
{
	struct wire_w w;
	int r;

	*s = (struct agentstatus){ 0 };
	if (!wire_write(&w, AGENT_MAX_MSG))
		return err_set(e, ERR_NOMEM, 0, "agent message");
	wire_put_u8(&w, MSG_EXTENSION);
	wire_put_cstring(&w, AGENT_EXT_STATUS);
	if (w.bad)
		r = err_set(e, ERR_NOMEM, 0, "agent message");
	else if ((r = agentclient_ask(path, wire_bytes(&w),
	    AGENTCLIENT_TIMEOUT_MS, answer, e)) == 0 &&
	    (r = agentstatus_parse(wire_bytes(answer), s, e)) != 0)
		r = err_wrap(e, "%s", path);
	wire_free(&w);
	return r;
}

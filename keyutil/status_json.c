/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keyutil/out.h"
#include "keyutil/status.h"

static const char *
pin_state_name(enum token_pin_state s)
{
	switch (s) {
	case TOKEN_PIN_NEEDED:
		return "needed";
	case TOKEN_PIN_VERIFIED:
		return "verified";
	case TOKEN_PIN_BLOCKED:
		return "blocked";
	case TOKEN_PIN_TRANSPORT:
		return "transport";
	case TOKEN_PIN_UNSET:
		return "unset";
	case TOKEN_PIN_UNKNOWN:
		break;
	}
	return "unknown";
}

static const char *
slot_state_name(enum slot_state s)
{
	switch (s) {
	case SLOT_EMPTY:
		return "empty";
	case SLOT_FOREIGN:
		return "foreign";
	case SLOT_FAILED:
		return "failed";
	case SLOT_TOKEN:
		break;
	}
	return "token";
}

static json_t *
json_of_dkek(const struct token_info *i)
{
	if (i->dkek_shares < 0)
		return json_null();
	return json_pack("{s:i, s:i, s:s?}", "shares", i->dkek_shares,
	    "missing", i->dkek_missing, "check_value",
	    i->dkek_kcv[0] != '\0' ? i->dkek_kcv : NULL);
}

/* jansson's append refuses a NULL entry, and json_pack a NULL array. */
static json_t *
append(json_t *array, json_t *entry)
{
	if (array == NULL || json_array_append_new(array, entry) != 0) {
		json_decref(array);
		return NULL;
	}
	return array;
}

static json_t *
json_of_leftovers(const struct token_leftovers *l)
{
	json_t *j = json_array();

	for (size_t i = 0; i < l->n; i++)
		j = append(j, json_pack("{s:s, s:s, s:s}",
		    "place", l->v[i].ref, "label", l->v[i].label,
		    "what", l->v[i].what));
	return j;
}

static json_t *
json_of_token(const struct slot *s)
{
	const struct token_info *i = &s->info;

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}",
	    "serial", i->serial, "label", i->label, "model", i->model,
	    "firmware", i->firmware, "pin", pin_state_name(i->pin),
	    "pin_tries", out_json_count(slot_tries(s)),
	    "so_pin_tries", out_json_count(i->so_tries),
	    "dkek", json_of_dkek(i),
	    "memory_free", out_json_count(i->memory_free),
	    "leftovers", json_of_leftovers(&s->leftovers));
}

/* A failed slot's message has the bytes of another program in it. */
static json_t *
json_of_slot(const struct slot *s)
{
	return json_pack("{s:s, s:b, s:s, s:o, s:o}", "reader", s->reader,
	    "in_module", s->in_module,
	    "state", slot_state_name(s->state),
	    "trouble", s->state == SLOT_FAILED ?
	    out_json_span(span_cstr(s->err.msg)) : json_null(),
	    "token", s->state == SLOT_TOKEN ?
	    json_of_token(s) : json_null());
}

static json_t *
json_of_agent_token(const struct agentstatus_token *t)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:o}",
	    "reader", out_json_span(t->reader),
	    "serial", out_json_span(t->serial),
	    "label", out_json_span(t->label),
	    "state", out_json_span(t->state), "keys", (json_int_t)t->keys,
	    "trouble", t->trouble.n > 0 ?
	    out_json_span(t->trouble) : json_null());
}

static json_t *
json_of_refusal(const struct agentstatus_refusal *r)
{
	return json_pack("{s:I, s:o, s:o}", "time", (json_int_t)r->time,
	    "code", out_json_span(r->code), "text", out_json_span(r->text));
}

static json_t *
json_of_agent(const struct agent *a)
{
	const struct agentstatus *s = &a->status;
	json_t *tokens = json_array(), *refusals = json_array();

	if (!a->found) {
		json_decref(tokens);
		json_decref(refusals);
		return json_pack("{s:b, s:s}", "running", 0, "note", a->note);
	}
	for (size_t i = 0; i < s->n_tokens; i++)
		tokens = append(tokens, json_of_agent_token(&s->tokens[i]));
	for (size_t i = 0; i < s->n_refusals; i++)
		refusals = append(refusals, json_of_refusal(&s->refusals[i]));
	return json_pack("{s:b, s:o, s:b, s:o, s:I, s:o, s:o}",
	    "running", 1, "socket", out_json_span(span_cstr(a->socket)),
	    "in_use", a->in_use, "version", out_json_span(s->version),
	    "pid", (json_int_t)s->pid, "tokens", tokens,
	    "refusals", refusals);
}

int
status_print_json(const struct tokens *ts, const struct agent *a,
    struct err *e)
{
	json_t *readers = json_array();

	for (size_t i = 0; i < ts->n; i++)
		readers = append(readers, json_of_slot(&ts->v[i]));
	return out_json(json_pack("{s:o, s:o}", "readers", readers,
	    "agent", json_of_agent(a)), e);
}

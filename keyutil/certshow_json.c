/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdlib.h>

#include "ca/form.h"
#include "keyutil/certshow.h"
#include "ssh/keytext.h"

/* A time that is no time, as the end of what is valid for ever, is null. */
static json_t *
json_of_time(uint64_t when)
{
	return when <= INT64_MAX ? json_integer((json_int_t)when) :
	    json_null();
}

/* Most readers of JSON lose the last digits of a large number. */
static json_t *
json_of_serial(uint64_t serial)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, serial);
	return json_string(text);
}

/* NULL: no memory. */
static json_t *
json_of_fingerprint(struct span blob)
{
	char *fp = keytext_fingerprint(blob);
	json_t *j = fp != NULL ? json_string(fp) : NULL;

	free(fp);
	return j;
}

static json_t *
json_of_principals(const struct cert *c)
{
	json_t *array = json_array();
	struct span name;
	struct wire_r r;

	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name))
		if (json_array_append_new(array, out_json_span(name)) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

/* Null: it has none, or one that is not well formed. */
static json_t *
json_of_value(struct span data)
{
	struct span value;

	return ca_form_value(data, &value) ? out_json_span(value) :
	    json_null();
}

static json_t *
json_of_options(struct span options)
{
	json_t *array = json_array();
	struct span name, data;
	struct wire_r r;

	wire_read(&r, options);
	while (cert_next_option(&r, &name, &data))
		if (json_array_append_new(array, json_pack("{s:o, s:o}",
		    "name", out_json_span(name),
		    "value", json_of_value(data))) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static bool
append_line(json_t *reasons, json_t *notes, const struct explain_line *l)
{
	if (l->why == EXPLAIN_NOTE)
		return json_array_append_new(notes,
		    json_string(l->text)) == 0;
	return json_array_append_new(reasons, json_pack("{s:s, s:s, s:s}",
	    "code", explain_name(l->why), "text", l->text,
	    "mend", l->mend)) == 0;
}

static json_t *
json_of_answer(const struct certshow *s)
{
	const struct explain *x = &s->answer;
	json_t *reasons, *notes;
	bool ok = true;

	if (!s->asked)
		return json_null();
	reasons = json_array();
	notes = json_array();
	for (size_t i = 0; ok && i < x->n; i++)
		ok = append_line(reasons, notes, &x->v[i]);
	if (!ok) {
		json_decref(reasons);
		json_decref(notes);
		return NULL;
	}
	return json_pack("{s:s, s:b, s:o, s:o}",
	    "as", verdict_as(s->question, &s->cert) == CERT_USER ?
	    "user" : "host", "accepted", x->reasons == 0,
	    "reasons", reasons, "notes", notes);
}

static const char *
signature_word(enum certshow_signature s)
{
	switch (s) {
	case CERTSHOW_RIGHT:
		return "right";
	case CERTSHOW_WRONG:
		return "wrong";
	case CERTSHOW_UNKNOWN:
		break;
	}
	return "not checked";
}

json_t *
certshow_json(const struct certshow *s)
{
	const struct cert *c = &s->cert;

	return json_pack("{s:o, s:i, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:o,"
	    " s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}",
	    "file", out_json_span(span_cstr(s->file)), "line", (int)s->line,
	    "type", c->type == CERT_USER ? "user" : "host",
	    "key_type", c->plain_name,
	    "fingerprint", json_of_fingerprint(s->blob),
	    "comment", out_json_span(s->comment),
	    "ca_fingerprint", json_of_fingerprint(c->ca),
	    "signature", signature_word(s->signature),
	    "signature_algorithm", out_json_span(explain_algorithm(c)),
	    "key_id", out_json_span(c->key_id),
	    "serial", json_of_serial(c->serial),
	    "principals", json_of_principals(c),
	    "valid_after", json_of_time(c->valid_after),
	    "valid_before", json_of_time(c->valid_before),
	    "state", certshow_state(c, s->question->at),
	    "critical", json_of_options(c->critical),
	    "extensions", json_of_options(c->extensions),
	    "form", s->form.code == ERR_NONE ? json_null() :
	    out_json_span(span_cstr(s->form.msg)),
	    "verdict", json_of_answer(s));
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keyutil/certjson.h"
#include "keyutil/certshow.h"

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
	    "fingerprint", certjson_fingerprint(s->blob),
	    "comment", out_json_span(s->comment),
	    "ca_fingerprint", certjson_fingerprint(c->ca),
	    "signature", signature_word(s->signature),
	    "signature_algorithm", out_json_span(explain_algorithm(c)),
	    "key_id", out_json_span(c->key_id),
	    "serial", certjson_serial(c->serial),
	    "principals", certjson_principals(c),
	    "valid_after", certjson_time(c->valid_after),
	    "valid_before", certjson_time(c->valid_before),
	    "state", certshow_state(c, s->question->at),
	    "critical", certjson_options(c->critical),
	    "extensions", certjson_options(c->extensions),
	    "form", s->form.code == ERR_NONE ? json_null() :
	    out_json_span(span_cstr(s->form.msg)),
	    "verdict", json_of_answer(s));
}

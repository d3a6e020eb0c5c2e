/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdlib.h>

#include "ca/when.h"
#include "keyutil/calog.h"
#include "keyutil/certjson.h"
#include "keyutil/certshow.h"
#include "keyutil/when.h"
#include "ssh/keytext.h"

#define NAMES_MAX	160		/* bytes of principals in a table */

int
calog_judge(struct calog_line *line, const struct krl_view *v,
    struct err *e)
{
	return krl_view_ask_cert(v, line->cert, &line->verdict, e);
}

bool
calog_is_revoked(const struct calog_line *line)
{
	return line->verdict.by != KRL_BY_NOTHING;
}

static const char *
state_of(const struct calog_line *line)
{
	return calog_is_revoked(line) ? "revoked" :
	    certshow_state(line->cert, line->now);
}

/* --- for people --- */

struct out_table
calog_table(void)
{
	return (struct out_table){ .head = { "Serial", "State", "Until",
	    "For", "Key ID", "Principals", "Note" }, .columns = 7 };
}

/* As many as there is room for, and how many more there are. */
static void
list_principals(const struct cert *c, char buf[NAMES_MAX])
{
	size_t used = 0, n = 0;
	struct span name;
	struct wire_r r;

	buf[0] = '\0';
	wire_read(&r, c->principals);
	for (; cert_next_principal(&r, &name); n++) {
		const struct out_clean clean = out_clean(name);
		const size_t len = strlen(clean.s);

		if (len + 2 > NAMES_MAX - 24 - used)
			break;
		used += (size_t)snprintf(buf + used, NAMES_MAX - used,
		    "%s%s", n > 0 ? "," : "", clean.s);
	}
	if (n < c->n_principals)
		snprintf(buf + used, NAMES_MAX - used, "%sand %zu more",
		    used > 0 ? " " : "", c->n_principals - n);
}

void
calog_row(struct out_table *t, const struct calog_line *line)
{
	const struct cert *c = line->cert;
	const struct ca_when_date until = ca_when_date(c->valid_before);
	const struct out_clean id = out_clean(c->key_id);
	const struct out_clean note = out_clean(line->entry->note);
	char serial[24], names[NAMES_MAX];
	const char *const cell[] = { serial, state_of(line),
	    c->valid_before == CERT_FOREVER ? "for ever" : until.s,
	    c->type == CERT_USER ? "user" : "host", id.s, names,
	    note.s };

	snprintf(serial, sizeof(serial), "%" PRIu64, c->serial);
	list_principals(c, names);
	out_table_row(t, cell);
}

/* --- for programs --- */

static json_t *
json_of_line(struct span cert)
{
	char *text = keytext_openssh(cert, NULL);
	json_t *j = text != NULL ? json_string(text) : NULL;

	free(text);
	return j;
}

static json_t *
json_of_subject(const struct cert *c)
{
	struct wire_w w;
	json_t *j;

	if (!wire_write(&w, LEDGER_ENTRY_MAX))
		return NULL;
	cert_put_subject(c, &w);
	j = certjson_fingerprint(wire_bytes(&w));
	wire_free(&w);
	return j;
}

static json_t *
json_of_who(const struct ledger_who *who)
{
	return json_pack("{s:I, s:I, s:o, s:o}",
	    "uid", (json_int_t)who->uid, "pid", (json_int_t)who->pid,
	    "program", out_json_span(who->program),
	    "where", out_json_span(who->where));
}

json_t *
calog_json(const struct calog_line *line)
{
	const struct ledger_entry *en = line->entry;
	const struct cert *c = line->cert;

	return json_pack("{s:I, s:o, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o,"
	    " s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "entry", (json_int_t)en->seq,
	    "time", certjson_time(en->time),
	    "state", state_of(line),
	    "revoked", calog_is_revoked(line) ?
	    json_string(krl_view_words(&line->verdict)) : json_null(),
	    "type", c->type == CERT_USER ? "user" : "host",
	    "key_type", c->plain_name,
	    "fingerprint", json_of_subject(c),
	    "ca_fingerprint", certjson_fingerprint(c->ca),
	    "key_id", out_json_span(c->key_id),
	    "serial", certjson_serial(c->serial),
	    "principals", certjson_principals(c),
	    "valid_after", certjson_time(c->valid_after),
	    "valid_before", certjson_time(c->valid_before),
	    "critical", certjson_options(c->critical),
	    "extensions", certjson_options(c->extensions),
	    "requester", json_of_who(&en->who),
	    "note", out_json_span(en->note),
	    "certificate", json_of_line(en->what));
}

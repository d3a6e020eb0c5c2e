/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <time.h>

#include "keyutil/certjson.h"
#include "keyutil/certlist.h"
#include "ssh/keytext.h"

static bool
is_bad(const struct agentstatus_cert *c)
{
	return span_is(c->state, "bad");
}

static struct out_clean
file_of(const struct agentstatus_cert *c)
{
	return out_clean(c->path.n > 0 ? c->path : span_cstr("(ssh-add -s)"));
}

/* A state with its time, in the user's own time zone. */
static struct out_clean
dated(const char *what, uint64_t when)
{
	const time_t t = when <= INT64_MAX ? (time_t)when : -1;
	char date[32] = "?";
	struct out_clean c = { 0 };
	struct tm tm;

	if (t >= 0 && localtime_r(&t, &tm) != NULL)
		strftime(date, sizeof(date), "%F %R", &tm);
	snprintf(c.s, sizeof(c.s), "%s %s", what, date);
	return c;
}

/* What keeps it from being of use has to catch the eye. */
static struct out_clean
state_of(const struct agentstatus_cert *c)
{
	if (span_is(c->state, "expired"))
		return dated("EXPIRED", c->valid_before);
	if (span_is(c->state, "not yet valid"))
		return dated("NOT YET VALID until", c->valid_after);
	if (span_is(c->state, "offered") && c->valid_before != UINT64_MAX)
		return dated("offered until", c->valid_before);
	return out_clean(c->state);
}

static void
add_rows(struct out_table *t, const struct agentstatus *s,
    const struct token_key *k, const char *fingerprint)
{
	for (size_t i = 0; i < s->n_certs; i++) {
		const struct agentstatus_cert *c = &s->certs[i];

		if (!is_bad(c) && span_is(c->fingerprint, fingerprint))
			out_table_row(t, (const char *[]){
			    k->label[0] != '\0' ? k->label : "(none)",
			    state_of(c).s, file_of(c).s,
			    out_clean(c->words).s });
	}
}

/* Ends and frees the table. */
static int
print_table(FILE *f, struct out_table *t, struct err *e)
{
	if (t->rows > 0)
		putc('\n', f);
	else if (!t->bad)
		return 0;
	return out_table_print(f, t, e);
}

int
certlist_print(FILE *f, const struct agentstatus *s,
    const struct token_keys *keys, struct err *e)
{
	struct out_table t = { .columns = 4,
	    .head = { "CERTIFICATE OF", "STATE", "FILE", "SAYS" } };

	for (size_t i = 0; i < keys->n; i++) {
		const struct token_key *k = &keys->v[i];
		char *fp;

		if (k->blob == NULL)
			continue;
		fp = keytext_fingerprint((struct span){ k->blob, k->blob_n });
		if (fp != NULL)
			add_rows(&t, s, k, fp);
		else
			t.bad = true;
		free(fp);
	}
	return print_table(f, &t, e);
}

int
certlist_print_bad(FILE *f, const struct agentstatus *s, struct err *e)
{
	struct out_table t = { .columns = 2,
	    .head = { "NOT A CERTIFICATE", "WHY" } };

	for (size_t i = 0; i < s->n_certs; i++)
		if (is_bad(&s->certs[i]))
			out_table_row(&t, (const char *[]){
			    file_of(&s->certs[i]).s,
			    out_clean(s->certs[i].words).s });
	return print_table(f, &t, e);
}

/* jansson takes a NULL entry, or a NULL array, for no memory. */
static bool
append(json_t *array, const struct agentstatus_cert *c, const char *token,
    const struct token_key *k)
{
	return json_array_append_new(array, json_pack(
	    "{s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "token", token, "key", k != NULL ? k->label : NULL,
	    "fingerprint", k != NULL ?
	    out_json_span(c->fingerprint) : json_null(),
	    "file", c->path.n > 0 ? out_json_span(c->path) : json_null(),
	    "state", out_json_span(c->state),
	    "text", out_json_span(c->words),
	    "valid_after", k != NULL ?
	    certjson_time(c->valid_after) : json_null(),
	    "valid_before", k != NULL ?
	    certjson_time(c->valid_before) : json_null())) == 0;
}

static bool
append_of_key(json_t *array, const struct agentstatus *s, const char *token,
    const struct token_key *k)
{
	char *fp = keytext_fingerprint((struct span){ k->blob, k->blob_n });
	bool ok = fp != NULL;

	for (size_t i = 0; ok && i < s->n_certs; i++)
		if (!is_bad(&s->certs[i]) &&
		    span_is(s->certs[i].fingerprint, fp))
			ok = append(array, &s->certs[i], token, k);
	free(fp);
	return ok;
}

static bool
append_of_slot(json_t *array, const struct agentstatus *s,
    const struct slot *slot)
{
	bool ok = true;

	for (size_t k = 0; ok && k < slot->keys.n; k++)
		if (slot->keys.v[k].blob != NULL)
			ok = append_of_key(array, s, slot->info.serial,
			    &slot->keys.v[k]);
	return ok;
}

json_t *
certlist_json(const struct agentstatus *s, const struct tokens *ts)
{
	json_t *array = json_array();
	bool ok = array != NULL;

	for (size_t i = 0; ok && i < ts->n; i++)
		ok = append_of_slot(array, s, &ts->v[i]);
	for (size_t i = 0; ok && i < s->n_certs; i++)
		if (is_bad(&s->certs[i]))
			ok = append(array, &s->certs[i], NULL, NULL);
	if (!ok) {
		json_decref(array);
		return NULL;
	}
	return array;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "keyutil/agents.h"
#include "keyutil/certlist.h"
#include "keyutil/cmd.h"
#include "keyutil/out.h"
#include "keyutil/recall.h"
#include "keyutil/tokens.h"
#include "ssh/keytext.h"

enum {
	OPT_ALL,
	OPT_JSON,
	OPT_TOKEN,
	OPT_MODULE,
};

static const struct cmd_option options[] = {
	[OPT_ALL] = { "all", NULL,
	    "also what SSH cannot use, and why" },
	[OPT_JSON] = CMD_OPTION_JSON,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	[OPT_MODULE] = CMD_OPTION_MODULE,
	{ 0 },
};

static struct span
blob_of(const struct token_key *k)
{
	return (struct span){ k->blob, k->blob_n };
}

static const char *
label_of(const struct token_key *k)
{
	return k->label[0] != '\0' ? k->label : "(none)";
}

static size_t
count_usable(const struct token_keys *keys)
{
	size_t n = 0;

	for (size_t i = 0; i < keys->n; i++)
		n += keys->v[i].blob != NULL;
	return n;
}

static int
print_usable(const struct token_keys *keys, struct err *e)
{
	struct out_table t = { .columns = 4,
	    .head = { "LABEL", "TYPE", "ID", "FINGERPRINT" } };

	for (size_t i = 0; i < keys->n; i++) {
		const struct token_key *k = &keys->v[i];
		char *fp;

		if (k->blob == NULL)
			continue;
		fp = keytext_fingerprint(blob_of(k));
		out_table_row(&t, (const char *[]){ label_of(k), k->algo,
		    k->id, fp != NULL ? fp : "" });
		t.bad = t.bad || fp == NULL;
		free(fp);
	}
	return out_table_print(stdout, &t, e);
}

static int
print_unusable(const struct token_keys *keys, struct err *e)
{
	struct out_table t = { .columns = 4,
	    .head = { "LABEL", "TYPE", "ID", "NOT FOR SSH" } };

	for (size_t i = 0; i < keys->n; i++) {
		const struct token_key *k = &keys->v[i];

		if (k->blob == NULL)
			out_table_row(&t, (const char *[]){ label_of(k),
			    k->algo, k->id, k->unusable });
	}
	return out_table_print(stdout, &t, e);
}

static int
print_slot(const struct slot *s, const struct agent *a, bool all,
    struct err *e)
{
	const size_t usable = count_usable(&s->keys);
	const size_t others = s->keys.n - usable;
	int r = 0;

	printf("Token %s \"%s\"\n", s->info.serial, s->info.label);
	if (usable > 0)
		r = print_usable(&s->keys, e);
	else
		printf("  no keys for SSH\n");
	if (r == 0 && others > 0 && all) {
		putchar('\n');
		r = print_unusable(&s->keys, e);
	} else if (others > 0 && !all) {
		printf("  and %zu that SSH cannot use: "
		    "\"hsm-keyutil list --all\"\n", others);
	}
	if (r == 0)
		r = certlist_print(stdout, &a->status, &s->keys, e);
	return r;
}

/* Where no agent runs, its status is empty. */
static int
print_text(const struct tokens *ts, const struct agent *a, bool all,
    struct err *e)
{
	bool first = true;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ts->n; i++) {
		if (ts->v[i].state != SLOT_TOKEN)
			continue;
		if (!first)
			putchar('\n');
		first = false;
		r = print_slot(&ts->v[i], a, all, e);
	}
	if (r == 0)
		r = certlist_print_bad(stdout, &a->status, e);
	return r;
}

static json_t *
json_of_key(const struct slot *s, const struct token_key *k)
{
	char *line = NULL, *fp = NULL;
	json_t *j;

	if (k->blob != NULL) {
		line = keytext_openssh(blob_of(k), k->label);
		fp = keytext_fingerprint(blob_of(k));
		if (line == NULL || fp == NULL) {
			free(line);
			free(fp);
			return NULL;
		}
	}
	j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s?, s:s?, s:s?}",
	    "token", s->info.serial, "token_label", s->info.label,
	    "id", k->id, "label", k->label, "type", k->algo,
	    "usable", k->blob != NULL,
	    "reason", k->blob == NULL ? k->unusable : NULL,
	    "fingerprint", fp, "public_key", line);
	free(line);
	free(fp);
	return j;
}

static json_t *
json_of_keys(const struct tokens *ts, bool all)
{
	json_t *keys = json_array();

	for (size_t i = 0; keys != NULL && i < ts->n; i++) {
		const struct slot *s = &ts->v[i];

		for (size_t k = 0; k < s->keys.n; k++) {
			if (s->keys.v[k].blob == NULL && !all)
				continue;
			if (json_array_append_new(keys,
			    json_of_key(s, &s->keys.v[k])) != 0) {
				json_decref(keys);
				return NULL;
			}
		}
	}
	return keys;
}

static json_t *
json_of_all(const struct tokens *ts, const struct agent *a, bool all)
{
	return json_pack("{s:o, s:o}", "keys", json_of_keys(ts, all),
	    "certificates", a->found ?
	    certlist_json(&a->status, ts) : json_null());
}

static int
run(const struct cmd_args *a, struct err *e)
{
	const bool all = a->value[OPT_ALL] != NULL;
	struct agent agent = { 0 };
	struct tokens ts;
	int r;

	if ((r = tokens_open_in(&ts, a->value[OPT_MODULE],
	    a->value[OPT_TOKEN], e)) != 0 ||
	    (r = tokens_read_keys(&ts, e)) != 0 ||
	    (r = agents_find(&agent, e)) != 0)
		goto out;
	for (size_t i = 0; i < ts.n; i++)
		if (ts.v[i].state == SLOT_TOKEN)
			recall_note(&ts.v[i]);
	if (a->value[OPT_JSON] != NULL)
		r = out_json(json_of_all(&ts, &agent, all), e);
	else
		r = print_text(&ts, &agent, all, e);
	if (r == 0)
		r = tokens_failed(&ts, e);
out:
	agents_free(&agent);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_list = {
	.name = "list",
	.summary = "list the keys on the tokens; needs no PIN",
	.options = options,
	.run = run,
};

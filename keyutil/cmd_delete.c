/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keyutil/ask.h"
#include "keyutil/cmd.h"
#include "keyutil/keys.h"
#include "keyutil/login.h"
#include "keyutil/out.h"
#include "ssh/keytext.h"

#define WORD_MAX	80	/* a label this long nobody likes to type */

enum {
	OPT_YES,
	OPT_PIN_FILE,
	OPT_TOKEN,
	OPT_MODULE,
};

static const struct cmd_option options[] = {
	[OPT_YES] = { "yes", "KEY",
	    "do not ask; KEY once more, or its label or id" },
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	[OPT_MODULE] = CMD_OPTION_MODULE,
	{ 0 },
};

/* What is to go: a key, or what is left of one. */
struct victim {
	const struct token_key	*key;		/* NULL: a leftover */
	const char		*ref;
	char			 what[512];	/* for a person */
	char			 word[WORD_MAX];	/* to be typed */
};

static void
take_key(struct victim *v, const struct token_key *k)
{
	char *fp = NULL;

	if (k->blob != NULL)
		fp = keytext_fingerprint((struct span){ k->blob, k->blob_n });
	v->key = k;
	v->ref = k->ref;
	snprintf(v->what, sizeof(v->what), "the key \"%.128s\", %s, id %s%s%s",
	    k->label, k->algo, k->id, fp != NULL ? ", " : "",
	    fp != NULL ? fp : "");
	snprintf(v->word, sizeof(v->word), "%.*s", WORD_MAX - 1,
	    k->label[0] != '\0' && strlen(k->label) < WORD_MAX ?
	    k->label : k->id);
	free(fp);
}

static void
take_leftover(struct victim *v, const struct token_leftover *l)
{
	v->key = NULL;
	v->ref = l->ref;
	snprintf(v->what, sizeof(v->what), "the %s%s%.128s%s in place %s, "
	    "which %s to no key", l->what, l->label[0] != '\0' ? " \"" : "",
	    l->label, l->label[0] != '\0' ? "\"" : "", l->ref,
	    strstr(l->what, " and ") != NULL ? "belong" : "belongs");
	snprintf(v->word, sizeof(v->word), "place:%s", l->ref);
}

static bool
is_leftover(const struct token_leftover *l, const char *name)
{
	return strcasecmp(l->ref, name) == 0 || keys_is_place(name, l->ref) ||
	    (name[0] != '\0' && strcmp(l->label, name) == 0);
}

/*
 * By its place, or by the label of the key that it belonged to: so a command
 * that was cut off can be given again.  Of two with one label, by its place.
 */
static int
find_leftover(struct slot *s, const char *name, struct victim *v)
{
	size_t n = 0;

	for (size_t i = 0; i < s->leftovers.n; i++) {
		if (!is_leftover(&s->leftovers.v[i], name))
			continue;
		take_leftover(v, &s->leftovers.v[i]);
		n++;
	}
	return n == 1 ? 0 : ERR_NOTFOUND;
}

static int
find(struct slot *s, const char *name, struct victim *v, struct err *e)
{
	const struct token_key *k;
	int r;

	*v = (struct victim){ 0 };
	if ((r = keys_find_one(s, name, &k, e)) == 0)
		take_key(v, k);
	else if (r == ERR_NOTFOUND)
		r = find_leftover(s, name, v);
	return r;
}

static int
confirm(const struct slot *s, const struct victim *v, const char *name,
    const char *yes, struct err *e)
{
	const struct token_key *k = v->key;

	out_warn("token %s \"%s\": this deletes for ever", s->info.serial,
	    s->info.label);
	out_warn("  %s", v->what);
	if (yes == NULL)
		return ask_to_type(v->word, true, e);
	if (strcmp(yes, name) == 0 || strcmp(yes, v->word) == 0 ||
	    (k != NULL && keys_match(k, yes)))
		return 0;
	return err_set(e, ERR_USAGE, 0,
	    "--yes names something else than \"%.100s\"", name);
}

static int
remove_it(struct slot *s, const struct victim *v, const char *pin_file,
    struct err *e)
{
	struct login l;
	int r;

	if ((r = login_begin(&l, s, pin_file, v->key != NULL ?
	    "to delete a key" : "to delete what is left of a key", e)) != 0)
		return r;
	if (v->key == NULL || (r = keys_confirm(s, v->key, e)) == 0)
		r = token_remove(s->token, v->ref, e);
	login_end(&l);
	if (r == ERR_TOKEN_GONE)
		out_warn("\"hsm-keyutil list\" shows whether the key is still "
		    "there, \"hsm-keyutil status\" what is left of it");
	return r == 0 ? 0 : err_wrap(e, "token %s", s->info.serial);
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct tokens ts;
	struct victim v;
	struct slot *s;
	int r;

	if (a->n_operands != 1)
		return err_set(e, ERR_USAGE, 0, "name one key");
	if ((r = tokens_open_one_in(&ts, a->value[OPT_MODULE],
	    a->value[OPT_TOKEN], &s, e)) != 0 ||
	    (r = tokens_read_keys(&ts, e)) != 0 ||
	    (r = tokens_read_leftovers(&ts, e)) != 0 ||
	    (r = find(s, a->operand[0], &v, e)) != 0 ||
	    (r = confirm(s, &v, a->operand[0], a->value[OPT_YES], e)) != 0 ||
	    (r = remove_it(s, &v, a->value[OPT_PIN_FILE], e)) != 0)
		goto out;
	printf("Token %s: deleted %s\n", s->info.serial, v.what);
out:
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_delete = {
	.name = "delete",
	.operands = "KEY",
	.summary = "delete a key, or what was left of one, for ever",
	.about = "A KEY is named by its label, its id, its SHA256: "
	    "fingerprint, or its place, such as place:03.  What \"hsm-keyutil "
	    "status\" shows as left over is named by its place.",
	.options = options,
	.run = run,
};

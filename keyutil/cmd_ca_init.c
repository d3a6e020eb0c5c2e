/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyutil/agents.h"
#include "keyutil/ask.h"
#include "keyutil/cablock.h"
#include "keyutil/caplan.h"
#include "keyutil/cmd.h"
#include "keyutil/conffile.h"
#include "keyutil/doctor.h"
#include "keyutil/keys.h"
#include "keyutil/newkey.h"
#include "keyutil/out.h"
#include "keyutil/trust.h"
#include "pin/tty.h"
#include "ssh/keytext.h"

#define TYPE_DEFAULT	"p256"
#define FINGERPRINT	"SHA256:"

enum {
	OPT_KEY,
	OPT_TYPE,
	OPT_FOR,
	OPT_PRINCIPALS,
	OPT_MAX_VALIDITY,
	OPT_CONFIG,
	OPT_DRY_RUN,
	OPT_PIN_FILE,
	OPT_TOKEN,
};

static const struct cmd_option options[] = {
	[OPT_KEY] = { "key", "KEY",
	    "use this key of the token, in the place of a new one" },
	[OPT_TYPE] = { "type", "TYPE",
	    "the type of the new key; " TYPE_DEFAULT
	    " if this is not given" },
	[OPT_FOR] = { "for", "user|host",
	    "what the CA certifies: keys of users, or of hosts" },
	[OPT_PRINCIPALS] = { "principals", "LIST",
	    "the names it certifies, separated by commas, also patterns with "
	    "* and ?" },
	[OPT_MAX_VALIDITY] = { "max-validity", "TIME",
	    "how long a certificate may be valid, such as 12h or 26w" },
	[OPT_CONFIG] = { "config", "FILE",
	    "add the rules to this configuration of hsm-ssh-agent, not to "
	    "the user's own" },
	[OPT_DRY_RUN] = { "dry-run", NULL,
	    "show all of it, and change nothing" },
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

/* The CA to be, and what there is of it. */
struct work {
	const char		*label;		/* NULL with --key */
	const struct keytype	*type;
	struct caplan		 plan;
	struct conffile		 conf;
	struct slot		*slot;
	const struct token_key	*key;		/* NULL: to be made */
	struct token_key	 made;
	char			*name;		/* in the block */
	char			*block;		/* its text */
	bool			 has_block;	/* this very one is there */
};

static int
parse_label(const struct cmd_args *a, struct work *w, struct err *e)
{
	if ((a->n_operands == 1) == (a->value[OPT_KEY] != NULL) ||
	    a->n_operands > 1)
		return err_set(e, ERR_USAGE, 0, "give the new key one label, "
		    "or name a key that is there with --key");
	if (a->n_operands == 0)
		return 0;
	w->label = a->operand[0];
	if (strncmp(w->label, FINGERPRINT, strlen(FINGERPRINT)) == 0)
		return err_set(e, ERR_USAGE, 0, "a label like a fingerprint "
		    "would name no key; a key that is there is named with "
		    "--key");
	return token_check_label(w->label, TOKEN_KEY_LABEL_MAX, e);
}

static int
parse_type(const struct cmd_args *a, struct work *w, struct err *e)
{
	const char *type = a->value[OPT_TYPE];
	int r;

	if (type != NULL && a->value[OPT_KEY] != NULL)
		return err_set(e, ERR_USAGE, 0, "--type is for a new key, and "
		    "--key for one that is there");
	if ((r = newkey_type(type != NULL ? type : TYPE_DEFAULT, &w->type,
	    e)) != 0)
		return r;
	if (!w->type->ssh)
		return err_set(e, ERR_USAGE, 0, "a key of the type %s is of "
		    "no use as a CA for SSH", w->type->name);
	return 0;
}

static int
parse(const struct cmd_args *a, struct work *w, struct err *e)
{
	const struct caplan_options said = { .type = a->value[OPT_FOR],
	    .principals = a->value[OPT_PRINCIPALS],
	    .max_validity = a->value[OPT_MAX_VALIDITY] };
	int r;

	if ((r = parse_label(a, w, e)) != 0 ||
	    (r = parse_type(a, w, e)) != 0)
		return r;
	return caplan_parse(&w->plan, &said, e);
}

/* A key of the label is what an earlier run may have made. */
static int
find_key(const struct cmd_args *a, struct work *w, struct err *e)
{
	const char *name = w->label != NULL ? w->label : a->value[OPT_KEY];
	bool there = w->label == NULL;
	int r;

	for (size_t i = 0; i < w->slot->keys.n; i++)
		there |= keys_match(&w->slot->keys.v[i], name);
	if (!there)
		return 0;
	if ((r = keys_find_one(w->slot, name, &w->key, e)) != 0)
		return r;
	if (w->key->blob == NULL)
		return err_set(e, ERR_UNSUPPORTED, 0, "key \"%.100s\": %s",
		    name, w->key->unusable);
	if (w->label != NULL && strcmp(w->key->label, w->label) != 0)
		return err_set(e, ERR_DENIED, 0, "\"%.100s\" is the id of a "
		    "key, so that no other can go by that name", w->label);
	if (a->value[OPT_TYPE] != NULL &&
	    strcmp(w->key->algo, w->type->algo) != 0)
		return err_set(e, ERR_DENIED, 0, "token %s has a key "
		    "\"%.100s\" already, of the type %s, not %s",
		    w->slot->info.serial, w->key->label, w->key->algo,
		    w->type->algo);
	return 0;
}

/* By its label where that names it and no other; else by its fingerprint. */
static int
name_key(struct work *w, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; w->key != NULL && i < w->slot->keys.n; i++)
		n += keys_match(&w->slot->keys.v[i], w->key->label);
	if (w->key == NULL)
		w->name = strdup(w->label);
	else if (n == 1 && strncmp(w->key->label, FINGERPRINT,
	    strlen(FINGERPRINT)) != 0)
		w->name = strdup(w->key->label);
	else
		w->name = keytext_fingerprint((struct span){ w->key->blob,
		    w->key->blob_n });
	return w->name != NULL ? 0 : err_set(e, ERR_NOMEM, 0, "key");
}

/* Before anything is asked: is there room for this CA? */
static int
check_config(const struct work *w, struct cablock_found *f, struct err *e)
{
	int r;

	r = cablock_find(conffile_text(&w->conf), w->conf.path, w->key,
	    w->label, f, e);
	if (r == 0 && f->other_use != 0)
		r = err_set(e, ERR_DENIED, 0, "%s:%u: a Key block gives "
		    "\"%.100s\" another use, and a CA certifies and does "
		    "nothing else; take that line away, or another key",
		    w->conf.path, f->other_use, w->name);
	return r;
}

static int
has_other_block(const struct work *w, const struct cablock_found *f,
    struct err *e)
{
	fprintf(stderr, "%.*s", (int)f->block.n, (const char *)f->block.p);
	return err_set(e, ERR_DENIED, 0, "%s:%u: the CA \"%.100s\" has this "
	    "block already; change it there.  \"hsm-keyutil ca trust\" "
	    "prints its lines", w->conf.path, f->line, w->name);
}

/* A person who is asked other things is asked this, too. */
static int
offer_key(const struct work *w, struct err *e)
{
	char answer[8], prompt[512];
	int r;

	if (w->key == NULL || w->label == NULL ||
	    caplan_is_whole(&w->plan) || !pin_tty_usable())
		return 0;
	snprintf(prompt, sizeof(prompt), "Token %s has a key \"%s\", of the "
	    "type %s.  Make it the CA's? [yes/no] ", w->slot->info.serial,
	    w->key->label, w->key->algo);
	if ((r = ask_line(prompt, answer, sizeof(answer), e)) != 0)
		return r;
	return strcmp(answer, "yes") == 0 ? 0 : err_set(e, ERR_CANCELLED, 0,
	    "nothing was changed");
}

static int
plan(struct work *w, struct err *e)
{
	struct cablock_found f;
	struct cablock b;
	int r;

	if ((r = name_key(w, e)) != 0 || (r = check_config(w, &f, e)) != 0)
		return r;
	if (f.line != 0 && !caplan_is_whole(&w->plan))
		return has_other_block(w, &f, e);
	if ((r = offer_key(w, e)) != 0 ||
	    (r = caplan_ask(&w->plan, e)) != 0)
		return r;
	b = (struct cablock){ .name = w->name, .type = w->plan.type,
	    .principals = w->plan.principals,
	    .max_validity = w->plan.max_validity };
	if ((r = cablock_text(&b, &w->block, e)) != 0)
		return r;
	w->has_block = f.line != 0 &&
	    cablock_same(f.block, span_cstr(w->block));
	return f.line == 0 || w->has_block ? 0 : has_other_block(w, &f, e);
}

static void
show_plan(const struct work *w)
{
	printf("A CA for certificates of %s:\n\n- ",
	    w->plan.type == CERT_USER ? "users" : "hosts");
	if (w->key != NULL)
		printf("its key is \"%s\", of the type %s, on token %s: it "
		    "certifies then,\n  and does nothing else\n",
		    w->key->label, w->key->algo, w->slot->info.serial);
	else
		printf("its key, \"%s\" of the type %s, is new on token %s\n",
		    w->label, w->type->name, w->slot->info.serial);
	if (w->has_block)
		printf("- %s has this block:\n\n%s\n", w->conf.path,
		    w->block);
	else
		printf("- this is added to %s%s:\n\n%s\n", w->conf.path,
		    w->conf.there ? "" : ", which is new", w->block);
}

/* First the key, then the block: one without its key would be a mistake. */
static int
make(struct work *w, const char *pin_file, struct err *e)
{
	const struct token_key_spec spec = { .type = w->type->name,
	    .label = w->label };
	char *old = NULL;
	int r;

	if ((r = out_flush(e)) != 0 ||
	    (!w->has_block && (r = conffile_check(&w->conf, e)) != 0))
		return r;
	if (w->key == NULL) {
		if ((r = newkey_make(w->slot, &spec, pin_file, &w->made,
		    e)) != 0)
			return r;
		w->key = &w->made;
	}
	if (w->has_block)
		return 0;
	if ((r = conffile_add(&w->conf, w->block, &old, e)) != 0)
		return err_wrap(e, "the key is there, its rules are not");
	if (old != NULL)
		printf("%s is as it was in %s.\n\n", w->conf.path, old);
	free(old);
	return 0;
}

/* `key`: the line of its .pub file, or what stands for it. */
static int
print_trust(const struct work *w, const char *key, struct err *e)
{
	const char *names = w->plan.principals;
	const bool exact = names[strcspn(names, "*?")] == '\0';
	const struct trust t = { .key = key, .types = 1U << w->plan.type,
	    .principals = exact ? names : NULL, .signers = names,
	    .domain = names };

	return trust_print(stdout, &t, NULL, e);
}

static int
print_lines(const struct work *w, struct err *e)
{
	char *key;
	int r;

	if (w->key == NULL) {
		puts("# PUBLIC-KEY stands for that of the key to be made.\n");
		if (asprintf(&key, "PUBLIC-KEY %s", w->label) == -1)
			key = NULL;
	} else {
		key = keytext_openssh((struct span){ w->key->blob,
		    w->key->blob_n }, w->key->label);
	}
	if (key == NULL)
		return err_set(e, ERR_NOMEM, 0, "key");
	r = print_trust(w, key, e);
	free(key);
	return r;
}

static void
print_next(const struct work *w, const char *config)
{
	const char *host = w->plan.type == CERT_HOST ? " --host" : "";
	struct agent a;
	struct err e;

	printf("\n# Then look for mistakes%s:\nhsm-ssh-agent -T%s%s\n",
	    config != NULL ? ", where the agent is told of the file" : "",
	    config != NULL ? " --config " : "",
	    config != NULL ? doctor_quote(config).s : "");
	if (agents_find(&a, &e) == 0 && a.found)
		printf("\n# The running agent reads its rules again by:\n"
		    "kill -HUP %u\n", a.status.pid);
	else
		printf("\n# No agent of ours runs here:\nhsm-ssh-agent\n");
	agents_free(&a);
	printf("\n# The first certificate, for the key in id.pub:\n"
	    "hsm-keyutil ca sign --ca %s%s --principals NAME --validity %s "
	    "id.pub\n", doctor_quote(w->name).s, host,
	    w->plan.max_validity);
}

static int
carry_out(struct work *w, const struct cmd_args *a, struct err *e)
{
	int r;

	show_plan(w);
	if (a->value[OPT_DRY_RUN] == NULL &&
	    (r = make(w, a->value[OPT_PIN_FILE], e)) != 0)
		return r;
	if ((r = print_lines(w, e)) != 0)
		return r;
	print_next(w, a->value[OPT_CONFIG]);
	return 0;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct work w = { 0 };
	struct tokens ts = { 0 };
	int r;

	if ((r = parse(a, &w, e)) != 0)
		return r;
	if ((r = conffile_read(&w.conf, a->value[OPT_CONFIG], e)) == 0 &&
	    (r = tokens_open_one(&ts, a->value[OPT_TOKEN], &w.slot, e)) == 0 &&
	    (r = tokens_read_keys(&ts, e)) == 0 &&
	    (r = find_key(a, &w, e)) == 0 && (r = plan(&w, e)) == 0)
		r = carry_out(&w, a, e);
	tokens_close(&ts);
	conffile_free(&w.conf);
	free(w.made.blob);
	free(w.name);
	free(w.block);
	return r;
}

const struct cmd cmd_ca_init = {
	.name = "ca init",
	.operands = "[LABEL]",
	.summary = "make a CA: its key on a token, its rules for "
	    "hsm-ssh-agent, and the lines that trust it",
	.about = "Asks at the terminal what no option says.  LABEL is that of "
	    "the new key; the key of that label is used where there is one, "
	    "so that the same command completes what was cut off.  TYPE is as "
	    "for generate: p256 signs fastest on a token, and every server "
	    "takes it; p384 and p521 are stronger and slower, and RSA keys "
	    "are for the sake of very old servers.",
	.options = options,
	.run = run,
};

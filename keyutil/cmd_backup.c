/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keyutil/cmd.h"
#include "keyutil/login.h"
#include "keyutil/newfile.h"
#include "keyutil/out.h"
#include "keyutil/recall.h"
#include "keyutil/transfer.h"
#include "keyutil/trial.h"
#include "keyutil/wrapfile.h"

#define SUFFIX	".hsmkey"

enum {
	OPT_ALL,
	OPT_OUTPUT,
	OPT_PIN_FILE,
	OPT_TOKEN,
};

static const struct cmd_option options[] = {
	[OPT_ALL] = { "all", NULL, "all keys of the token" },
	[OPT_OUTPUT] = { "output", "DIR", "the directory for the files" },
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

struct backup {
	struct slot		*slot;
	struct trial_keys	 keys;
	char			**path;		/* the file of each */
	size_t			 skipped;
};

static void
backup_free(struct backup *b)
{
	for (size_t i = 0; b->path != NULL && i < b->keys.n; i++)
		free(b->path[i]);
	free(b->path);
	trial_keys_free(&b->keys);
}

/* A label as the name of a file in any directory, on any file system. */
static void
put_name(char *out, size_t len, const char *label)
{
	size_t n = 0;

	for (; label[n] != '\0' && n + 1 < len; n++) {
		const char c = label[n];

		out[n] = strchr("/\\:*?\"<>|", c) != NULL ||
		    (unsigned char)c < 0x20 || (n == 0 && (c == '.' ||
		    c == '-')) ? '_' : c;
	}
	out[n] = '\0';
}

static bool
name_is_taken(const struct backup *b, const struct token_key *k)
{
	const struct token_keys *all = &b->slot->keys;
	char ours[256], other[256];

	put_name(ours, sizeof(ours), k->label);
	for (size_t i = 0; i < all->n; i++) {
		put_name(other, sizeof(other), all->v[i].label);
		if (&all->v[i] != k && strcasecmp(ours, other) == 0)
			return true;
	}
	return false;
}

/* LABEL, or LABEL-ID where several keys have one label, or the id. */
static char *
path_of(const struct backup *b, const char *dir, const struct token_key *k)
{
	char name[200], *path;
	int n;

	put_name(name, sizeof(name), k->label);
	if (name[0] == '\0')
		n = asprintf(&path, "%s/%s%s", dir, k->id, SUFFIX);
	else if (name_is_taken(b, k))
		n = asprintf(&path, "%s/%s-%s%s", dir, name, k->id, SUFFIX);
	else
		n = asprintf(&path, "%s/%s%s", dir, name, SUFFIX);
	return n != -1 ? path : NULL;
}

/* A name that is not known may be one that another program gave. */
static int
choose_keys(struct backup *b, const struct cmd_args *a, struct err *e)
{
	struct slot *s = b->slot;
	int r;

	if ((r = recall_keys(s, e)) != 0)
		return r;
	r = trial_choose(s, a->operand, a->n_operands, &b->keys, e);
	if (r != ERR_NOTFOUND)
		return r;
	recall_forget(s);
	trial_keys_free(&b->keys);
	token_keys_free(&s->keys);
	if ((r = recall_keys(s, e)) != 0)
		return r;
	return trial_choose(s, a->operand, a->n_operands, &b->keys, e);
}

static int
choose_path(struct backup *b, const char *dir, size_t i, struct err *e)
{
	const struct token_key *k = b->keys.v[i];

	if ((b->path[i] = path_of(b, dir, k)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "file name");
	for (size_t j = 0; j < i; j++)
		if (strcmp(b->path[j], b->path[i]) == 0)
			return err_set(e, ERR_DENIED, 0, "two keys have the "
			    "label \"%.100s\" and the id %s: \"hsm-keyutil "
			    "label\" gives one of them another label",
			    k->label, k->id);
	return newfile_check(b->path[i], e);
}

static int
choose_paths(struct backup *b, const char *dir, struct err *e)
{
	int r = 0;

	if ((b->path = calloc(b->keys.n, sizeof(*b->path))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "file names");
	for (size_t i = 0; r == 0 && i < b->keys.n; i++)
		r = choose_path(b, dir, i, e);
	return r;
}

/* A key that must not leave the token keeps none of the others there. */
static int
take(struct backup *b, struct transfers *keys, struct err *e)
{
	int r;

	for (size_t i = 0; i < b->keys.n; i++) {
		struct transfer *t = &keys->v[keys->n++];

		r = transfer_take(t, b->slot, b->keys.v[i], e);
		if (r == ERR_DENIED) {
			out_warn("not backed up: %s", e->msg);
			t->there = true;
			b->skipped++;
		} else if (r != 0) {
			return r;
		}
	}
	return 0;
}

static int
take_from_token(struct backup *b, struct transfers *keys,
    const char *pin_file, struct err *e)
{
	struct login l;
	int r;

	if ((r = transfers_new(keys, b->keys.n, e)) != 0 ||
	    (r = login_begin(&l, b->slot, pin_file, "to back up keys",
	    e)) != 0)
		return r;
	r = take(b, keys, e);
	login_end(&l);
	return r;
}

static int
write_files(const struct backup *b, const struct transfers *keys,
    struct err *e)
{
	int r;

	for (size_t i = 0; i < keys->n; i++) {
		if (keys->v[i].there)
			continue;
		if ((r = wrapfile_write(b->path[i], &keys->v[i].w, e)) != 0)
			return r;
		printf("%s\n", b->path[i]);
	}
	return 0;
}

/* A backup that nobody can use is worse than none. */
static void
tell_what_it_takes(const struct token_info *i)
{
	if (i->dkek_shares == 0)
		out_warn("only token %s takes these keys back, and only until "
		    "it is initialised: its DKEK is a random one that nobody "
		    "has shares of", i->serial);
	else
		out_warn("a token needs the same DKEK, with the key check "
		    "value %s, to take these keys back: keep its shares and "
		    "their passwords", i->dkek_kcv);
}

static int
back_up(struct backup *b, const char *pin_file, struct err *e)
{
	struct transfers keys = { 0 };
	int r;

	if ((r = take_from_token(b, &keys, pin_file, e)) == 0)
		r = write_files(b, &keys, e);
	transfers_free(&keys);
	if (r == 0 && b->keys.n > b->skipped)
		tell_what_it_takes(&b->slot->info);
	if (r == 0 && b->skipped > 0)
		r = err_set(e, ERR_DENIED, 0, "%zu of %zu keys were not "
		    "backed up", b->skipped, b->keys.n);
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct backup b = { 0 };
	struct tokens ts;
	int r;

	if (a->value[OPT_OUTPUT] == NULL)
		return err_set(e, ERR_USAGE, 0, "say with -o which directory "
		    "the files are for");
	if ((a->n_operands == 0) == (a->value[OPT_ALL] == NULL))
		return err_set(e, ERR_USAGE, 0, "name the keys, or give "
		    "--all");
	if ((r = tokens_open_knowing(&ts, a->value[OPT_TOKEN],
	    TOKEN_INFO_DKEK, &b.slot, e)) == 0 &&
	    (r = transfer_may_leave(b.slot, e)) == 0 &&
	    (r = choose_keys(&b, a, e)) == 0 &&
	    (r = choose_paths(&b, a->value[OPT_OUTPUT], e)) == 0)
		r = back_up(&b, a->value[OPT_PIN_FILE], e);
	backup_free(&b);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_backup = {
	.name = "backup",
	.operands = "KEY...",
	.summary = "write keys to files, encrypted under the DKEK of the token",
	.about = "Each file is named by the label of its key and ends in "
	    SUFFIX ".  No file is ever replaced.  \"hsm-keyutil restore\" and "
	    "\"sc-hsm-tool --unwrap-key\" read them.",
	.options = options,
	.run = run,
};

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keyutil/cmd.h"
#include "keyutil/keys.h"
#include "keyutil/login.h"
#include "keyutil/newfile.h"
#include "keyutil/out.h"
#include "keyutil/transfer.h"
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

/* The keys to back up, each with the file that it goes to. */
struct chosen {
	const struct token_key	*key;
	char			*path;
};

struct backup {
	struct slot	*slot;
	struct chosen	*v;
	size_t		 n;
	size_t		 skipped;
};

static void
backup_free(struct backup *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->v[i].path);
	free(b->v);
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

static int
choose(struct backup *b, const char *dir, const struct token_key *k,
    struct err *e)
{
	struct chosen *c = &b->v[b->n];

	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].key == k)
			return 0;
	c->key = k;
	if ((c->path = path_of(b, dir, k)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "file name");
	b->n++;
	for (size_t i = 0; i + 1 < b->n; i++)
		if (strcmp(b->v[i].path, c->path) == 0)
			return err_set(e, ERR_DENIED, 0, "two keys have the "
			    "label \"%.100s\" and the id %s: \"hsm-keyutil "
			    "label\" gives one of them another label",
			    k->label, k->id);
	return newfile_check(c->path, e);
}

static int
choose_keys(struct backup *b, const struct cmd_args *a, struct err *e)
{
	const struct token_keys *all = &b->slot->keys;
	const char *dir = a->value[OPT_OUTPUT];
	const struct token_key *k;
	int r = 0;

	b->v = calloc(all->n + a->n_operands + 1, sizeof(*b->v));
	if (b->v == NULL)
		return err_set(e, ERR_NOMEM, 0, "keys");
	for (size_t i = 0; r == 0 && i < a->n_operands; i++)
		if ((r = keys_find_one(b->slot, a->operand[i], &k, e)) == 0)
			r = choose(b, dir, k, e);
	for (size_t i = 0; r == 0 && a->value[OPT_ALL] != NULL && i < all->n;
	    i++)
		r = choose(b, dir, &all->v[i], e);
	if (r == 0 && b->n == 0)
		r = err_set(e, ERR_NOTFOUND, 0, "there is no key on token %s",
		    b->slot->info.serial);
	return r;
}

/* A key that must not leave the token keeps none of the others there. */
static int
take(struct backup *b, struct transfers *keys, struct err *e)
{
	int r;

	for (size_t i = 0; i < b->n; i++) {
		struct transfer *t = &keys->v[keys->n++];

		r = transfer_take(t, b->slot, b->v[i].key, e);
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

	if ((r = transfers_new(keys, b->n, e)) != 0 ||
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
		if ((r = wrapfile_write(b->v[i].path, &keys->v[i].w, e)) != 0)
			return r;
		printf("%s\n", b->v[i].path);
	}
	return 0;
}

static int
back_up(struct backup *b, const char *pin_file, struct err *e)
{
	struct transfers keys = { 0 };
	int r;

	if ((r = take_from_token(b, &keys, pin_file, e)) == 0 &&
	    (r = write_files(b, &keys, e)) == 0 && b->n > b->skipped)
		out_warn("a token needs the same DKEK, with the key check "
		    "value %s, to take these keys back: keep its shares and "
		    "their passwords", b->slot->info.dkek_kcv);
	transfers_free(&keys);
	if (r == 0 && b->skipped > 0)
		r = err_set(e, ERR_DENIED, 0, "%zu of %zu keys were not "
		    "backed up", b->skipped, b->n);
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
	if ((r = tokens_open_one(&ts, a->value[OPT_TOKEN], &b.slot, e)) == 0 &&
	    (r = transfer_has_dkek(b.slot, e)) == 0 &&
	    (r = tokens_read_keys(&ts, e)) == 0 &&
	    (r = choose_keys(&b, a, e)) == 0)
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

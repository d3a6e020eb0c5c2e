/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dkek/dkek.h"
#include "keyutil/cmd.h"
#include "keyutil/out.h"
#include "keyutil/sharefile.h"
#include "keyutil/transfer.h"
#include "keyutil/wrapfile.h"
#include "ssh/keytext.h"

enum {
	OPT_SHARE,
	OPT_PASSWORD_FILE,
	OPT_THRESHOLD,
};

static const struct cmd_option options[] = {
	[OPT_SHARE] = { "share", "FILE",
	    "the share of the DKEK; if it has several all of them, with "
	    "commas between" },
	[OPT_PASSWORD_FILE] = { "password-file", "FILE",
	    "take the password of the share from the first line of FILE; of "
	    "several shares one for all, or one for each" },
	[OPT_THRESHOLD] = { "threshold", "N",
	    "the password was split: N people give their shares of it" },
	{ 0 },
};

/* With what the files are held against. */
struct judge {
	struct dkek	*dkek;		/* NULL: nobody gave the shares */
	struct tokens	 tokens;	/* then, those that are plugged in */
};

/* The nth of a list with commas; the only one is that of each. */
static bool
item(const char *list, size_t n, bool for_each, char *out, size_t len)
{
	const char *end;

	for (size_t i = 0; i < n; i++) {
		if ((end = strchr(list, ',')) == NULL)
			return i == 0 && for_each &&
			    (size_t)snprintf(out, len, "%s", list) < len;
		list = end + 1;
	}
	end = strchrnul(list, ',');
	return end != list && (size_t)snprintf(out, len, "%.*s",
	    (int)(end - list), list) < len;
}

static int
add_share(struct dkek *d, struct sharefile *f, struct err *e)
{
	struct secret *share = secret_new();
	int r;

	if (share == NULL)
		return err_set(e, ERR_NOMEM, 0, "DKEK share");
	if ((r = sharefile_read(f, e)) == 0 &&
	    (r = sharefile_open(f, share, e)) == 0)
		r = dkek_add(d, share, e);
	secret_free(share);
	return r;
}

static int
open_shares(struct dkek **d, const struct cmd_args *a, struct err *e)
{
	const char *shares = a->value[OPT_SHARE];
	const char *passwords = a->value[OPT_PASSWORD_FILE];
	char path[4096], password[4096];
	struct sharefile f = { .path = path };
	size_t n = 1;
	int r;

	if ((*d = dkek_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "DKEK");
	if ((r = sharefile_parse_threshold(a->value[OPT_THRESHOLD],
	    &f.threshold, e)) != 0)
		return err_wrap(e, "--threshold");
	f.password_file = passwords != NULL ? password : NULL;
	for (const char *p = shares; *p != '\0'; p++)
		n += *p == ',';
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!item(shares, i, false, path, sizeof(path)) ||
		    (passwords != NULL && !item(passwords, i, true, password,
		    sizeof(password))))
			return err_set(e, ERR_USAGE, 0, "name %zu share files "
			    "and their password files, with commas between",
			    n);
		r = add_share(*d, &f, e);
	}
	return r;
}

/* The token that could take it, if one is plugged in. */
static const struct slot *
find_token(const struct tokens *ts, const char *kcv)
{
	for (size_t i = 0; i < ts->n; i++)
		if (ts->v[i].state == SLOT_TOKEN &&
		    strcmp(ts->v[i].info.dkek_kcv, kcv) == 0)
			return &ts->v[i];
	return NULL;
}

static int
prove(const struct judge *j, const struct transfer *t,
    char kcv[DKEK_KCV_LEN], struct err *e)
{
	struct blob_public p;
	struct blob b;
	int r;

	if ((r = blob_parse((struct span){ t->w.blob, t->w.blob_n }, &b,
	    e)) != 0)
		return r;
	blob_kcv_hex(&b, kcv);
	if (j->dkek == NULL)
		return 0;
	return blob_prove(&b, j->dkek, transfer_public(t, &p) ? &p : NULL, e);
}

static void
print(const struct judge *j, const struct transfer *t, const char *kcv)
{
	const struct slot *s = find_token(&j->tokens, kcv);
	char name[TRANSFER_NAME_MAX], *fp = NULL;
	struct blob_public p;

	if (t->key.blob != NULL)
		fp = keytext_fingerprint((struct span){ t->key.blob,
		    t->key.blob_n });
	transfer_name(&t->key, name, sizeof(name));
	printf("%s: %s: %s%s%s, DKEK %s%s%s\n", t->from,
	    j->dkek != NULL ? "proved" : "not proved", name,
	    fp != NULL ? ", " : "", fp != NULL ? fp : "", kcv,
	    s != NULL ? ", that of token " : "",
	    s != NULL ? s->info.serial : "");
	free(fp);
	if (!transfer_public(t, &p))
		out_warn("%s: it has no public key with which its private key "
		    "could be compared", t->from);
}

static int
verify(const struct judge *j, const char *path, struct err *e)
{
	struct transfer t = { 0 };
	char kcv[DKEK_KCV_LEN];
	int r;

	snprintf(t.from, sizeof(t.from), "%.250s", path);
	if ((r = wrapfile_read(path, &t.w, e)) == 0 &&
	    (r = transfer_read(&t, e)) == 0) {
		if ((r = prove(j, &t, kcv, e)) == 0)
			print(j, &t, kcv);
		else
			err_wrap(e, "\"%.200s\"", path);
	}
	free(t.key.blob);
	return r;
}

/* One that is bad keeps none of the others from being looked at. */
static int
verify_all(const struct judge *j, const struct cmd_args *a, struct err *e)
{
	size_t bad = 0;
	int r = 0;

	for (size_t i = 0; i < a->n_operands; i++) {
		if (verify(j, a->operand[i], e) == 0)
			continue;
		r = (int)e->code;
		if (a->n_operands > 1)
			out_warn("%s", e->msg);
		bad++;
	}
	if (bad > 0 && a->n_operands > 1)
		return err_set(e, r, 0, "%zu of %zu files are not good", bad,
		    a->n_operands);
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct judge j = { 0 };
	struct err ignored;
	int r = 0;

	if (a->n_operands == 0)
		return err_set(e, ERR_USAGE, 0, "name the files of the keys");
	if (a->value[OPT_SHARE] != NULL)
		r = open_shares(&j.dkek, a, e);
	else if (a->value[OPT_PASSWORD_FILE] != NULL ||
	    a->value[OPT_THRESHOLD] != NULL)
		r = err_set(e, ERR_USAGE, 0, "a password is that of a share: "
		    "name it with --share");
	else if (tokens_open(&j.tokens, NULL, &ignored) != 0)
		tokens_close(&j.tokens);
	if (r == 0)
		r = verify_all(&j, a, e);
	if (r == 0 && j.dkek == NULL)
		out_warn("only the shares of the DKEK (--share) can prove "
		    "that the files are unaltered and hold the private keys");
	dkek_free(j.dkek);
	tokens_close(&j.tokens);
	return r;
}

const struct cmd cmd_backup_verify = {
	.name = "backup verify",
	.operands = "FILE...",
	.summary = "prove that backups are whole, without any token",
	.about = "With the shares of the DKEK it is proved that each file is "
	    "as the token wrote it, and holds the private key of the public "
	    "key in it.  Without, only its outside is checked.",
	.options = options,
	.run = run,
};

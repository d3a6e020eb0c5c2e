/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dkek/dkek.h"
#include "dkek/parttext.h"
#include "keyutil/cmd.h"
#include "keyutil/newfile.h"
#include "keyutil/out.h"
#include "keyutil/password.h"
#include "keyutil/sharefile.h"

enum {
	OPT_OUTPUT,
	OPT_PASSWORD_FILE,
	OPT_SHARES,
	OPT_THRESHOLD,
};

static const struct cmd_option options[] = {
	[OPT_OUTPUT] = { "output", "FILE",
	    "the file to make; what exists is not replaced" },
	[OPT_PASSWORD_FILE] = { "password-file", "FILE",
	    "take the password from the first line of FILE; -: of standard "
	    "input" },
	[OPT_SHARES] = { "shares", "N",
	    "make a random password, and split it among so many people, 2 "
	    "to 15" },
	[OPT_THRESHOLD] = { "threshold", "N",
	    "so many of them are needed to open the file, 2 or more" },
	{ 0 },
};

struct job {
	struct sharefile file;
	size_t		 shares;	/* of the password; 0: not split */
	struct shamir_part *part;	/* SHAMIR_MADE_MAX, in a page */
	struct secret	*password, *share;
	char		 kcv[DKEK_KCV_LEN];
};

#define PARTS_BYTES	(SHAMIR_MADE_MAX * sizeof(struct shamir_part))

static int
parse(struct job *j, const struct cmd_args *a, struct err *e)
{
	int r;

	j->file.path = a->value[OPT_OUTPUT];
	j->file.password_file = a->value[OPT_PASSWORD_FILE];
	if (j->file.path == NULL)
		return err_set(e, ERR_USAGE, 0, "give the file to make with "
		    "-o");
	if ((a->value[OPT_SHARES] == NULL) !=
	    (a->value[OPT_THRESHOLD] == NULL))
		return err_set(e, ERR_USAGE, 0, "--shares and --threshold "
		    "belong together");
	if (a->value[OPT_SHARES] != NULL && j->file.password_file != NULL)
		return err_set(e, ERR_USAGE, 0, "the password that --shares "
		    "splits is made here: leave --password-file out");
	if ((r = sharefile_parse_threshold(a->value[OPT_THRESHOLD],
	    &j->file.threshold, e)) != 0)
		return err_wrap(e, "--threshold");
	if ((r = sharefile_parse_threshold(a->value[OPT_SHARES], &j->shares,
	    e)) != 0)
		return err_wrap(e, "--shares");
	return 0;
}

static int
get_password(struct job *j, struct err *e)
{
	return j->shares > 0 ?
	    shamir_split(j->file.threshold, j->part, j->shares, j->password,
	    e) :
	    password_ask_new(j->file.path, j->file.password_file,
	    j->password, e);
}

static int
make_share(struct job *j, struct err *e)
{
	struct dkek *d = dkek_new();
	int r;

	if (d == NULL)
		return err_set(e, ERR_NOMEM, 0, "DKEK share");
	if ((r = share_make(j->share, e)) == 0 &&
	    (r = dkek_add(d, j->share, e)) == 0)
		dkek_kcv_hex(d, j->kcv);
	dkek_free(d);
	return r;
}

/* Not through stdio, whose buffer is ordinary memory. */
static int
print_part(const struct job *j, size_t i, char *text, struct err *e)
{
	size_t n, done = 0;
	ssize_t put = 0;

	parttext_print(&j->part[i], text);
	n = strlen(text);
	while (done < n && (put = write(STDOUT_FILENO, text + done,
	    n - done)) != -1)
		done += (size_t)put;
	return done == n ? 0 : err_sys(e, "cannot print a password share");
}

/* Before the file is there: it is of no use without them. */
static int
print_parts(const struct job *j, struct err *e)
{
	char *text = secret_page_new(PARTTEXT_MAX);
	int r = 0;

	if (text == NULL)
		return err_set(e, ERR_NOMEM, 0, "password shares");
	for (size_t i = 0; r == 0 && i < j->shares; i++) {
		printf("Password share %zu of %zu; any %zu open %s\n", i + 1,
		    j->shares, j->file.threshold, j->file.path);
		if ((r = out_flush(e)) == 0 &&
		    (r = print_part(j, i, text, e)) == 0)
			putchar('\n');
	}
	secret_page_free(text, PARTTEXT_MAX);
	return r != 0 ? r : out_flush(e);
}

static void
say_what_is_next(const struct job *j)
{
	char option[32] = "";

	if (j->shares > 0)
		out_warn("each of %zu people notes the three lines of one "
		    "password share, shows them to nobody, and keeps them "
		    "away from the file; then clear this screen: they are "
		    "kept nowhere else", j->shares);
	else
		out_warn("keep the file and its password in different "
		    "places; without either, no backup under this DKEK can "
		    "be restored");
	if (j->shares > 0)
		snprintf(option, sizeof(option), "--threshold %zu ",
		    j->file.threshold);
	out_warn("next: \"hsm-keyutil dkek import-share %s%s\", for each "
	    "token that is to have it", option, j->file.path);
}

static int
create(struct job *j, struct err *e)
{
	struct span bytes = { j->file.bytes, sizeof(j->file.bytes) };
	int r;

	if ((r = get_password(j, e)) != 0 ||
	    (r = make_share(j, e)) != 0 ||
	    (r = sharefile_seal(&j->file, j->password, j->share, e)) != 0 ||
	    (r = print_parts(j, e)) != 0)
		return r;
	if ((r = newfile_write(j->file.path, bytes, e)) != 0) {
		if (j->shares > 0)
			out_warn("the password shares above are of no use: "
			    "the file was not written");
		return r;
	}
	printf("%s: key check value %s, when it is the only share\n",
	    j->file.path, j->kcv);
	say_what_is_next(j);
	return 0;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct job j = { 0 };
	int r;

	if ((r = parse(&j, a, e)) != 0 ||
	    (r = newfile_check(j.file.path, e)) != 0)
		return r;
	j.part = secret_page_new(PARTS_BYTES);
	j.password = secret_new();
	j.share = secret_new();
	if (j.part == NULL || j.password == NULL || j.share == NULL)
		r = err_set(e, ERR_NOMEM, 0, "DKEK share");
	else
		r = create(&j, e);
	secret_page_free(j.part, PARTS_BYTES);
	secret_free(j.password);
	secret_free(j.share);
	return r;
}

const struct cmd cmd_dkek_create_share = {
	.name = "dkek create-share",
	.summary = "make a new share of a DKEK, in a file under a password",
	.about = "No token is needed.  The password is asked for, or made "
	    "and split with --shares and --threshold.  sc-hsm-tool reads the "
	    "file, and asks for the password shares by the same words.",
	.options = options,
	.run = run,
};

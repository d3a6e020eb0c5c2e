/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/when.h"
#include "keyutil/carequest.h"
#include "keyutil/certfiles.h"
#include "keyutil/cmd.h"
#include "keyutil/filesig.h"
#include "keyutil/keyid.h"
#include "keyutil/newfile.h"
#include "keyutil/out.h"
#include "keyutil/pubfile.h"
#include "keyutil/readfile.h"
#include "keyutil/signkey.h"
#include "ssh/keytext.h"
#include "ssh/sshsig.h"

#define KEY_ID	"{user}@{date}"

enum {
	OPT_CA,
	OPT_PROFILE,
	OPT_HOST,
	OPT_PRINCIPALS,
	OPT_VALIDITY,
	OPT_KEY_ID,
	OPT_OPTION,
	OPT_OUTPUT,
	OPT_SIGN_KEY,
	OPT_TOKEN,
	OPT_PIN_FILE,
};

static const struct cmd_option options[] = {
	[OPT_CA] = { "ca", "KEY", "the CA that is to sign: its .pub file, or "
	    "the label, id or fingerprint of its key" },
	[OPT_PROFILE] = CMD_OPTION_PROFILE,
	[OPT_HOST] = CMD_OPTION_FOR_HOSTS,
	[OPT_PRINCIPALS] = CMD_OPTION_PRINCIPALS,
	[OPT_VALIDITY] = CMD_OPTION_VALIDITY,
	[OPT_KEY_ID] = { "key-id", "TEXT", "its key id, in which {user}, "
	    "{date} and {comment} may stand" },
	[OPT_OPTION] = CMD_OPTION_CERT_OPTION,
	[OPT_OUTPUT] = { "output", "FILE",
	    "write it to this file, not to NAME.request" },
	[OPT_SIGN_KEY] = CMD_OPTION_SIGN_KEY,
	[OPT_TOKEN] = CMD_OPTION_TOKEN_ITSELF,
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	{ 0 },
};

struct job {
	const struct cmd_args *a;
	struct ca_blocks blocks;
	const struct ca_profile *profile;
	const struct ca_block *block;	/* of the CA; NULL: nobody knows */
	struct wire_w	 ca;		/* its blob */
	struct certorder order;
	const char	*options[CMD_MANY_MAX];
	struct wire_w	 draft;
	char		*text;		/* the request */
	struct signkey	 key;		/* signs it */
	char		*file, *sig_file;
	struct stat	 sig_was;	/* left over, if it is */
	bool		 sig_there;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, 0, "certificate request");
}

/* --- whose signature --- */

static int
find_profile(struct job *j, struct err *e)
{
	const char *name = j->a->value[OPT_PROFILE];

	if (name == NULL)
		return 0;
	j->profile = ca_blocks_profile(&j->blocks, name);
	return j->profile != NULL ? 0 : err_set(e, ERR_USAGE, 0, "there is no "
	    "Profile \"%.100s\" in %.150s", name, j->blocks.file != NULL ?
	    j->blocks.file : "hsm-ssh-agent.conf(5), which is not there");
}

/* Who asks need not have the CA here. */
static int
ca_from_file(struct job *j, const char *path, struct err *e)
{
	char *comment = NULL, *fp = NULL;
	int r;

	if ((r = pubfile_blob(path, &j->ca, &comment, e)) == 0) {
		if (!cert_is_plain_key(wire_bytes(&j->ca)))
			r = err_set(e, ERR_USAGE, 0, "\"%.200s\" is not the "
			    "key of a CA", path);
		else if ((fp = keytext_fingerprint(wire_bytes(&j->ca))) ==
		    NULL)
			r = no_memory(e);
		else
			j->block = ca_blocks_find(&j->blocks, fp, "",
			    comment);
	}
	free(comment);
	free(fp);
	return r;
}

static int
ca_from_name(struct job *j, const char *name, struct err *e)
{
	const struct casigner_wish wish = { .blocks = &j->blocks,
	    .name = name, .looks = true };
	struct casigner *s;
	int r;

	if ((r = casigner_open(&s, &wish, e)) != 0)
		return err_wrap(e, "which CA?  Its .pub file says it, after "
		    "--ca");
	wire_put_raw(&j->ca, casigner_ca(s));
	j->block = casigner_block(s);
	casigner_close(s);
	return 0;
}

static int
find_ca(struct job *j, struct err *e)
{
	const char *name = j->a->value[OPT_CA];

	if (name == NULL && j->profile != NULL)
		name = j->profile->ca;
	if (!wire_write(&j->ca, CA_DRAFT_MAX))
		return no_memory(e);
	return name != NULL && pubfile_is_named(name) ?
	    ca_from_file(j, name, e) : ca_from_name(j, name, e);
}

/* --- what is asked for --- */

static const char *
key_id_of(const struct job *j)
{
	if (j->a->value[OPT_KEY_ID] != NULL)
		return j->a->value[OPT_KEY_ID];
	return j->profile != NULL && j->profile->key_id != NULL ?
	    j->profile->key_id : KEY_ID;
}

static int
fill_order(struct job *j, struct err *e)
{
	const struct cmd_args *a = j->a;
	struct certwish w = { .profile = j->profile, .block = j->block,
	    .type = a->value[OPT_HOST] != NULL ? CERT_HOST :
	    j->profile != NULL ? j->profile->type : CERT_USER,
	    .principals = a->value[OPT_PRINCIPALS],
	    .validity = a->value[OPT_VALIDITY], .key_id = key_id_of(j),
	    .options = j->options, .now = time(NULL) };
	int r;

	if (strstr(w.key_id, "{serial}") != NULL)
		return err_set(e, ERR_USAGE, 0, "the key id \"%.100s\" cannot "
		    "have the serial number, which the CA only gives to what "
		    "it signs: say another with --key-id", w.key_id);
	for (size_t i = 0; i < a->n_many; i++)
		if (a->many[i].option == OPT_OPTION)
			j->options[w.n_options++] = a->many[i].value;
	if ((r = certfiles_key(a->operand[0], &j->order, e)) != 0)
		return r;
	return certwish_fill(&w, &j->order, e);
}

static int
set_key_id(struct certorder *o, struct err *e)
{
	const struct keyid_words w = { .user = o->draft.principals.v[0],
	    .comment = o->comment, .now = time(NULL) };
	char id[CA_NAME_MAX + 1];
	int r;

	if ((r = keyid_make(o->key_id, &w, id, e)) != 0)
		return r;
	return ca_draft_set_key_id(&o->draft, id, e);
}

/*
 * Why wait for others, if the CA says no?  Who asks it, and the number that it
 * gives, is not known yet.
 */
static int
check_policy(const struct job *j, struct err *e)
{
	struct ca_policy p;
	struct cert c;
	int r;

	if ((r = cert_parse_tbs(wire_bytes(&j->draft), &c, e)) != 0 ||
	    j->block == NULL || j->block->policy.observe)
		return r;
	p = j->block->policy;
	p.n_users = 0;
	p.programs.n = 0;
	p.serial = false;
	return ca_policy_check(&p, &c, &(const struct ca_request){ 0 },
	    time(NULL), e);
}

static int
make_text(struct job *j, struct err *e)
{
	struct certorder *o = &j->order;
	int r;

	if (!wire_write(&j->draft, CA_DRAFT_MAX))
		return no_memory(e);
	if ((r = set_key_id(o, e)) != 0 ||
	    (r = ca_draft_nonce(&o->draft, e)) != 0 ||
	    (r = ca_draft_put_tbs(&o->draft, (struct span){ o->subject,
	    o->subject_n }, wire_bytes(&j->ca), &j->draft, e)) != 0 ||
	    (r = approval_request_put(wire_bytes(&j->draft), &j->text,
	    e)) != 0)
		return r;
	return check_policy(j, e);
}

/* --- the files --- */

static int
name_files(struct job *j, struct err *e)
{
	const char *file = j->a->operand[0], *output = j->a->value[OPT_OUTPUT];
	size_t n = strlen(file);

	if (n > 4 && strcmp(file + n - 4, ".pub") == 0)
		n -= 4;
	if ((output != NULL ? asprintf(&j->file, "%s", output) :
	    asprintf(&j->file, "%.*s" CAREQUEST_END, (int)n, file)) == -1) {
		j->file = NULL;
		return no_memory(e);
	}
	if (asprintf(&j->sig_file, "%s" CAREQUEST_SIG_END, j->file) == -1) {
		j->sig_file = NULL;
		return no_memory(e);
	}
	return 0;
}

static bool
is_signature(const char *file)
{
	uint8_t *bytes = malloc(SSHSIG_TEXT_MAX);
	size_t n = SSHSIG_TEXT_MAX;
	struct sshsig s;
	struct err e;
	bool is;

	is = bytes != NULL && readfile(file, bytes, &n, &e) == 0 &&
	    sshsig_parse((struct span){ bytes, n }, &s, &e) == 0;
	if (is)
		sshsig_free(&s);
	free(bytes);
	return is;
}

/*
 * The request comes last, so a signature without one was left over when it
 * was cut off.
 */
static int
look_at_files(struct job *j, struct err *e)
{
	int r;

	if ((r = name_files(j, e)) != 0 || (r = newfile_check(j->file,
	    e)) != 0)
		return r;
	j->sig_there = lstat(j->sig_file, &j->sig_was) == 0;
	if (j->sig_there && S_ISREG(j->sig_was.st_mode) &&
	    is_signature(j->sig_file))
		return 0;
	return newfile_check(j->sig_file, e);
}

/* --- the signature --- */

static int
find_key(struct job *j, struct err *e)
{
	const char *name = j->a->value[OPT_SIGN_KEY];
	const struct ca_list *may = j->block != NULL ?
	    &j->block->policy.requesters : NULL;
	const struct span subject = { j->order.subject, j->order.subject_n };
	int r;

	r = name != NULL ? signkey_find(&j->key, name,
	    j->a->value[OPT_TOKEN], e) :
	    signkey_take(&j->key, subject, j->order.comment, e);
	if (r != 0)
		return r;
	if (may == NULL || may->n == 0 || j->block->policy.observe ||
	    ca_list_has(may, j->key.fingerprint))
		return 0;
	return err_set(e, ERR_DENIED, 0, "%s may not ask for certificates of "
	    "this CA: sign with one of its Requesters, after --sign-key",
	    j->key.fingerprint);
}

static int
write_files(struct job *j, struct err *e)
{
	const struct filesig_wish w = { .key = wire_bytes(&j->key.blob),
	    .ns = APPROVAL_NS_REQUEST, .token = j->a->value[OPT_TOKEN],
	    .pin_file = j->a->value[OPT_PIN_FILE],
	    .reason = "to ask for a certificate" };
	char *sig = NULL;
	int r;

	if ((r = filesig_make(&w, span_cstr(j->text), &sig, e)) != 0)
		return err_wrap(e, "the request is not signed by %s%s",
		    j->key.fingerprint, j->a->value[OPT_SIGN_KEY] != NULL ?
		    "" : ", the key to be certified (--sign-key names "
		    "another)");
	if ((r = newfile_publish(j->sig_file, j->sig_there ? &j->sig_was :
	    NULL, span_cstr(sig), e)) == 0)
		r = newfile_publish(j->file, NULL, span_cstr(j->text), e);
	free(sig);
	return r;
}

static void
tell(const struct job *j)
{
	const struct ca_draft *d = &j->order.draft;
	const size_t n = j->block != NULL ? j->block->policy.approvals : 0;

	printf("%s: asks for \"%s\", until %s; signed by %s\n",
	    out_clean(span_cstr(j->file)).s,
	    out_clean(span_cstr(d->key_id)).s,
	    ca_when_date(d->valid_before).s, j->key.fingerprint);
	if (n > 0)
		printf("The CA signs it when %zu of its Approvers have run, "
		    "with this file and %s,\n", n,
		    out_clean(span_cstr(j->sig_file)).s);
	else
		printf("Bring it with %s to those who approve, for\n",
		    out_clean(span_cstr(j->sig_file)).s);
	printf("    hsm-keyutil ca approve %s\n",
	    out_clean(span_cstr(j->file)).s);
}

static int
make(struct job *j, struct err *e)
{
	int r;

	if ((r = find_profile(j, e)) != 0 || (r = find_ca(j, e)) != 0 ||
	    (r = fill_order(j, e)) != 0 || (r = make_text(j, e)) != 0 ||
	    (r = find_key(j, e)) != 0 || (r = look_at_files(j, e)) != 0 ||
	    (r = write_files(j, e)) != 0)
		return r;
	tell(j);
	return 0;
}

static int
check_args(const struct cmd_args *a, struct err *e)
{
	if (a->n_operands != 1)
		return err_set(e, ERR_USAGE, 0, "name one .pub file, of the "
		    "key to certify");
	if (a->value[OPT_OUTPUT] != NULL &&
	    strcmp(a->value[OPT_OUTPUT], "-") == 0)
		return err_set(e, ERR_USAGE, 0, "a request is two files: name "
		    "the first after --output, and the signature goes beside "
		    "it");
	if (readfile_is_stdin(a->operand[0]) && a->value[OPT_OUTPUT] == NULL)
		return err_set(e, ERR_USAGE, 0, "a key on standard input has "
		    "no name: say with --output where the request goes");
	if (a->value[OPT_PIN_FILE] != NULL &&
	    readfile_is_stdin(a->operand[0]) &&
	    readfile_is_stdin(a->value[OPT_PIN_FILE]))
		return err_set(e, ERR_USAGE, 0, "standard input is one file; "
		    "name files for the others");
	return 0;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct job *j;
	int r;

	if ((r = check_args(a, e)) != 0)
		return r;
	if ((j = calloc(1, sizeof(*j))) == NULL)
		return no_memory(e);
	j->a = a;
	if ((r = ca_blocks_load(NULL, &j->blocks, e)) == 0)
		r = make(j, e);
	certorder_clear(&j->order);
	signkey_free(&j->key);
	wire_free(&j->ca);
	wire_free(&j->draft);
	free(j->text);
	free(j->file);
	free(j->sig_file);
	ca_blocks_clear(&j->blocks);
	free(j);
	return r;
}

const struct cmd cmd_ca_request = {
	.name = "ca request",
	.operands = "FILE",
	.summary = "ask for a certificate that others have to approve of",
	.about = "FILE is the .pub file of the key to certify, NAME.pub.  The "
	    "request goes to NAME.request, for people to read, and its "
	    "signature to NAME.request.sig.  Without --sign-key the key to "
	    "certify signs it.",
	.options = options,
	.run = run,
};

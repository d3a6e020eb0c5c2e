/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keyutil/agents.h"
#include "keyutil/ask.h"
#include "keyutil/carequest.h"
#include "keyutil/certshow.h"
#include "keyutil/cmd.h"
#include "keyutil/filesig.h"
#include "keyutil/newfile.h"
#include "keyutil/out.h"
#include "keyutil/readfile.h"
#include "keyutil/signkey.h"
#include "ssh/keytext.h"
#include "ssh/sshsig.h"

enum {
	OPT_SIGN_KEY,
	OPT_OUTPUT,
	OPT_YES,
	OPT_TOKEN,
	OPT_PIN_FILE,
};

static const struct cmd_option options[] = {
	[OPT_SIGN_KEY] = CMD_OPTION_SIGN_KEY,
	[OPT_OUTPUT] = { "output", "FILE", "write the approval to this file, "
	    "not beside the request" },
	[OPT_YES] = { "yes", NULL, "do not ask" },
	[OPT_TOKEN] = CMD_OPTION_TOKEN_ITSELF,
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	{ 0 },
};

struct job {
	const struct cmd_args *a;
	struct carequest request;
	struct ca_blocks blocks;
	const struct ca_policy *policy;	/* that asks for approvals, if known */
	struct signkey	 key;
	char		*file;		/* for the approval */
	struct stat	 was;		/* of an older request */
	bool		 there;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, 0, "approval");
}

/* --- may this key approve of it --- */

/* What the agent calls the CA's key, clean; NULL: it does not have it. */
static char *
label_of(struct span ca)
{
	struct span blob, comment;
	struct wire_w answer = { 0 };
	struct identities ids;
	struct agent ours = { 0 };
	char label[256], *found = NULL;
	struct err e;

	if (agents_find(&ours, &e) == 0 && ours.found &&
	    agents_list(ours.socket, &answer, &ids, &e) == 0)
		while (found == NULL && identities_next(&ids, &blob,
		    &comment))
			if (span_eq(blob, ca)) {
				keytext_clean(label, sizeof(label), comment);
				found = strdup(label);
			}
	wire_free(&answer);
	agents_free(&ours);
	return found;
}

/* Who approves need not have the CA's configuration. */
static int
find_policy(struct job *j, struct err *e)
{
	const struct span ca = j->request.request.cert.ca;
	const struct ca_block *b = NULL;
	char *fp, *label = NULL;
	int r;

	if ((r = ca_blocks_load(NULL, &j->blocks, e)) != 0 ||
	    j->blocks.n_cas == 0)
		return r;
	if ((fp = keytext_fingerprint(ca)) == NULL)
		return no_memory(e);
	if ((b = ca_blocks_find(&j->blocks, fp, "", "")) == NULL &&
	    (label = label_of(ca)) != NULL)
		b = ca_blocks_find(&j->blocks, "", "", label);
	if (b != NULL && b->policy.approvals > 0)
		j->policy = &b->policy;
	free(fp);
	free(label);
	return 0;
}

static bool
is_subject(const struct job *j)
{
	const char *const key = j->key.fingerprint;
	struct wire_w w;
	char *fp = NULL;
	bool same;

	if (wire_write(&w, APPROVAL_TEXT_MAX)) {
		cert_put_subject(&j->request.request.cert, &w);
		fp = keytext_fingerprint(wire_bytes(&w));
	}
	wire_free(&w);
	same = fp != NULL && strcmp(fp, key) == 0;
	free(fp);
	return same;
}

/* An approval that counts for nothing is not even signed. */
static int
check_key(const struct job *j, struct err *e)
{
	const char *key = j->key.fingerprint, *by = j->request.by;
	const struct ca_policy *p = j->policy;

	if (strcmp(key, by) == 0)
		return err_set(e, ERR_DENIED, 0, "%s has asked for it, and "
		    "nobody approves his own request: somebody else has to, "
		    "with another key", key);
	if (is_subject(j))
		return err_set(e, ERR_DENIED, 0, "%s is the key to be "
		    "certified, and does not count for itself: approve with "
		    "another key", key);
	if (p == NULL)
		return 0;
	if (p->requesters.n > 0 && !ca_list_has(&p->requesters, by))
		return err_set(e, ERR_DENIED, 0, "%s, who asks, may not ask "
		    "for certificates of this CA (Requesters)", by);
	if (!ca_list_has(&p->approvers, key))
		return err_set(e, ERR_DENIED, 0, "the CA does not have %s "
		    "among its Approvers, and would not count it", key);
	return 0;
}

/* --- the file --- */

/* Of the same key: true when `file` is an approval of any request. */
static bool
is_own_approval(const struct job *j)
{
	uint8_t *bytes = malloc(SSHSIG_TEXT_MAX);
	size_t n = SSHSIG_TEXT_MAX;
	struct sshsig s;
	struct err e;
	bool own = false;

	if (bytes != NULL && readfile(j->file, bytes, &n, &e) == 0 &&
	    sshsig_parse((struct span){ bytes, n }, &s, &e) == 0) {
		own = span_eq(s.key, wire_bytes(&j->key.blob)) &&
		    span_is(s.ns, APPROVAL_NS_APPROVE);
		sshsig_free(&s);
	}
	free(bytes);
	return own;
}

/* One of an older request of that name is worth nothing any more. */
static int
look_at_file(struct job *j, struct err *e)
{
	const char *output = j->a->value[OPT_OUTPUT];

	j->file = output != NULL ? strdup(output) :
	    carequest_approval_name(&j->request, &j->key);
	if (j->file == NULL)
		return no_memory(e);
	j->there = lstat(j->file, &j->was) == 0;
	if (j->there && S_ISREG(j->was.st_mode) && is_own_approval(j))
		return 0;
	return newfile_check(j->file, e);
}

/* --- the person --- */

static int
show(const struct job *j, struct err *e)
{
	const struct carequest *q = &j->request;
	const time_t now = time(NULL);

	out_field(stdout, "Request", "%s", out_clean(span_cstr(q->file)).s);
	out_field(stdout, "Asks", "%s", q->by);
	for (size_t i = 0; i < q->papers.n; i++)
		out_field(stdout, "Approved", "by %s", q->approval[i].by);
	if (j->policy != NULL)
		out_field(stdout, "Wanted", "%zu approvals",
		    j->policy->approvals);
	return certshow_print_wish(stdout, &q->request.cert,
	    now > 0 ? (uint64_t)now : 0, e);
}

static int
ask(const struct job *j, struct err *e)
{
	if (j->a->value[OPT_YES] != NULL)
		return 0;
	printf("Whoever holds this request with your approval can have it "
	    "signed.\n");
	return ask_to_type("yes", false, e);
}

/* --- the approval --- */

static int
write_approval(const struct job *j, struct err *e)
{
	const struct filesig_wish w = { .key = wire_bytes(&j->key.blob),
	    .ns = APPROVAL_NS_APPROVE, .token = j->a->value[OPT_TOKEN],
	    .pin_file = j->a->value[OPT_PIN_FILE],
	    .reason = "to approve of a certificate" };
	char *sig = NULL;
	int r;

	if ((r = filesig_make(&w, j->request.papers.request, &sig, e)) != 0)
		return err_wrap(e, "the approval is not signed by %s",
		    j->key.fingerprint);
	r = newfile_publish(j->file, j->there ? &j->was : NULL,
	    span_cstr(sig), e);
	free(sig);
	return r;
}

/* The file in which it is; NULL: it is not there yet. */
static const char *
approved_in(const struct job *j)
{
	const struct carequest *q = &j->request;

	for (size_t i = 0; i < q->papers.n; i++)
		if (strcmp(q->approval[i].by, j->key.fingerprint) == 0)
			return q->approval[i].file;
	return NULL;
}

/* How many are there now, and what comes next. */
static int
tell(struct job *j, struct err *e)
{
	struct carequest *q = &j->request;
	const char *file = q->file, *in;
	struct approval_names who;
	struct approval_rule rule;
	int r;

	if (approved_in(j) == NULL && (r = carequest_add(q, j->file,
	    e)) != 0)
		return r;
	in = approved_in(j) != NULL ? approved_in(j) : j->file;
	printf("%s: approved by %s\n", out_clean(span_cstr(in)).s,
	    j->key.fingerprint);
	if (j->policy == NULL) {
		printf("Whoever has the CA's key signs it with\n    "
		    "hsm-keyutil ca sign --request %s\n",
		    out_clean(span_cstr(file)).s);
		return 0;
	}
	rule = approval_rule_of(j->policy);
	r = approval_check(&rule, &q->request.cert, &q->papers, &who, e);
	printf("%zu of %zu approvals are there; %s\n    hsm-keyutil ca %s%s\n",
	    who.n, rule.needed, r == 0 ? "it can be signed with" :
	    "another of the Approvers runs", r == 0 ? "sign --request " :
	    "approve ", out_clean(span_cstr(file)).s);
	return 0;
}

static int
approve(struct job *j, struct err *e)
{
	int r;

	if ((r = carequest_read(&j->request, j->a->operand[0], e)) != 0 ||
	    (r = carequest_check_time(&j->request, e)) != 0 ||
	    (r = find_policy(j, e)) != 0 ||
	    (r = signkey_find(&j->key, j->a->value[OPT_SIGN_KEY],
	    j->a->value[OPT_TOKEN], e)) != 0 ||
	    (r = check_key(j, e)) != 0 ||
	    (r = carequest_find(&j->request, e)) != 0 ||
	    (r = look_at_file(j, e)) != 0 || (r = show(j, e)) != 0)
		return r;
	if (approved_in(j) != NULL)
		out_warn("%s has approved of it already",
		    j->key.fingerprint);
	else if ((r = ask(j, e)) != 0 || (r = write_approval(j, e)) != 0)
		return r;
	return tell(j, e);
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct job *j;
	int r;

	if (a->n_operands != 1)
		return err_set(e, ERR_USAGE, 0, "name one request, which "
		    "\"hsm-keyutil ca request\" has written");
	if (a->value[OPT_SIGN_KEY] == NULL)
		return err_set(e, ERR_USAGE, 0, "say with --sign-key which "
		    "key of yours approves: its .pub file, or what \"ssh-add "
		    "-l\" or \"hsm-keyutil list\" calls it");
	if (a->value[OPT_OUTPUT] != NULL &&
	    strcmp(a->value[OPT_OUTPUT], "-") == 0)
		return err_set(e, ERR_USAGE, 0, "standard output has what is "
		    "asked for; name a file with --output");
	if ((j = calloc(1, sizeof(*j))) == NULL)
		return no_memory(e);
	j->a = a;
	r = approve(j, e);
	carequest_free(&j->request);
	signkey_free(&j->key);
	ca_blocks_clear(&j->blocks);
	free(j->file);
	free(j);
	return r;
}

const struct cmd cmd_ca_approve = {
	.name = "ca approve",
	.operands = "FILE",
	.summary = "approve of what a request for a certificate asks for",
	.about = "FILE is a request of \"ca request\", with its signature in "
	    "FILE.sig beside it.  What it asks for is shown, and after a yes "
	    "signed, into FILE.WHO.approval.",
	.options = options,
	.run = run,
};

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/approval.h"
#include "ssh/keytext.h"
#include "ssh/sshsig.h"

struct approval_rule
approval_rule_of(const struct ca_policy *p)
{
	return (struct approval_rule){ .needed = p->approvals,
	    .approvers = p->approvers, .requesters = p->requesters };
}

int
approval_matches(const struct cert *q, const struct cert *c, struct err *e)
{
	const struct {
		bool		 same;
		const char	*part;
	} parts[] = {
		{ span_eq(q->type_name, c->type_name), "type of key" },
		{ span_eq(q->key_fields, c->key_fields), "subject's key" },
		{ q->type == c->type, "type" },
		{ span_eq(q->key_id, c->key_id), "key id" },
		{ span_eq(q->principals, c->principals), "principals" },
		{ q->valid_after == c->valid_after, "begin" },
		{ q->valid_before == c->valid_before, "end" },
		{ span_eq(q->critical, c->critical), "critical options" },
		{ span_eq(q->extensions, c->extensions), "extensions" },
		{ span_eq(q->ca, c->ca), "CA" },
		{ span_eq(q->nonce, c->nonce), "nonce" },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!parts[i].same)
			return err_set(e, ERR_DENIED, 0, "the certificate is "
			    "not the one that was asked for: its %s %s "
			    "different", parts[i].part,
			    parts[i].part[strlen(parts[i].part) - 1] == 's' ?
			    "are" : "is");
	return 0;
}

int
approval_signer(struct span in, const char *ns, struct span request,
    char name[APPROVAL_NAME_MAX], struct err *e)
{
	struct sshsig s;
	char *fp;
	int r;

	name[0] = '\0';
	if ((r = sshsig_parse(in, &s, e)) != 0)
		return r;
	if ((fp = keytext_fingerprint(s.key)) == NULL)
		r = err_set(e, ERR_NOMEM, 0, "fingerprint");
	else {
		snprintf(name, APPROVAL_NAME_MAX, "%s", fp);
		r = sshsig_verify(&s, ns, request, e);
	}
	free(fp);
	sshsig_free(&s);
	return r;
}

static int
check_requester(const struct approval_rule *rule,
    const struct approval_papers *papers, struct approval_names *who,
    struct err *e)
{
	int r;

	r = approval_signer(papers->signature, APPROVAL_NS_REQUEST,
	    papers->request, who->requester, e);
	if (r != 0) {
		if (who->requester[0] == '\0')
			return err_wrap(e, "the request's signature");
		return err_wrap(e, "the request's signature by %s",
		    who->requester);
	}
	if (rule->requesters.n > 0 &&
	    !ca_list_has(&rule->requesters, who->requester))
		return err_set(e, ERR_DENIED, 0, "%s may not ask for "
		    "certificates of this CA", who->requester);
	return 0;
}

/* --- approvals --- */

/* Why some of them do not count. */
struct faults {
	char		 text[240];
	size_t		 used, more;
};

static void
add_fault(struct faults *f, size_t i, const char *name, const char *why)
{
	const size_t left = sizeof(f->text) - f->used;
	int n;

	n = snprintf(f->text + f->used, left, "; approval %zu%s%s does not "
	    "count: %s", i + 1, *name != '\0' ? " by " : "", name, why);
	if (n > 0 && (size_t)n < left)
		f->used += (size_t)n;
	else if (f->used > 0)
		f->more++;
	else
		f->used = left - 1;	/* one at least, cut */
	f->text[f->used] = '\0';
}

struct call {
	const struct approval_rule *rule;
	const struct approval_papers *papers;
	struct approval_names *who;
	char		*subject;	/* fingerprint */
	struct faults	 faults;
};

/* NULL: this one counts. */
static const char *
fault_of(const struct call *c, const char *name)
{
	if (strcmp(name, c->who->requester) == 0)
		return "nobody approves his own request";
	if (strcmp(name, c->subject) == 0)
		return "it is the key to be certified";
	if (!ca_list_has(&c->rule->approvers, name))
		return "the CA does not have it among its approvers";
	for (size_t i = 0; i < c->who->n; i++)
		if (strcmp(name, c->who->approver[i]) == 0)
			return "it has approved already";
	return NULL;
}

static int
count(struct call *c, size_t i, struct err *e)
{
	char name[APPROVAL_NAME_MAX];
	const char *fault;
	int r;

	r = approval_signer(c->papers->approvals[i], APPROVAL_NS_APPROVE,
	    c->papers->request, name, e);
	if (r == ERR_NOMEM)
		return r;
	fault = r != 0 ? e->msg : fault_of(c, name);
	if (fault != NULL)
		add_fault(&c->faults, i, name, fault);
	else
		memcpy(c->who->approver[c->who->n++], name, sizeof(name));
	return 0;
}

static int
count_all(struct call *c, struct err *e)
{
	char more[40] = "";
	int r;

	for (size_t i = 0; i < c->papers->n; i++)
		if ((r = count(c, i, e)) != 0)
			return r;
	if (c->who->n >= c->rule->needed)
		return 0;
	if (c->faults.more > 0)
		snprintf(more, sizeof(more), "; nor do %zu more",
		    c->faults.more);
	return err_set(e, ERR_DENIED, 0, "%zu of %zu approvals%s%s",
	    c->who->n, c->rule->needed, c->faults.text, more);
}

static char *
subject_of(const struct cert *c)
{
	char *name = NULL;
	struct wire_w w;

	if (wire_write(&w, APPROVAL_TEXT_MAX)) {
		cert_put_subject(c, &w);
		if (!w.bad)
			name = keytext_fingerprint(wire_bytes(&w));
	}
	wire_free(&w);
	return name;
}

static int
check_approvals(const struct approval_rule *rule, const struct cert *cert,
    const struct approval_papers *papers, struct approval_names *who,
    struct err *e)
{
	struct call c = { .rule = rule, .papers = papers, .who = who };
	int r;

	if ((c.subject = subject_of(cert)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "fingerprint");
	r = count_all(&c, e);
	free(c.subject);
	return r;
}

int
approval_check(const struct approval_rule *rule, const struct cert *c,
    const struct approval_papers *papers, struct approval_names *who,
    struct err *e)
{
	struct approval_request q;
	int r;

	*who = (struct approval_names){ 0 };
	if (papers->n > APPROVAL_MAX)
		return err_set(e, ERR_LIMIT, 0, "%zu approvals, more than %d",
		    papers->n, APPROVAL_MAX);
	if ((r = approval_request_read(papers->request, &q, e)) != 0)
		return r;
	r = approval_matches(&q.cert, c, e);
	approval_request_free(&q);
	if (r != 0 || (r = check_requester(rule, papers, who, e)) != 0)
		return r;
	return check_approvals(rule, c, papers, who, e);
}

void
approval_describe(const struct approval_names *who, char *buf, size_t len)
{
	size_t n;

	snprintf(buf, len, "asked for by %s, approved by", who->requester);
	for (size_t i = 0; i < who->n; i++) {
		n = strlen(buf);
		snprintf(buf + n, len - n, " %s", who->approver[i]);
	}
}

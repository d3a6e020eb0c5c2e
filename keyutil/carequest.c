/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/when.h"
#include "keyutil/carequest.h"
#include "keyutil/newfile.h"
#include "keyutil/out.h"
#include "keyutil/readfile.h"
#include "ssh/sshsig.h"

#define WHO_MAX		40	/* bytes of a comment in a file's name */
#define PRINT_LEN	8	/* letters of a fingerprint there */

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, 0, "certificate request");
}

/* --- its text --- */

static int
load(const char *file, size_t max, uint8_t **bytes, struct span *s,
    struct err *e)
{
	size_t n = max;
	int r;

	if ((*bytes = malloc(max)) == NULL)
		return no_memory(e);
	r = readfile(file, *bytes, &n, e);
	*s = (struct span){ *bytes, n };
	return r;
}

static int
load_signature(struct carequest *q, struct err *e)
{
	char *file;
	int r;

	if (asprintf(&file, "%s" CAREQUEST_SIG_END, q->file) == -1)
		return no_memory(e);
	if (access(file, F_OK) != 0 && errno == ENOENT)
		r = err_set(e, ERR_NOTFOUND, 0, "there is no \"%.200s\": a "
		    "request counts with the signature of who asks, which is "
		    "in that file", file);
	else if ((r = load(file, SSHSIG_TEXT_MAX, &q->sig,
	    &q->papers.signature, e)) == 0 &&
	    (r = approval_signer(q->papers.signature, APPROVAL_NS_REQUEST,
	    q->papers.request, q->by, e)) != 0)
		(void)err_wrap(e, "\"%.150s\" is no signature of \"%.150s\" "
		    "as it is now", file, q->file);
	free(file);
	return r;
}

int
carequest_read(struct carequest *q, const char *file, struct err *e)
{
	int r;

	*q = (struct carequest){ .file = file };
	q->papers.approvals = q->bytes;
	if ((r = load(file, APPROVAL_TEXT_MAX, &q->text, &q->papers.request,
	    e)) != 0)
		return r;
	if ((r = approval_request_read(q->papers.request, &q->request,
	    e)) != 0)
		return err_wrap(e, "\"%.200s\"", file);
	return load_signature(q, e);
}

void
carequest_free(struct carequest *q)
{
	for (size_t i = 0; i < q->papers.n; i++) {
		free(q->approval[i].file);
		free(q->approval[i].bytes);
	}
	approval_request_free(&q->request);
	free(q->text);
	free(q->sig);
	*q = (struct carequest){ 0 };
}

int
carequest_check_time(const struct carequest *q, struct err *e)
{
	const uint64_t end = q->request.cert.valid_before;
	const time_t now = time(NULL);

	return now > 0 && end > (uint64_t)now ? 0 : err_set(e, ERR_DENIED, 0,
	    "\"%.150s\" has expired: what it asks for ended %s; ask anew with "
	    "\"hsm-keyutil ca request\"", q->file, ca_when_date(end).s);
}

/* --- approvals --- */

static int
add(struct carequest *q, char *file, struct err *e)
{
	struct carequest_approval a = { .file = file };
	struct span *bytes = &q->bytes[q->papers.n];
	struct err why;
	int r;

	if ((r = load(file, SSHSIG_TEXT_MAX, &a.bytes, bytes, e)) == 0) {
		if (approval_signer(*bytes, APPROVAL_NS_APPROVE,
		    q->papers.request, a.by, &why) == 0) {
			q->approval[q->papers.n++] = a;
			return 0;
		}
		out_warn("\"%.150s\" does not count: it is no approval of "
		    "this request: %s", file, why.msg);
	}
	free(a.bytes);
	free(file);
	return r;
}

int
carequest_add(struct carequest *q, const char *file, struct err *e)
{
	char *copy;

	if (q->papers.n == APPROVAL_MAX)
		return err_set(e, ERR_LIMIT, 0, "\"%.150s\" has more than %d "
		    "approvals: name those that count with --approval",
		    q->file, APPROVAL_MAX);
	if ((copy = strdup(file)) == NULL)
		return no_memory(e);
	return add(q, copy, e);
}

static size_t
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

/* "NAME.request.WHO.approval" */
static bool
is_approval(const char *name, const char *request)
{
	const size_t n = strlen(name), head = strlen(request);
	const size_t end = strlen(CAREQUEST_APPROVAL_END);

	return n > head + end && strncmp(name, request, head) == 0 &&
	    name[head] == '.' &&
	    strcmp(name + n - end, CAREQUEST_APPROVAL_END) == 0;
}

static int
add_named(struct carequest *q, const char *name, struct err *e)
{
	char *path;
	int r;

	if (asprintf(&path, "%.*s%s", (int)directory_of(q->file), q->file,
	    name) == -1)
		return no_memory(e);
	r = carequest_add(q, path, e);
	free(path);
	return r;
}

int
carequest_find(struct carequest *q, struct err *e)
{
	const char *request = q->file + directory_of(q->file);
	struct dirent **names = NULL;
	const int fd = newfile_directory(q->file);
	const int n = fd == -1 ? -1 : scandirat(fd, ".", &names, NULL,
	    alphasort);
	int r = 0;

	if (n == -1)
		r = err_sys(e, "cannot look for approvals beside \"%.200s\"",
		    q->file);
	for (int i = 0; i < n; i++) {
		if (r == 0 && is_approval(names[i]->d_name, request))
			r = add_named(q, names[i]->d_name, e);
		free(names[i]);
	}
	free(names);
	if (fd != -1)
		close(fd);
	return r;
}

char *
carequest_approval_name(const struct carequest *q, const struct signkey *k)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";
	char who[WHO_MAX + PRINT_LEN + 2], *name;

	snprintf(who, sizeof(who), "%.*s%s%.*s", WHO_MAX, k->comment,
	    k->comment[0] != '\0' ? "-" : "", PRINT_LEN,
	    k->fingerprint + strlen("SHA256:"));
	for (char *p = who; *p != '\0'; p++)
		if (strchr(plain, *p) == NULL)
			*p = '_';
	return asprintf(&name, "%s.%s" CAREQUEST_APPROVAL_END, q->file,
	    who) == -1 ? NULL : name;
}

void
carequest_tell(FILE *f, const struct carequest *q)
{
	fprintf(f, "%s: asked for by %s\n", out_clean(span_cstr(q->file)).s,
	    q->by);
	for (size_t i = 0; i < q->papers.n; i++)
		fprintf(f, "%s: approved by %s\n",
		    out_clean(span_cstr(q->approval[i].file)).s,
		    q->approval[i].by);
}

static bool
may_ask(const struct carequest *q, const struct ca_policy *p)
{
	return p->requesters.n == 0 || ca_list_has(&p->requesters, q->by);
}

int
carequest_check(const struct carequest *q, const struct ca_policy *p,
    size_t *n, struct err *e)
{
	const struct approval_rule rule = approval_rule_of(p);
	struct approval_names who;
	const int r = approval_check(&rule, &q->request.cert, &q->papers,
	    &who, e);

	*n = who.n;
	if (r == 0)
		return 0;
	if (e->code == ERR_DENIED && may_ask(q, p))
		out_warn("another of the CA's Approvers approves with "
		    "\"hsm-keyutil ca approve %s\"", q->file);
	return err_wrap(e, "\"%.100s\"", q->file);
}

/* --- the certificate --- */

static char *
cert_name(const char *file)
{
	const size_t end = strlen(CAREQUEST_END);
	size_t n = strlen(file);
	char *name;

	if (n > end && strcmp(file + n - end, CAREQUEST_END) == 0)
		n -= end;
	return n > INT32_MAX || asprintf(&name, "%.*s-cert.pub", (int)n,
	    file) == -1 ? NULL : name;
}

int
carequest_order(const struct carequest *q, const char *output,
    struct certorders *l, struct err *e)
{
	const bool to_stdout = output != NULL && strcmp(output, "-") == 0;
	const struct cert *c = &q->request.cert;
	struct certorder o = { .fixed = true };
	int r;

	o.from = strdup(q->file);
	if (!to_stdout)
		o.file = output != NULL ? strdup(output) : cert_name(q->file);
	o.comment = strdup(out_clean(c->key_id).s);
	if (o.from == NULL || o.comment == NULL ||
	    (o.file == NULL && !to_stdout))
		r = no_memory(e);
	else if ((r = certorder_take_subject(&o, c, e)) == 0 &&
	    (r = ca_draft_from_cert(c, &o.draft, e)) == 0)
		r = certorders_add(l, &o, e);
	certorder_clear(&o);
	return r;
}

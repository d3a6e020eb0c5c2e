/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keyutil/certorder.h"
#include "keyutil/keyid.h"
#include "keyutil/newfile.h"
#include "keyutil/out.h"
#include "keyutil/pubfile.h"
#include "ssh/hostsig.h"
#include "ssh/keytext.h"

#define BLOB_MAX	(16 * 1024)
#define CERT_MAX	(96 * 1024)
#define TOLD_MAX	20	/* faults that are told one by one */

void
certorder_clear(struct certorder *o)
{
	free(o->from);
	free(o->subject);
	free(o->comment);
	free(o->file);
	free(o->key_id);
	ca_draft_clear(&o->draft);
	*o = (struct certorder){ 0 };
}

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, 0, "certificates");
}

int
certorder_copy_subject(struct certorder *o, struct span blob, struct err *e)
{
	if (blob.n == 0 || (o->subject = malloc(blob.n)) == NULL)
		return no_memory(e);
	memcpy(o->subject, blob.p, blob.n);
	o->subject_n = blob.n;
	return 0;
}

int
certorder_take_subject(struct certorder *o, const struct cert *c,
    struct err *e)
{
	struct wire_w w;
	int r;

	if (!wire_write(&w, BLOB_MAX))
		return no_memory(e);
	cert_put_subject(c, &w);
	r = certorder_copy_subject(o, wire_bytes(&w), e);
	wire_free(&w);
	return r;
}

static int
take_blob(struct certorder *o, struct span blob, struct err *e)
{
	struct cert c = { 0 };
	int r;

	if (cert_is_meant(blob))
		return err_set(e, ERR_FORMAT, 0, "a certificate, where a key "
		    "should be");
	if ((r = cert_set_subject(&c, blob, e)) != 0)
		return r;
	return certorder_copy_subject(o, blob, e);
}

int
certorder_set_subject(struct certorder *o, const char *line, struct err *e)
{
	struct span comment;
	struct wire_w blob;
	char clean[256];
	int r;

	if (!wire_write(&blob, BLOB_MAX))
		return no_memory(e);
	if ((r = keytext_parse(line, &blob, &comment, e)) == 0 &&
	    (r = take_blob(o, wire_bytes(&blob), e)) == 0) {
		keytext_clean(clean, sizeof(clean), comment);
		if ((o->comment = strdup(clean)) == NULL)
			r = no_memory(e);
	}
	wire_free(&blob);
	return r;
}

int
certorders_add(struct certorders *l, struct certorder *o, struct err *e)
{
	const size_t room = l->room > 0 ? 2 * l->room : 16;
	struct certorder *v;

	if (l->n == CERTORDERS_MAX)
		return err_set(e, ERR_LIMIT, 0, "more than %d certificates: "
		    "ask for them in parts", CERTORDERS_MAX);
	if (l->n == l->room) {
		if ((v = reallocarray(l->v, room, sizeof(*v))) == NULL)
			return no_memory(e);
		l->v = v;
		l->room = room;
	}
	l->v[l->n++] = *o;
	*o = (struct certorder){ 0 };
	return 0;
}

void
certorders_free(struct certorders *l)
{
	for (size_t i = 0; i < l->n; i++)
		certorder_clear(&l->v[i]);
	free(l->v);
	*l = (struct certorders){ 0 };
}

/* --- what is there already --- */

static int
compare_files(const void *a, const void *b)
{
	const struct certorder *x = *(const struct certorder *const *)a;
	const struct certorder *y = *(const struct certorder *const *)b;
	const char *no_file = "";

	return strcmp(x->file != NULL ? x->file : no_file,
	    y->file != NULL ? y->file : no_file);
}

static int
check_unique(const struct certorders *l, struct err *e)
{
	const struct certorder **v = calloc(l->n + 1, sizeof(*v));
	int r = 0;

	if (v == NULL)
		return no_memory(e);
	for (size_t i = 0; i < l->n; i++)
		v[i] = &l->v[i];
	qsort(v, l->n, sizeof(*v), compare_files);
	for (size_t i = 0; r == 0 && i + 1 < l->n; i++)
		if (compare_files(&v[i], &v[i + 1]) == 0)
			r = err_set(e, ERR_USAGE, 0, "%s and %s would go to "
			    "one file, \"%.150s\"", v[i]->from,
			    v[i + 1]->from, v[i]->file != NULL ? v[i]->file :
			    "-");
	free(v);
	return r;
}

int
certorder_read_cert(const char *file, struct wire_w *blob, struct cert *c,
    char **comment, struct err *e)
{
	int r;

	if (!wire_write(blob, CERT_MAX))
		return no_memory(e);
	if ((r = pubfile_blob(file, blob, comment, e)) == 0 &&
	    (r = cert_parse(wire_bytes(blob), c, e)) != 0)
		(void)err_wrap(e, "\"%.200s\"", file);
	return r;
}

static bool
is_subject(const struct certorder *o, const struct cert *c)
{
	struct wire_w w;
	bool same;

	if (!wire_write(&w, BLOB_MAX))
		return false;
	cert_put_subject(c, &w);
	same = span_eq(wire_bytes(&w), (struct span){ o->subject,
	    o->subject_n });
	wire_free(&w);
	return same;
}

static bool
has_principals(const struct certorder *o, const struct cert *c)
{
	const struct ca_list *want = &o->draft.principals;
	struct span name;
	struct wire_r r;
	size_t i = 0;

	wire_read(&r, c->principals);
	for (; cert_next_principal(&r, &name); i++)
		if (i == want->n || !span_is(name, want->v[i]))
			return false;
	return i == want->n;
}

static const char *
user_of(const struct certorder *o)
{
	return o->draft.principals.n > 0 ? o->draft.principals.v[0] : "";
}

/* Is this what would be signed, but for its times, options and number? */
static bool
is_same(const struct certorder *o, const struct cert *c, struct span ca)
{
	const struct keyid_words w = { .user = user_of(o),
	    .comment = o->comment, .serial = c->serial };
	const time_t now = time(NULL);
	struct err e;

	return o->key_id != NULL && c->type == o->draft.type &&
	    span_eq(c->ca, ca) && has_principals(o, c) &&
	    keyid_matches(o->key_id, &w, c->key_id) &&
	    (!o->numbered || c->serial == o->draft.serial) &&
	    c->valid_before > (uint64_t)now &&
	    c->valid_after <= (uint64_t)now &&
	    hostsig_verify_cert(c, &e) == 0;
}

static int
look(struct certorder *o, struct span ca, bool skip, struct err *e)
{
	struct wire_w blob = { 0 };
	struct cert c;
	int r = 0;

	if (o->file == NULL)
		return 0;
	if (lstat(o->file, &o->was) != 0)
		return newfile_check(o->file, e);
	if (!S_ISREG(o->was.st_mode) ||
	    certorder_read_cert(o->file, &blob, &c, NULL, e) != 0 ||
	    !is_subject(o, &c))
		r = err_set(e, ERR_DENIED, 0, "\"%.200s\" exists, is no "
		    "certificate of this key, and is not replaced: move it "
		    "away", o->file);
	else if (skip && is_same(o, &c, ca))
		o->state = CERTORDER_THERE;
	o->replaces = true;
	wire_free(&blob);
	return r;
}

int
certorders_look(struct certorders *l, struct span ca, struct err *e)
{
	size_t bad = 0;
	int r;

	if ((r = check_unique(l, e)) != 0)
		return r;
	for (size_t i = 0; i < l->n; i++) {
		if (look(&l->v[i], ca, l->goes_on, e) == 0)
			continue;
		if (l->n == 1)
			return err_wrap(e, "%s", l->v[i].from);
		if (bad++ < TOLD_MAX)
			out_warn("%s: %s", l->v[i].from, e->msg);
	}
	return bad == 0 ? 0 : err_set(e, ERR_DENIED, 0, "nothing was signed: "
	    "%zu of %zu files are in the way", bad, l->n);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ca/when.h"
#include "keyutil/certorder.h"
#include "keyutil/keyid.h"
#include "keyutil/newfile.h"
#include "keyutil/out.h"
#include "keyutil/progress.h"
#include "keyutil/when.h"
#include "ssh/keytext.h"

#define TOLD_MAX	20	/* faults that are told one by one */

struct shift {
	struct casigner	*signer;
	struct certorders *orders;
	struct certorder **open;	/* those to sign */
	size_t		 n, done;
	struct progress	*progress;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, 0, "certificates");
}

/* --- before --- */

static int
find_open(struct shift *s, struct err *e)
{
	struct certorders *l = s->orders;

	if ((s->open = calloc(l->n + 1, sizeof(struct certorder *))) == NULL)
		return no_memory(e);
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].state == CERTORDER_OPEN)
			s->open[s->n++] = &l->v[i];
	return 0;
}

/*
 * Who gives out the numbers keeps the ledger.  It is asked for one even when
 * all were said: nothing is signed past it.
 */
static int
number(struct shift *s, struct err *e)
{
	uint64_t next, n = 0;
	int r;

	for (size_t i = 0; i < s->n; i++)
		n += !s->open[i]->numbered;
	if ((r = casigner_serials(s->signer, n > 0 ? n : 1, &next, e)) != 0)
		return r;
	for (size_t i = 0; i < s->n; i++)
		if (!s->open[i]->numbered)
			s->open[i]->draft.serial = next++;
	return 0;
}

static int
complete(struct certorder *o, time_t now, struct err *e)
{
	const struct keyid_words w = { .user = o->draft.principals.n > 0 ?
	    o->draft.principals.v[0] : "", .comment = o->comment,
	    .serial = o->draft.serial, .now = now };
	char id[CA_NAME_MAX + 1];
	int r;

	if (!o->fixed && (r = ca_draft_nonce(&o->draft, e)) != 0)
		return r;
	if (o->key_id == NULL)
		return 0;
	if ((r = keyid_make(o->key_id, &w, id, e)) != 0)
		return r;
	return ca_draft_set_key_id(&o->draft, id, e);
}

static int
put_body(const struct shift *s, const struct certorder *o,
    struct wire_w *tbs, struct err *e)
{
	return ca_draft_put_tbs(&o->draft, (struct span){ o->subject,
	    o->subject_n }, casigner_ca(s->signer), tbs, e);
}

/* Of one the agent judges by itself, and has it in its log. */
static int
judge(const struct shift *s, struct certorder *o, struct err *e)
{
	struct wire_w tbs;
	int r;

	if (!wire_write(&tbs, CA_DRAFT_MAX))
		return no_memory(e);
	if ((r = put_body(s, o, &tbs, e)) == 0 &&
	    (s->n > 1 || !casigner_is_agent(s->signer)))
		r = casigner_judge(s->signer, wire_bytes(&tbs), e);
	wire_free(&tbs);
	return r;
}

/* All that is wrong with any, before any is signed. */
static int
prepare(struct shift *s, struct err *e)
{
	const time_t now = time(NULL);
	size_t bad = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct certorder *o = s->open[i];

		if (complete(o, now, e) == 0 && judge(s, o, e) == 0)
			continue;
		if (s->n == 1)
			return err_wrap(e, "%s", o->from);
		if (bad++ < TOLD_MAX)
			out_warn("%s: %s", o->from, e->msg);
	}
	return bad == 0 ? 0 : err_set(e, ERR_DENIED, 0, "nothing was signed: "
	    "this CA does not sign %zu of %zu certificates", bad, s->n);
}

/* --- each --- */

static int
body(void *arg, size_t i, struct wire_w *tbs, struct err *e)
{
	const struct shift *s = arg;

	return put_body(s, s->open[i], tbs, e);
}

static int
write_cert(const struct certorder *o, const char *line, struct err *e)
{
	char *text;
	int n, r;

	if ((n = asprintf(&text, "%s\n", line)) == -1)
		return no_memory(e);
	if (o->file == NULL)
		r = fputs(text, stdout) == EOF ? err_sys(e, "standard "
		    "output") : out_flush(e);
	else
		r = newfile_publish(o->file, o->replaces ? &o->was : NULL,
		    (struct span){ (const uint8_t *)text, (size_t)n }, e);
	free(text);
	return r;
}

static int
done(void *arg, size_t i, struct span cert, struct err *e)
{
	struct shift *s = arg;
	struct certorder *o = s->open[i];
	char *line = keytext_openssh(cert, o->comment);
	int r;

	if (line == NULL)
		return no_memory(e);
	r = write_cert(o, line, e);
	free(line);
	if (r != 0)
		return err_wrap(e, "signed, and in the ledger with the serial "
		    "number %" PRIu64 ", but not written", o->draft.serial);
	o->state = CERTORDER_DONE;
	progress_count(s->progress, ++s->done, s->n);
	return 0;
}

/* --- after --- */

static void
tell(FILE *f, const struct certorder *o)
{
	const struct ca_draft *d = &o->draft;
	char names[200] = "";
	size_t n = 0;

	for (size_t i = 0; i < d->principals.n && n < sizeof(names); i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
		    i > 0 ? "," : "", d->principals.v[i]);
	fprintf(f, "%s: \"%s\", serial %" PRIu64 ", for %s%s, until %s\n",
	    out_clean(span_cstr(o->file != NULL ? o->file : "-")).s,
	    out_clean(span_cstr(d->key_id)).s, d->serial,
	    out_clean(span_cstr(names)).s, n >= sizeof(names) ? "..." : "",
	    ca_when_date(d->valid_before).s);
}

static void
tell_all(const struct shift *s)
{
	const size_t there = s->orders->n - s->n;

	for (size_t i = 0; i < s->n; i++)
		if (s->open[i]->state == CERTORDER_DONE)
			tell(s->open[i]->file != NULL ? stdout : stderr,
			    s->open[i]);
	if (there > 0)
		printf("%zu of %zu were there already, and are still valid; "
		    "--again signs them anew\n", there, s->orders->n);
}

/* How far it came, and how it goes on. */
static int
tell_failure(const struct shift *s, struct err *e)
{
	const size_t there = s->orders->n - s->n;

	if (s->orders->goes_on)
		out_warn("%zu of %zu certificates are there; the same command "
		    "again goes on with the others", there + s->done,
		    s->orders->n);
	else if (s->orders->n > 1)
		out_warn("%zu of %zu certificates were signed", s->done,
		    s->orders->n);
	return (int)e->code;
}

static int
sign(struct shift *s, struct err *e)
{
	const struct casigner_work work = { .n = s->n, .body = body,
	    .done = done, .arg = s };
	int r;

	s->progress = progress_start("signing certificates");
	progress_count(s->progress, 0, s->n);
	r = casigner_sign(s->signer, &work, e);
	progress_end(s->progress, r == 0);
	tell_all(s);
	return r == 0 ? 0 : tell_failure(s, e);
}

int
certorders_sign(struct certorders *l, struct casigner *signer,
    struct err *e)
{
	struct shift s = { .signer = signer, .orders = l };
	int r;

	if ((r = find_open(&s, e)) != 0)
		return r;
	if (s.n == 0)
		tell_all(&s);
	else if ((r = number(&s, e)) == 0 && (r = prepare(&s, e)) == 0)
		r = sign(&s, e);
	free(s.open);
	return r;
}

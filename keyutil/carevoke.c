/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "ca/wish.h"
#include "keyutil/caledger.h"
#include "keyutil/calog.h"
#include "keyutil/carevoke.h"
#include "keyutil/pubfile.h"

#define BLOB_MAX	65536
#define SHOWN		20		/* certificates that are listed */

/* --- what a person says --- */

static int
no_serial(const char *or_else, struct err *e)
{
	return err_set(e, ERR_USAGE, 0, "serial number 0 is that of all "
	    "certificates that have none, and no list can revoke it: revoke "
	    "by --key-id or --subject%s", or_else);
}

static void
take_serials(struct carevoke *v, uint64_t low, uint64_t high)
{
	v->how = LEDGER_SERIALS;
	v->low = low;
	v->high = high;
	wire_put_u64(&v->what, low);
	wire_put_u64(&v->what, high);
	if (low == high)
		snprintf(v->words, sizeof(v->words), "serial number %" PRIu64,
		    low);
	else
		snprintf(v->words, sizeof(v->words), "serial numbers %" PRIu64
		    " to %" PRIu64, low, high);
}

/* "N" or "A-B" */
static int
parse_serials(const char *text, struct carevoke *v, struct err *e)
{
	const char *dash = strchr(text, '-');
	char *first = dash == NULL ? strdup(text) :
	    strndup(text, (size_t)(dash - text));
	uint64_t low, high;
	int r;

	if (first == NULL)
		return err_set(e, ERR_NOMEM, 0, "serial number");
	r = ca_wish_serial(first, &low, e);
	free(first);
	if (r != 0)
		return r;
	high = low;
	if (dash != NULL && (r = ca_wish_serial(dash + 1, &high, e)) != 0)
		return r;
	if (low == 0)
		return no_serial("", e);
	if (high < low)
		return err_set(e, ERR_USAGE, 0, "--serial takes the lowest "
		    "number first: %.64s", text);
	take_serials(v, low, high);
	return 0;
}

static int
parse_text(const char *text, enum ledger_revoked how, const char *option,
    const char *name, struct carevoke *v, struct err *e)
{
	if (text[0] == '\0')
		return err_set(e, ERR_USAGE, 0, "--%s needs a name", option);
	v->how = how;
	wire_put_raw(&v->what, span_cstr(text));
	snprintf(v->words, sizeof(v->words), "%s \"%s\"", name,
	    out_clean(span_cstr(text)).s);
	return 0;
}

static int
parse_subject(const char *path, struct carevoke *v, struct err *e)
{
	int r;

	v->how = LEDGER_KEY;
	if ((r = caledger_read_subject(path, &v->what, e)) == 0)
		snprintf(v->words, sizeof(v->words), "the key %s",
		    caledger_fingerprint(wire_bytes(&v->what)).s);
	return r;
}

static int
parse_certificate(const char *path, struct carevoke *v, struct err *e)
{
	struct wire_w blob;
	struct cert c;
	int r;

	if (!wire_write(&blob, BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "certificate");
	if ((r = pubfile_blob(path, &blob, NULL, e)) == 0 &&
	    (r = cert_parse(wire_bytes(&blob), &c, e)) != 0)
		r = err_wrap(e, "\"%.200s\"", path);
	if (r == 0 && c.serial == 0) {
		(void)no_serial(", which revokes more than this one", e);
		r = err_wrap(e, "\"%.100s\", key ID \"%.64s\"", path,
		    out_clean(c.key_id).s);
	} else if (r == 0) {
		wire_put_raw(&v->ca, c.ca);
		take_serials(v, c.serial, c.serial);
	}
	wire_free(&blob);
	return r;
}

static int
parse(const struct carevoke_wish *w, struct carevoke *v, struct err *e)
{
	if (w->serial != NULL)
		return parse_serials(w->serial, v, e);
	if (w->key_id != NULL)
		return parse_text(w->key_id, LEDGER_KEY_ID, "key-id",
		    "key ID", v, e);
	if (w->principal != NULL)
		return parse_text(w->principal, LEDGER_PRINCIPAL,
		    "principal", "principal", v, e);
	if (w->subject != NULL)
		return parse_subject(w->subject, v, e);
	return parse_certificate(w->certificate, v, e);
}

int
carevoke_parse(const struct carevoke_wish *w, struct carevoke *out,
    struct err *e)
{
	const int n = (w->serial != NULL) + (w->key_id != NULL) +
	    (w->subject != NULL) + (w->principal != NULL) +
	    (w->certificate != NULL);
	int r;

	*out = (struct carevoke){ 0 };
	if (n != 1)
		return err_set(e, ERR_USAGE, 0, "say what to revoke, by one "
		    "of --serial, --key-id, --subject, --principal and "
		    "--certificate");
	if (!wire_write(&out->what, BLOB_MAX) ||
	    !wire_write(&out->ca, BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "revocation");
	if ((r = parse(w, out, e)) == 0 && (out->what.bad || out->ca.bad))
		r = err_set(e, ERR_LIMIT, 0, "what is to be revoked is too "
		    "long");
	return r;
}

void
carevoke_free(struct carevoke *v)
{
	wire_free(&v->what);
	wire_free(&v->ca);
}

/* --- what of the ledger that is --- */

struct finding {
	const struct carevoke *v;
	struct span	 ca;
	const struct krl_view *krl;
	struct carevoke_found *out;
	uint64_t	 now;
};

static int
find_one(void *arg, const struct ledger_entry *en, const struct cert *c,
    struct err *e)
{
	struct finding *f = arg;
	struct calog_line line = { .entry = en, .cert = c, .now = f->now };
	int r;

	if (f->v->how == LEDGER_SERIALS &&
	    (c->serial < f->v->low || c->serial > f->v->high))
		return 0;
	if ((r = calog_judge(&line, f->krl, e)) != 0)
		return r;
	f->out->revoked += calog_is_revoked(&line);
	if (f->out->n++ < SHOWN)
		calog_row(&f->out->table, &line);
	return 0;
}

/* The same, or more of the same, was revoked before. */
static int
find_same(void *arg, const struct ledger_entry *en, const struct cert *c,
    struct err *e)
{
	struct finding *f = arg;
	uint64_t low, high;
	bool same;

	(void)c;
	(void)e;
	if (en->how != f->v->how ||
	    (en->how != LEDGER_KEY && !span_eq(en->ca, f->ca)))
		return 0;
	if (en->how == LEDGER_SERIALS)
		same = ledger_serials_of(en->what, &low, &high) &&
		    low <= f->v->low && high >= f->v->high;
	else	/* principals: of certificates that were there until then */
		same = en->how != LEDGER_PRINCIPAL &&
		    span_eq(en->what, wire_bytes(&f->v->what));
	if (same && f->out->entry == 0) {
		f->out->entry = en->seq;
		f->out->time = en->time;
	}
	return 0;
}

static int
is_this(void *arg, struct span ca, struct err *e)
{
	struct finding *f = arg;

	(void)e;
	f->out->is_ca |= span_eq(ca, wire_bytes(&f->v->what));
	return 0;
}

static struct ledger_query
query_of(const struct finding *f)
{
	struct ledger_query q = { .ca = f->ca };
	const struct span what = wire_bytes(&f->v->what);

	switch (f->v->how) {
	case LEDGER_SERIALS:
		if (f->v->low == f->v->high)
			q.serial = f->v->low;
		break;
	case LEDGER_KEY_ID:
		q.key_id = what;
		break;
	case LEDGER_KEY:	/* whoever has certified it */
		q.ca = (struct span){ 0 };
		if (f->out->is_ca)
			q.ca = what;
		else
			q.subject = what;
		break;
	case LEDGER_PRINCIPAL:
		q.principal = what;
		break;
	}
	return q;
}

int
carevoke_find(struct ledger *l, struct span ca, const struct carevoke *v,
    struct carevoke_found *out, struct err *e)
{
	const struct ledger_krl_head head = { 0 };
	const struct span all = { 0 };
	struct finding f = { .v = v, .ca = ca, .out = out,
	    .now = (uint64_t)time(NULL) };
	struct ledger_query q;
	struct ledger_krl krl;
	int r;

	*out = (struct carevoke_found){ .table = calog_table() };
	if (v->how == LEDGER_KEY &&
	    (r = ledger_cas(l, is_this, &f, e)) != 0)
		return r;
	q = query_of(&f);
	if ((r = ledger_krl_make(l, v->how == LEDGER_KEY ? all : ca, &head,
	    &krl, e)) == 0) {
		f.krl = &krl.view;
		if ((r = ledger_find(l, &q, find_one, &f, e)) == 0)
			r = ledger_revoked(l, all, find_same, &f, e);
	}
	ledger_krl_free(&krl);
	return r;
}

bool
carevoke_is_done(const struct carevoke *v, const struct carevoke_found *f)
{
	if (f->entry != 0)
		return true;
	if (f->n == 0 || f->n > f->revoked)
		return false;
	return v->how == LEDGER_PRINCIPAL ||
	    (v->how == LEDGER_SERIALS && v->low == v->high);
}

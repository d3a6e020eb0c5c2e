/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/ledger_krl.h"
#include "ca/when.h"
#include "keyutil/caledger.h"
#include "keyutil/certorder.h"
#include "keyutil/cmd.h"
#include "ssh/hostsig.h"
#include "ssh/keytext.h"


enum {
	OPT_VALIDITY,
	OPT_OUTPUT,
	OPT_TOKEN,
	OPT_PIN_FILE,
};

static const struct cmd_option options[] = {
	[OPT_VALIDITY] = { "validity", "TIME", "how long it is valid; else as "
	    "long as before" },
	[OPT_OUTPUT] = { "output", "FILE", "write it to this file, and leave "
	    "the old one" },
	[OPT_TOKEN] = CMD_OPTION_TOKEN_ITSELF,
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	{ 0 },
};

struct renewal {
	const struct cmd_args *args;
	time_t		 now;
	char		*ca;		/* fingerprint of it, the same in all */
	struct ledger_krl krl;		/* of that CA */
	bool		 has_ledger;
	struct certorders orders;
};

/* What this CA has revoked.  Without a ledger that is nothing. */
static int
read_revoked(struct renewal *w, struct span ca, struct err *e)
{
	const struct ledger_krl_head head = { 0 };
	struct ledger *l;
	int r;

	if ((r = caledger_open(NULL, LEDGER_READ, &l, e)) != 0)
		return r == ERR_NOTFOUND ? 0 : r;
	r = ledger_krl_make(l, ca, &head, &w->krl, e);
	w->has_ledger = r == 0;
	ledger_close(l);
	return r;
}

static int
check_revoked(const struct renewal *w, const struct cert *c, struct err *e)
{
	struct krl_verdict v;
	int r;

	if (!w->has_ledger)
		return 0;
	if ((r = krl_view_ask_cert(&w->krl.view, c, &v, e)) != 0)
		return r;
	return v.by == KRL_BY_NOTHING ? 0 : err_set(e, ERR_DENIED, 0,
	    "%s: it is not renewed", krl_view_words(&v));
}

/* The first one's CA is that of all. */
static int
check_ca(struct renewal *w, const struct cert *c, struct err *e)
{
	char *ca = keytext_fingerprint(c->ca);
	int r;

	if (ca == NULL)
		return err_set(e, ERR_NOMEM, 0, "CA");
	if (w->ca == NULL) {
		w->ca = ca;
		return read_revoked(w, c->ca, e);
	}
	r = strcmp(w->ca, ca) == 0 ? 0 : err_set(e, ERR_USAGE, 0, "it is by "
	    "another CA than those before: renew it in a call of its own");
	free(ca);
	return r;
}

/* Nobody gets anew what the CA has not given, or has taken back. */
static int
check_old(struct renewal *w, const struct cert *c, struct err *e)
{
	int r;

	if (hostsig_verify_cert(c, e) != 0)
		return err_wrap(e, "not by the CA that it names");
	if ((r = check_ca(w, c, e)) != 0)
		return r;
	return check_revoked(w, c, e);
}

/*
 * As long as before, from when a new one begins: a minute or two ago, for
 * clocks that are behind, but of a short one most is still to come.
 */
static int
set_times(const struct renewal *w, struct ca_draft *d, struct err *e)
{
	const char *validity = w->args->value[OPT_VALIDITY];
	const uint64_t length = d->valid_before - d->valid_after;
	const uint64_t now = (uint64_t)w->now;
	uint64_t end;
	int r;

	if ((r = ca_when_parse(validity != NULL ? validity : "+1s", w->now,
	    &d->valid_after, &end, e)) != 0)
		return r;
	if (validity == NULL && (d->valid_before == CERT_FOREVER ||
	    length > INT64_MAX))
		return err_set(e, ERR_USAGE, 0, "it is valid for ever, and no "
		    "other will be: say until when with --validity");
	if (validity == NULL && now - d->valid_after > length / 10)
		d->valid_after = now - length / 10;
	d->valid_before = validity != NULL ? end : d->valid_after + length;
	return d->valid_before != CERT_FOREVER ? 0 : err_set(e, ERR_USAGE, 0,
	    "no certificate is valid for ever");
}

static int
fill(struct renewal *w, const char *file, struct certorder *o,
    struct err *e)
{
	const char *output = w->args->value[OPT_OUTPUT];
	struct wire_w blob = { 0 };
	struct cert c;
	int r;

	o->from = strdup(file);
	o->file = strdup(output != NULL ? output : file);
	if (o->from == NULL || o->file == NULL)
		return err_set(e, ERR_NOMEM, 0, "certificates");
	if ((r = certorder_read_cert(file, &blob, &c, &o->comment,
	    e)) == 0) {
		if ((r = check_old(w, &c, e)) != 0 ||
		    (r = certorder_take_subject(o, &c, e)) != 0 ||
		    (r = ca_draft_from_cert(&c, &o->draft, e)) != 0 ||
		    (r = set_times(w, &o->draft, e)) != 0)
			(void)err_wrap(e, "\"%.200s\"", file);
	}
	wire_free(&blob);
	return r;
}

static int
read_all(struct renewal *w, struct err *e)
{
	struct certorder o;
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->args->n_operands; i++) {
		o = (struct certorder){ 0 };
		if ((r = fill(w, w->args->operand[i], &o, e)) == 0)
			r = certorders_add(&w->orders, &o, e);
		certorder_clear(&o);
	}
	return r;
}

static int
sign(struct renewal *w, const struct ca_blocks *blocks, struct err *e)
{
	const struct casigner_wish wish = { .blocks = blocks, .name = w->ca,
	    .token = w->args->value[OPT_TOKEN],
	    .pin_file = w->args->value[OPT_PIN_FILE] };
	struct casigner *s;
	int r;

	if ((r = casigner_open(&s, &wish, e)) != 0)
		return r;
	if ((r = certorders_look(&w->orders, casigner_ca(s), e)) == 0)
		r = certorders_sign(&w->orders, s, e);
	casigner_close(s);
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct renewal w = { .args = a, .now = time(NULL) };
	struct ca_blocks blocks = { 0 };
	int r;

	if (a->n_operands == 0)
		return err_set(e, ERR_USAGE, 0, "name the files of the "
		    "certificates, NAME-cert.pub");
	if (a->n_operands > 1 && a->value[OPT_OUTPUT] != NULL)
		return err_set(e, ERR_USAGE, 0, "--output is for one");
	if ((r = read_all(&w, e)) == 0 &&
	    (r = ca_blocks_load(NULL, &blocks, e)) == 0)
		r = sign(&w, &blocks, e);
	certorders_free(&w.orders);
	ca_blocks_clear(&blocks);
	ledger_krl_free(&w.krl);
	free(w.ca);
	return r;
}

const struct cmd cmd_ca_renew = {
	.name = "ca renew",
	.operands = "FILE...",
	.summary = "sign certificates anew that have run out or will",
	.about = "The new certificate says what the old one says, with a "
	    "serial number of its own, and takes its place.  The CA must have "
	    "signed the old one, and not revoked it.",
	.options = options,
	.run = run,
};

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "ca/when.h"
#include "keyutil/caledger.h"
#include "keyutil/carevoke.h"
#include "keyutil/cmd.h"
#include "keyutil/when.h"

enum {
	OPT_CA,
	OPT_SERIAL,
	OPT_KEY_ID,
	OPT_SUBJECT,
	OPT_PRINCIPAL,
	OPT_CERTIFICATE,
	OPT_REASON,
	OPT_DRY_RUN,
	OPT_LEDGER,
};

static const struct cmd_option options[] = {
	[OPT_CA] = CMD_OPTION_CA,
	[OPT_SERIAL] = { "serial", "N|A-B",
	    "this serial number, or all from A to B" },
	[OPT_KEY_ID] = { "key-id", "ID",
	    "all that have this key ID, also later ones" },
	[OPT_SUBJECT] = { "subject", "FILE",
	    "the key in this .pub file, or in this certificate, whoever "
	    "certifies it" },
	[OPT_PRINCIPAL] = { "principal", "PRINCIPAL",
	    "all in the ledger that are for this user or host; not later "
	    "ones" },
	[OPT_CERTIFICATE] = { "certificate", "FILE",
	    "this certificate, by its serial number" },
	[OPT_REASON] = { "reason", "TEXT", "why; it is kept in the ledger" },
	[OPT_DRY_RUN] = { "dry-run", NULL,
	    "show what would be revoked, and revoke nothing" },
	[OPT_LEDGER] = CMD_OPTION_LEDGER,
	{ 0 },
};

/* That of the certificate, or that of --ca, or the only one. */
static int
choose_ca(struct ledger *l, const char *name, const struct carevoke *v,
    struct caledger_cas *cas, struct span *ca, struct err *e)
{
	const struct span own = wire_bytes(&v->ca);
	int r = 0;

	*cas = (struct caledger_cas){ 0 };
	if (own.n == 0)
		return caledger_one_ca(l, name, cas, ca, e);
	*ca = own;
	if (name != NULL && (r = caledger_one_ca(l, name, cas, ca, e)) == 0 &&
	    !span_eq(*ca, own))
		r = err_set(e, ERR_USAGE, 0, "another CA has signed this "
		    "certificate: %s", caledger_fingerprint(own).s);
	return r;
}

static int
show(const struct carevoke *v, struct carevoke_found *f, struct err *e)
{
	const size_t listed = f->table.rows;
	int r;

	printf("To be revoked: %s\n", v->words);
	if (f->is_ca)
		puts("It is the key of a CA: all that it has signed is "
		    "revoked with it.");
	if (f->n == 0) {
		puts("No certificate in the ledger is among that.");
		return 0;
	}
	printf("Certificates in the ledger: %" PRIu64, f->n);
	if (f->revoked > 0)
		printf(", of which %" PRIu64 " %s revoked already",
		    f->revoked, f->revoked == 1 ? "is" : "are");
	printf("\n\n");
	r = out_table_print(stdout, &f->table, e);
	if (f->n > listed)
		printf("  and %" PRIu64 " more\n", f->n - listed);
	putchar('\n');
	return r;
}

static void
tell_done(const struct carevoke_found *f)
{
	if (f->entry != 0)
		printf("It is revoked already, since %s (entry %" PRIu64
		    " of the ledger); nothing is added.\n",
		    ca_when_date(f->time).s, f->entry);
	else
		puts("All of it is revoked already; nothing is added.");
}

static int
add(struct ledger *l, struct span ca, const struct carevoke *v,
    const char *reason, struct err *e)
{
	struct caledger_program program;
	const struct ledger_who who = caledger_who(&program);
	int r;

	if ((r = ledger_add_revocation(l, ca, v->how, wire_bytes(&v->what),
	    &who, span_cstr(reason), e)) == 0)
		puts("It is revoked.  Servers learn of it from the list that "
		    "\"hsm-keyutil ca krl\" writes.");
	return r;
}

static int
revoke(struct ledger *l, struct span ca, const struct carevoke *v,
    const struct cmd_args *a, struct err *e)
{
	struct carevoke_found f;
	int r;

	if ((r = carevoke_find(l, ca, v, &f, e)) != 0)
		goto out;
	if (v->how == LEDGER_PRINCIPAL && f.n == 0) {
		r = err_set(e, ERR_NOTFOUND, 0, "no certificate in the ledger "
		    "is for %.200s; later ones would not be revoked either",
		    v->words);
		goto out;
	}
	if ((r = show(v, &f, e)) != 0)
		goto out;
	if (carevoke_is_done(v, &f))
		tell_done(&f);
	else if (a->value[OPT_DRY_RUN] != NULL)
		puts("Nothing was revoked.");
	else
		r = add(l, ca, v, a->value[OPT_REASON], e);
out:
	out_table_drop(&f.table);
	return r;
}

static int
check_reason(const struct cmd_args *a, struct err *e)
{
	const char *reason = a->value[OPT_REASON];

	if (reason == NULL && a->value[OPT_DRY_RUN] != NULL)
		return 0;
	if (reason == NULL || reason[0] == '\0')
		return err_set(e, ERR_USAGE, 0, "say with --reason why it is "
		    "revoked");
	return strlen(reason) <= LEDGER_TEXT_MAX ? 0 : err_set(e, ERR_USAGE,
	    0, "--reason takes %d bytes at most", LEDGER_TEXT_MAX);
}

static int
run(const struct cmd_args *a, struct err *e)
{
	const struct carevoke_wish wish = { .serial = a->value[OPT_SERIAL],
	    .key_id = a->value[OPT_KEY_ID],
	    .subject = a->value[OPT_SUBJECT],
	    .principal = a->value[OPT_PRINCIPAL],
	    .certificate = a->value[OPT_CERTIFICATE] };
	struct caledger_cas cas = { 0 };
	struct ledger *l = NULL;
	struct carevoke v;
	struct span ca;
	int r;

	if ((r = carevoke_parse(&wish, &v, e)) == 0 &&
	    (r = check_reason(a, e)) == 0 &&
	    (r = caledger_open(a->value[OPT_LEDGER], LEDGER_WRITE, &l,
	    e)) == 0 &&
	    (r = choose_ca(l, a->value[OPT_CA], &v, &cas, &ca, e)) == 0)
		r = revoke(l, ca, &v, a, e);
	caledger_cas_free(&cas);
	ledger_close(l);
	carevoke_free(&v);
	return r;
}

const struct cmd cmd_ca_revoke = {
	.name = "ca revoke",
	.summary = "revoke certificates, for ever",
	.about = "What is revoked is shown, with the certificates in the "
	    "ledger that it is, and written into the ledger.  Servers learn "
	    "of it from the list that \"ca krl\" writes.",
	.options = options,
	.run = run,
};

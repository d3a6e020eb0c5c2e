/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/when.h"
#include "ca/wish.h"
#include "keyutil/caledger.h"
#include "keyutil/calog.h"
#include "keyutil/cmd.h"
#include "ssh/base64.h"
#include "ssh/keytext.h"

#define LAST		20
#define LAST_MAX	1000000
#define SUBJECT_MAX	65536

enum {
	OPT_CA,
	OPT_SERIAL,
	OPT_KEY_ID,
	OPT_PRINCIPAL,
	OPT_SUBJECT,
	OPT_EXPIRING,
	OPT_LAST,
	OPT_ALL,
	OPT_JSON,
	OPT_LEDGER,
};

static const struct cmd_option options[] = {
	[OPT_CA] = CMD_OPTION_CA,
	[OPT_SERIAL] = { "serial", "N", "only that of this serial number" },
	[OPT_KEY_ID] = { "key-id", "ID", "only those of this key ID" },
	[OPT_PRINCIPAL] = { "principal", "PRINCIPAL",
	    "only those for this principal" },
	[OPT_SUBJECT] = { "subject", "KEY",
	    "only those of this key: a .pub file, or a SHA256: fingerprint" },
	[OPT_EXPIRING] = { "expiring", "TIME",
	    "all that end until then, such as 7d, and are not revoked" },
	[OPT_LAST] = { "last", "N",
	    "the last N of each CA; 20 if this is not given" },
	[OPT_ALL] = { "all", NULL, "all of them" },
	[OPT_JSON] = CMD_OPTION_JSON,
	[OPT_LEDGER] = CMD_OPTION_LEDGER,
	{ 0 },
};

struct search {
	struct ledger_query q;
	struct wire_w	 subject;	/* what q borrows from */
	uint64_t	 now;
	bool		 json;
	bool		 expiring;
	bool		 by_default;	/* nobody asked for so few */
	size_t		 n;		/* that were printed */
};

/* --- what is asked for --- */

/* Such as "7d", "+7d" or "20261231". */
static int
parse_end(const char *text, time_t now, uint64_t *end, struct err *e)
{
	char whole[128];
	struct err ignored;
	uint64_t begin;

	snprintf(whole, sizeof(whole), "always:%.100s", text);
	if (ca_when_parse(text, now, &begin, end, &ignored) != 0 &&
	    ca_when_parse(whole, now, &begin, end, &ignored) != 0) {
		if (ca_when_point(text, now, end, e) == 0)
			(void)err_set(e, ERR_USAGE, 0, "%.60s is past", text);
		return err_wrap(e, "--expiring");
	}
	if (*end >= INT64_MAX)
		*end = INT64_MAX - 1;	/* all that do end */
	return 0;
}

static int
parse_subject(const char *text, struct search *s, struct err *e)
{
	struct span hash;
	char padded[64];
	int r;

	if (!wire_write(&s->subject, SUBJECT_MAX))
		return err_set(e, ERR_NOMEM, 0, "key");
	if (!keytext_is_fingerprint(text)) {
		if (strncmp(text, "SHA256:", strlen("SHA256:")) == 0)
			return err_set(e, ERR_USAGE, 0, "\"%.80s\" is no "
			    "whole fingerprint of a key", text);
		r = caledger_read_subject(text, &s->subject, e);
		s->q.subject = wire_bytes(&s->subject);
		return r;
	}
	snprintf(padded, sizeof(padded), "%s=", text + strlen("SHA256:"));
	if ((r = base64_put(&s->subject, span_cstr(padded), e)) != 0)
		return err_wrap(e, "%s", text);
	hash = wire_bytes(&s->subject);
	s->q.subject_hash = hash;
	return 0;
}

static int
parse_text(const struct cmd_args *a, int option, struct span *out,
    struct err *e)
{
	if (a->value[option] == NULL)
		return 0;
	*out = span_cstr(a->value[option]);
	return out->n > 0 ? 0 : err_set(e, ERR_USAGE, 0, "--%s needs a name",
	    options[option].name);
}

static int
parse_serial(const char *text, uint64_t *serial, struct err *e)
{
	int r;

	if (text == NULL)
		return 0;
	if ((r = ca_wish_serial(text, serial, e)) != 0)
		return r;
	return *serial != 0 ? 0 : err_set(e, ERR_USAGE, 0, "serial number 0 "
	    "is that of all certificates that have none; search by --key-id "
	    "or --subject");
}

static int
parse_last(const struct cmd_args *a, struct search *s, struct err *e)
{
	const char *text = a->value[OPT_LAST];
	uint64_t n = LAST;

	if (text != NULL && a->value[OPT_ALL] != NULL)
		return err_set(e, ERR_USAGE, 0, "--last or --all");
	if (text != NULL && (ca_wish_serial(text, &n, e) != 0 || n == 0 ||
	    n > LAST_MAX))
		return err_set(e, ERR_USAGE, 0, "--last takes a number from 1 "
		    "to %d: %.64s", LAST_MAX, text);
	s->by_default = text == NULL;
	if (a->value[OPT_ALL] == NULL && (text != NULL || !s->expiring))
		s->q.last = n;
	return 0;
}

static int
parse(const struct cmd_args *a, struct search *s, struct err *e)
{
	const time_t now = time(NULL);
	int r;

	s->now = (uint64_t)now;
	s->json = a->value[OPT_JSON] != NULL;
	s->expiring = a->value[OPT_EXPIRING] != NULL;
	if ((r = parse_last(a, s, e)) != 0 ||
	    (r = parse_serial(a->value[OPT_SERIAL], &s->q.serial, e)) != 0 ||
	    (r = parse_text(a, OPT_KEY_ID, &s->q.key_id, e)) != 0 ||
	    (r = parse_text(a, OPT_PRINCIPAL, &s->q.principal, e)) != 0)
		return r;
	if (a->value[OPT_SUBJECT] != NULL && (r = parse_subject(
	    a->value[OPT_SUBJECT], s, e)) != 0)
		return r;
	if (s->expiring) {
		s->q.ends_after = s->now;
		return parse_end(a->value[OPT_EXPIRING], now,
		    &s->q.ends_before, e);
	}
	return 0;
}

/* --- what there is --- */

struct showing {
	struct search	*s;
	const struct krl_view *krl;
	struct out_table table;
};

/* A line for each: there may be a million, and not all in memory. */
static int
put_json(json_t *j, bool first, struct err *e)
{
	int r = 0;

	if (j == NULL)
		return err_set(e, ERR_NOMEM, 0, "JSON");
	fputs(first ? "\n" : ",\n", stdout);
	if (json_dumpf(j, stdout, JSON_COMPACT) != 0)
		r = err_set(e, ERR_SYS, 0, "cannot write JSON");
	json_decref(j);
	return r;
}

static int
show_one(void *arg, const struct ledger_entry *en, const struct cert *c,
    struct err *e)
{
	struct showing *w = arg;
	struct calog_line line = { .entry = en, .cert = c, .now = w->s->now };
	int r;

	if ((r = calog_judge(&line, w->krl, e)) != 0)
		return r;
	if (w->s->expiring && calog_is_revoked(&line))
		return 0;
	w->s->n++;
	if (w->s->json)
		return put_json(calog_json(&line), w->s->n == 1, e);
	calog_row(&w->table, &line);
	return 0;
}

static int
count_one(void *arg, const struct ledger_entry *en, const struct cert *c,
    struct err *e)
{
	size_t *n = arg;

	(void)en;
	(void)c;
	(void)e;
	++*n;
	return 0;
}

/* Are there more than those that were asked for? */
static int
has_more(struct ledger *l, const struct search *s, bool *more,
    struct err *e)
{
	struct ledger_query q = s->q;
	size_t n = 0;
	int r;

	*more = false;
	if (!s->by_default || q.last == 0)
		return 0;
	q.last++;
	r = ledger_find(l, &q, count_one, &n, e);
	*more = n == q.last;
	return r;
}

static int
print_table(struct ledger *l, struct showing *w, struct err *e)
{
	bool more;
	int r;

	if ((r = has_more(l, w->s, &more, e)) != 0)
		return r;
	printf("CA %s", caledger_fingerprint(w->s->q.ca).s);
	if (more)
		printf(", the last %zu certificates (all: --all)",
		    w->s->q.last);
	printf("\n\n");
	r = out_table_print(stdout, &w->table, e);
	putchar('\n');
	return r;
}

static int
show_ca(struct ledger *l, struct search *s, struct span ca, struct err *e)
{
	const struct ledger_krl_head head = { 0 };
	struct showing w = { .s = s, .table = calog_table() };
	struct ledger_krl krl;
	int r;

	s->q.ca = ca;
	if ((r = ledger_krl_make(l, ca, &head, &krl, e)) == 0) {
		w.krl = &krl.view;
		r = ledger_find(l, &s->q, show_one, &w, e);
	}
	if (r == 0 && w.table.rows > 0)
		r = print_table(l, &w, e);
	else
		out_table_drop(&w.table);
	ledger_krl_free(&krl);
	return r;
}

static int
show(struct ledger *l, struct search *s, const char *ca, struct err *e)
{
	struct caledger_cas cas;
	int r;

	if ((r = caledger_cas(l, ca, &cas, e)) == 0) {
		if (s->json)
			putchar('[');
		for (size_t i = 0; r == 0 && i < cas.n; i++)
			r = show_ca(l, s, wire_bytes(&cas.v[i]), e);
		if (s->json)
			puts(s->n > 0 ? "\n]" : "]");
		else if (r == 0 && s->n == 0)
			puts("No such certificate is in the ledger.");
	}
	caledger_cas_free(&cas);
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct search s = { 0 };
	struct ledger *l = NULL;
	int r;

	if ((r = parse(a, &s, e)) == 0 &&
	    (r = caledger_open(a->value[OPT_LEDGER], LEDGER_READ, &l,
	    e)) == 0)
		r = show(l, &s, a->value[OPT_CA], e);
	ledger_close(l);
	wire_free(&s.subject);
	return r;
}

const struct cmd cmd_ca_log = {
	.name = "ca log",
	.summary = "list the certificates that CA keys have signed",
	.about = "From the ledger, into which the agent writes each "
	    "certificate before it hands it out.  The last ones are at the "
	    "end.  \"revoked\" is what the list says that \"ca krl\" writes.",
	.options = options,
	.run = run,
};

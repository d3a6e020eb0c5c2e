/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdlib.h>

#include "ca/when.h"
#include "ca/form.h"
#include "keyutil/certshow.h"
#include "keyutil/when.h"
#include "ssh/keytext.h"

#define INDENT	10
#define KEY_MAX	(16 * 1024)	/* bytes of a blob */

int
certshow_judge(struct certshow *s, struct err *e)
{
	const int r = explain_signature(&s->cert, &s->signature_err);

	if (r == ERR_NOMEM || ca_form_check(&s->cert, &s->form) == ERR_NOMEM)
		return err_set(e, ERR_NOMEM, 0, "certificate");
	s->signature = r == 0 ? CERTSHOW_RIGHT :
	    r == ERR_UNSUPPORTED ? CERTSHOW_UNKNOWN : CERTSHOW_WRONG;
	return 0;
}

const char *
certshow_state(const struct cert *c, uint64_t now)
{
	if (c->valid_before <= c->valid_after)
		return "never valid";
	if (now < c->valid_after)
		return "not yet valid";
	return now < c->valid_before ? "valid" : "expired";
}

/* --- a field whose text has any length --- */

struct field {
	char	*text;
	size_t	 n;
	FILE	*f;
};

static int
field_begin(struct field *x, struct err *e)
{
	*x = (struct field){ 0 };
	if ((x->f = open_memstream(&x->text, &x->n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "text");
	return 0;
}

static int
field_end(FILE *f, const char *name, struct field *x, struct err *e)
{
	const bool bad = ferror(x->f) != 0;
	int r = 0;

	if (fclose(x->f) != 0 || bad)
		r = err_set(e, ERR_NOMEM, 0, "text");
	else {
		fprintf(f, "%-*s", INDENT, name);
		out_paragraph(f, INDENT, x->text);
	}
	free(x->text);
	return r;
}

/* --- principals --- */

/* It looks like what it is, and can stand in a list without quotes. */
static bool
is_simple(struct span name)
{
	static const char also[] = "-_.@*?/\\:[]+";

	for (size_t i = 0; i < name.n; i++) {
		const uint8_t c = name.p[i];

		if ((c < '0' || c > '9') && (c < 'A' || c > 'Z') &&
		    (c < 'a' || c > 'z') && (c == 0 ||
		    strchr(also, c) == NULL))
			return false;
	}
	return name.n > 0;
}

/* In quotes where that helps, and then without one of its own. */
static void
put_name(FILE *f, struct span name)
{
	struct out_clean c = out_clean(name);

	if (is_simple(name)) {
		fputs(c.s, f);
		return;
	}
	for (char *p = c.s; *p != '\0'; p++)
		if (*p == '"')
			*p = '?';
	fprintf(f, "\"%s\"", c.s);
}

static int
print_principals(FILE *f, const struct cert *c, struct err *e)
{
	struct field x;
	struct span name;
	struct wire_r r;
	size_t n = 0;

	if (c->n_principals == 0) {
		out_field(f, "For", "nobody in particular: it has no "
		    "principals. TrustedUserCAKeys does not take it; a line "
		    "with cert-authority in authorized_keys may, for anyone.");
		return 0;
	}
	if (field_begin(&x, e) != 0)
		return (int)e->code;
	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name)) {
		fputs(n++ == 0 ? "" : ", ", x.f);
		put_name(x.f, name);
	}
	return field_end(f, "For", &x, e);
}

/* --- options --- */

static const struct {
	const char	*name;
	bool		 critical;
	const char	*words;		/* %s in it: the value */
} sentences[] = {
	{ "force-command", true, "the server runs this and nothing else, "
	    "whatever is asked for: " },
	{ "source-address", true, "only for clients that come from " },
	{ "verify-required", true, "the security key has to know who uses it "
	    "(PIN or fingerprint)" },
	{ "no-touch-required", false, "the security key need not be touched" },
	{ "permit-X11-forwarding", false, "X11 may be forwarded" },
	{ "permit-agent-forwarding", false, "the agent may be forwarded" },
	{ "permit-port-forwarding", false, "ports may be forwarded" },
	{ "permit-pty", false, "a terminal may be had" },
	{ "permit-user-rc", false, "the user's ~/.ssh/rc is run" },
};

static const char *
sentence_of(struct span name, bool critical)
{
	for (size_t i = 0; i < sizeof(sentences) / sizeof(*sentences); i++)
		if (sentences[i].critical == critical &&
		    span_is(name, sentences[i].name))
			return sentences[i].words;
	return NULL;
}

static void
put_option(FILE *f, const struct cert *c, bool critical, struct span name,
    struct span data)
{
	const char *words = sentence_of(name, critical);
	struct span value;

	put_name(f, name);
	fputs(": ", f);
	if (words != NULL)
		fputs(words, f);
	else if (critical)
		fputs("sshd does not know it, and refuses the certificate",
		    f);
	else
		fputs(c->type == CERT_USER ? "sshd does not know it, and "
		    "passes over it" : "ssh passes over it", f);
	if (data.n > 0 && words == NULL)
		fputs("; it says ", f);
	if (data.n > 0 && ca_form_value(data, &value))
		fprintf(f, "\"%s\"", out_clean(value).s);
	else if (data.n > 0)
		fprintf(f, "%zu bytes without the form of a value", data.n);
}

static int
print_options(FILE *f, const struct cert *c, bool critical, struct err *e)
{
	const char *head = critical ? "Demands" : "Allows";
	struct span name, data;
	struct field x;
	struct wire_r r;
	size_t n = 0;

	if (field_begin(&x, e) != 0)
		return (int)e->code;
	wire_read(&r, critical ? c->critical : c->extensions);
	while (cert_next_option(&r, &name, &data)) {
		fputs(n++ == 0 ? "" : "\n", x.f);
		put_option(x.f, c, critical, name, data);
	}
	if (n == 0)
		fputs(critical ? "nothing: it has no critical options" :
		    c->type == CERT_HOST ? "nothing, as is right for a host" :
		    "nothing but to log in: no terminal, no forwarding", x.f);
	return field_end(f, head, &x, e);
}

/* --- the rest of it --- */

static void
print_validity(FILE *f, const struct cert *c, uint64_t now)
{
	const char *state = certshow_state(c, now);
	char from[90] = "", until[90] = "for ever";
	struct when_text left = { "" };

	if (c->valid_after > 0)
		snprintf(from, sizeof(from), "from %s ",
		    ca_when_date(c->valid_after).s);
	if (c->valid_before != CERT_FOREVER)
		snprintf(until, sizeof(until), "until %s",
		    ca_when_date(c->valid_before).s);
	if (strcmp(state, "never valid") == 0)
		out_field(f, "Valid", "NEVER: %s%s", from, until);
	else if (strcmp(state, "not yet valid") == 0)
		out_field(f, "Valid", "%s%s; NOT YET, it begins in %s", from,
		    until, when_span(c->valid_after - now).s);
	else if (strcmp(state, "expired") == 0)
		out_field(f, "Valid", "%s%s; EXPIRED %s ago", from, until,
		    when_span(now - c->valid_before).s);
	else {
		if (c->valid_before != CERT_FOREVER)
			left = when_span(c->valid_before - now);
		out_field(f, "Valid", "%s%s%s%s", from, until,
		    left.s[0] != '\0' ? "; still for " : "", left.s);
	}
}

static void
print_key(FILE *f, const char *head, struct span type, struct span blob,
    struct span comment)
{
	char *fp = keytext_fingerprint(blob);

	out_field(f, head, "%s %s %s", out_clean(type).s,
	    fp != NULL ? fp : "?", out_clean(comment).s);
	free(fp);
}

static struct span
type_of(struct span blob)
{
	struct wire_r r;

	wire_read(&r, blob);
	return wire_get_string(&r);
}

static void
print_signature(FILE *f, const struct certshow *s)
{
	const struct out_clean by = out_clean(explain_algorithm(&s->cert));

	switch (s->signature) {
	case CERTSHOW_RIGHT:
		out_field(f, "Signed", "with %s; the signature is right",
		    by.s);
		return;
	case CERTSHOW_WRONG:
		out_field(f, "Signed", "with %s; the signature is WRONG: %s",
		    by.s, s->signature_err.msg);
		return;
	case CERTSHOW_UNKNOWN:
		out_field(f, "Signed", "with %s; whether the signature is "
		    "right was not checked: %s", by.s, s->signature_err.msg);
		return;
	}
}

static void
print_type(FILE *f, const struct cert *c)
{
	out_field(f, "Type", "%s certificate",
	    c->type == CERT_USER ? "user" : "host");
}

/* For whom, how long, and for what. */
static int
print_terms(FILE *f, const struct cert *c, uint64_t now, struct err *e)
{
	int r;

	if ((r = print_principals(f, c, e)) != 0)
		return r;
	print_validity(f, c, now);
	if ((r = print_options(f, c, true, e)) != 0)
		return r;
	return print_options(f, c, false, e);
}

static int
print_body(FILE *f, const struct certshow *s, struct err *e)
{
	const struct cert *c = &s->cert;
	int r;

	out_field(f, "File", "%s, line %u",
	    out_clean(span_cstr(s->file)).s, s->line);
	print_type(f, c);
	print_key(f, "Key", span_cstr(c->plain_name), s->blob, s->comment);
	print_key(f, "CA", type_of(c->ca), c->ca, (struct span){ 0 });
	print_signature(f, s);
	out_field(f, "Key id", "\"%s\"", out_clean(c->key_id).s);
	if (c->serial == 0)
		out_field(f, "Serial", "none (0): it cannot be revoked by "
		    "its number");
	else
		out_field(f, "Serial", "%" PRIu64, c->serial);
	if ((r = print_terms(f, c, s->question->at, e)) != 0)
		return r;
	out_field(f, "Form", "%s", s->form.code == ERR_NONE ?
	    "nothing stands against it" :
	    out_clean(span_cstr(s->form.msg)).s);
	return 0;
}

int
certshow_print_wish(FILE *f, const struct cert *c, uint64_t now,
    struct err *e)
{
	struct wire_w key;

	if (!wire_write(&key, KEY_MAX))
		return err_set(e, ERR_NOMEM, 0, "key");
	cert_put_subject(c, &key);
	print_type(f, c);
	print_key(f, "Key", span_cstr(c->plain_name), wire_bytes(&key),
	    (struct span){ 0 });
	print_key(f, "CA", type_of(c->ca), c->ca, (struct span){ 0 });
	out_field(f, "Key id", "\"%s\"", out_clean(c->key_id).s);
	wire_free(&key);
	return print_terms(f, c, now, e);
}

/* --- the verdict --- */

static void
print_lines(FILE *f, const struct explain *x)
{
	char head[16];
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++) {
		if (x->v[i].why == EXPLAIN_NOTE)
			continue;
		snprintf(head, sizeof(head), "%8zu.", ++n);
		out_field(f, head, "%s", x->v[i].text);
		out_field(f, "", "Mend: %s", x->v[i].mend);
	}
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].why == EXPLAIN_NOTE)
			out_field(f, "Note", "%s", x->v[i].text);
}

static void
print_verdict(FILE *f, const struct certshow *s)
{
	const struct verdict *v = s->question;
	const struct explain *x = &s->answer;
	const bool user = verdict_as(v, &s->cert) == CERT_USER;
	const char *name = user ? v->q.user : v->q.host;
	struct out_clean shown = { "" };

	if (name != NULL)
		snprintf(shown.s, sizeof(shown.s), "%s \"%.200s\"",
		    user ? " user" : " host", out_clean(span_cstr(name)).s);
	else
		snprintf(shown.s, sizeof(shown.s), " a %s",
		    user ? "user" : "host");
	out_field(f, "Verdict", x->reasons == 0 ? "accepted for%s%s%s%s%s" :
	    "REFUSED for%s%s%s%s%s", shown.s,
	    user && v->q.from != NULL ? " from " : "",
	    user && v->q.from != NULL ? v->q.from : "",
	    v->q.at != NULL ? " at " : "",
	    v->q.at != NULL ? ca_when_date(v->at).s : "");
	print_lines(f, x);
}

int
certshow_print(FILE *f, const struct certshow *s, struct err *e)
{
	int r;

	if ((r = print_body(f, s, e)) == 0 && s->asked)
		print_verdict(f, s);
	return r;
}

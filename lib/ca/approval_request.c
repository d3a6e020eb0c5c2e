/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/approval_request.h"
#include "ca/form.h"
#include "ssh/base64.h"
#include "ssh/key.h"
#include "ssh/keytext.h"

#define MAGIC		"hsm-ssh-agent certificate request "
#define FORM		"1"
#define DRAFT		"draft:"
#define LINE		70		/* of base64 */
#define SHOWN		81		/* bytes of a line, with NUL */

/* --- writing --- */

static void
put_quoted(FILE *f, struct span s)
{
	const bool clean = keytext_is_clean(s);

	putc('"', f);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '"' || s.p[i] == '\\')
			fprintf(f, "\\%c", s.p[i]);
		else if (clean || (s.p[i] >= ' ' && s.p[i] < 0x7f))
			putc(s.p[i], f);
		else
			fprintf(f, "\\x%02x", s.p[i]);
	putc('"', f);
}

static void
put_text(FILE *f, const char *what, struct span s)
{
	fprintf(f, "%s: ", what);
	put_quoted(f, s);
	putc('\n', f);
}

/* A name as all options have them stands for itself. */
static bool
is_plain(struct span name)
{
	static const char more[] = "-_.@";

	for (size_t i = 0; i < name.n; i++) {
		const uint8_t c = name.p[i] | 0x20;

		if (!(c >= 'a' && c <= 'z') &&
		    !(name.p[i] >= '0' && name.p[i] <= '9') &&
		    memchr(more, name.p[i], sizeof(more) - 1) == NULL)
			return false;
	}
	return name.n > 0;
}

static void
put_options(FILE *f, const char *what, struct span options)
{
	struct span name, data, value;
	struct wire_r r;

	wire_read(&r, options);
	while (cert_next_option(&r, &name, &data)) {
		fprintf(f, "%s: ", what);
		if (is_plain(name))
			fwrite(name.p, 1, name.n, f);
		else
			put_quoted(f, name);
		if (data.n > 0) {
			/* ca_form_check() lets no other data pass. */
			(void)ca_form_value(data, &value);
			putc(' ', f);
			put_quoted(f, value);
		}
		putc('\n', f);
	}
}

static void
put_time(FILE *f, const char *what, uint64_t when)
{
	const time_t t = (time_t)when;
	struct tm tm = { 0 };
	char text[32] = "";

	if (gmtime_r(&t, &tm) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC",
		    &tm);
	fprintf(f, "%s: %s\n", what, text);
}

/* A plain key. */
static bool
put_key(FILE *f, const char *what, struct span blob)
{
	char *fp = keytext_fingerprint(blob);
	struct span type;
	struct wire_r r;

	wire_read(&r, blob);
	type = wire_get_string(&r);
	if (fp != NULL)
		fprintf(f, "%s: %.*s %s\n", what, (int)type.n,
		    (const char *)type.p, fp);
	free(fp);
	return fp != NULL;
}

static bool
put_subject(FILE *f, const struct cert *c)
{
	struct wire_w key;
	bool good = false;

	if (wire_write(&key, KEY_BLOB_MAX)) {
		cert_put_subject(c, &key);
		good = !key.bad && put_key(f, "subject", wire_bytes(&key));
	}
	wire_free(&key);
	return good;
}

static bool
put_lines(FILE *f, const struct cert *c)
{
	char *draft = base64_lines(c->tbs, LINE);
	struct span name;
	struct wire_r r;
	bool good;

	fprintf(f, MAGIC FORM "\ntype: %s\n",
	    c->type == CERT_USER ? "user" : "host");
	good = draft != NULL && put_subject(f, c) && put_key(f, "CA", c->ca);
	put_text(f, "key id", c->key_id);
	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name))
		put_text(f, "principal", name);
	put_time(f, "valid from", c->valid_after);
	put_time(f, "valid until", c->valid_before);
	put_options(f, "critical option", c->critical);
	put_options(f, "extension", c->extensions);
	fprintf(f, DRAFT "\n%s", draft != NULL ? draft : "");
	free(draft);
	return good;
}

static int
render(const struct cert *c, char **text, struct err *e)
{
	size_t n = 0;
	FILE *f;
	bool good;

	*text = NULL;
	if ((f = open_memstream(text, &n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "certificate request");
	good = put_lines(f, c) && ferror(f) == 0;
	if (fclose(f) != 0 || !good) {
		free(*text);
		*text = NULL;
		return err_set(e, ERR_NOMEM, 0, "certificate request");
	}
	if (n <= APPROVAL_TEXT_MAX)
		return 0;
	free(*text);
	*text = NULL;
	return err_set(e, ERR_LIMIT, 0, "a certificate request of %zu bytes, "
	    "more than %d", n, APPROVAL_TEXT_MAX);
}

/* Is it the body of a certificate that can be asked for? */
static int
parse_draft(struct span draft, struct cert *c, struct err *e)
{
	int r;

	if ((r = cert_parse_tbs(draft, c, e)) != 0)
		return r;
	if (c->serial != 0)
		return err_set(e, ERR_FORMAT, 0, "the draft of a certificate "
		    "has a serial number, which only the CA gives it");
	return ca_form_check(c, e);
}

int
approval_request_put(struct span draft, char **text, struct err *e)
{
	struct cert c;
	int r;

	if ((r = parse_draft(draft, &c, e)) != 0)
		return r;
	return render(&c, text, e);
}

/* --- reading --- */

static int
check_magic(struct span line, struct err *e)
{
	const struct span magic = span_cstr(MAGIC);

	if (span_is(line, MAGIC FORM))
		return 0;
	if (line.n > magic.n &&
	    span_eq((struct span){ line.p, magic.n }, magic))
		return err_set(e, ERR_UNSUPPORTED, 0, "a certificate request "
		    "of another version than " FORM);
	return err_set(e, ERR_FORMAT, 0, "not a certificate request: its first "
	    "line is not \"" MAGIC FORM "\"");
}

/* The first line that is another than the draft has. */
static int
differ(struct span text, struct span want, struct err *e)
{
	char got[SHOWN], due[SHOWN];
	struct span a, b;
	int n = 0;

	do {
		a = span_cut_line(&text);
		b = span_cut_line(&want);
		n++;
	} while (span_eq(a, b) && text.n > 0 && want.n > 0);
	if (span_eq(a, b))
		return err_set(e, ERR_DENIED, 0, "a certificate request with "
		    "other line ends, or other lines, than its draft has");
	keytext_clean(got, sizeof(got), a);
	keytext_clean(due, sizeof(due), b);
	return err_set(e, ERR_DENIED, 0, "line %d of the certificate request "
	    "is not what its draft says (\"%s\" instead of \"%s\"): it is not "
	    "to be signed", n, got, due);
}

static int
check_text(struct span text, const struct cert *c, struct err *e)
{
	char *want;
	int r;

	if ((r = render(c, &want, e)) != 0)
		return r;
	if (!span_is(text, want))
		r = differ(text, span_cstr(want), e);
	free(want);
	return r;
}

int
approval_request_read(struct span text, struct approval_request *q,
    struct err *e)
{
	struct span rest = text;
	int r;

	*q = (struct approval_request){ 0 };
	if (text.n > APPROVAL_TEXT_MAX)
		return err_set(e, ERR_LIMIT, 0, "a certificate request of more "
		    "than %d bytes", APPROVAL_TEXT_MAX);
	if ((r = check_magic(span_cut_line(&rest), e)) != 0)
		return r;
	while (rest.n > 0 && !span_is(span_cut_line(&rest), DRAFT))
		;
	if (!wire_write(&q->draft, APPROVAL_TEXT_MAX))
		return err_set(e, ERR_NOMEM, 0, "certificate request");
	if ((r = base64_put_lines(&q->draft, rest, LINE, e)) != 0)
		(void)err_wrap(e, "the draft of a certificate request");
	else if ((r = parse_draft(wire_bytes(&q->draft), &q->cert, e)) == 0)
		r = check_text(text, &q->cert, e);
	if (r != 0)
		approval_request_free(q);
	return r;
}

void
approval_request_free(struct approval_request *q)
{
	wire_free(&q->draft);
	*q = (struct approval_request){ 0 };
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keyutil/certfiles.h"
#include "keyutil/certsheet.h"
#include "keyutil/csv.h"
#include "keyutil/out.h"
#include "keyutil/readfile.h"
#include "ssh/keytext.h"

#define TEXT_MAX	(64 * 1024 * 1024)
#define TOLD_MAX	20		/* rows that are told one by one */
#define SEPARATORS	" \t\r\n;,"	/* of principals */

enum column {
	COL_FILE,
	COL_KEY,
	COL_PRINCIPALS,
	COL_KEY_ID,
	COL_VALIDITY,
	COL_SERIAL,
	COL_OPTIONS,
	COL_OUTPUT,
};

static const char *const columns[] = {
	[COL_FILE] = "file",
	[COL_KEY] = "key",
	[COL_PRINCIPALS] = "principals",
	[COL_KEY_ID] = "key_id",
	[COL_VALIDITY] = "validity",
	[COL_SERIAL] = "serial",
	[COL_OPTIONS] = "options",
	[COL_OUTPUT] = "output",
};

#define N_COLUMNS	(sizeof(columns) / sizeof(columns[0]))

struct sheet {
	const char	*file;		/* its name */
	const struct certwish *wish;
	struct certorders *orders;
	bool		 has[N_COLUMNS];
	size_t		 at[N_COLUMNS];	/* which field */
	size_t		 n_fields;
	size_t		 bad;
};

static int
read_text(const char *file, uint8_t **text, size_t *n, struct err *e)
{
	*n = TEXT_MAX;
	if ((*text = malloc(*n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "\"%.200s\"", file);
	return readfile_or_stdin(file, *text, n, e);
}

static char *
place(const char *file, size_t line)
{
	char *text;

	return asprintf(&text, "%.200s, line %zu", readfile_name(file),
	    line) == -1 ? NULL : text;
}

/* One that is wrong keeps no other from being looked at. */
static void
tell(size_t *bad, const char *file, size_t line, const struct err *e)
{
	if ((*bad)++ < TOLD_MAX)
		out_warn("%s, line %zu: %s", readfile_name(file), line,
		    e->msg);
}

static int
told(size_t bad, const char *what, struct err *e)
{
	return bad == 0 ? 0 : err_set(e, ERR_FORMAT, 0, "nothing was signed: "
	    "%zu %s wrong", bad, what);
}

/* --- tables --- */

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n > 0 && strchr(" \t", s[n - 1]) != NULL; n--)
		;
	s[n] = '\0';
	return s;
}

static int
read_head(struct sheet *s, const struct csv_row *row, struct err *e)
{
	size_t c;

	for (size_t i = 0; i < row->n; i++) {
		const char *name = trim(row->field[i]);

		for (c = 0; c < N_COLUMNS; c++)
			if (strcasecmp(columns[c], name) == 0)
				break;
		if (c == N_COLUMNS)
			return err_set(e, ERR_FORMAT, 0, "line %zu: there is "
			    "no column \"%.60s\": file, key, principals, "
			    "key_id, validity, serial, options, output",
			    row->line, out_clean(span_cstr(name)).s);
		if (s->has[c])
			return err_set(e, ERR_FORMAT, 0, "line %zu: the "
			    "column %s is there twice", row->line,
			    columns[c]);
		s->has[c] = true;
		s->at[c] = i;
	}
	s->n_fields = row->n;
	return s->has[COL_FILE] || s->has[COL_KEY] ? 0 : err_set(e,
	    ERR_FORMAT, 0, "the first line names the columns, and one of them "
	    "has to be file or key");
}

/* NULL: nothing is said there. */
static char *
cell(const struct sheet *s, const struct csv_row *row, enum column c)
{
	char *text;

	if (!s->has[c])
		return NULL;
	text = trim(row->field[s->at[c]]);
	return text[0] != '\0' ? text : NULL;
}

/* Names with one comma between two of them. */
static void
join_names(char *text)
{
	const char *p = text + strspn(text, SEPARATORS);
	char *to = text;

	while (*p != '\0') {
		const size_t n = strcspn(p, SEPARATORS);

		if (to != text)
			*to++ = ',';
		memmove(to, p, n);
		to += n;
		p += n;
		p += strspn(p, SEPARATORS);
	}
	*to = '\0';
}

static int
set_key(const struct sheet *s, const struct csv_row *row,
    struct certorder *o, struct err *e)
{
	const char *file = cell(s, row, COL_FILE);
	const char *key = cell(s, row, COL_KEY);
	const char *output = cell(s, row, COL_OUTPUT);

	if ((file != NULL) == (key != NULL))
		return err_set(e, ERR_FORMAT, 0, "either a file or a key is "
		    "to be certified");
	if (file == NULL && output == NULL)
		return err_set(e, ERR_FORMAT, 0, "a key without a file needs "
		    "an output: where its certificate goes");
	if (file != NULL && readfile_is_stdin(file))
		return err_set(e, ERR_FORMAT, 0, "a row has no standard "
		    "input");
	if (output != NULL)
		o->file = strdup(output);
	else if (file != NULL)
		o->file = certfiles_name(file);
	if (o->file == NULL)
		return err_set(e, ERR_NOMEM, 0, "certificates");
	return file != NULL ? certfiles_key(file, o, e) :
	    certorder_set_subject(o, key, e);
}

static struct certwish
wish_of(const struct sheet *s, const struct csv_row *row)
{
	struct certwish w = *s->wish;
	char *names = cell(s, row, COL_PRINCIPALS), *text;

	if (names != NULL) {
		join_names(names);
		w.principals = names;
	}
	if ((text = cell(s, row, COL_KEY_ID)) != NULL)
		w.key_id = text;
	if ((text = cell(s, row, COL_VALIDITY)) != NULL)
		w.validity = text;
	if ((text = cell(s, row, COL_SERIAL)) != NULL)
		w.serial = text;
	w.more_options = cell(s, row, COL_OPTIONS);
	return w;
}

static int
read_row(struct sheet *s, const struct csv_row *row, struct err *e)
{
	struct certorder o = { 0 };
	struct certwish w;
	int r;

	if (row->n != s->n_fields)
		return err_set(e, ERR_FORMAT, 0, "%zu field%s under %zu "
		    "names of columns", row->n, row->n == 1 ? "" : "s",
		    s->n_fields);
	w = wish_of(s, row);
	if ((o.from = place(s->file, row->line)) == NULL)
		r = err_set(e, ERR_NOMEM, 0, "certificates");
	else if ((r = set_key(s, row, &o, e)) == 0 &&
	    (r = certwish_fill(&w, &o, e)) == 0)
		r = certorders_add(s->orders, &o, e);
	certorder_clear(&o);
	return r;
}

static int
read_rows(struct sheet *s, struct csv *c, struct err *e)
{
	struct csv_row row = { 0 };
	int r;

	if ((r = csv_next(c, &row, e)) == 0)
		r = read_head(s, &row, e);
	while (r == 0) {
		csv_row_clear(&row);
		if ((r = csv_next(c, &row, e)) != 0 || row.n == 0)
			break;
		if (read_row(s, &row, e) != 0)
			tell(&s->bad, s->file, row.line, e);
	}
	csv_row_clear(&row);
	if (r != 0)
		return err_wrap(e, "%.200s", readfile_name(s->file));
	return told(s->bad, s->bad == 1 ? "row is" : "rows are", e);
}

int
certsheet_read(const char *file, const struct certwish *w,
    struct certorders *l, struct err *e)
{
	struct sheet s = { .file = file, .wish = w, .orders = l };
	uint8_t *text = NULL;
	struct csv c;
	size_t n;
	int r;

	if ((r = read_text(file, &text, &n, e)) == 0) {
		csv_begin(&c, (struct span){ text, n });
		r = read_rows(&s, &c, e);
	}
	free(text);
	l->goes_on = true;
	return r;
}

/* --- ssh-keyscan --- */

struct scan {
	struct keyscan	 key;
	const char	*file, *dir;
	struct hostpins	*pins;
	const struct certwish *wish;
	struct certorders *orders;
	char		 told[300];	/* place of the last that is wrong */
	size_t		 bad;
};

/* Once for each host, which has several keys in a row. */
static void
tell_host(struct scan *s, const struct err *e)
{
	if (strcmp(s->told, s->key.place) != 0)
		tell(&s->bad, s->file, s->key.line, e);
	snprintf(s->told, sizeof(s->told), "%s", s->key.place);
}

/* "[host]:2222" becomes "host-2222". */
static char *
scan_file(const struct scan *s)
{
	const struct keyscan *k = &s->key;
	const char *port = k->place[0] == '[' ? strchr(k->place, ']') + 2 :
	    NULL;
	char *name;

	return asprintf(&name, "%s%s%s%s%s-ssh_host_%s_key-cert.pub",
	    s->dir != NULL ? s->dir : "", s->dir != NULL ? "/" : "", k->host,
	    port != NULL ? "-" : "", port != NULL ? port : "", k->type) == -1
	    ? NULL : name;
}

static int
order_host(struct scan *s, struct err *e)
{
	const struct span blob = wire_bytes(&s->key.blob);
	char *line = keytext_openssh(blob, s->key.host);
	struct certwish w = *s->wish;
	struct certorder o = { .from = place(s->file, s->key.line),
	    .file = scan_file(s) };
	int r;

	if (w.principals == NULL)
		w.principals = s->key.host;
	if (line == NULL || o.from == NULL || o.file == NULL)
		r = err_set(e, ERR_NOMEM, 0, "certificates");
	else if ((r = certorder_set_subject(&o, line, e)) == 0 &&
	    (r = certwish_fill(&w, &o, e)) == 0)
		r = certorders_add(s->orders, &o, e);
	certorder_clear(&o);
	free(line);
	return r;
}

/* The pins of the key's host; *of is the name they have. */
static struct hostpin *
pins_of(const struct scan *s, const char **of)
{
	struct hostpin *p = hostpins_first(s->pins, s->key.place);

	*of = s->key.place;
	if (p == NULL && (p = hostpins_first(s->pins, s->key.host)) != NULL)
		*of = s->key.host;
	return p;
}

static bool
is_of(const struct scan *s, const struct hostpin *p, const char *host)
{
	return p < s->pins->v + s->pins->n && strcmp(p->host, host) == 0;
}

static int
take_key(struct scan *s, struct err *e)
{
	char *fp = keytext_fingerprint(wire_bytes(&s->key.blob));
	const char *host;
	struct hostpin *p = pins_of(s, &host);
	bool pinned = false;
	int r = 0;

	if (fp == NULL)
		return err_set(e, ERR_NOMEM, 0, "key");
	if (p == NULL)
		r = err_set(e, ERR_DENIED, 0, "the host %s has no pin: say "
		    "with --pin or --pins which of its keys is the right one",
		    s->key.place);
	for (; p != NULL && is_of(s, p, host); p++)
		if (strcmp(p->fingerprint, fp) == 0) {
			pinned |= p->used == 0;
			p->used = s->key.line;
		}
	free(fp);
	return r == 0 && pinned ? order_host(s, e) : r;
}

/* Was none of the keys that this host showed the one that is pinned? */
static void
check_host(struct scan *s)
{
	const char *host;
	struct hostpin *p = pins_of(s, &host);
	bool used = false;
	struct err e;

	if (p == NULL)
		return;
	for (; is_of(s, p, host); p++)
		used |= p->used != 0;
	if (used)
		return;
	(void)err_set(&e, ERR_DENIED, 0, "the host %s has another key than "
	    "its pin says: find out why before anybody trusts it",
	    s->key.place);
	tell_host(s, &e);
}

static int
walk(struct scan *s, struct span text, void (*each)(struct scan *),
    struct err *e)
{
	int r;

	keyscan_begin(&s->key, text);
	while ((r = keyscan_next(&s->key, e)) == 0 &&
	    s->key.host[0] != '\0')
		each(s);
	keyscan_end(&s->key);
	return r;
}

static void
on_key(struct scan *s)
{
	struct err e;

	if (take_key(s, &e) != 0)
		tell_host(s, &e);
}

static int
read_scan(struct scan *s, struct span text, struct err *e)
{
	int r;

	if ((r = walk(s, text, on_key, e)) != 0 ||
	    (r = walk(s, text, check_host, e)) != 0)
		return err_wrap(e, "%.200s", readfile_name(s->file));
	for (size_t i = 0; i < s->pins->n; i++)
		if (s->pins->v[i].used == 0 && s->bad == 0)
			out_warn("the host %s is pinned, and no such key of "
			    "it was scanned", out_clean(span_cstr(
			    s->pins->v[i].host)).s);
	if (s->bad == 0 && s->orders->n == 0)
		return err_set(e, ERR_FORMAT, 0, "there is no host key in "
		    "\"%.200s\"", readfile_name(s->file));
	return told(s->bad, s->bad == 1 ? "host is" : "hosts are", e);
}

int
certsheet_scan(const char *file, struct hostpins *pins, const char *dir,
    const struct certwish *w, struct certorders *l, struct err *e)
{
	struct scan s = { .file = file, .dir = dir, .pins = pins, .wish = w,
	    .orders = l };
	uint8_t *text = NULL;
	size_t n;
	int r;

	hostpins_sort(pins);
	if ((r = read_text(file, &text, &n, e)) == 0)
		r = read_scan(&s, (struct span){ text, n }, e);
	free(text);
	l->goes_on = true;
	return r;
}

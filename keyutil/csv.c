/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "keyutil/csv.h"

#define END	(-1)

void
csv_begin(struct csv *c, struct span text)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };

	*c = (struct csv){ .rest = text, .line = 1 };
	if (text.n >= sizeof(mark) && memcmp(text.p, mark, sizeof(mark)) == 0)
		c->rest = (struct span){ text.p + sizeof(mark),
		    text.n - sizeof(mark) };
}

void
csv_row_clear(struct csv_row *row)
{
	for (size_t i = 0; i < row->n; i++)
		free(row->field[i]);
	*row = (struct csv_row){ 0 };
}

static int
peek(const struct csv *c)
{
	return c->rest.n > 0 ? c->rest.p[0] : END;
}

static int
take(struct csv *c)
{
	const int ch = peek(c);

	if (ch == END)
		return END;
	c->rest.p++;
	c->rest.n--;
	c->line += ch == '\n';
	return ch;
}

/* CR LF, LF or the end of all: where a row ends. */
static bool
at_row_end(const struct csv *c)
{
	const struct span s = c->rest;

	return s.n == 0 || s.p[0] == '\n' ||
	    (s.p[0] == '\r' && (s.n == 1 || s.p[1] == '\n'));
}

static void
take_row_end(struct csv *c)
{
	if (peek(c) == '\r')
		(void)take(c);
	if (peek(c) == '\n')
		(void)take(c);
}

static int
bad(const struct csv *c, struct err *e, const char *what)
{
	return err_set(e, ERR_FORMAT, 0, "line %zu: %s", c->line, what);
}

static int
put(struct csv *c, char *buf, size_t *n, int ch, struct err *e)
{
	if (ch == '\0')
		return bad(c, e, "a NUL: this is no text");
	if (*n == CSV_FIELD_MAX)
		return err_set(e, ERR_LIMIT, 0, "line %zu: a field of more "
		    "than %d bytes", c->line, CSV_FIELD_MAX);
	buf[(*n)++] = (char)ch;
	return 0;
}

/* Behind its first quote. */
static int
read_quoted(struct csv *c, char *buf, size_t *n, struct err *e)
{
	const size_t begin = c->line;
	int ch, r;

	for (;;) {
		if ((ch = take(c)) == END)
			return err_set(e, ERR_FORMAT, 0, "line %zu: the quote "
			    "that begins here does not end", begin);
		if (ch == '"' && peek(c) != '"')
			break;
		if (ch == '"')
			(void)take(c);
		if ((r = put(c, buf, n, ch, e)) != 0)
			return r;
	}
	return at_row_end(c) || peek(c) == ',' ? 0 : bad(c, e, "something "
	    "stands behind the quotes of a field");
}

static int
read_plain(struct csv *c, char *buf, size_t *n, struct err *e)
{
	int r;

	while (!at_row_end(c) && peek(c) != ',') {
		if (peek(c) == '"')
			return bad(c, e, "a quote inside of a field: one that "
			    "has quotes in it is put into quotes, and they "
			    "are doubled");
		if ((r = put(c, buf, n, take(c), e)) != 0)
			return r;
	}
	return 0;
}

static int
read_field(struct csv *c, struct csv_row *row, char *buf, struct err *e)
{
	size_t n = 0;
	int r;

	if (row->n == CSV_FIELDS_MAX)
		return err_set(e, ERR_LIMIT, 0, "line %zu: more than %d "
		    "fields", c->line, CSV_FIELDS_MAX);
	if (peek(c) == '"') {
		(void)take(c);
		r = read_quoted(c, buf, &n, e);
	} else {
		r = read_plain(c, buf, &n, e);
	}
	if (r != 0)
		return r;
	if ((row->field[row->n] = strndup(buf, n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "table");
	row->n++;
	return 0;
}

int
csv_next(struct csv *c, struct csv_row *row, struct err *e)
{
	char *buf;
	int r;

	*row = (struct csv_row){ 0 };
	while (c->rest.n > 0 && at_row_end(c))
		take_row_end(c);
	row->line = c->line;
	if (c->rest.n == 0)
		return 0;
	if ((buf = malloc(CSV_FIELD_MAX)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "table");
	while ((r = read_field(c, row, buf, e)) == 0 && peek(c) == ',')
		(void)take(c);
	free(buf);
	if (r == 0)
		take_row_end(c);
	return r;
}

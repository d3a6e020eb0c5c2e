/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "keyutil/out.h"
#include "ssh/keytext.h"

#define FIELD_INDENT	10
#define TABLE_GAP	2
#define TEXT_MAX	1024

/* Bytes and columns of the character at s; what is none counts as one. */
static size_t
character(const char *s, size_t *columns)
{
	mbstate_t state = { 0 };
	wchar_t wc;
	size_t n = mbrtowc(&wc, s, strlen(s), &state);
	int w;

	*columns = 1;
	if (n == 0 || n == (size_t)-1 || n == (size_t)-2)
		return 1;
	if ((w = wcwidth(wc)) >= 0)
		*columns = (size_t)w;
	return n;
}

size_t
out_width(const char *s)
{
	size_t sum = 0, w;

	for (; *s != '\0'; sum += w)
		s += character(s, &w);
	return sum;
}

static void
pad(FILE *f, size_t n)
{
	while (n-- > 0)
		putc(' ', f);
}

void
out_paragraph(FILE *f, size_t indent, const char *s)
{
	size_t column = indent, w;
	char word[TEXT_MAX];

	while (*s != '\0') {
		const size_t n = strcspn(s, " \n");

		snprintf(word, sizeof(word), "%.*s", (int)n, s);
		w = out_width(word);
		if (column > indent && column + 1 + w >= OUT_COLUMNS) {
			putc('\n', f);
			pad(f, column = indent);
		} else if (column > indent) {
			putc(' ', f);
			column++;
		}
		fputs(word, f);
		column += w;
		s += n;
		if (*s == '\n' && s[1] != '\0') {
			putc('\n', f);
			pad(f, column = indent);
		}
		s += *s != '\0';
	}
	putc('\n', f);
}

void
out_field(FILE *f, const char *name, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(f, "%-*s", FIELD_INDENT, name);
	out_paragraph(f, FIELD_INDENT, text);
}

void
out_table_row(struct out_table *t, const char *const *cell)
{
	void *more;

	if (t->bad || (more = reallocarray(t->row, t->rows + 1,
	    sizeof(*t->row))) == NULL) {
		t->bad = true;
		return;
	}
	t->row = more;
	for (size_t i = 0; i < t->columns; i++)
		if ((t->row[t->rows][i] = strdup(cell[i])) == NULL)
			t->bad = true;
	t->rows++;
}

static bool
column_is_empty(const struct out_table *t, size_t i)
{
	for (size_t k = 0; k < t->rows; k++)
		if (t->row[k][i][0] != '\0')
			return false;
	return true;
}

static void
drop_empty_end(struct out_table *t)
{
	while (t->columns > 1 && column_is_empty(t, t->columns - 1)) {
		t->columns--;
		for (size_t k = 0; k < t->rows; k++)
			free(t->row[k][t->columns]);
	}
}

static void
measure(const struct out_table *t, size_t *width)
{
	for (size_t i = 0; i < t->columns; i++) {
		width[i] = out_width(t->head[i]);
		for (size_t k = 0; k < t->rows; k++) {
			const size_t w = out_width(t->row[k][i]);

			width[i] = w > width[i] ? w : width[i];
		}
	}
}

static void
print_row(FILE *f, const struct out_table *t, const char *const *cell,
    const size_t *width, bool fits)
{
	const size_t last = t->columns - 1;

	pad(f, TABLE_GAP);
	for (size_t i = 0; i < last; i++) {
		fputs(cell[i], f);
		if (fits || i + 1 < last)
			pad(f, width[i] - out_width(cell[i]) + TABLE_GAP);
	}
	if (!fits) {
		putc('\n', f);
		pad(f, 3 * TABLE_GAP);
	}
	fprintf(f, "%s\n", cell[last]);
}

static void
print_rows(FILE *f, const struct out_table *t)
{
	size_t width[OUT_TABLE_COLUMNS], sum = 0;
	bool fits;

	measure(t, width);
	for (size_t i = 0; i < t->columns; i++)
		sum += TABLE_GAP + width[i];
	fits = sum <= OUT_COLUMNS;
	print_row(f, t, t->head, width, fits);
	for (size_t k = 0; k < t->rows; k++)
		print_row(f, t, (const char *const *)t->row[k], width, fits);
}

void
out_table_drop(struct out_table *t)
{
	for (size_t k = 0; k < t->rows; k++)
		for (size_t i = 0; i < t->columns; i++)
			free(t->row[k][i]);
	free(t->row);
	*t = (struct out_table){ 0 };
}

int
out_table_print(FILE *f, struct out_table *t, struct err *e)
{
	const bool bad = t->bad;

	if (!bad) {
		drop_empty_end(t);
		print_rows(f, t);
	}
	out_table_drop(t);
	return bad ? err_set(e, ERR_NOMEM, 0, "table") : 0;
}

struct out_clean
out_clean(struct span s)
{
	struct out_clean c = { 0 };

	keytext_clean(c.s, sizeof(c.s), s);
	return c;
}

json_t *
out_json_span(struct span s)
{
	char text[TEXT_MAX];

	keytext_clean(text, sizeof(text), s);
	return json_string(text);
}

json_t *
out_json_count(long n)
{
	return n < 0 ? json_null() : json_integer(n);
}

int
out_json(json_t *j, struct err *e)
{
	int r = 0;

	if (j == NULL)
		return err_set(e, ERR_NOMEM, 0, "JSON");
	if (json_dumpf(j, stdout, JSON_INDENT(2)) != 0 ||
	    putchar('\n') == EOF)
		r = err_set(e, ERR_SYS, 0, "cannot write JSON");
	json_decref(j);
	return r;
}

void
out_warn(const char *fmt, ...)
{
	char text[TEXT_MAX], clean[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	keytext_clean(clean, sizeof(clean), span_cstr(text));
	fprintf(stderr, "hsm-keyutil: %s\n", clean);
}

int
out_flush(struct err *e)
{
	if (fflush(stdout) != 0 || ferror(stdout) != 0)
		return err_sys(e, "cannot write the output");
	return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyutil/csv.h"
#include "tests/fuzz/law.h"

/* Written with quotes around all of it, a row is read again as it was. */
static void
reads_again(const struct csv_row *row)
{
	struct csv_row again;
	struct csv c;
	struct err e;
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	must(f != NULL);
	for (size_t i = 0; i < row->n; i++) {
		fputs(i > 0 ? ",\"" : "\"", f);
		for (const char *p = row->field[i]; *p != '\0'; p++) {
			if (*p == '"')
				putc('"', f);
			putc(*p, f);
		}
		putc('"', f);
	}
	must(fclose(f) == 0);
	csv_begin(&c, (struct span){ (const uint8_t *)text, size });
	must(csv_next(&c, &again, &e) == 0 && again.n == row->n);
	for (size_t i = 0; i < row->n; i++)
		must(strcmp(again.field[i], row->field[i]) == 0);
	csv_row_clear(&again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	size_t line = 0;
	struct csv_row row;
	struct err e;
	struct csv c;

	csv_begin(&c, (struct span){ p, n });
	while (csv_next(&c, &row, &e) == 0 && row.n > 0) {
		must(row.n <= CSV_FIELDS_MAX && row.line > line);
		line = row.line;
		reads_again(&row);
		csv_row_clear(&row);
	}
	csv_row_clear(&row);
	return 0;
}

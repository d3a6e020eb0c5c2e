/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "ssh/base64.h"

#define TEXT_MAX	((size_t)1 << 28)	/* libcrypto counts in int */

char *
base64_encode(struct span s)
{
	char *text;

	if (s.n > TEXT_MAX || (text = malloc(s.n / 3 * 4 + 5)) == NULL)
		return NULL;
	EVP_EncodeBlock((unsigned char *)text, s.p, (int)s.n);
	return text;
}

char *
base64_lines(struct span s, size_t width)
{
	char *text = base64_encode(s), *lines = NULL;
	size_t left, n, used = 0;

	if (text == NULL)
		return NULL;
	left = strlen(text);
	if ((lines = malloc(left + left / width + 2)) != NULL) {
		for (const char *p = text; left > 0; p += n, left -= n) {
			n = left < width ? left : width;
			memcpy(lines + used, p, n);
			used += n;
			lines[used++] = '\n';
		}
		lines[used] = '\0';
	}
	free(text);
	return lines;
}

/*
 * libcrypto's decoder lets pass what is not base64 (a '=' in the middle,
 * left-over bits), so what it made must encode to the text it read.
 */
static bool
decode(struct span text, unsigned char *raw, struct span *got)
{
	char *again;
	bool same;

	*got = (struct span){ raw, text.n / 4 * 3 };
	if (EVP_DecodeBlock(raw, text.p, (int)text.n) != (int)got->n)
		return false;
	for (size_t n = text.n; got->n > 0 && text.p[n - 1] == '='; n--)
		got->n--;
	again = base64_encode(*got);
	same = again != NULL && span_is(text, again);
	free(again);
	return same;
}

int
base64_put(struct wire_w *out, struct span text, struct err *e)
{
	unsigned char *raw;
	struct span got;
	int r = 0;

	if (text.n == 0 || text.n % 4 != 0 || text.n > TEXT_MAX)
		return err_set(e, ERR_FORMAT, 0, "not base64");
	if ((raw = malloc(text.n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "no memory for base64");
	if (!decode(text, raw, &got))
		r = err_set(e, ERR_FORMAT, 0, "not base64");
	else {
		wire_put_raw(out, got);
		if (out->bad)
			r = err_set(e, ERR_NOMEM, 0, "no room for base64");
	}
	free(raw);
	return r;
}

int
base64_put_lines(struct wire_w *out, struct span lines, size_t width,
    struct err *e)
{
	struct span line, text = { 0 };
	bool good = true;
	uint8_t *joined;
	int r;

	if (lines.n == 0 || lines.p[lines.n - 1] != '\n')
		return err_set(e, ERR_FORMAT, 0,
		    "no base64, or its last line does not end");
	if ((joined = malloc(lines.n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "no memory for base64");
	text.p = joined;
	while (lines.n > 0 && good) {
		line = span_cut_line(&lines);
		good = line.n > 0 && line.n <= width;
		memcpy(joined + text.n, line.p, line.n);
		text.n += line.n;
	}
	if (!good)
		r = err_set(e, ERR_FORMAT, 0,
		    "an empty line of base64, or one that is too long");
	else
		r = base64_put(out, text, e);
	free(joined);
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "pin/assuan.h"
#include "pin/text.h"

struct assuan {
	size_t		 n;
	unsigned int	 lines;		/* of this answer */
	uint8_t		 buf[ASSUAN_LINE_MAX + 1];	/* CR LF */
};

/* A line, or what is left of it. */
struct part {
	uint8_t	*p;
	size_t	 n;
};

struct assuan *
assuan_new(void)
{
	return secret_page_new(sizeof(struct assuan));
}

void
assuan_free(struct assuan *a)
{
	secret_page_free(a, sizeof(*a));
}

void *
assuan_room(struct assuan *a, size_t *n)
{
	*n = sizeof(a->buf) - a->n;
	return a->buf + a->n;
}

void
assuan_added(struct assuan *a, size_t n)
{
	a->n += n;
}

static int
digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* %XX in place: it can only get shorter. */
static bool
unescape(struct part *d)
{
	size_t out = 0;
	int hi, lo;

	for (size_t i = 0; i < d->n; i++) {
		if (d->p[i] != '%') {
			d->p[out++] = d->p[i];
			continue;
		}
		if (d->n - i < 3 || (hi = digit(d->p[i + 1])) == -1 ||
		    (lo = digit(d->p[i + 2])) == -1)
			return false;
		d->p[out++] = (uint8_t)(hi << 4 | lo);
		i += 2;
	}
	d->n = out;
	return true;
}

static int
on_data(struct part arg, struct secret *data, struct assuan_answer *answer,
    struct err *e)
{
	(void)answer;
	if (data == NULL)
		return err_set(e, ERR_FORMAT, 0, "data that nobody asked for");
	if (!unescape(&arg))
		return err_set(e, ERR_FORMAT, 0, "a '%%' that means nothing");
	if (secret_add(data, arg.p, arg.n) != 0)
		return err_set(e, ERR_LIMIT, 0, "a PIN of more than %d bytes",
		    SECRET_MAX);
	return 0;
}

static int
on_ok(struct part arg, struct secret *data, struct assuan_answer *answer,
    struct err *e)
{
	(void)arg;
	(void)data;
	(void)e;
	answer->kind = ASSUAN_OK;
	return 0;
}

static int
on_err(struct part arg, struct secret *data, struct assuan_answer *answer,
    struct err *e)
{
	char text[sizeof(answer->text)];
	unsigned int code = 0, d;
	size_t i;

	(void)data;
	for (i = 0; i < arg.n && arg.p[i] >= '0' && arg.p[i] <= '9'; i++) {
		d = arg.p[i] - '0';
		if (code > (UINT_MAX - d) / 10)
			return err_set(e, ERR_FORMAT, 0, "ERR with a number "
			    "that is too large");
		code = code * 10 + d;
	}
	if (i == 0 || (i < arg.n && arg.p[i] != ' '))
		return err_set(e, ERR_FORMAT, 0, "ERR without a number");
	i += i < arg.n;
	snprintf(text, sizeof(text), "%.*s", (int)(arg.n - i), arg.p + i);
	pin_text_clean(answer->text, sizeof(answer->text), text);
	answer->kind = ASSUAN_ERR;
	answer->code = code;
	return 0;
}

static int
on_inquire(struct part arg, struct secret *data,
    struct assuan_answer *answer, struct err *e)
{
	(void)arg;
	(void)data;
	(void)e;
	answer->kind = ASSUAN_INQUIRE;
	return 0;
}

static int
on_nothing(struct part arg, struct secret *data,
    struct assuan_answer *answer, struct err *e)
{
	(void)arg;
	(void)data;
	(void)answer;
	(void)e;
	return 0;
}

static const struct word {
	const char	*name;
	int		(*fn)(struct part arg, struct secret *data,
			    struct assuan_answer *answer, struct err *e);
} words[] = {
	{ "D",		on_data },
	{ "ERR",	on_err },
	{ "INQUIRE",	on_inquire },
	{ "OK",		on_ok },
	{ "S",		on_nothing },
};

static int
take_line(struct part line, struct secret *data,
    struct assuan_answer *answer, struct err *e)
{
	struct part arg;
	size_t n;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0 || line.p[0] == '#')
		return 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		n = strlen(words[i].name);
		if (line.n < n || memcmp(line.p, words[i].name, n) != 0 ||
		    (line.n > n && line.p[n] != ' '))
			continue;
		n += line.n > n;
		arg = (struct part){ line.p + n, line.n - n };
		return words[i].fn(arg, data, answer, e);
	}
	return err_set(e, ERR_FORMAT, 0, "what it says is not Assuan");
}

/* Forget the first n bytes. */
static void
drop(struct assuan *a, size_t n)
{
	secret_move(a->buf, a->buf + n, a->n - n);
	a->n -= n;
	explicit_bzero(a->buf + a->n, n);
}

int
assuan_next(struct assuan *a, struct secret *data,
    struct assuan_answer *answer, struct err *e)
{
	struct part line = { .p = a->buf };
	uint8_t *nl;
	int r;

	*answer = (struct assuan_answer){ .kind = ASSUAN_MORE };
	while ((nl = memchr(a->buf, '\n', a->n)) != NULL) {
		line.n = (size_t)(nl - a->buf);
		if (++a->lines > ASSUAN_ANSWER_LINES)
			return err_set(e, ERR_LIMIT, 0,
			    "an answer of more than %d lines",
			    ASSUAN_ANSWER_LINES);
		r = take_line(line, data, answer, e);
		drop(a, line.n + 1);
		if (r != 0)
			return r;
		if (answer->kind == ASSUAN_OK || answer->kind == ASSUAN_ERR)
			a->lines = 0;
		if (answer->kind != ASSUAN_MORE)
			return 0;
	}
	if (a->n == sizeof(a->buf))
		return err_set(e, ERR_LIMIT, 0,
		    "a line of more than %d bytes", ASSUAN_LINE_MAX);
	return 0;
}

bool
assuan_escape(char *line, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	const size_t max = ASSUAN_LINE_MAX - 2;	/* LF, NUL */
	size_t n = strlen(line);
	uint8_t c;

	for (; *text != '\0'; text++) {
		c = (uint8_t)*text;
		if (c >= 0x20 && c != '%' && c != 0x7f) {
			if (n + 1 > max)
				break;
			line[n++] = (char)c;
		} else {
			if (n + 3 > max)
				break;
			line[n++] = '%';
			line[n++] = hex[c >> 4];
			line[n++] = hex[c & 15];
		}
	}
	line[n] = '\0';
	return *text == '\0';
}

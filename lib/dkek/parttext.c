/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dkek/parttext.h"

/* Below 0 for what is no digit, in any case. */
static int
digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
parttext_number(struct span text, uint64_t *n, struct err *e)
{
	size_t digits = 0;
	int d;

	*n = 0;
	text = span_trim(text);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == ':' || span_is_blank(text.p[i]))
			continue;
		if ((d = digit(text.p[i])) < 0 || ++digits > 16)
			digits = 17;
		if (digits > 16)
			break;
		*n = *n << 4 | (uint64_t)d;
	}
	if (digits >= 1 && digits <= 16)
		return 0;
	*n = 0;
	return err_set(e, ERR_FORMAT, 0, "it is not up to 16 hexadecimal "
	    "digits");
}

int
parttext_id(struct span text, unsigned int *id, struct err *e)
{
	unsigned int base = 10;
	int d = 0;

	*id = 0;
	text = span_trim(text);
	for (size_t i = 0; i < text.n; i++)
		if (digit(text.p[i]) >= 10)
			base = 16;
	for (size_t i = 0; d >= 0 && i < text.n; i++) {
		if ((d = digit(text.p[i])) >= 0)
			*id = *id * base + (unsigned int)d;
		if (*id > SHAMIR_PARTS_MAX)
			d = -1;
	}
	if (d >= 0 && *id > 0)
		return 0;
	*id = 0;
	return err_set(e, ERR_FORMAT, 0, "a share ID is a number from 1 to "
	    "%d", SHAMIR_PARTS_MAX);
}

static void
print_number(char out[24], uint64_t n)
{
	for (size_t i = 0; i < 8; i++, out += 3)
		snprintf(out, 4, "%02x%s",
		    (unsigned int)(n >> (56 - 8 * i)) & 0xff,
		    i < 7 ? ":" : "");
}

void
parttext_print(const struct shamir_part *part, char text[PARTTEXT_MAX])
{
	char prime[24], value[24];

	print_number(prime, part->prime);
	print_number(value, part->value);
	snprintf(text, PARTTEXT_MAX, "Prime       : %s\n"
	    "Share ID    : %x\nShare value : %s\n", prime, part->id, value);
	explicit_bzero(value, sizeof(value));
}

/* Where a text is read: what the lines so far told. */
struct reader {
	struct shamir_part *part;
	size_t		 n, max;
	uint64_t	 prime;
	bool		 has_prime, wants_value;
};

static int
take_prime(struct reader *r, struct span text, struct err *e)
{
	uint64_t prime;
	int rc;

	if ((rc = parttext_number(text, &prime, e)) != 0)
		return rc;
	if (r->has_prime && prime != r->prime)
		return err_set(e, ERR_FORMAT, 0, "another prime: the shares "
		    "do not belong together");
	r->prime = prime;
	r->has_prime = true;
	return 0;
}

static int
take_id(struct reader *r, struct span text, struct err *e)
{
	int rc;

	if (r->wants_value)
		return err_set(e, ERR_FORMAT, 0, "the share before has no "
		    "value");
	if (r->n == r->max)
		return err_set(e, ERR_LIMIT, 0, "more than %zu shares",
		    r->max);
	if ((rc = parttext_id(text, &r->part[r->n].id, e)) != 0)
		return rc;
	r->wants_value = true;
	return 0;
}

static int
take_value(struct reader *r, struct span text, struct err *e)
{
	int rc;

	if (!r->wants_value)
		return err_set(e, ERR_FORMAT, 0, "a value without an ID "
		    "before it");
	if ((rc = parttext_number(text, &r->part[r->n].value, e)) != 0)
		return rc;
	r->wants_value = false;
	r->n++;
	return 0;
}

static const struct {
	const char	*name;
	int		(*take)(struct reader *r, struct span text,
			    struct err *e);
} lines[] = {
	{ "Prime", take_prime },
	{ "Share ID", take_id },
	{ "Share value", take_value },
};

static int
take_line(struct reader *r, struct span line, struct err *e)
{
	const uint8_t *colon;
	struct span name;

	if (line.n == 0 || (colon = memchr(line.p, ':', line.n)) == NULL)
		return 0;
	name = span_trim((struct span){ line.p, (size_t)(colon - line.p) });
	line.n -= (size_t)(colon - line.p) + 1;
	line.p = colon + 1;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (name.n == strlen(lines[i].name) && strncasecmp(
		    (const char *)name.p, lines[i].name, name.n) == 0)
			return lines[i].take(r, line, e);
	return 0;
}

static int
finish(struct reader *r, struct err *e)
{
	if (r->wants_value)
		return err_set(e, ERR_FORMAT, 0, "the last share has no "
		    "value");
	if (r->n == 0)
		return err_set(e, ERR_FORMAT, 0, "there is no \"Share ID\"");
	if (!r->has_prime)
		return err_set(e, ERR_FORMAT, 0, "there is no \"Prime\"");
	for (size_t i = 0; i < r->n; i++)
		r->part[i].prime = r->prime;
	return 0;
}

int
parttext_parse(struct span text, struct shamir_part *part, size_t *n,
    struct err *e)
{
	struct reader r = { .part = part, .max = *n };
	int rc;

	*n = 0;
	for (size_t line = 1; text.n > 0; line++)
		if ((rc = take_line(&r, span_cut_line(&text), e)) != 0)
			return err_wrap(e, "line %zu", line);
	if ((rc = finish(&r, e)) != 0)
		return rc;
	*n = r.n;
	return 0;
}

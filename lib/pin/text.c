/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "pin/text.h"

/* Length of the character at p, which ends with a NUL; 0: not UTF-8. */
static size_t
decode(const unsigned char *p, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	size_t more;

	if (p[0] < 0x80) {
		*c = p[0];
		return 1;
	}
	if (p[0] < 0xc0 || p[0] >= 0xf8)
		return 0;
	more = p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;
	*c = p[0] & (0x3fU >> more);
	for (size_t i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3fU);
	}
	if (*c < least[more] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return 0;
	return more + 1;
}

/* Control characters, and those that hide text or change its direction. */
static bool
is_shown(uint32_t c)
{
	static const struct { uint32_t from, to; } not[] = {
		{ 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x00ad, 0x00ad },
		{ 0x061c, 0x061c }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff0, 0xffff },
		{ 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < sizeof(not) / sizeof(*not); i++)
		if (c >= not[i].from && c <= not[i].to)
			return false;
	return true;
}

static void
clean(char *out, size_t size, const char *text, bool lines)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n, used = 0;
	uint32_t c = 0;

	while (p != NULL && *p != '\0') {
		n = decode(p, &c);
		if (n > 0 && (is_shown(c) || (lines && c == '\n'))) {
			if (n >= size - used)
				break;
			memcpy(out + used, p, n);
			used += n;
		} else {
			if (1 >= size - used)
				break;
			out[used++] = '?';
		}
		p += n > 0 ? n : 1;
	}
	out[used] = '\0';
}

void
pin_text_clean(char *out, size_t size, const char *text)
{
	clean(out, size, text, false);
}

void
pin_text_clean_lines(char *out, size_t size, const char *text)
{
	clean(out, size, text, true);
}

void
pin_text_tries(char *out, size_t size, int tries)
{
	if (tries == PIN_TRIES_FEW)
		snprintf(out, size, "few tries left");
	else if (tries < 0)
		out[0] = '\0';
	else
		snprintf(out, size, "%d %s left", tries,
		    tries == 1 ? "try" : "tries");
}

void
pin_text_asked(char *out, size_t size, const struct pin_prompt *p)
{
	const char *name = p->name != NULL ? p->name : "PIN";
	char label[PIN_TEXT_NAME], serial[PIN_TEXT_NAME];

	pin_text_clean(label, sizeof(label), p->label);
	pin_text_clean(serial, sizeof(serial), p->serial);
	if (label[0] != '\0' && serial[0] != '\0')
		snprintf(out, size, "%.40s for token %s (%s)", name, label,
		    serial);
	else if (label[0] != '\0' || serial[0] != '\0')
		snprintf(out, size, "%.40s for token %s%s", name, label,
		    serial);
	else
		snprintf(out, size, "%.40s", name);
}

void
pin_text_line(char *out, size_t size, const struct pin_prompt *p)
{
	char error[PIN_TEXT_LINE], reason[PIN_TEXT_LINE], left[32];
	char asked[PIN_TEXT_ASKED];

	pin_text_clean(error, sizeof(error), p->error);
	pin_text_clean(reason, sizeof(reason), p->reason);
	pin_text_asked(asked, sizeof(asked), p);
	pin_text_tries(left, sizeof(left), p->tries);
	snprintf(out, size, "%s%s%s%s%s%s%s: ",
	    error, error[0] != '\0' ? "; " : "",
	    reason, reason[0] != '\0' ? "; " : "",
	    asked, left[0] != '\0' ? ", " : "", left);
}

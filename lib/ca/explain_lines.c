/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "ca/explain_lines.h"
#include "ssh/keytext.h"

static void put(struct explain *x, enum explain_why why, const char *fmt,
    va_list ap) __attribute__((format(printf, 3, 0)));

static void
put(struct explain *x, enum explain_why why, const char *fmt, va_list ap)
{
	char text[EXPLAIN_TEXT];
	struct explain_line *l;

	if (x->n == EXPLAIN_MAX)
		return;
	l = &x->v[x->n++];
	*l = (struct explain_line){ .why = why };
	x->reasons += why != EXPLAIN_NOTE;
	vsnprintf(text, sizeof(text), fmt, ap);
	keytext_clean(l->text, sizeof(l->text), span_cstr(text));
}

void
explain_refuse(struct explain *x, enum explain_why why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(x, why, fmt, ap);
	va_end(ap);
}

void
explain_mend(struct explain *x, const char *fmt, ...)
{
	char text[EXPLAIN_TEXT];
	struct explain_line *l = &x->v[x->n - 1];
	va_list ap;

	if (l->mend[0] != '\0')
		return;		/* there was no room for another reason */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	keytext_clean(l->mend, sizeof(l->mend), span_cstr(text));
}

void
explain_note(struct explain *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(x, EXPLAIN_NOTE, fmt, ap);
	va_end(ap);
}

const char *
explain_name(enum explain_why why)
{
	switch (why) {
	case EXPLAIN_NOTE:
		return "note";
	case EXPLAIN_PUBKEY_OFF:
		return "pubkey-off";
	case EXPLAIN_SIGNATURE:
		return "signature";
	case EXPLAIN_KEY_ALGORITHM:
		return "key-algorithm";
	case EXPLAIN_CA_ALGORITHM:
		return "ca-algorithm";
	case EXPLAIN_RSA_SIZE:
		return "rsa-size";
	case EXPLAIN_REVOKED:
		return "revoked";
	case EXPLAIN_CA:
		return "ca-not-trusted";
	case EXPLAIN_MAPPED:
		return "principals-file";
	case EXPLAIN_TYPE:
		return "type";
	case EXPLAIN_EARLY:
		return "not-yet-valid";
	case EXPLAIN_EXPIRED:
		return "expired";
	case EXPLAIN_NOBODY:
		return "no-principals";
	case EXPLAIN_PRINCIPAL:
		return "principal";
	case EXPLAIN_OPTION:
		return "option";
	case EXPLAIN_ADDRESS:
		return "source-address";
	}
	return "unknown";
}

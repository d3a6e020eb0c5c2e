/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "keyutil/keyid.h"

#define DATE_LEN	10	/* 2026-11-26 */
#define WORD_MAX	32	/* of a date or a number */

/* What the next part of a template stands for, and how long that part is. */
struct piece {
	const char	*text;
	size_t		 n, used;
	bool		 is_date;
	char		 buf[WORD_MAX];
};

static bool
begins(const char *s, const char *word)
{
	return strncmp(s, word, strlen(word)) == 0;
}

static void
put_date(struct piece *p, time_t now)
{
	struct tm tm = { 0 };

	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(p->buf, sizeof(p->buf), "%Y-%m-%d", &tm) != DATE_LEN)
		snprintf(p->buf, sizeof(p->buf), "0000-00-00");
	p->is_date = true;
	p->text = p->buf;
}

static void
next_piece(const char *s, const struct keyid_words *w, struct piece *p)
{
	*p = (struct piece){ 0 };
	if (begins(s, "{user}")) {
		p->text = w->user;
	} else if (begins(s, "{comment}")) {
		p->text = w->comment;
	} else if (begins(s, "{serial}")) {
		snprintf(p->buf, sizeof(p->buf), "%" PRIu64, w->serial);
		p->text = p->buf;
	} else if (begins(s, "{date}")) {
		put_date(p, w->now);
	} else {
		p->text = s;
		p->n = p->used = 1;
		return;
	}
	p->n = strlen(p->text);
	p->used = strcspn(s, "}") + 1;
}

int
keyid_make(const char *template, const struct keyid_words *w,
    char out[CA_NAME_MAX + 1], struct err *e)
{
	struct piece p;
	size_t n = 0;

	for (const char *s = template; *s != '\0'; s += p.used) {
		next_piece(s, w, &p);
		if (p.n > CA_NAME_MAX - n)
			return err_set(e, ERR_LIMIT, 0, "a key id of more "
			    "than %d bytes: say a shorter one with --key-id",
			    CA_NAME_MAX);
		memcpy(out + n, p.text, p.n);
		n += p.n;
	}
	out[n] = '\0';
	return 0;
}

static bool
is_date(struct span s)
{
	for (size_t i = 0; i < DATE_LEN; i++)
		if (i == 4 || i == 7 ? s.p[i] != '-' :
		    s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

bool
keyid_matches(const char *template, const struct keyid_words *w,
    struct span id)
{
	struct piece p;

	for (const char *s = template; *s != '\0'; s += p.used) {
		next_piece(s, w, &p);
		if (p.n > id.n || (p.is_date ? !is_date(id) :
		    p.n > 0 && memcmp(p.text, id.p, p.n) != 0))
			return false;
		id.p += p.n;
		id.n -= p.n;
	}
	return id.n == 0;
}

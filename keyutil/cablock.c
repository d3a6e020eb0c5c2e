/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/conf.h"
#include "keyutil/cablock.h"
#include "keyutil/keys.h"

#define LINE_COLUMNS	72
#define LINE_WORDS	(CONF_WORDS_MAX - 1)

/* Lines of one list, each as long as fits and the parser takes. */
static int
put_list(FILE *f, const char *keyword, const char *list, struct err *e)
{
	size_t column = 0, words = 0, n;
	char *entry, *word;
	int r;

	for (const char *p = list;; p += n + 1) {
		n = strcspn(p, ",");
		if ((entry = strndup(p, n)) == NULL)
			return err_set(e, ERR_NOMEM, 0, "configuration");
		r = conf_quote(entry, &word, e);
		free(entry);
		if (r != 0)
			return r;
		if (words == 0 || words == LINE_WORDS ||
		    column + 1 + strlen(word) > LINE_COLUMNS) {
			column = (size_t)fprintf(f, "%s    %s",
			    words > 0 ? "\n" : "", keyword);
			words = 0;
		}
		column += (size_t)fprintf(f, " %s", word);
		words++;
		free(word);
		if (p[n] == '\0')
			break;
	}
	fputs("\n", f);
	return 0;
}

/* A host certificate has no extensions that anybody knows. */
static int
put_block(FILE *f, const struct cablock *b, struct err *e)
{
	char *name;
	int r;

	if ((r = conf_quote(b->name, &name, e)) != 0)
		return r;
	fprintf(f, "CA %s\n    CertificateTypes %s\n", name,
	    b->type == CERT_USER ? "user" : "host");
	free(name);
	if ((r = put_list(f, "Principals", b->principals, e)) != 0)
		return r;
	fprintf(f, "    MaxValidity %s\n", b->max_validity);
	if (b->type == CERT_HOST)
		fputs("    Extensions none\n", f);
	fputs("    RequireSerial yes\n", f);
	return 0;
}

int
cablock_text(const struct cablock *b, char **out, struct err *e)
{
	size_t n;
	FILE *f;
	int r;

	*out = NULL;
	if ((f = open_memstream(out, &n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	r = put_block(f, b, e);
	if (fclose(f) != 0 && r == 0)
		r = err_set(e, ERR_NOMEM, 0, "configuration");
	if (r != 0) {
		free(*out);
		*out = NULL;
	}
	return r;
}

struct scan {
	const struct token_key	*k;
	const char		*label;
	bool			 in_ca, in_key;	/* of this key */
	unsigned int		 first, last;	/* lines of its CA block */
	unsigned int		 other_use;
};

static bool
begins_block(const char *keyword)
{
	static const char *const words[] = { "CA", "Key", "Profile",
	    "Token" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(keyword, words[i]) == 0)
			return true;
	return false;
}

static bool
is_meant(const struct scan *s, const struct conf_line *l)
{
	if (l->n != 2)
		return false;
	return s->k != NULL ? keys_match(s->k, l->word[1]) :
	    strcmp(s->label, l->word[1]) == 0;
}

static int
scan_line(void *arg, const struct conf_line *l, struct err *e)
{
	struct scan *s = arg;

	(void)e;
	if (begins_block(l->word[0])) {
		s->in_ca = s->first == 0 &&
		    strcasecmp(l->word[0], "CA") == 0 && is_meant(s, l);
		s->in_key = strcasecmp(l->word[0], "Key") == 0 &&
		    is_meant(s, l);
	}
	if (s->in_ca && s->first == 0)
		s->first = l->number;
	if (s->in_ca)
		s->last = l->number;
	if (s->in_key && strcasecmp(l->word[0], "Use") == 0 &&
	    (l->n != 2 || strcasecmp(l->word[1], "ca") != 0))
		s->other_use = l->number;
	return 0;
}

/* Lines from one to another, which is there. */
static struct span
lines_of(struct span text, unsigned int first, unsigned int last)
{
	const uint8_t *begin = text.p, *end = text.p + text.n, *p = text.p;

	for (unsigned int i = 1; i <= last && p < end; i++) {
		if (i == first)
			begin = p;
		p = memchr(p, '\n', (size_t)(end - p));
		p = p != NULL ? p + 1 : end;
	}
	return (struct span){ begin, (size_t)(p - begin) };
}

int
cablock_find(struct span config, const char *file, const struct token_key *k,
    const char *label, struct cablock_found *out, struct err *e)
{
	struct scan s = { .k = k, .label = label };
	int r;

	*out = (struct cablock_found){ 0 };
	if ((r = conf_parse(config, file, scan_line, &s, e)) != 0)
		return r;
	out->other_use = s.other_use;
	if (s.first != 0) {
		out->line = s.first;
		out->block = lines_of(config, s.first, s.last);
	}
	return 0;
}

/* To a stream: each word with a NUL behind it, each line with one more. */
static int
put_words(void *arg, const struct conf_line *l, struct err *e)
{
	FILE *f = arg;

	(void)e;
	for (size_t i = 0; i < l->n; i++) {
		for (const char *p = l->word[i]; *p != '\0'; p++)
			putc(i == 0 && *p >= 'A' && *p <= 'Z' ?
			    *p - 'A' + 'a' : *p, f);
		putc('\0', f);
	}
	putc('\0', f);
	return 0;
}

static char *
words_of(struct span text, size_t *n)
{
	char *words = NULL;
	struct err e;
	FILE *f;
	int r;

	if ((f = open_memstream(&words, n)) == NULL)
		return NULL;
	r = conf_parse(text, "", put_words, f, &e);
	if (fclose(f) != 0 || r != 0) {
		free(words);
		return NULL;
	}
	return words;
}

bool
cablock_same(struct span a, struct span b)
{
	size_t na = 0, nb = 0;
	char *wa = words_of(a, &na), *wb = words_of(b, &nb);
	bool same;

	same = wa != NULL && wb != NULL && na == nb &&
	    memcmp(wa, wb, na) == 0;
	free(wa);
	free(wb);
	return same;
}

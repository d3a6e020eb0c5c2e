/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "keyutil/trustfile.h"
#include "ssh/keytext.h"

#define KEY_MAX		65536
#define PATTERN_MAX	256

/* Room for one more. */
static bool
grow(struct trustfile *t)
{
	void *more;

	if ((more = reallocarray(t->v, t->n + 1, sizeof(*t->v))) == NULL)
		return false;
	t->v = more;
	if ((more = reallocarray(t->at, t->n + 1, sizeof(*t->at))) == NULL)
		return false;
	t->at = more;
	return true;
}

static int
add(struct trustfile *t, struct span s, struct trustfile_line at,
    struct err *e)
{
	uint8_t *copy;

	if (!grow(t) || (copy = malloc(s.n + 1)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "list of keys or names");
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	t->v[t->n].p = copy;
	t->v[t->n].n = s.n;
	t->at[t->n++] = at;
	return 0;
}

void
trustfile_free(struct trustfile *t)
{
	for (size_t i = 0; i < t->n; i++)
		free((void *)(uintptr_t)t->v[i].p);
	free(t->v);
	free(t->at);
	*t = (struct trustfile){ 0 };
}

/* "type base64 comment"; ERR_FORMAT when it is none. */
static int
add_key(struct trustfile *t, struct span line, unsigned int number,
    struct err *e)
{
	struct wire_w blob = { 0 };
	char *text = strndup((const char *)line.p, line.n);
	int r = ERR_NOMEM;

	if (text == NULL || !wire_write(&blob, KEY_MAX))
		(void)err_set(e, ERR_NOMEM, 0, "public key");
	else if ((r = keytext_parse(text, &blob, NULL, e)) == 0)
		r = add(t, wire_bytes(&blob),
		    (struct trustfile_line){ .number = number }, e);
	wire_free(&blob);
	free(text);
	return r;
}

/* --- lines and words --- */

/* The next line, without blanks around it; false: there is none. */
static bool
next_line(struct span *text, struct span *line)
{
	if (text->n == 0)
		return false;
	*line = span_trim(span_cut_line(text));
	return true;
}

static struct span
next_word(struct span *s)
{
	struct span word;

	*s = span_trim(*s);
	word = (struct span){ s->p, 0 };
	while (word.n < s->n && !span_is_blank(word.p[word.n]))
		word.n++;
	s->p += word.n;
	s->n -= word.n;
	*s = span_trim(*s);
	return word;
}

/* --- the files --- */

int
trustfile_keys(struct span text, struct trustfile *t, struct err *e)
{
	struct span line;
	unsigned int number = 0;
	int r = 0;

	*t = (struct trustfile){ 0 };
	while (r == 0 && next_line(&text, &line)) {
		number++;
		if (line.n > 0 && line.p[0] != '#')
			r = add_key(t, line, number, e);
	}
	if (r != 0 && r != ERR_NOMEM) {
		snprintf(t->fault, sizeof(t->fault), "line %u: %.150s",
		    number, e->msg);
		r = 0;
	}
	if (r != 0)
		trustfile_free(t);
	return r;
}

/* The name is the last word; what is before it are options. */
static int
add_name(struct trustfile *t, struct span line, unsigned int number,
    struct err *e)
{
	struct span name = line;

	while (name.n > 0 && !span_is_blank(name.p[name.n - 1]))
		name.n--;
	name = (struct span){ line.p + name.n, line.n - name.n };
	return add(t, name, (struct trustfile_line){ .number = number,
	    .options = name.n < line.n }, e);
}

int
trustfile_names(struct span text, struct trustfile *t, struct err *e)
{
	const uint8_t *comment;
	struct span line;
	unsigned int number = 0;
	int r = 0;

	*t = (struct trustfile){ 0 };
	while (r == 0 && next_line(&text, &line)) {
		number++;
		comment = line.n == 0 ? NULL : memchr(line.p, '#', line.n);
		if (comment != NULL)
			line.n = (size_t)(comment - line.p);
		line = span_trim(line);
		if (line.n > 0)
			r = add_name(t, line, number, e);
	}
	if (r != 0)
		trustfile_free(t);
	return r;
}

static char
small(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* One pattern of a list, which may begin with '!'. */
static bool
pattern_matches(struct span pattern, const char *host)
{
	char text[PATTERN_MAX];

	if (pattern.n == 0 || pattern.n > sizeof(text))
		return false;
	for (size_t i = 0; i < pattern.n; i++)
		text[i] = small(pattern.p[i]);
	return glob_matches(span_cstr(host),
	    (struct span){ (const uint8_t *)text, pattern.n });
}

static bool
list_matches(struct span list, const char *host)
{
	bool found = false, more = true, no;
	const uint8_t *comma;
	struct span one;

	while (more) {
		comma = list.n == 0 ? NULL : memchr(list.p, ',', list.n);
		one = list;
		if ((more = comma != NULL)) {
			one.n = (size_t)(comma - list.p);
			list.p += one.n + 1;
			list.n -= one.n + 1;
		}
		no = one.n > 0 && one.p[0] == '!';
		one.p += no;
		one.n -= no;
		if (!pattern_matches(one, host))
			continue;
		if (no)
			return false;
		found = true;
	}
	return found;
}

/* ssh looks for a CA of "[host]:port", and then of "host". */
static bool
is_for(struct span list, const char *host)
{
	const char *end = strstr(host, "]:");
	char bare[PATTERN_MAX];

	if (list_matches(list, host))
		return true;
	return host[0] == '[' && end != NULL && (size_t)snprintf(bare,
	    sizeof(bare), "%.*s", (int)(end - host - 1), host + 1) <
	    sizeof(bare) && list_matches(list, bare);
}

int
trustfile_hosts(struct span text, const char *marker, const char *host,
    struct trustfile *t, struct err *e)
{
	struct span line, list;
	unsigned int number = 0;
	int r = 0;

	*t = (struct trustfile){ 0 };
	while (r == 0 && next_line(&text, &line)) {
		number++;
		if (!span_is(next_word(&line), marker))
			continue;
		list = next_word(&line);
		if (list.n > 0 && list.p[0] == '|')
			t->hashed++;
		else if (is_for(list, host))
			r = add_key(t, line, number, e);
		/* ssh goes on after a line that it cannot make out. */
		if (r != 0 && r != ERR_NOMEM) {
			snprintf(t->fault, sizeof(t->fault), "line %u: "
			    "%.150s", number, e->msg);
			r = 0;
		}
	}
	if (r != 0)
		trustfile_free(t);
	return r;
}

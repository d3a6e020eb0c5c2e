/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ca/blocks.h"
#include "ca/line.h"

void
ca_blocks_clear(struct ca_blocks *b)
{
	for (size_t i = 0; i < b->n_cas; i++)
		ca_block_clear(&b->cas[i]);
	free(b->cas);
	for (size_t i = 0; i < b->n_profiles; i++)
		ca_profile_clear(&b->profiles[i]);
	free(b->profiles);
	free(b->file);
	*b = (struct ca_blocks){ 0 };
}

static const struct ca_block *
find(const struct ca_blocks *b, const char *name,
    int (*compare)(const char *, const char *))
{
	for (size_t i = 0; i < b->n_cas; i++)
		if (compare(b->cas[i].name, name) == 0)
			return &b->cas[i];
	return NULL;
}

const struct ca_block *
ca_blocks_named(const struct ca_blocks *b, const char *name)
{
	return find(b, name, strcmp);
}

const struct ca_block *
ca_blocks_find(const struct ca_blocks *b, const char *fingerprint,
    const char *id, const char *label)
{
	const struct ca_block *c;

	if ((c = find(b, fingerprint, strcmp)) == NULL &&
	    (c = find(b, id, strcasecmp)) == NULL)
		c = find(b, label, strcmp);
	return c;
}

int
ca_blocks_begin(struct ca_blocks *b, const struct conf_line *l,
    struct err *e)
{
	struct ca_block *c, next = { 0 };
	int r;

	if ((r = ca_line_key(l, e)) != 0)
		return r;
	if (ca_blocks_named(b, l->word[1]) != NULL)
		return err_set(e, ERR_USAGE, 0,
		    "CA \"%s\" has a block already", l->word[1]);
	if ((c = reallocarray(b->cas, b->n_cas + 1, sizeof(*c))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	b->cas = c;
	if ((r = ca_block_begin(&next, l, e)) != 0) {
		ca_block_clear(&next);
		return r;
	}
	c[b->n_cas++] = next;
	return 0;
}

const struct ca_profile *
ca_blocks_profile(const struct ca_blocks *b, const char *name)
{
	for (size_t i = 0; i < b->n_profiles; i++)
		if (strcmp(b->profiles[i].name, name) == 0)
			return &b->profiles[i];
	return NULL;
}

int
ca_blocks_begin_profile(struct ca_blocks *b, const struct conf_line *l,
    struct err *e)
{
	struct ca_profile *p, next;
	int r;

	if ((r = ca_profile_begin(&next, l, e)) != 0)
		goto out;
	if (ca_blocks_profile(b, next.name) != NULL) {
		r = err_set(e, ERR_USAGE, 0, "Profile \"%s\" has a block "
		    "already", next.name);
		goto out;
	}
	p = reallocarray(b->profiles, b->n_profiles + 1, sizeof(*p));
	if (p == NULL) {
		r = err_set(e, ERR_NOMEM, 0, "configuration");
		goto out;
	}
	b->profiles = p;
	p[b->n_profiles++] = next;
	next = (struct ca_profile){ 0 };
out:
	ca_profile_clear(&next);
	return r;
}

int
ca_blocks_check(const struct ca_blocks *b, const char *file, struct err *e)
{
	for (size_t i = 0; i < b->n_cas; i++)
		if (ca_block_check(&b->cas[i], e) != 0)
			return err_wrap(e, "%s:%u", file, b->cas[i].line);
	for (size_t i = 0; i < b->n_profiles; i++)
		if (ca_profile_check(&b->profiles[i], e) != 0)
			return err_wrap(e, "%s:%u", file,
			    b->profiles[i].line);
	return 0;
}

enum section {
	ELSEWHERE,
	IN_CA,
	IN_PROFILE,
};

struct reader {
	struct ca_blocks *to;
	enum section	 section;
};

static bool
is_one_of(const char *word, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(word, names[i]) == 0)
			return true;
	return false;
}

/* Does a block begin?  If so, it does, or *r says why not. */
static bool
begins(struct reader *reader, const struct conf_line *l, int *r,
    struct err *e)
{
	static const char *const others[] = { "Key", "Token" };

	if (strcasecmp(l->word[0], "CA") == 0) {
		reader->section = IN_CA;
		*r = ca_blocks_begin(reader->to, l, e);
	} else if (strcasecmp(l->word[0], "Profile") == 0) {
		reader->section = IN_PROFILE;
		*r = ca_blocks_begin_profile(reader->to, l, e);
	} else if (is_one_of(l->word[0], others, 2)) {
		reader->section = ELSEWHERE;
		*r = 0;
	} else
		return false;
	return true;
}

static int
on_line(void *arg, const struct conf_line *l, struct err *e)
{
	/* What the agent takes in a CA block as in that of any key. */
	static const char *const of_any_key[] = { "Confirm", "ForwardedUse",
	    "Offer", "OfferTo" };
	struct reader *reader = arg;
	struct ca_blocks *b = reader->to;
	int r;

	if (begins(reader, l, &r, e))
		return r;
	switch (reader->section) {
	case IN_CA:
		return is_one_of(l->word[0], of_any_key, 4) ? 0 :
		    ca_block_line(&b->cas[b->n_cas - 1], l, e);
	case IN_PROFILE:
		return ca_profile_line(&b->profiles[b->n_profiles - 1], l, e);
	case ELSEWHERE:
		break;
	}
	return 0;
}

/* As the agent: what is written there is wrong, in one way or another. */
static int
told(int r, struct err *e)
{
	if (r == ERR_FORMAT || r == ERR_LIMIT)
		r = (int)(e->code = ERR_USAGE);
	return r;
}

int
ca_blocks_load(const char *path, struct ca_blocks *out, struct err *e)
{
	struct reader reader = { .to = out };
	int r;

	*out = (struct ca_blocks){ 0 };
	r = told(conf_load_usual(path, &out->file, on_line, &reader, e), e);
	return r != 0 ? r : ca_blocks_check(out, out->file, e);
}

int
ca_blocks_parse(struct span text, const char *file, struct ca_blocks *out,
    struct err *e)
{
	struct reader reader = { .to = out };
	int r;

	*out = (struct ca_blocks){ 0 };
	r = told(conf_parse(text, file, on_line, &reader, e), e);
	return r != 0 ? r : ca_blocks_check(out, file, e);
}

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

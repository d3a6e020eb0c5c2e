/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/paths.h"
#include "keyutil/recall.h"
#include "token/keycache.h"

static int
list(struct slot *s, const struct token_keys *known, struct err *e)
{
	int r;

	if ((r = token_begin(s->token, e)) != 0)
		return r;
	r = token_list(s->token, known, &s->keys, e);
	token_end(s->token);
	return r;
}

int
recall_keys(struct slot *s, struct err *e)
{
	struct token_keys known = { 0 };
	struct err why;
	char *dir;
	int r;

	if (paths_cache_dir(&dir, &why) != 0)
		dir = NULL;
	if (dir == NULL ||
	    keycache_load(dir, s->info.serial, &known, &why) != 0)
		known = (struct token_keys){ 0 };
	if ((r = list(s, &known, e)) == 0)
		recall_note(s);
	token_keys_free(&known);
	free(dir);
	return r;
}

void
recall_note(const struct slot *s)
{
	struct err e;
	char *dir;

	if (!token_keys_stamped(&s->keys) || paths_cache_dir(&dir, &e) != 0)
		return;
	if (keycache_store(dir, s->info.serial, &s->keys, &e) != 0)
		keycache_drop(dir, s->info.serial);
	free(dir);
}

void
recall_forget(const struct slot *s)
{
	struct err e;
	char *dir;

	if (paths_cache_dir(&dir, &e) != 0)
		return;
	keycache_drop(dir, s->info.serial);
	free(dir);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tests/vhsm/vh_store.h"

void
vh_store_free_key(struct vh_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

static void
free_content(struct vh_object *o)
{
	OPENSSL_cleanse(o->p, o->n);
	free(o->p);
	vh_store_free_key(o->key);
}

void
vh_store_free(struct vh_store *st)
{
	for (size_t i = 0; i < st->obj_n; i++)
		free_content(&st->obj[i]);
	free(st->obj);
	free(st->path);
	OPENSSL_cleanse(st, sizeof(*st));
}

struct vh_object *
vh_store_find(const struct vh_store *st, uint16_t fid)
{
	for (size_t i = 0; i < st->obj_n; i++)
		if (st->obj[i].fid == fid)
			return &st->obj[i];
	return NULL;
}

static struct vh_object *
append(struct vh_store *st, uint16_t fid)
{
	struct vh_object *o;

	o = realloc(st->obj, (st->obj_n + 1) * sizeof(*o));
	if (o == NULL)
		return NULL;
	st->obj = o;
	o += st->obj_n++;
	memset(o, 0, sizeof(*o));
	o->fid = fid;
	return o;
}

bool
vh_store_put(struct vh_store *st, uint16_t fid, struct span content,
    struct vh_key *key)
{
	struct vh_object *o = vh_store_find(st, fid);
	size_t old = o != NULL ? o->n : 0;
	uint8_t *p;

	if (content.n > VH_FILE_MAX ||
	    content.n > VH_SPACE - (st->used - old) ||
	    (p = malloc(content.n + 1)) == NULL)
		return false;
	if (content.n != 0)
		memcpy(p, content.p, content.n);
	if (o == NULL && (o = append(st, fid)) == NULL) {
		free(p);
		return false;
	}
	free_content(o);
	o->p = p;
	o->n = content.n;
	o->key = key;
	st->used += content.n - old;
	st->dirty = true;
	return true;
}

bool
vh_store_delete(struct vh_store *st, uint16_t fid)
{
	struct vh_object *o = vh_store_find(st, fid);
	size_t after;

	if (o == NULL)
		return false;
	st->used -= o->n;
	free_content(o);
	after = st->obj_n - (size_t)(o - st->obj) - 1;
	memmove(o, o + 1, after * sizeof(*o));
	st->obj_n--;
	st->dirty = true;
	return true;
}

void
vh_store_wipe(struct vh_store *st)
{
	size_t i = st->obj_n;

	while (i-- > 0)
		if (st->obj[i].fid != VH_FID_DEVCERT &&
		    st->obj[i].fid != VH_FID_DEVKEY)
			vh_store_delete(st, st->obj[i].fid);
	st->dirty = true;
}

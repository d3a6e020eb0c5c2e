/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ident.h"
#include "ssh/keytext.h"

static bool
taken(const struct idents *ids, const char *comment)
{
	for (size_t i = 0; i < ids->n; i++)
		if (strcmp(ids->v[i].comment, comment) == 0)
			return true;
	return false;
}

static char *
make_comment(const struct idents *ids, const char *serial, const char *ref,
    const char *label, const char *id)
{
	const char *name = label[0] != '\0' ? label : id;
	char *comment;

	if (!taken(ids, name))
		return strdup(name);
	if (asprintf(&comment, "%s (%s key %s)", name, serial, ref) == -1)
		return NULL;
	return comment;
}

static void
clear_one(struct ident *i)
{
	free(i->blob);
	free(i->comment);
	free(i->fingerprint);
	free(i->serial);
	free(i->label);
	free(i->id);
}

int
ident_add(struct idents *ids, size_t token, const char *serial,
    const char *ref, const char *label, const char *id, struct span blob,
    struct err *e)
{
	struct ident *v, new = { .token = token, .blob_n = blob.n };
	struct key key;
	int r;

	if (ident_find(ids, blob) != NULL)
		return 0;
	if ((r = key_parse(blob, &key, e)) != 0)
		return r;
	new.type = key.type;
	new.blob = malloc(blob.n);
	new.comment = make_comment(ids, serial, ref, label, id);
	new.fingerprint = keytext_fingerprint(blob);
	new.serial = strdup(serial);
	new.label = strdup(label);
	new.id = strdup(id);
	v = reallocarray(ids->v, ids->n + 1, sizeof(*v));
	if (v != NULL)
		ids->v = v;
	if (v == NULL || new.blob == NULL || new.comment == NULL ||
	    new.fingerprint == NULL || new.serial == NULL ||
	    new.label == NULL || new.id == NULL) {
		clear_one(&new);
		return err_set(e, ERR_NOMEM, 0, "identities");
	}
	memcpy(new.blob, blob.p, blob.n);
	v[ids->n++] = new;
	return 0;
}

void
ident_clear(struct idents *ids)
{
	for (size_t i = 0; i < ids->n; i++)
		clear_one(&ids->v[i]);
	free(ids->v);
	*ids = (struct idents){ 0 };
}

const struct ident *
ident_find(const struct idents *ids, struct span blob)
{
	const struct ident *i;

	for (size_t k = 0; k < ids->n; k++) {
		i = &ids->v[k];
		if (span_eq((struct span){ i->blob, i->blob_n }, blob))
			return i;
	}
	return NULL;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "token/p11inside.h"

/* CKA_KEY_TYPE of what can be the key; of one that SSH cannot use, any. */
static size_t
add_type(const struct token_key *k, CK_KEY_TYPE *type, CK_ATTRIBUTE *out)
{
	struct key key;
	struct err e;

	if (k->blob == NULL || key_parse((struct span){ k->blob, k->blob_n },
	    &key, &e) != 0)
		return 0;
	*type = p11_keys_type(key.type);
	*out = (CK_ATTRIBUTE){ CKA_KEY_TYPE, type, sizeof(*type) };
	return 1;
}

/* All objects of a class that have the key's name, and can be its. */
static int
find_named(struct p11_token *p, const struct token_key *k,
    CK_OBJECT_CLASS class, CK_OBJECT_HANDLE o[static P11_OBJECTS_MAX],
    size_t *n, struct err *e)
{
	uint8_t id[P11_ID_MAX];
	CK_KEY_TYPE type;
	CK_ATTRIBUTE match[3] = {
		{ CKA_CLASS, &class, sizeof(class) },
		p11_keys_name(k, id),
	};
	size_t found = P11_OBJECTS_MAX, n_match = 2;
	int r;

	*n = 0;
	if (match[1].ulValueLen == 0)
		return err_set(e, ERR_UNSUPPORTED, 0, "this key has neither "
		    "an id nor a label, so its objects are not known");
	if (class != CKO_CERTIFICATE)
		n_match += add_type(k, &type, &match[2]);
	if ((r = p11_find(p, match, n_match, o, &found, e)) != 0)
		return r;
	if (found == P11_OBJECTS_MAX)
		return err_set(e, ERR_LIMIT, 0, "%d objects have the name of "
		    "this key", P11_OBJECTS_MAX);
	for (size_t i = 0; i < found; i++)
		if (match[1].type == CKA_ID || !p11_keys_has_id(p, o[i]))
			o[(*n)++] = o[i];
	return 0;
}

/* Does an object that is no private key tell this public key? */
static bool
tells(struct p11_token *p, CK_OBJECT_HANDLE o, CK_OBJECT_CLASS class,
    const struct token_key *k)
{
	struct token_key other = { 0 };
	struct wire_w w;
	struct err e;
	bool same;

	if (!wire_write(&w, KEY_BLOB_MAX))
		return false;
	same = p11_keys_put(p, o, class, &other, &w, &e) == 0 &&
	    span_eq(wire_bytes(&w), (struct span){ k->blob, k->blob_n });
	wire_free(&w);
	return same;
}

/*
 * Of those private keys, the one that proves by a signature to be this one.
 * One that cannot sign is taken for it by its label, if no other can be.
 */
static int
keep_proven(struct p11_token *p, const struct token_key *k,
    CK_OBJECT_HANDLE *o, size_t *n, struct err *e)
{
	size_t unsure = 0;

	for (size_t i = 0; i < *n; i++) {
		const int r = p11_sign_proves(p, k, o[i], e);

		if (r == 0) {
			o[0] = o[i];
			*n = 1;
			return 0;
		}
		if (r == ERR_UNSUPPORTED || r == ERR_PIN_NEEDED)
			o[unsure++] = o[i];
		else if (r != ERR_DENIED && r != ERR_FORMAT)
			return r;
	}
	*n = unsure;
	if (unsure == 0 ||
	    (unsure == 1 && p11_keys_is_labelled(p, o[0], k->label)))
		return 0;
	return err_set(e, ERR_DENIED, 0, "which private key with the id %s "
	    "is that of \"%.100s\" cannot be told, as it does not sign",
	    k->id, k->label);
}

/* What SSH cannot use proves nothing: then the name has to be its alone. */
static int
check_alone(const struct token_keys *all, const struct token_key *k,
    struct err *e)
{
	for (size_t i = 0; i < all->n; i++)
		if (&all->v[i] != k && strcmp(all->v[i].id, k->id) == 0)
			return err_set(e, ERR_DENIED, 0, "another key has the "
			    "id %s, too, and what is whose cannot be told",
			    k->id);
	return 0;
}

static int
add_class(struct p11_token *p, const struct token_key *k,
    CK_OBJECT_CLASS class, struct p11_objects *out, size_t *n, struct err *e)
{
	CK_OBJECT_HANDLE *o = out->v + out->n;
	const bool private = class == CKO_PRIVATE_KEY;
	size_t found;
	int r;

	*n = 0;
	if ((r = find_named(p, k, class, o, &found, e)) != 0 ||
	    (k->blob != NULL && private &&
	    (r = keep_proven(p, k, o, &found, e)) != 0))
		return r;
	if (private && found > 1)
		return err_set(e, ERR_DENIED, 0, "several private keys have "
		    "the id %s", k->id);
	for (size_t i = 0; i < found; i++)
		if (private || k->blob == NULL || tells(p, o[i], class, k))
			o[(*n)++] = o[i];
	out->n += *n;
	return 0;
}

int
p11_own_objects(struct p11_token *p, const struct token_keys *all,
    const struct token_key *k, struct p11_objects *out, struct err *e)
{
	size_t n;
	int r;

	*out = (struct p11_objects){ 0 };
	if ((k->blob == NULL && (r = check_alone(all, k, e)) != 0) ||
	    (r = add_class(p, k, CKO_PRIVATE_KEY, out, &n, e)) != 0 ||
	    (r = add_class(p, k, CKO_PUBLIC_KEY, out, &out->n_public,
	    e)) != 0 ||
	    (r = add_class(p, k, CKO_CERTIFICATE, out, &out->n_certificates,
	    e)) != 0)
		return r;
	if (out->n > 0)
		return 0;
	return err_set(e, ERR_STALE, 0, "the objects of this key are not "
	    "found");
}

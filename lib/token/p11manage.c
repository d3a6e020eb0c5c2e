/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/curveparams.h"
#include "token/keytype.h"
#include "token/manage.h"
#include "token/p11inside.h"

#define PARAMS_MAX	64		/* bytes of DER that name a curve */
#define OBJECTS_MAX	32		/* of one key */
#define EDWARDS25519	"\x13\x0c" "edwards25519"

static int
open_rw(struct p11_token *p, CK_SESSION_HANDLE *out, struct err *e)
{
	CK_RV rv = p->f->C_OpenSession(p->slot, CKF_SERIAL_SESSION |
	    CKF_RW_SESSION, NULL, NULL, out);

	return rv == CKR_OK ? 0 : p11_failed(e, rv, "session to change the "
	    "token");
}

static void
close_rw(struct p11_token *p, CK_SESSION_HANDLE rw)
{
	(void)p->f->C_CloseSession(rw);
}

/* --- making a key --- */

/* The first number that is no key's id. */
static int
choose_id(struct p11_token *p, uint8_t id[2], size_t *n, struct err *e)
{
	struct token_keys keys;
	unsigned int v = 0;
	bool taken = true;
	char hex[5];
	int r;

	if ((r = p11_keys_list(&p->t, NULL, &keys, e)) != 0)
		return r;
	while (taken && v++ < 0xffff) {
		snprintf(hex, sizeof(hex), v > 0xff ? "%04x" : "%02x", v);
		taken = false;
		for (size_t i = 0; i < keys.n; i++)
			taken |= strcmp(keys.v[i].id, hex) == 0;
	}
	token_keys_free(&keys);
	*n = v > 0xff ? 2 : 1;
	id[0] = (uint8_t)(v > 0xff ? v >> 8 : v);
	id[1] = (uint8_t)v;
	return taken ? err_set(e, ERR_LIMIT, 0, "no id is left") : 0;
}

static size_t
put_params(const char *group, uint8_t out[static PARAMS_MAX])
{
	if (strcmp(group, "ED25519") == 0) {
		memcpy(out, EDWARDS25519, sizeof(EDWARDS25519) - 1);
		return sizeof(EDWARDS25519) - 1;
	}
	return curveparams_oid(group, out, PARAMS_MAX);
}

static CK_MECHANISM_TYPE
mechanism_for(const struct keytype *type)
{
	if (type->group == NULL)
		return CKM_RSA_PKCS_KEY_PAIR_GEN;
	return strcmp(type->group, "ED25519") == 0 ?
	    CKM_EC_EDWARDS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN;
}

/* A private key that never leaves the token, and is for signatures. */
static int
make_pair(struct p11_token *p, const struct keytype *type, struct span id,
    const char *label, CK_OBJECT_HANDLE *public, struct err *e)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG bits = type->bits;
	uint8_t params[PARAMS_MAX], f4[] = { 1, 0, 1 };
	CK_MECHANISM m = { mechanism_for(type), NULL, 0 };
	const CK_ATTRIBUTE named[] = {
		{ CKA_LABEL, p11_unconst(label), strlen(label) },
		{ CKA_ID, p11_unconst(id.p), id.n },
		{ CKA_TOKEN, &yes, sizeof(yes) },
	};
	CK_ATTRIBUTE private[] = { named[0], named[1], named[2],
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_SIGN, &yes, sizeof(yes) },
	};
	CK_ATTRIBUTE of_public[7] = { named[0], named[1], named[2],
		{ CKA_PRIVATE, &no, sizeof(no) },
		{ CKA_VERIFY, &yes, sizeof(yes) },
	};
	CK_OBJECT_HANDLE made;
	size_t n = 5;
	CK_SESSION_HANDLE rw;
	CK_RV rv;
	int r;

	if (type->group == NULL) {
		of_public[n++] = (CK_ATTRIBUTE){ CKA_MODULUS_BITS, &bits,
		    sizeof(bits) };
		of_public[n++] = (CK_ATTRIBUTE){ CKA_PUBLIC_EXPONENT, f4,
		    sizeof(f4) };
	} else {
		of_public[n++] = (CK_ATTRIBUTE){ CKA_EC_PARAMS, params,
		    put_params(type->group, params) };
	}
	if ((r = open_rw(p, &rw, e)) != 0)
		return r;
	rv = p->f->C_GenerateKeyPair(rw, &m, of_public, n, private,
	    sizeof(private) / sizeof(*private), public, &made);
	close_rw(p, rw);
	return rv == CKR_OK ? 0 : p11_failed(e, rv, "making a key");
}

/* As it is listed from now on. */
static int
find_made(struct p11_token *p, CK_OBJECT_HANDLE public,
    struct token_key *made, struct err *e)
{
	struct token_key k = { 0 };
	struct token_keys keys;
	struct wire_w w;
	bool told;
	int r;

	if (!wire_write(&w, KEY_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "key");
	/* One that SSH cannot use is found by its label alone. */
	told = p11_keys_put(p, public, CKO_PUBLIC_KEY, &k, &w, e) == 0;
	if ((r = p11_keys_list(&p->t, NULL, &keys, e)) == 0) {
		r = err_set(e, ERR_STALE, 0, "the key that was made is not "
		    "listed");
		for (size_t i = 0; i < keys.n && r != 0; i++) {
			if ((keys.v[i].blob != NULL) != told ||
			    !span_eq(wire_bytes(&w), (struct span){
			    keys.v[i].blob, keys.v[i].blob_n }) ||
			    !p11_keys_is_labelled(p, public, keys.v[i].label))
				continue;
			*made = keys.v[i];
			keys.v[i].blob = NULL;
			r = 0;
		}
		token_keys_free(&keys);
	}
	wire_free(&w);
	return r;
}

static int
generate(struct token *t, const struct token_key_spec *s,
    struct token_key *made, struct err *e)
{
	const struct keytype *type = keytype_by_name(s->type);
	struct p11_token *p = p11_of(t);
	CK_OBJECT_HANDLE public;
	struct span id = s->id;
	uint8_t number[2];
	int r;

	if (type == NULL)
		return err_set(e, ERR_USAGE, 0, "no such type of key: %.64s",
		    s->type);
	if ((r = token_check_label(s->label, TOKEN_KEY_LABEL_MAX, e)) != 0)
		return r;
	if (id.n > P11_ID_MAX)
		return err_set(e, ERR_USAGE, 0, "the id of a key has %d "
		    "bytes at most", P11_ID_MAX);
	if (id.n == 0) {
		if ((r = choose_id(p, number, &id.n, e)) != 0)
			return r;
		id.p = number;
	}
	if ((r = make_pair(p, type, id, s->label, &public, e)) != 0)
		return r;
	return find_made(p, public, made, e);
}

/* --- changing and deleting one --- */

static int
find_key(struct p11_token *p, const char *ref, struct token_keys *keys,
    const struct token_key **k, struct err *e)
{
	int r;

	*k = NULL;
	/* Without a login the private one is not seen. */
	if (!p->logged_in)
		return err_set(e, ERR_PIN_NEEDED, -1, "the PIN is needed");
	if ((r = p11_keys_list(&p->t, NULL, keys, e)) != 0)
		return r;
	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(keys->v[i].ref, ref) == 0)
			*k = &keys->v[i];
	if (*k != NULL)
		return 0;
	token_keys_free(keys);
	return err_set(e, ERR_NOTFOUND, 0, "there is no key in place %s",
	    ref);
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
 * Keep the one of *n private keys with an id that is this one's: the one that
 * proves it by a signature, else the only one of its label that nothing
 * speaks against.
 */
static int
keep_own(struct p11_token *p, const struct token_key *k, CK_OBJECT_HANDLE *o,
    size_t *n, struct err *e)
{
	size_t kept = 0;
	struct err why;

	for (size_t i = 0; i < *n; i++) {
		const int r = k->blob == NULL ? ERR_UNSUPPORTED :
		    p11_sign_proves(p, k, o[i], &why);

		if (r == 0) {
			o[0] = o[i];
			*n = 1;
			return 0;
		}
		if (r != ERR_DENIED && p11_keys_is_labelled(p, o[i], k->label))
			o[kept++] = o[i];
	}
	*n = kept;
	if (kept <= 1)
		return 0;
	return err_set(e, ERR_DENIED, 0, "several keys have the id %s and the "
	    "label \"%.100s\", and do not sign: it cannot be told which one "
	    "this is", k->id, k->label);
}

/* The objects of a key of one class; others may have its id. */
static int
find_objects(struct p11_token *p, const struct token_key *k,
    CK_OBJECT_CLASS class, CK_OBJECT_HANDLE o[static OBJECTS_MAX], size_t *n,
    struct err *e)
{
	uint8_t id[P11_ID_MAX];
	CK_ATTRIBUTE match[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		p11_keys_name(k, id),
	};
	size_t found = OBJECTS_MAX;
	int r;

	*n = 0;
	if ((r = p11_find(p, match, 2, o, &found, e)) != 0)
		return r;
	if (class == CKO_PRIVATE_KEY) {
		*n = found;
		return keep_own(p, k, o, n, e);
	}
	for (size_t i = 0; i < found; i++)
		if (k->blob == NULL ?
		    p11_keys_is_labelled(p, o[i], k->label) :
		    tells(p, o[i], class, k))
			o[(*n)++] = o[i];
	return 0;
}

typedef CK_RV change_fn(struct p11_token *p, CK_SESSION_HANDLE rw,
    CK_OBJECT_HANDLE o, const char *label);

/* The private key first: what is left without it does no harm. */
static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY,
    CKO_CERTIFICATE };

#define KEYS_ONLY	2		/* of the classes */
#define ALL		3

static int
change_objects(struct p11_token *p, const struct token_key *k,
    size_t n_classes, change_fn *change, const char *label, struct err *e)
{
	CK_OBJECT_HANDLE o[OBJECTS_MAX];
	CK_SESSION_HANDLE rw;
	CK_RV rv = CKR_OK;
	size_t n;
	int r;

	if ((r = open_rw(p, &rw, e)) != 0)
		return r;
	for (size_t c = 0; r == 0 && rv == CKR_OK && c < n_classes; c++) {
		r = find_objects(p, k, classes[c], o, &n, e);
		for (size_t i = 0; r == 0 && rv == CKR_OK && i < n; i++)
			rv = change(p, rw, o[i], label);
	}
	close_rw(p, rw);
	if (r == 0 && rv != CKR_OK)
		r = p11_failed(e, rv, "changing the key");
	return r;
}

static CK_RV
destroy(struct p11_token *p, CK_SESSION_HANDLE rw, CK_OBJECT_HANDLE o,
    const char *label)
{
	(void)label;
	return p->f->C_DestroyObject(rw, o);
}

static CK_RV
relabel(struct p11_token *p, CK_SESSION_HANDLE rw, CK_OBJECT_HANDLE o,
    const char *label)
{
	CK_ATTRIBUTE a = { CKA_LABEL, p11_unconst(label), strlen(label) };

	return p->f->C_SetAttributeValue(rw, o, &a, 1);
}

static int
remove_key(struct token *t, const char *ref, struct err *e)
{
	const struct token_key *k;
	struct token_keys keys;
	int r;

	if ((r = find_key(p11_of(t), ref, &keys, &k, e)) != 0)
		return r;
	r = change_objects(p11_of(t), k, ALL, destroy, NULL, e);
	token_keys_free(&keys);
	return r;
}

static int
set_label(struct token *t, const char *ref, const char *label,
    struct err *e)
{
	const struct token_key *k;
	struct token_keys keys;
	int r;

	if (ref == NULL)
		return err_set(e, ERR_UNSUPPORTED, 0, "PKCS#11 gives a token "
		    "its label only when it is set up");
	if ((r = token_check_label(label, TOKEN_KEY_LABEL_MAX, e)) != 0 ||
	    (r = find_key(p11_of(t), ref, &keys, &k, e)) != 0)
		return r;
	r = change_objects(p11_of(t), k, KEYS_ONLY, relabel, label, e);
	token_keys_free(&keys);
	return r;
}

const struct token_manage_ops p11_manage_ops = {
	.generate = generate,
	.remove = remove_key,
	.set_label = set_label,
};

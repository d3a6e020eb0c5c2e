/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/curveparams.h"
#include "token/keytype.h"
#include "token/manage.h"
#include "token/p11inside.h"

#define PARAMS_MAX	64		/* bytes of DER that name a curve */
#define EDWARDS25519	"\x13\x0c" "edwards25519"

/* For a change, after which another key may have a name. */
static int
open_rw(struct p11_token *p, CK_SESSION_HANDLE *out, struct err *e)
{
	CK_RV rv = p->f->C_OpenSession(p->slot, CKF_SERIAL_SESSION |
	    CKF_RW_SESSION, NULL, NULL, out);

	p11_sign_forget(p);
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
put_params(const struct keytype *type, uint8_t out[static PARAMS_MAX])
{
	if (keytype_is_ed25519(type)) {
		memcpy(out, EDWARDS25519, sizeof(EDWARDS25519) - 1);
		return sizeof(EDWARDS25519) - 1;
	}
	return curveparams_oid(type->group, out, PARAMS_MAX);
}

static CK_MECHANISM_TYPE
mechanism_for(const struct keytype *type)
{
	if (type->group == NULL)
		return CKM_RSA_PKCS_KEY_PAIR_GEN;
	return keytype_is_ed25519(type) ? CKM_EC_EDWARDS_KEY_PAIR_GEN :
	    CKM_EC_KEY_PAIR_GEN;
}

/* A private key that can sign, and never leaves the token. */
static int
make_pair(struct p11_token *p, const struct keytype *type, struct span id,
    const char *label, struct err *e)
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
	CK_OBJECT_HANDLE made[2];
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
		    put_params(type, params) };
	}
	if ((r = open_rw(p, &rw, e)) != 0)
		return r;
	rv = p->f->C_GenerateKeyPair(rw, &m, of_public, n, private,
	    sizeof(private) / sizeof(*private), &made[0], &made[1]);
	close_rw(p, rw);
	return rv == CKR_OK ? 0 : p11_failed(e, rv, "making a key");
}

/* As it is listed from now on. */
static int
find_made(struct p11_token *p, struct span id, const char *label,
    struct token_key *made, struct err *e)
{
	char hex[2 * P11_ID_MAX + 1] = "";
	struct token_keys keys;
	int r;

	for (size_t i = 0; i < id.n; i++)
		snprintf(hex + 2 * i, sizeof(hex) - 2 * i, "%02x", id.p[i]);
	if ((r = p11_keys_list(&p->t, NULL, &keys, e)) != 0)
		return err_wrap(e, "a key with the id %s was made", hex);
	r = ERR_STALE;
	for (size_t i = 0; i < keys.n && r != 0; i++) {
		if (strcmp(keys.v[i].id, hex) != 0 ||
		    strcmp(keys.v[i].label, label) != 0)
			continue;
		*made = keys.v[i];
		keys.v[i].blob = NULL;
		r = 0;
	}
	token_keys_free(&keys);
	return r == 0 ? 0 : err_set(e, r, 0, "a key with the id %s was made, "
	    "and is not listed", hex);
}

static int
generate(struct token *t, const struct token_key_spec *s,
    struct token_key *made, struct err *e)
{
	const struct keytype *type = keytype_by_name(s->type);
	struct p11_token *p = p11_of(t);
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
	if ((r = make_pair(p, type, id, s->label, e)) != 0)
		return r;
	return find_made(p, id, s->label, made, e);
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

typedef CK_RV change_fn(struct p11_token *p, CK_SESSION_HANDLE rw,
    CK_OBJECT_HANDLE o, const char *label);

/*
 * In their order, so the private key first: what is left without it does no
 * harm.  A module may take the public one along.
 */
static int
change_objects(struct p11_token *p, const CK_OBJECT_HANDLE *o, size_t n,
    change_fn *change, const char *label, struct err *e)
{
	CK_SESSION_HANDLE rw;
	CK_RV rv = CKR_OK;
	int r;

	if ((r = open_rw(p, &rw, e)) != 0)
		return r;
	for (size_t i = 0; rv == CKR_OK && i < n; i++) {
		rv = change(p, rw, o[i], label);
		if (rv == CKR_OBJECT_HANDLE_INVALID && i > 0)
			rv = CKR_OK;
	}
	close_rw(p, rw);
	return rv == CKR_OK ? 0 : p11_failed(e, rv, "changing the key");
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
	struct p11_token *p = p11_of(t);
	const struct token_key *k;
	struct p11_objects o;
	struct token_keys keys;
	int r;

	if ((r = find_key(p, ref, &keys, &k, e)) != 0)
		return r;
	if ((r = p11_own_objects(p, &keys, k, &o, e)) == 0)
		r = change_objects(p, o.v, o.n, destroy, NULL, e);
	token_keys_free(&keys);
	return r;
}

static int
set_label(struct token *t, const char *ref, const char *label,
    struct err *e)
{
	struct p11_token *p = p11_of(t);
	const struct token_key *k;
	struct p11_objects o;
	struct token_keys keys;
	int r;

	if (ref == NULL)
		return err_set(e, ERR_UNSUPPORTED, 0, "PKCS#11 gives a token "
		    "its label only when it is set up");
	if ((r = token_check_label(label, TOKEN_KEY_LABEL_MAX, e)) != 0 ||
	    (r = find_key(p, ref, &keys, &k, e)) != 0)
		return r;
	/* A certificate has a label of its own, unless it tells the key. */
	if ((r = p11_own_objects(p, &keys, k, &o, e)) == 0)
		r = change_objects(p, o.v, o.n - (o.n_public > 0 ?
		    o.n_certificates : 0), relabel, label, e);
	token_keys_free(&keys);
	return r;
}

const struct token_manage_ops p11_manage_ops = {
	.generate = generate,
	.remove = remove_key,
	.set_label = set_label,
};

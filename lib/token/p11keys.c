/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/keytext.h"
#include "token/p11inside.h"

#define KEYS_MAX	1000
#define CERT_MAX	8192		/* bytes of DER */
#define LIST_MAX	(4 * 1024 * 1024)	/* bytes of all keys */

static bool
get_attr(struct p11_token *p, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type,
    struct p11_attr *a)
{
	CK_ATTRIBUTE t = { type, a->bytes, sizeof(a->bytes) };

	a->n = 0;
	if (p->f->C_GetAttributeValue(p->session, o, &t, 1) != CKR_OK ||
	    t.ulValueLen > sizeof(a->bytes))
		return false;
	a->n = t.ulValueLen;
	return true;
}

int
p11_find(struct p11_token *p, CK_ATTRIBUTE *match, size_t n,
    CK_OBJECT_HANDLE *found, size_t *n_found, struct err *e)
{
	const size_t max = *n_found;
	CK_ULONG got = 0;
	CK_RV rv;

	*n_found = 0;
	if ((rv = p->f->C_FindObjectsInit(p->session, match, n)) != CKR_OK)
		return p11_failed(e, rv, "search");
	do {
		got = 0;
		rv = p->f->C_FindObjects(p->session, found + *n_found,
		    max - *n_found, &got);
		if (rv == CKR_OK && got > max - *n_found)
			rv = CKR_GENERAL_ERROR;
		*n_found += rv == CKR_OK ? got : 0;
	} while (rv == CKR_OK && got > 0 && *n_found < max);
	(void)p->f->C_FindObjectsFinal(p->session);
	return rv == CKR_OK ? 0 : p11_failed(e, rv, "search");
}

/* Ed25519: by its name, by RFC 8410's number, or by the one of before. */
static const struct {
	const char	*params;	/* in DER */
	size_t		 n;
	enum key_type	 type;
	const char	*algo;
} curves[] = {
	{ "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10, KEY_P256, "P-256" },
	{ "\x06\x05\x2b\x81\x04\x00\x22", 7, KEY_P384, "P-384" },
	{ "\x06\x05\x2b\x81\x04\x00\x23", 7, KEY_P521, "P-521" },
	{ "\x13\x0c" "edwards25519", 14, KEY_ED25519, "Ed25519" },
	{ "\x06\x03\x2b\x65\x70", 5, KEY_ED25519, "Ed25519" },
	{ "\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01", 11, KEY_ED25519,
	    "Ed25519" },
};

/* The point, in an OCTET STRING as it should be, or without. */
static struct span
point_of(const struct p11_attr *a)
{
	struct span s = p11_attr_bytes(a);

	if (s.n > 2 && s.p[0] == 0x04 && s.p[1] == s.n - 2 &&
	    s.p[2] == 0x04)
		return (struct span){ s.p + 2, s.n - 2 };
	if (s.n > 3 && s.p[0] == 0x04 && s.p[1] == 0x81 &&
	    s.p[2] == s.n - 3)
		return (struct span){ s.p + 3, s.n - 3 };
	return s;
}

/* The 32 bytes in an OCTET STRING, in a BIT STRING, or alone. */
static struct span
edwards_point_of(const struct p11_attr *a)
{
	struct span s = p11_attr_bytes(a);

	if (s.n == 34 && s.p[0] == 0x04 && s.p[1] == 32)
		return (struct span){ s.p + 2, 32 };
	if (s.n == 35 && s.p[0] == 0x03 && s.p[1] == 33 && s.p[2] == 0)
		return (struct span){ s.p + 3, 32 };
	return s;
}

/* Of PKCS#11's type CKK_EC or CKK_EC_EDWARDS. */
static int
put_ec(struct p11_token *p, CK_OBJECT_HANDLE o, CK_KEY_TYPE type,
    struct token_key *k, struct wire_w *w, struct err *e)
{
	struct p11_attr params, point;

	snprintf(k->algo, sizeof(k->algo), type == CKK_EC ? "EC" : "Edwards");
	if (!get_attr(p, o, CKA_EC_PARAMS, &params) ||
	    !get_attr(p, o, CKA_EC_POINT, &point))
		return err_set(e, ERR_NOTFOUND, 0, "its public part is not "
		    "on the token");
	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++) {
		if (p11_keys_type(curves[i].type) != type ||
		    !span_eq(p11_attr_bytes(&params), (struct span){
		    (const uint8_t *)curves[i].params, curves[i].n }))
			continue;
		snprintf(k->algo, sizeof(k->algo), "%s", curves[i].algo);
		return type == CKK_EC ?
		    key_put_ec(w, curves[i].type, point_of(&point), e) :
		    key_put_ed25519(w, edwards_point_of(&point), e);
	}
	return err_set(e, ERR_UNSUPPORTED, 0, "SSH has no use for its curve");
}

static int
put_rsa(struct p11_token *p, CK_OBJECT_HANDLE o, struct token_key *k,
    struct wire_w *w, struct err *e)
{
	struct p11_attr n, exponent;

	snprintf(k->algo, sizeof(k->algo), "RSA");
	if (!get_attr(p, o, CKA_MODULUS, &n) ||
	    !get_attr(p, o, CKA_PUBLIC_EXPONENT, &exponent))
		return err_set(e, ERR_NOTFOUND, 0, "its public part is not "
		    "on the token");
	snprintf(k->algo, sizeof(k->algo), "RSA-%zu", n.n * 8);
	return key_put_rsa(w, p11_attr_bytes(&exponent), p11_attr_bytes(&n), e);
}

static int
put_public(struct p11_token *p, CK_OBJECT_HANDLE o, struct token_key *k,
    struct wire_w *w, struct err *e)
{
	CK_KEY_TYPE type = 0;
	CK_ATTRIBUTE t = { CKA_KEY_TYPE, &type, sizeof(type) };

	if (p->f->C_GetAttributeValue(p->session, o, &t, 1) != CKR_OK)
		return err_set(e, ERR_TOKEN, 0, "its type is not known");
	if (type == CKK_RSA)
		return put_rsa(p, o, k, w, e);
	if (type == CKK_EC || type == CKK_EC_EDWARDS)
		return put_ec(p, o, type, k, w, e);
	return err_set(e, ERR_UNSUPPORTED, 0, "SSH has no use for such a key");
}

/* Its public key is that of the private one with its id. */
static int
put_certificate(struct p11_token *p, CK_OBJECT_HANDLE o, struct wire_w *w,
    struct err *e)
{
	uint8_t *der = malloc(CERT_MAX);
	CK_ATTRIBUTE t = { CKA_VALUE, der, CERT_MAX };
	int r;

	if (der == NULL)
		return err_set(e, ERR_NOMEM, 0, "certificate");
	if (p->f->C_GetAttributeValue(p->session, o, &t, 1) != CKR_OK ||
	    t.ulValueLen > CERT_MAX)
		r = err_set(e, ERR_TOKEN, 0, "its certificate cannot be read");
	else
		r = key_put_x509(w, (struct span){ der, t.ulValueLen }, e);
	free(der);
	return r;
}

int
p11_keys_put(struct p11_token *p, CK_OBJECT_HANDLE o, CK_OBJECT_CLASS class,
    struct token_key *k, struct wire_w *w, struct err *e)
{
	snprintf(k->algo, sizeof(k->algo), "X.509");
	return class == CKO_CERTIFICATE ? put_certificate(p, o, w, e) :
	    put_public(p, o, k, w, e);
}

static int
take_blob(struct token_key *k, struct span blob, struct err *e)
{
	struct key key;
	int r;

	if ((r = key_parse(blob, &key, e)) != 0)
		return r;
	if ((k->blob = malloc(blob.n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "key");
	memcpy(k->blob, blob.p, blob.n);
	k->blob_n = blob.n;
	if (key.type == KEY_ED25519)
		snprintf(k->algo, sizeof(k->algo), "Ed25519");
	else
		snprintf(k->algo, sizeof(k->algo), key.type == KEY_RSA ?
		    "RSA-%u" : "P-%u", key.bits);
	return 0;
}

static void
name_key(struct p11_token *p, CK_OBJECT_HANDLE o, struct token_key *k)
{
	struct p11_attr id, label;

	(void)get_attr(p, o, CKA_ID, &id);
	(void)get_attr(p, o, CKA_LABEL, &label);
	k->id[0] = '\0';
	for (size_t i = 0; i < id.n && 2 * i + 2 < sizeof(k->id); i++)
		snprintf(k->id + 2 * i, sizeof(k->id) - 2 * i, "%02x",
		    id.bytes[i]);
	keytext_clean(k->label, sizeof(k->label), p11_attr_bytes(&label));
}

static bool
has_id(const struct token_keys *keys, const struct token_key *k)
{
	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(keys->v[i].id, k->id) == 0)
			return true;
	return false;
}

static bool
has_ref(const struct token_keys *keys, const char *ref)
{
	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(keys->v[i].ref, ref) == 0)
			return true;
	return false;
}

/*
 * Objects have no place that lasts, so a key's is made of what it is: another
 * that comes or goes does not move it, nor, where SSH can use it, does another
 * label.  No id in hexadecimal looks like one.
 */
static int
place_key(const struct token_keys *others, struct token_key *k, struct err *e)
{
	struct sig_digest md;
	uint32_t place;
	struct wire_w w;
	int r;

	if (!wire_write(&w, KEY_BLOB_MAX + 1024))
		return err_set(e, ERR_NOMEM, 0, "key");
	wire_put_cstring(&w, k->id);
	wire_put_cstring(&w, k->blob == NULL ? k->label : "");
	wire_put_string(&w, (struct span){ k->blob, k->blob_n });
	r = sig_hash(SIG_RSA_SHA256, wire_bytes(&w), &md, e);
	wire_free(&w);
	if (r != 0)
		return r;
	place = (uint32_t)md.bytes[0] << 16 | (uint32_t)md.bytes[1] << 8 |
	    md.bytes[2];
	do {
		snprintf(k->ref, sizeof(k->ref), "#%06x", place & 0xffffff);
		place++;
	} while (has_ref(others, k->ref));
	if (k->id[0] == '\0')
		snprintf(k->id, sizeof(k->id), "%s", k->ref);
	return 0;
}

/*
 * A public key counts as it is.  Where there is none with its id, a
 * certificate tells it, or the private key itself.
 */
static int
add_key(struct p11_token *p, CK_OBJECT_HANDLE o, CK_OBJECT_CLASS class,
    struct token_keys *out, struct err *e)
{
	struct token_key *k = &out->v[out->n];
	struct wire_w w;
	int r;

	name_key(p, o, k);
	if (class != CKO_PUBLIC_KEY && (k->id[0] == '\0' || has_id(out, k))) {
		*k = (struct token_key){ 0 };
		return 0;
	}
	if (!wire_write(&w, KEY_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "key");
	if ((r = p11_keys_put(p, o, class, k, &w, e)) == 0)
		r = take_blob(k, wire_bytes(&w), e);
	wire_free(&w);
	if (r != 0 && r != ERR_NOMEM)
		keytext_clean(k->unusable, sizeof(k->unusable),
		    span_cstr(e->msg));
	if (r != ERR_NOMEM)
		r = place_key(out, k, e);
	out->n++;
	return r;
}

static int
make_stamp(struct token_keys *keys, struct err *e)
{
	const struct token_key *k;
	struct sig_digest md;
	struct wire_w w;
	int r;

	if (!wire_write(&w, LIST_MAX))
		return err_set(e, ERR_NOMEM, 0, "keys");
	for (size_t i = 0; i < keys->n; i++) {
		k = &keys->v[i];
		wire_put_cstring(&w, k->id);
		wire_put_cstring(&w, k->label);
		wire_put_cstring(&w, k->algo);
		wire_put_string(&w, (struct span){ k->blob, k->blob_n });
	}
	if ((r = sig_hash(SIG_RSA_SHA256, wire_bytes(&w), &md, e)) == 0 &&
	    !w.bad)
		memcpy(keys->stamp, md.bytes, sizeof(keys->stamp));
	wire_free(&w);
	return r;
}

static int
add_class(struct p11_token *p, CK_OBJECT_CLASS class, struct token_keys *out,
    struct err *e)
{
	CK_ATTRIBUTE match = { CKA_CLASS, &class, sizeof(class) };
	CK_OBJECT_HANDLE found[KEYS_MAX];
	size_t n = KEYS_MAX;
	void *more;
	int r;

	if ((r = p11_find(p, &match, 1, found, &n, e)) != 0 || n == 0)
		return r;
	if (n > KEYS_MAX - out->n)
		return err_set(e, ERR_LIMIT, 0, "more than %d keys", KEYS_MAX);
	if ((more = reallocarray(out->v, out->n + n,
	    sizeof(*out->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "keys");
	out->v = more;
	memset(out->v + out->n, 0, n * sizeof(*out->v));
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_key(p, found[i], class, out, e);
	return r;
}

int
p11_keys_list(struct token *t, const struct token_keys *known,
    struct token_keys *out, struct err *e)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PUBLIC_KEY,
	    CKO_CERTIFICATE, CKO_PRIVATE_KEY };
	int r = 0;

	(void)known;
	*out = (struct token_keys){ 0 };
	for (size_t i = 0; r == 0 && i < sizeof(classes) / sizeof(*classes);
	    i++)
		r = add_class(p11_of(t), classes[i], out, e);
	if (r == 0)
		r = make_stamp(out, e);
	if (r != 0)
		token_keys_free(out);
	return r;
}

bool
p11_keys_wants_pin(struct p11_token *p, CK_OBJECT_HANDLE o)
{
	CK_BBOOL always = CK_FALSE;
	CK_ATTRIBUTE t = { CKA_ALWAYS_AUTHENTICATE, &always, sizeof(always) };

	return p->f->C_GetAttributeValue(p->session, o, &t, 1) == CKR_OK &&
	    t.ulValueLen == sizeof(always) && always != CK_FALSE;
}

static size_t
unhex(const char *hex, uint8_t *out, size_t max)
{
	unsigned int v;
	size_t n = 0;

	while (n < max && sscanf(hex + 2 * n, "%2x", &v) == 1)
		out[n++] = (uint8_t)v;
	return n;
}

CK_ATTRIBUTE
p11_keys_name(const struct token_key *k, uint8_t id[static P11_ID_MAX])
{
	if (strcmp(k->id, k->ref) == 0)
		return (CK_ATTRIBUTE){ CKA_LABEL, p11_unconst(k->label),
		    strlen(k->label) };
	return (CK_ATTRIBUTE){ CKA_ID, id, unhex(k->id, id, P11_ID_MAX) };
}

CK_KEY_TYPE
p11_keys_type(enum key_type t)
{
	return t == KEY_RSA ? CKK_RSA :
	    t == KEY_ED25519 ? CKK_EC_EDWARDS : CKK_EC;
}

bool
p11_keys_has_id(struct p11_token *p, CK_OBJECT_HANDLE o)
{
	struct p11_attr id;

	return get_attr(p, o, CKA_ID, &id) && id.n > 0;
}

bool
p11_keys_is_labelled(struct p11_token *p, CK_OBJECT_HANDLE o,
    const char *label)
{
	char clean[sizeof(((struct token_key *)0)->label)];
	struct p11_attr a;

	(void)get_attr(p, o, CKA_LABEL, &a);
	keytext_clean(clean, sizeof(clean), p11_attr_bytes(&a));
	return strcmp(clean, label) == 0;
}

/* Several keys can have one id: those with the label come first. */
static void
sort_by_label(struct p11_token *p, const struct token_key *k,
    CK_OBJECT_HANDLE *o, size_t n)
{
	size_t first = 0;

	for (size_t i = 0; i < n && n > 1; i++) {
		const CK_OBJECT_HANDLE found = o[i];

		if (!p11_keys_is_labelled(p, found, k->label))
			continue;
		o[i] = o[first];
		o[first++] = found;
	}
}

int
p11_keys_private(struct p11_token *p, const struct token_key *k,
    enum key_type kind, CK_OBJECT_HANDLE *o, size_t *n, struct err *e)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = p11_keys_type(kind);
	uint8_t id[P11_ID_MAX];
	CK_ATTRIBUTE match[3] = {
		{ CKA_CLASS, &class, sizeof(class) },
		p11_keys_name(k, id),
		{ CKA_KEY_TYPE, &type, sizeof(type) },
	};
	int r;

	if ((r = p11_find(p, match, 3, o, n, e)) != 0)
		return r;
	sort_by_label(p, k, o, *n);
	if (*n > 0)
		return 0;
	if (!p->logged_in)
		return err_set(e, ERR_PIN_NEEDED, -1, "the PIN is needed");
	return err_set(e, ERR_STALE, 0, "the private key is not there");
}

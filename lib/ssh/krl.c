/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "ssh/base64.h"
#include "ssh/cert.h"
#include "ssh/krl.h"
#include "ssh/krl_part.h"
#include "ssh/krl_serials.h"

#define HASH_CHARS	43		/* of SHA-256 in base64, unpadded */

struct blob {
	uint8_t		*p;
	size_t		 n;
};

/* In any order, and perhaps twice, until they are written. */
struct blobs {
	struct blob	*v;
	size_t		 n, room;
};

struct authority {
	struct blob	 key;
	struct krl_serials serials;
	struct blobs	 ids;
};

struct krl {
	uint64_t	 version, date;
	char		*comment;
	struct authority *cas;
	size_t		 n_cas;
	struct blobs	 keys, sha256;
};

static struct span
bytes_of(const struct blob *b)
{
	return (struct span){ b->p, b->n };
}

static int
copy(struct blob *to, struct span s, struct err *e)
{
	if ((to->p = malloc(s.n + 1)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "revocation list");
	if (s.n > 0)
		memcpy(to->p, s.p, s.n);
	to->n = s.n;
	return 0;
}

static int
blobs_add(struct blobs *b, struct span s, struct err *e)
{
	const size_t room = b->room + b->room / 2 + 16;
	struct blob *v;
	int r;

	if (b->n == b->room) {
		if ((v = reallocarray(b->v, room, sizeof(*v))) == NULL)
			return err_set(e, ERR_NOMEM, 0, "revocation list");
		b->v = v;
		b->room = room;
	}
	if ((r = copy(&b->v[b->n], s, e)) == 0)
		b->n++;
	return r;
}

static void
blobs_free(struct blobs *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->v[i].p);
	free(b->v);
}

/* Hashes, of one length, become sorted as numbers (sec. 4). */
static int
compare_blobs(const void *a, const void *b)
{
	const struct blob *x = a, *y = b;
	const size_t n = x->n < y->n ? x->n : y->n;
	const int r = n > 0 ? memcmp(x->p, y->p, n) : 0;

	return r != 0 ? r : x->n < y->n ? -1 : x->n > y->n;
}

static int
compare_cas(const void *a, const void *b)
{
	const struct authority *x = a, *y = b;

	return compare_blobs(&x->key, &y->key);
}

struct krl *
krl_new(uint64_t version, uint64_t date, const char *comment)
{
	struct krl *k;

	if ((k = calloc(1, sizeof(*k))) == NULL)
		return NULL;
	k->version = version;
	k->date = date;
	if ((k->comment = strdup(comment != NULL ? comment : "")) == NULL) {
		free(k);
		return NULL;
	}
	return k;
}

void
krl_free(struct krl *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n_cas; i++) {
		free(k->cas[i].key.p);
		krl_serials_free(&k->cas[i].serials);
		blobs_free(&k->cas[i].ids);
	}
	free(k->cas);
	blobs_free(&k->keys);
	blobs_free(&k->sha256);
	free(k->comment);
	free(k);
}

static int
find_ca(struct krl *k, struct span blob, struct authority **out,
    struct err *e)
{
	struct authority *v, new = { 0 };
	int r;

	for (size_t i = 0; i < k->n_cas; i++)
		if (span_eq(bytes_of(&k->cas[i].key), blob)) {
			*out = &k->cas[i];
			return 0;
		}
	if (!cert_is_plain_key(blob))
		return err_set(e, ERR_FORMAT, 0, "not a CA's public key");
	if ((v = reallocarray(k->cas, k->n_cas + 1, sizeof(*v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "revocation list");
	k->cas = v;
	if ((r = copy(&new.key, blob, e)) != 0)
		return r;
	*out = &k->cas[k->n_cas++];
	**out = new;
	return 0;
}

int
krl_add_serial(struct krl *k, struct span ca, uint64_t lo, uint64_t hi,
    struct err *e)
{
	struct authority *a;
	int r;

	if (lo == 0)
		return err_set(e, ERR_USAGE, 0, "serial number 0 cannot be "
		    "revoked: certificates without a number have it; "
		    "revoke the key ID or the key");
	if (hi < lo)
		return err_set(e, ERR_USAGE, 0,
		    "range of serial numbers ends before it begins");
	if ((r = find_ca(k, ca, &a, e)) != 0)
		return r;
	return krl_serials_add(&a->serials, (struct krl_range){ lo, hi }, e);
}

int
krl_add_key_id(struct krl *k, struct span ca, struct span id, struct err *e)
{
	struct authority *a;
	int r;

	if (id.n > 0 && memchr(id.p, '\0', id.n) != NULL)
		return err_set(e, ERR_USAGE, 0,
		    "key ID with a NUL cannot be revoked");
	if ((r = find_ca(k, ca, &a, e)) != 0)
		return r;
	return blobs_add(&a->ids, id, e);
}

int
krl_add_key(struct krl *k, struct span blob, struct err *e)
{
	if (!cert_is_plain_key(blob))
		return err_set(e, ERR_FORMAT, 0, "not a plain public key");
	return blobs_add(&k->keys, blob, e);
}

int
krl_add_sha256(struct krl *k, struct span hash, struct err *e)
{
	if (hash.n != KRL_SHA256_BYTES)
		return err_set(e, ERR_FORMAT, 0,
		    "SHA-256 hash of %zu bytes", hash.n);
	return blobs_add(&k->sha256, hash, e);
}

int
krl_add_fingerprint(struct krl *k, const char *text, struct err *e)
{
	static const char prefix[] = "SHA256:";
	const size_t skip = sizeof(prefix) - 1;
	char b64[HASH_CHARS + 2];
	struct wire_w w;
	int r = ERR_FORMAT;

	if (!wire_write(&w, KRL_SHA256_BYTES))
		return err_set(e, ERR_NOMEM, 0, "fingerprint");
	if (strncmp(text, prefix, skip) == 0 &&
	    strlen(text + skip) == HASH_CHARS) {
		memcpy(b64, text + skip, HASH_CHARS);
		memcpy(b64 + HASH_CHARS, "=", 2);
		r = base64_put(&w, span_cstr(b64), e);
	}
	if (r == ERR_FORMAT)
		err_set(e, ERR_FORMAT, 0,
		    "not a fingerprint: SHA256: and 43 characters expected");
	else if (r == 0)
		r = krl_add_sha256(k, wire_bytes(&w), e);
	wire_free(&w);
	return r;
}

static void
put_blobs(struct blobs *b, struct wire_w *out)
{
	if (b->n > 0)
		qsort(b->v, b->n, sizeof(*b->v), compare_blobs);
	for (size_t i = 0; i < b->n; i++)
		if (i == 0 || compare_blobs(&b->v[i - 1], &b->v[i]) != 0)
			wire_put_string(out, bytes_of(&b->v[i]));
}

/* A type and what was written as its data; nothing when that is empty. */
static void
put_section(struct wire_w *out, uint8_t type, struct wire_w *data)
{
	const struct span s = wire_bytes(data);

	out->bad |= data->bad;
	if (s.n > 0) {
		wire_put_u8(out, type);
		wire_put_string(out, s);
	}
	wire_free(data);
}

static void
put_blob_section(struct wire_w *out, uint8_t type, struct blobs *b)
{
	struct wire_w data;

	if (wire_write(&data, out->max))
		put_blobs(b, &data);
	put_section(out, type, &data);
}

static int
put_ca(struct wire_w *out, struct authority *a, struct err *e)
{
	struct wire_w data;
	int r;

	if (!wire_write(&data, out->max))
		return err_set(e, ERR_NOMEM, 0, "revocation list");
	wire_put_string(&data, bytes_of(&a->key));
	wire_put_u32(&data, 0);		/* reserved */
	r = krl_serials_put(&a->serials, &data, e);
	put_blob_section(&data, KRL_KEY_IDS, &a->ids);
	put_section(out, KRL_CERTIFICATES, &data);
	return r;
}

int
krl_write(struct krl *k, struct wire_w *out, struct err *e)
{
	int r = 0;

	wire_put_u64(out, KRL_MAGIC);
	wire_put_u32(out, KRL_FORMAT);
	wire_put_u64(out, k->version);
	wire_put_u64(out, k->date);
	wire_put_u64(out, 0);		/* flags: there are none */
	wire_put_u32(out, 0);		/* reserved */
	wire_put_cstring(out, k->comment);
	if (k->n_cas > 0)
		qsort(k->cas, k->n_cas, sizeof(*k->cas), compare_cas);
	for (size_t i = 0; r == 0 && i < k->n_cas; i++)
		r = put_ca(out, &k->cas[i], e);
	put_blob_section(out, KRL_KEYS, &k->keys);
	put_blob_section(out, KRL_SHA256, &k->sha256);
	if (r == 0 && out->bad)
		r = err_set(e, ERR_LIMIT, 0,
		    "revocation list of more than %zu bytes", out->max);
	return r;
}

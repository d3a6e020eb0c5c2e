/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "ssh/hostsig.h"
#include "ssh/sksig.h"

#define FLAG_PRESENT	0x01		/* somebody touched it */
#define HASH_BYTES	32
#define BLOB_MAX	1024

static const struct kind {
	const char	*name;
	const char	*plain;		/* the key without the hardware */
	const char	*curve;
} kinds[] = {
	{ "sk-ssh-ed25519@openssh.com", "ssh-ed25519", NULL },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", "ecdsa-sha2-nistp256",
	    "nistp256" },
};

/* What the key tells beside the signature itself. */
struct told {
	const struct kind *kind;
	struct span	 application;
	uint8_t		 flags;
	uint32_t	 counter;
};

static struct span
name_of(struct span blob)
{
	struct wire_r r;

	wire_read(&r, blob);
	return wire_get_string(&r);
}

bool
sksig_is_key(struct span key)
{
	const struct span name = name_of(key);

	return name.n > 3 && memcmp(name.p, "sk-", 3) == 0;
}

/* The key as one that is no security key, appended to *out. */
static int
open_key(struct span key, struct wire_w *out, struct told *t, struct err *e)
{
	struct span name, curve, point;
	struct wire_r r;

	wire_read(&r, key);
	name = wire_get_string(&r);
	t->kind = NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (span_is(name, kinds[i].name))
			t->kind = &kinds[i];
	if (t->kind == NULL)
		return err_set(e, ERR_UNSUPPORTED, 0, "security key of a type "
		    "whose signatures are not checked here");
	wire_put_cstring(out, t->kind->plain);
	if (t->kind->curve != NULL) {
		curve = wire_get_string(&r);
		if (!span_is(curve, t->kind->curve))
			r.bad = true;
		wire_put_string(out, curve);
	}
	point = wire_get_string(&r);
	wire_put_string(out, point);
	t->application = wire_get_string(&r);
	if (!wire_end(&r) || out->bad)
		return err_set(e, ERR_FORMAT, 0, "malformed %s key",
		    t->kind->name);
	return 0;
}

/* The signature as by that key. */
static int
open_signature(struct span sig, struct wire_w *out, struct told *t,
    struct err *e)
{
	struct span name, value;
	struct wire_r r;

	wire_read(&r, sig);
	name = wire_get_string(&r);
	if (span_is(name, "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"))
		return err_set(e, ERR_UNSUPPORTED, 0, "signature in WebAuthn's "
		    "form, which is not checked here");
	value = wire_get_string(&r);
	t->flags = wire_get_u8(&r);
	t->counter = wire_get_u32(&r);
	wire_put_cstring(out, t->kind->plain);
	wire_put_string(out, value);
	if (!wire_end(&r) || !span_is(name, t->kind->name) || out->bad)
		return err_set(e, ERR_FORMAT, 0, "malformed %s signature",
		    t->kind->name);
	if ((t->flags & FLAG_PRESENT) == 0)
		return err_set(e, ERR_DENIED, 0, "the security key signed "
		    "without being touched");
	return 0;
}

static void
put_hash(struct wire_w *out, struct span data)
{
	uint8_t hash[HASH_BYTES];

	if (EVP_Digest(data.p, data.n, hash, NULL, EVP_sha256(), NULL) != 1) {
		ERR_clear_error();
		out->bad = true;
	}
	wire_put_raw(out, (struct span){ hash, sizeof(hash) });
}

static int
check(const struct told *t, struct span key, struct span data,
    struct span sig, struct err *e)
{
	struct wire_w w;
	int r;

	if (!wire_write(&w, BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "security key");
	put_hash(&w, t->application);
	wire_put_u8(&w, t->flags);
	wire_put_u32(&w, t->counter);
	put_hash(&w, data);
	if (w.bad)
		r = err_set(e, ERR_NOMEM, 0, "security key");
	else
		r = hostsig_verify(key, wire_bytes(&w), sig, e);
	wire_free(&w);
	return r;
}

int
sksig_verify(struct span key, struct span data, struct span sig,
    struct err *e)
{
	struct wire_w plain = { 0 }, value = { 0 };
	struct told t = { 0 };
	int r;

	if (!wire_write(&plain, BLOB_MAX) || !wire_write(&value, BLOB_MAX))
		r = err_set(e, ERR_NOMEM, 0, "security key");
	else if ((r = open_key(key, &plain, &t, e)) == 0 &&
	    (r = open_signature(sig, &value, &t, e)) == 0)
		r = check(&t, wire_bytes(&plain), data, wire_bytes(&value), e);
	wire_free(&value);
	wire_free(&plain);
	return r;
}

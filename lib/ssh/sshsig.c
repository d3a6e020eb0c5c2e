/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "ssh/base64.h"
#include "ssh/cert.h"
#include "ssh/hostsig.h"
#include "ssh/keytext.h"
#include "ssh/sksig.h"
#include "ssh/sshsig.h"

#define MAGIC		"SSHSIG"
#define FORM		1
#define BEGIN		"-----BEGIN SSH SIGNATURE-----"
#define END		"-----END SSH SIGNATURE-----"
#define LINE_MADE	70		/* as ssh-keygen */
#define LINE_READ	76		/* PROTOCOL.sshsig */
#define SHOWN		65		/* bytes of a namespace, with NUL */

static const struct hash {
	const char	*name;
	const EVP_MD	*(*md)(void);
} hashes[] = {
	[SSHSIG_SHA256] = { "sha256", EVP_sha256 },
	[SSHSIG_SHA512] = { "sha512", EVP_sha512 },
};

#define N_HASHES	(sizeof(hashes) / sizeof(hashes[0]))

int
sshsig_put_tbs(const struct sshsig *s, struct span message,
    struct wire_w *out, struct err *e)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int n;

	if (EVP_Digest(message.p, message.n, digest, &n,
	    hashes[s->hash].md(), NULL) != 1) {
		ERR_clear_error();
		return err_set(e, ERR_NOMEM, 0, "hash for a signature");
	}
	wire_put_raw(out, span_cstr(MAGIC));
	wire_put_string(out, s->ns);
	wire_put_string(out, s->reserved);
	wire_put_cstring(out, hashes[s->hash].name);
	wire_put_string(out, (struct span){ digest, n });
	if (out->bad)
		return err_set(e, ERR_NOMEM, 0, "no room for a signature");
	return 0;
}

void
sshsig_put(const struct sshsig *s, struct wire_w *out)
{
	wire_put_raw(out, span_cstr(MAGIC));
	wire_put_u32(out, FORM);
	wire_put_string(out, s->key);
	wire_put_string(out, s->ns);
	wire_put_string(out, s->reserved);
	wire_put_cstring(out, hashes[s->hash].name);
	wire_put_string(out, s->signature);
}

char *
sshsig_armor(const struct sshsig *s)
{
	char *lines = NULL, *text = NULL;
	struct wire_w w;

	if (!wire_write(&w, SSHSIG_MAX))
		return NULL;
	sshsig_put(s, &w);
	if (!w.bad &&
	    (lines = base64_lines(wire_bytes(&w), LINE_MADE)) != NULL &&
	    asprintf(&text, BEGIN "\n%s" END "\n", lines) < 0)
		text = NULL;
	free(lines);
	wire_free(&w);
	return text;
}

/* --- reading --- */

/* The lines between the first and the last. */
static int
put_unarmored(struct span text, struct wire_w *out, struct err *e)
{
	struct span line = span_cut_line(&text), body = { text.p, 0 };

	if (!span_is(line, BEGIN))
		return err_set(e, ERR_FORMAT, 0, "not a signature: it does not "
		    "begin with " BEGIN);
	while (text.n > 0 && !span_is(line = span_cut_line(&text), END))
		body.n = (size_t)(text.p - body.p);
	if (!span_is(line, END))
		return err_set(e, ERR_FORMAT, 0, "signature that does not end "
		    "with " END);
	if (text.n > 0)
		return err_set(e, ERR_FORMAT, 0, "more after the end of a "
		    "signature");
	return base64_put_lines(out, body, LINE_READ, e);
}

static bool
get_hash(struct span name, enum sshsig_hash *hash)
{
	for (size_t i = 0; i < N_HASHES; i++)
		if (span_is(name, hashes[i].name)) {
			*hash = (enum sshsig_hash)i;
			return true;
		}
	return false;
}

static int
parse_fields(struct wire_r *r, struct sshsig *s, struct err *e)
{
	const struct span magic = wire_get_raw(r, strlen(MAGIC));
	const uint32_t version = wire_get_u32(r);
	struct span hash;

	if (!span_is(magic, MAGIC))
		return err_set(e, ERR_FORMAT, 0, "no signature in the armour "
		    "of one");
	if (!r->bad && version != FORM)
		return err_set(e, ERR_UNSUPPORTED, 0, "signature of version "
		    "%u, not %d", (unsigned int)version, FORM);
	s->key = wire_get_string(r);
	s->ns = wire_get_string(r);
	s->reserved = wire_get_string(r);
	hash = wire_get_string(r);
	s->signature = wire_get_string(r);
	if (!wire_end(r) || s->key.n == 0 || s->signature.n == 0)
		return err_set(e, ERR_FORMAT, 0, "malformed signature");
	if (s->ns.n == 0 || !keytext_is_clean(s->ns))
		return err_set(e, ERR_FORMAT, 0, "signature whose namespace is "
		    "empty or no text");
	if (s->ns.n > SSHSIG_NS_MAX)
		return err_set(e, ERR_LIMIT, 0, "signature whose namespace has "
		    "more than %d bytes", SSHSIG_NS_MAX);
	if (!get_hash(hash, &s->hash))
		return err_set(e, ERR_UNSUPPORTED, 0, "signature of a hash "
		    "other than SHA-256 and SHA-512");
	return 0;
}

static bool
is_binary(struct span in)
{
	return in.n >= strlen(MAGIC) &&
	    memcmp(in.p, MAGIC, strlen(MAGIC)) == 0;
}

/* In binary, appended to *out. */
static int
put_bytes(struct span in, struct wire_w *out, struct err *e)
{
	int r;

	if (in.n > SSHSIG_TEXT_MAX)
		return err_set(e, ERR_LIMIT, 0, "signature of more than %d "
		    "bytes", SSHSIG_TEXT_MAX);
	if (is_binary(in))
		wire_put_raw(out, in);
	else if ((r = put_unarmored(in, out, e)) != 0)
		return r;
	if (out->bad)
		return err_set(e, ERR_NOMEM, 0, "signature");
	if (wire_bytes(out).n > SSHSIG_MAX)
		return err_set(e, ERR_LIMIT, 0, "signature of more than %d "
		    "bytes", SSHSIG_MAX);
	return 0;
}

int
sshsig_parse(struct span in, struct sshsig *s, struct err *e)
{
	struct wire_r r;
	int x;

	*s = (struct sshsig){ 0 };
	if (!wire_write(&s->bytes, SSHSIG_TEXT_MAX))
		return err_set(e, ERR_NOMEM, 0, "signature");
	if ((x = put_bytes(in, &s->bytes, e)) == 0) {
		wire_read(&r, wire_bytes(&s->bytes));
		x = parse_fields(&r, s, e);
	}
	if (x != 0)
		sshsig_free(s);
	return x;
}

void
sshsig_free(struct sshsig *s)
{
	wire_free(&s->bytes);
	*s = (struct sshsig){ 0 };
}

/* --- checking --- */

static int
put_plain(struct span key, struct wire_w *out, struct err *e)
{
	struct cert c;
	int r;

	if (!cert_is_meant(key))
		wire_put_raw(out, key);
	else if ((r = cert_parse(key, &c, e)) != 0)
		return r;
	else
		cert_put_subject(&c, out);
	return out->bad ? err_set(e, ERR_NOMEM, 0, "key of a signature") : 0;
}

static int
check_namespace(const struct sshsig *s, const char *ns, struct err *e)
{
	char shown[SHOWN];

	if (span_is(s->ns, ns))
		return 0;
	keytext_clean(shown, sizeof(shown), s->ns);
	return err_set(e, ERR_DENIED, 0, "signature for the namespace \"%s\", "
	    "not \"%s\"", shown, ns);
}

int
sshsig_verify(const struct sshsig *s, const char *ns, struct span message,
    struct err *e)
{
	struct wire_w key = { 0 }, tbs = { 0 };
	int r;

	if ((r = check_namespace(s, ns, e)) != 0)
		return r;
	if (!wire_write(&key, SSHSIG_MAX) || !wire_write(&tbs, SSHSIG_MAX))
		r = err_set(e, ERR_NOMEM, 0, "key of a signature");
	else if ((r = put_plain(s->key, &key, e)) == 0 &&
	    (r = sshsig_put_tbs(s, message, &tbs, e)) == 0)
		r = sksig_is_key(wire_bytes(&key)) ?
		    sksig_verify(wire_bytes(&key), wire_bytes(&tbs),
		    s->signature, e) :
		    hostsig_verify(wire_bytes(&key), wire_bytes(&tbs),
		    s->signature, e);
	wire_free(&tbs);
	wire_free(&key);
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/certbody.h"

static struct data
bytes_of(struct wire_w *w)
{
	struct data d;

	assert_false(w->bad);
	d = data_copy(wire_bytes(w));
	wire_free(w);
	return d;
}

static const char *
type_of(struct span plain)
{
	static const struct {
		const char *plain, *cert;
	} types[] = {
		{ "ssh-rsa", "ssh-rsa-cert-v01@openssh.com" },
		{ "ecdsa-sha2-nistp256",
		    "ecdsa-sha2-nistp256-cert-v01@openssh.com" },
		{ "ecdsa-sha2-nistp384",
		    "ecdsa-sha2-nistp384-cert-v01@openssh.com" },
		{ "ecdsa-sha2-nistp521",
		    "ecdsa-sha2-nistp521-cert-v01@openssh.com" },
		{ "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com" },
		{ "sk-ecdsa-sha2-nistp256@openssh.com",
		    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com" },
		{ "sk-ssh-ed25519@openssh.com",
		    "sk-ssh-ed25519-cert-v01@openssh.com" },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (span_is(plain, types[i].plain))
			return types[i].cert;
	fail_msg("no such type of key");
	return NULL;
}

void
certbody_set_subject_blob(struct certbody *b, struct span blob)
{
	struct wire_r r;

	wire_read(&r, blob);
	b->type = type_of(wire_get_string(&r));
	data_free(&b->key);
	b->key = data_copy(wire_get_raw(&r, r.left));
}

void
certbody_set_subject(struct certbody *b, const char *name)
{
	struct data d = data_pub(name);

	certbody_set_subject_blob(b, data_span(&d));
	data_free(&d);
}

void
certbody_set_ca(struct certbody *b, struct span blob)
{
	data_free(&b->ca);
	b->ca = data_copy(blob);
}

void
certbody_make(struct certbody *b)
{
	*b = (struct certbody){
	    .nonce = span_cstr("0123456789abcdef0123456789ABCDEF"),
	    .serial = 7, .kind = CERT_USER, .key_id = span_cstr("alice 7"),
	    .principals = span_cstr("alice|ops"),
	    .after = CERTBODY_NOW, .before = CERTBODY_NOW + CERTBODY_HOUR,
	    .critical = span_cstr("force-command=/bin/true;"
	    "source-address=10.0.0.0/8,::1"),
	    .extensions = span_cstr("permit-X11-forwarding;permit-pty"),
	    .ca = data_pub("ca") };
	certbody_set_subject(b, "u_ed25519");
}

void
certbody_free(struct certbody *b)
{
	data_free(&b->key);
	data_free(&b->ca);
}

/* The next part of a text up to `sep`, which is passed over. */
static struct span
cut(struct span *rest, char sep)
{
	struct span part = *rest;
	const uint8_t *end = memchr(rest->p, sep, rest->n);

	if (end == NULL) {
		*rest = (struct span){ 0 };
		return part;
	}
	part.n = (size_t)(end - part.p);
	rest->p = end + 1;
	rest->n -= part.n + 1;
	return part;
}

static void
put_nested(struct wire_w *w, struct span value)
{
	wire_put_u32(w, (uint32_t)value.n + 4);
	wire_put_string(w, value);
}

struct data
certbody_options(struct span text)
{
	struct wire_w w;

	assert_true(wire_write(&w, 1 << 17));
	while (text.n > 0) {
		struct span value = cut(&text, ';');
		const bool nested = memchr(value.p, '=', value.n) != NULL;
		const bool raw = !nested && memchr(value.p, ':', value.n) !=
		    NULL;

		wire_put_string(&w, cut(&value, nested ? '=' : ':'));
		if (nested)
			put_nested(&w, value);
		else
			wire_put_string(&w, raw ? value :
			    (struct span){ 0 });
	}
	return bytes_of(&w);
}

static struct data
pack(struct span names)
{
	struct wire_w w;

	assert_true(wire_write(&w, 1 << 17));
	while (names.n > 0)
		wire_put_string(&w, cut(&names, '|'));
	return bytes_of(&w);
}

static void
put(struct wire_w *w, struct data d)
{
	wire_put_string(w, data_span(&d));
	data_free(&d);
}

struct data
certbody_bytes(const struct certbody *b)
{
	struct wire_w w;

	assert_true(wire_write(&w, 1 << 18));
	wire_put_cstring(&w, b->type);
	wire_put_string(&w, b->nonce);
	wire_put_raw(&w, data_span(&b->key));
	wire_put_u64(&w, b->serial);
	wire_put_u32(&w, b->kind);
	wire_put_string(&w, b->key_id);
	if (b->unpacked)
		wire_put_string(&w, b->principals);
	else
		put(&w, pack(b->principals));
	wire_put_u64(&w, b->after);
	wire_put_u64(&w, b->before);
	put(&w, certbody_options(b->critical));
	put(&w, certbody_options(b->extensions));
	wire_put_string(&w, b->reserved);
	wire_put_string(&w, data_span(&b->ca));
	wire_put_raw(&w, b->tail);
	return bytes_of(&w);
}

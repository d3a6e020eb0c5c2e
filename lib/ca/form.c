/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ca/form.h"
#include "ca/sources.h"
#include "ssh/key.h"
#include "ssh/keytext.h"

#define SHOWN		65	/* bytes of a name in a sentence, with NUL */
#define YEAR_10000	UINT64_C(253402300800)	/* no end anybody can write */

static int
deny(struct err *e, const char *what, struct span name, const char *fault)
{
	char shown[SHOWN];

	keytext_clean(shown, sizeof(shown), name);
	return err_set(e, ERR_DENIED, 0, "the certificate's %s \"%s\"%s %s",
	    what, shown, name.n >= sizeof(shown) ? "..." : "", fault);
}

/* Text that a person reads: not empty, not long, and nothing hidden in it. */
static int
check_text(const char *what, struct span s, struct err *e)
{
	if (s.n == 0)
		return err_set(e, ERR_DENIED, 0,
		    "the certificate's %s is empty", what);
	if (s.n > CA_NAME_MAX)
		return err_set(e, ERR_DENIED, 0, "the certificate's %s has "
		    "%zu bytes, more than %d", what, s.n, CA_NAME_MAX);
	if (keytext_is_clean(s))
		return 0;
	return deny(e, what, s, "has control characters in it, or bytes that "
	    "are not UTF-8");
}

/*
 * sshd takes a comma for the end of a name (CVE-2026-35414), a blank ends
 * one in its files, and only hosts have patterns.
 */
static int
check_principals(const struct cert *c, struct err *e)
{
	static const struct {
		const char	*bytes, *fault;
		bool		 user_only;
	} bad[] = {
		{ ",", "has a comma in it", false },
		{ " ", "has a blank in it", false },
		{ "\"'`", "has a quote in it", false },
		{ "*?", "is a pattern, which only a host may have", true },
	};
	struct span name;
	char what[32];
	struct wire_r r;
	int n = 0, x;

	if (c->n_principals == 0)
		return err_set(e, ERR_DENIED, 0, "the certificate has no "
		    "principals: it would be for anyone (ssh-keygen -n)");
	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name)) {
		snprintf(what, sizeof(what), "principal %d", ++n);
		if ((x = check_text(what, name, e)) != 0)
			return x;
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
			for (const char *p = bad[i].bytes; *p != '\0'; p++)
				if (memchr(name.p, *p, name.n) != NULL &&
				    (c->type == CERT_USER ||
				    !bad[i].user_only))
					return deny(e, what, name,
					    bad[i].fault);
	}
	return 0;
}

static int
check_validity(const struct cert *c, struct err *e)
{
	if (c->valid_before <= c->valid_after)
		return err_set(e, ERR_DENIED, 0, "the certificate is never "
		    "valid: it ends (%" PRIu64 ") before it begins "
		    "(%" PRIu64 ")", c->valid_before, c->valid_after);
	if (c->valid_before >= YEAR_10000)
		return err_set(e, ERR_DENIED, 0, "the certificate is valid "
		    "for ever; give it an end (ssh-keygen -V)");
	return 0;
}

/* --- options --- */

bool
ca_form_value(struct span data, struct span *value)
{
	struct wire_r r;

	wire_read(&r, data);
	*value = wire_get_string(&r);
	return wire_end(&r);
}

static int
check_empty(struct span name, struct span data, struct err *e)
{
	if (data.n == 0)
		return 0;
	return deny(e, "option", name, "has a value, and takes none");
}

static int
check_command(struct span name, struct span data, struct err *e)
{
	struct span value;

	if (!ca_form_value(data, &value))
		return deny(e, "option", name, "has no well-formed value");
	if (value.n == 0)
		return deny(e, "option", name, "has an empty value");
	if (keytext_is_clean(value))
		return 0;
	return deny(e, "option", name, "has control characters in its value, "
	    "or bytes that are not UTF-8");
}

static int
check_source(struct span name, struct span data, struct err *e)
{
	struct span value;

	if (!ca_form_value(data, &value))
		return deny(e, "option", name, "has no well-formed value");
	if (ca_sources_check(value, e) == 0)
		return 0;
	(void)err_wrap(e, "the certificate's option \"source-address\" is "
	    "no list of addresses");
	return (int)(e->code = ERR_DENIED);
}

/* Go reads one string or nothing, and OpenSSH writes no more. */
static int
check_any(struct span name, struct span data, struct err *e)
{
	struct span value;

	if (data.n == 0 || ca_form_value(data, &value))
		return 0;
	return deny(e, "extension", name, "has no well-formed value");
}

static const struct option {
	const char	*name;
	bool		 critical;
	int		(*fn)(struct span, struct span, struct err *);
} options[] = {
	{ "force-command",		true,	check_command },
	{ "no-touch-required",		false,	check_empty },
	{ "permit-X11-forwarding",	false,	check_empty },
	{ "permit-agent-forwarding",	false,	check_empty },
	{ "permit-port-forwarding",	false,	check_empty },
	{ "permit-pty",			false,	check_empty },
	{ "permit-user-rc",		false,	check_empty },
	{ "source-address",		true,	check_source },
	{ "verify-required",		true,	check_empty },
};

static const struct option *
option_of(struct span name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (span_is(name, options[i].name))
			return &options[i];
	return NULL;
}

bool
ca_form_is_critical(const char *name)
{
	const struct option *o = option_of(span_cstr(name));

	return o != NULL && o->critical;
}

static int
check_option(bool critical, struct span name, struct span data,
    struct err *e)
{
	const struct option *o = option_of(name);

	if (critical && (o == NULL || !o->critical))
		return deny(e, "critical option", name,
		    "is none that sshd knows");
	if (!critical && o != NULL && o->critical)
		return deny(e, "extension", name, "is a critical option, and "
		    "does nothing where it stands");
	return o != NULL ? o->fn(name, data, e) : check_any(name, data, e);
}

/* As strcmp(3), for bytes: where one ends the shorter is the lesser. */
static int
order(struct span a, struct span b)
{
	const size_t n = a.n < b.n ? a.n : b.n;
	const int d = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return d != 0 ? d : (a.n > b.n) - (a.n < b.n);
}

/* One that is there twice is read by one program and lost by the next. */
static int
check_options(const struct cert *c, bool critical, struct err *e)
{
	const char *what = critical ? "critical option" : "extension";
	struct span name, data, last = { 0 };
	struct wire_r r;
	int n = 0, x;

	wire_read(&r, critical ? c->critical : c->extensions);
	while (cert_next_option(&r, &name, &data)) {
		if ((x = check_text(what, name, e)) != 0)
			return x;
		if (n++ > 0 && (x = order(last, name)) >= 0)
			return deny(e, what, name, x == 0 ?
			    "is there twice" : "is out of order");
		if (critical && c->type == CERT_HOST)
			return deny(e, what, name, "is in a host certificate, "
			    "which clients refuse then");
		if ((x = check_option(critical, name, data, e)) != 0)
			return x;
		last = name;
	}
	return 0;
}

/* --- the subject's key --- */

unsigned int
ca_form_rsa_bits(const struct cert *c)
{
	struct wire_w w;
	unsigned int bits = 0;
	struct key k;
	struct err e;

	if (strcmp(c->plain_name, "ssh-rsa") != 0 ||
	    !wire_write(&w, KEY_BLOB_MAX))
		return 0;
	cert_put_subject(c, &w);
	if (!w.bad && key_parse(wire_bytes(&w), &k, &e) == 0)
		bits = k.bits;
	wire_free(&w);
	return bits;
}

static int
check_rsa(struct span blob, struct err *e)
{
	struct key k;
	int r;

	if ((r = key_parse(blob, &k, e)) != 0)
		return r;
	if (k.bits < CA_RSA_MIN)
		return err_set(e, ERR_DENIED, 0, "an RSA key of %u bits, "
		    "fewer than %d", k.bits, CA_RSA_MIN);
	return 0;
}

static int
check_ec(struct span fields, struct err *e)
{
	enum key_type t = KEY_P256;
	struct span curve, q;
	struct wire_r r;
	struct wire_w w;
	int x;

	wire_read(&r, fields);
	curve = wire_get_string(&r);
	q = wire_get_string(&r);
	while (t < KEY_P521 && !span_is(curve, key_curve_name(t)))
		t++;
	if (!wire_write(&w, KEY_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "no memory");
	x = key_put_ec(&w, t, q, e);
	wire_free(&w);
	return x;
}

/* An application is the last field of a security key's. */
static int
check_sk(const struct cert *c, struct err *e)
{
	struct span last = { 0 };
	struct wire_r r;

	if (strncmp(c->plain_name, "sk-", 3) != 0)
		return 0;
	wire_read(&r, c->key_fields);
	while (r.left > 0 && !r.bad)
		last = wire_get_string(&r);
	return check_text("application of the security key", last, e);
}

static int
check_subject(const struct cert *c, struct err *e)
{
	struct wire_w w;
	int r = 0;

	/* Numbers that are longer than any key are not even looked at. */
	if (!wire_write(&w, KEY_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "no memory");
	cert_put_subject(c, &w);
	if (w.bad)
		r = err_set(e, ERR_LIMIT, 0, "a key of more than %d bytes",
		    KEY_BLOB_MAX);
	else if (span_eq(wire_bytes(&w), c->ca))
		r = err_set(e, ERR_DENIED, 0, "the CA's own key");
	else if (strcmp(c->plain_name, "ssh-rsa") == 0)
		r = check_rsa(wire_bytes(&w), e);
	else if (strstr(c->plain_name, "ecdsa-") != NULL)
		r = check_ec(c->key_fields, e);
	wire_free(&w);
	if (r != 0) {
		(void)err_wrap(e, "the certificate's subject is a key that is "
		    "not to be certified");
		return (int)(e->code = e->code == ERR_NOMEM ? ERR_NOMEM :
		    ERR_DENIED);
	}
	return check_sk(c, e);
}

int
ca_form_check(const struct cert *c, struct err *e)
{
	int r;

	if (c->nonce.n < CA_NONCE_MIN || c->nonce.n > CA_NONCE_MAX)
		return err_set(e, ERR_DENIED, 0, "the certificate's nonce has "
		    "%zu bytes, not %d to %d", c->nonce.n, CA_NONCE_MIN,
		    CA_NONCE_MAX);
	if ((r = check_subject(c, e)) != 0 ||
	    (r = check_text("key id", c->key_id, e)) != 0 ||
	    (r = check_principals(c, e)) != 0 ||
	    (r = check_validity(c, e)) != 0 ||
	    (r = check_options(c, true, e)) != 0)
		return r;
	return check_options(c, false, e);
}

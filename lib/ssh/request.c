/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "ssh/keytext.h"
#include "ssh/request.h"

#define USERAUTH_REQUEST	50	/* RFC 4252 sec. 6 */
#define PAM_REQUEST		54	/* pam_ssh_agent_auth's own */
#define SESSION_ID_MIN		20	/* an exchange hash, SHA-1 to SHA-512 */
#define SESSION_ID_MAX		64
#define TEST_BYTES		1024	/* of ssh-add -T */
#define TEST_VALUES_MIN		230	/* different ones among them */
#define SHOWN_NAME		65	/* with the NUL */

#define HOSTBOUND	"publickey-hostbound-v00@openssh.com"
#define HOSTKEYS_PROVE	"hostkeys-prove-00@openssh.com"
#define SSHSIG_MAGIC	"SSHSIG"
#define CERT_SUFFIX	"-cert-v01@openssh.com"

static bool
is_session_id(struct span s)
{
	return s.n >= SESSION_ID_MIN && s.n <= SESSION_ID_MAX;
}

/* The fields that logins of every kind share; `in` is left after them. */
struct login {
	struct wire_r	 in;
	uint8_t		 type;
	struct span	 service;
	struct span	 method;
};

static void
get_login(struct span data, struct login *l, struct request *r)
{
	wire_read(&l->in, data);
	r->session_id = wire_get_string(&l->in);
	l->type = wire_get_u8(&l->in);
	r->user = wire_get_string(&l->in);
	l->service = wire_get_string(&l->in);
	l->method = wire_get_string(&l->in);
	if (wire_get_u8(&l->in) != 1)
		l->in.bad = true;	/* not a signature: a mere question */
	r->algorithm = wire_get_string(&l->in);
	r->key = wire_get_string(&l->in);
	if (r->algorithm.n == 0 || r->key.n == 0)
		l->in.bad = true;
}

static bool
is_userauth(const struct login *l, const struct request *r)
{
	return l->type == USERAUTH_REQUEST && is_session_id(r->session_id) &&
	    span_is(l->service, "ssh-connection");
}

/* A name of a key type or of a signature without what marks certificates. */
static struct span
base_of(struct span name)
{
	const size_t n = strlen(CERT_SUFFIX);

	if (name.n > n && memcmp(name.p + name.n - n, CERT_SUFFIX, n) == 0)
		name.n -= n;
	return name;
}

/* Does a key of this type make that signature (RFC 8332, RFC 5656)? */
static bool
is_algorithm_of(struct span algorithm, struct span blob)
{
	const struct span a = base_of(algorithm);
	struct span name, type;
	struct wire_r in;

	wire_read(&in, blob);
	name = wire_get_string(&in);
	type = base_of(name);
	if (in.bad || (a.n == algorithm.n) != (type.n == name.n))
		return false;
	return span_eq(a, type) || (span_is(type, "ssh-rsa") &&
	    (span_is(a, "rsa-sha2-256") || span_is(a, "rsa-sha2-512")));
}

/* The key itself, or a certificate of it, with an algorithm of its own. */
static bool
is_key_of(const struct request *r, struct span key)
{
	struct span blob = r->key;
	struct cert cert;
	struct wire_w w;
	struct err e;
	bool same;

	if (!is_algorithm_of(r->algorithm, blob))
		return false;
	if (span_eq(blob, key))
		return true;
	if (cert_parse(blob, &cert, &e) != 0 || !wire_write(&w, key.n))
		return false;
	cert_put_subject(&cert, &w);
	same = !w.bad && span_eq(wire_bytes(&w), key);
	wire_free(&w);
	return same;
}

static bool
parse_userauth(struct span data, struct span key, struct request *r)
{
	struct login l;

	get_login(data, &l, r);
	return wire_end(&l.in) && is_userauth(&l, r) &&
	    span_is(l.method, "publickey") && is_key_of(r, key);
}

static bool
parse_hostbound(struct span data, struct span key, struct request *r)
{
	struct login l;

	get_login(data, &l, r);
	r->host_key = wire_get_string(&l.in);
	return wire_end(&l.in) && is_userauth(&l, r) &&
	    span_is(l.method, HOSTBOUND) && r->host_key.n > 0 &&
	    is_key_of(r, key);
}

/* Its record is longer than a session id: it cannot stand for a session. */
static bool
parse_pam(struct span data, struct span key, struct request *r)
{
	struct login l;

	get_login(data, &l, r);
	return wire_end(&l.in) && l.type == PAM_REQUEST &&
	    r->session_id.n > SESSION_ID_MAX &&
	    span_is(l.service, "pam_ssh_agent_auth") &&
	    span_is(l.method, "publickey") && is_key_of(r, key);
}

static bool
parse_sshsig(struct span data, struct span key, struct request *r)
{
	struct span magic, reserved, digest;
	struct wire_r in;

	(void)key;
	wire_read(&in, data);
	magic = wire_get_raw(&in, strlen(SSHSIG_MAGIC));
	r->ns = wire_get_string(&in);
	reserved = wire_get_string(&in);
	r->hash = wire_get_string(&in);
	digest = wire_get_string(&in);
	return wire_end(&in) && span_is(magic, SSHSIG_MAGIC) && r->ns.n > 0 &&
	    reserved.n == 0 &&
	    ((span_is(r->hash, "sha256") && digest.n == 32) ||
	    (span_is(r->hash, "sha512") && digest.n == 64));
}

static bool
parse_cert(struct span data, struct span key, struct request *r)
{
	struct err e;

	return cert_parse_tbs(data, &r->cert, &e) == 0 &&
	    span_eq(r->cert.ca, key);
}

static bool
parse_hostkeys_prove(struct span data, struct span key, struct request *r)
{
	struct span name;
	struct wire_r in;

	wire_read(&in, data);
	name = wire_get_string(&in);
	r->session_id = wire_get_string(&in);
	r->host_key = wire_get_string(&in);
	return wire_end(&in) && span_is(name, HOSTKEYS_PROVE) &&
	    is_session_id(r->session_id) && r->host_key.n > 0 &&
	    span_eq(r->host_key, key);
}

/*
 * An exchange hash has no form but its length.  An SSHSIG can be as long,
 * and one that is not quite right must not pass for a hash.
 */
static bool
parse_host_kex(struct span data, struct span key, struct request *r)
{
	(void)key;
	(void)r;
	return (data.n == 20 || data.n == 32 || data.n == 48 ||
	    data.n == 64) &&
	    memcmp(data.p, SSHSIG_MAGIC, strlen(SSHSIG_MAGIC)) != 0;
}

/*
 * What begins as something that means something may be that, even if it is
 * not well formed for us: a string of SSH's wire format that fits, what says
 * in DER that it is just as long, a sequence or a set, or an SSHSIG.
 */
static bool
may_be_structured(struct span data)
{
	const uint8_t *p = data.p;
	struct wire_r in;

	wire_read(&in, data);
	(void)wire_get_string(&in);
	return !in.bad || ((p[0] == 0x30 || p[0] == 0x31) &&
	    memcmp(p + 1, "\x82\x03\xfc", 3) == 0) ||
	    memcmp(p, SSHSIG_MAGIC, strlen(SSHSIG_MAGIC)) == 0;
}

/*
 * 1024 random bytes have about 251 different values among them, 230 or less
 * next to never; text and structures have fewer, mostly.
 */
static bool
parse_test(struct span data, struct span key, struct request *r)
{
	bool seen[256] = { false };
	size_t different = 0;

	(void)key;
	(void)r;
	if (data.n != TEST_BYTES || may_be_structured(data))
		return false;
	for (size_t i = 0; i < data.n; i++) {
		different += !seen[data.p[i]];
		seen[data.p[i]] = true;
	}
	return different >= TEST_VALUES_MIN;
}

/* No data fits two of these. */
static const struct form {
	enum request_kind kind;
	bool	(*parse)(struct span, struct span, struct request *);
} forms[] = {
	{ REQUEST_USERAUTH, parse_userauth },
	{ REQUEST_USERAUTH_HOSTBOUND, parse_hostbound },
	{ REQUEST_SSHSIG, parse_sshsig },
	{ REQUEST_CERT, parse_cert },
	{ REQUEST_HOSTKEYS_PROVE, parse_hostkeys_prove },
	{ REQUEST_PAM, parse_pam },
	{ REQUEST_HOST_KEX, parse_host_kex },
	{ REQUEST_TEST, parse_test },
};

void
request_parse(struct span data, struct span key, struct request *r)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		*r = (struct request){ .kind = forms[i].kind, .size = data.n };
		if (forms[i].parse(data, key, r))
			return;
	}
	*r = (struct request){ .kind = REQUEST_UNKNOWN, .size = data.n };
}

void
request_describe(const struct request *r, char *buf, size_t len)
{
	char name[SHOWN_NAME];

	keytext_clean(name, sizeof(name),
	    r->kind == REQUEST_SSHSIG ? r->ns : r->user);
	switch (r->kind) {
	case REQUEST_UNKNOWN:
		snprintf(buf, len, "unknown data (%zu bytes)", r->size);
		return;
	case REQUEST_USERAUTH:
		snprintf(buf, len, "login as %s", name);
		return;
	case REQUEST_USERAUTH_HOSTBOUND:
		snprintf(buf, len, "login as %s (host-bound)", name);
		return;
	case REQUEST_SSHSIG:
		snprintf(buf, len, "SSHSIG signature, namespace %s", name);
		return;
	case REQUEST_CERT:
		cert_describe(&r->cert, buf, len);
		return;
	case REQUEST_HOST_KEX:
		snprintf(buf, len, "host key exchange");
		return;
	case REQUEST_HOSTKEYS_PROVE:
		snprintf(buf, len, "host key proof");
		return;
	case REQUEST_PAM:
		snprintf(buf, len, "PAM authentication of %s", name);
		return;
	case REQUEST_TEST:
		snprintf(buf, len, "test of the key");
		return;
	}
}

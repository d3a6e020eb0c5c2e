/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "ssh/cert.h"

#define ED25519_BYTES	32
#define SHOWN_NAME	64		/* bytes of one name for a person */
#define SHOWN_LIST	8		/* names of a list for a person */

/*
 * The keys that certificates are about and signed with.  The key's own
 * fields, in this order where a type has them: RSA's e and n; or a curve
 * and a point; or Ed25519's key; then the application of a security key.
 */
static const struct kind {
	const char	*cert;
	const char	*plain;
	const char	*curve;
	size_t		 point;		/* bytes of the point or key, 0: RSA */
	bool		 sk;
} kinds[] = {
	{ "ssh-rsa-cert-v01@openssh.com", "ssh-rsa", NULL, 0, false },
	{ "ecdsa-sha2-nistp256-cert-v01@openssh.com",
	    "ecdsa-sha2-nistp256", "nistp256", 65, false },
	{ "ecdsa-sha2-nistp384-cert-v01@openssh.com",
	    "ecdsa-sha2-nistp384", "nistp384", 97, false },
	{ "ecdsa-sha2-nistp521-cert-v01@openssh.com",
	    "ecdsa-sha2-nistp521", "nistp521", 133, false },
	{ "ssh-ed25519-cert-v01@openssh.com",
	    "ssh-ed25519", NULL, ED25519_BYTES, false },
	{ "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
	    "sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", 65, true },
	{ "sk-ssh-ed25519-cert-v01@openssh.com",
	    "sk-ssh-ed25519@openssh.com", NULL, ED25519_BYTES, true },
};

#define N_KINDS	(sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *
kind_of_cert(struct span name)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (span_is(name, kinds[i].cert))
			return &kinds[i];
	return NULL;
}

static const struct kind *
kind_of_plain(struct span name)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (span_is(name, kinds[i].plain))
			return &kinds[i];
	return NULL;
}

static void
get_point(struct wire_r *r, const struct kind *k)
{
	struct span q;

	if (k->curve != NULL && !span_is(wire_get_string(r), k->curve))
		r->bad = true;
	q = wire_get_string(r);
	if (q.n != k->point || (k->curve != NULL && q.p[0] != 4))
		r->bad = true;
}

/* The fields of a key after its type name; void once r->bad. */
static struct span
get_key_fields(struct wire_r *r, const struct kind *k)
{
	const uint8_t *start = r->p;

	if (k->point == 0) {
		wire_get_mpint(r);
		wire_get_mpint(r);
	} else
		get_point(r, k);
	if (k->sk)
		wire_get_string(r);
	return (struct span){ start, (size_t)(r->p - start) };
}

/* A plain key as a whole; `whose` it is, in a sentence. */
static int
parse_plain(struct span blob, const char *whose, const struct kind **k,
    struct span *fields, struct err *e)
{
	struct wire_r r;

	wire_read(&r, blob);
	if ((*k = kind_of_plain(wire_get_string(&r))) == NULL)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "%s key of a certificate is of no known plain type",
		    whose);
	*fields = get_key_fields(&r, *k);
	if (!wire_end(&r))
		return err_set(e, ERR_FORMAT, 0,
		    "malformed %s key in a certificate", whose);
	return 0;
}

static int
check_ca(struct span blob, struct err *e)
{
	const struct kind *k;
	struct span fields;

	return parse_plain(blob, "CA", &k, &fields, e);
}

bool
cert_is_plain_key(struct span blob)
{
	struct err e;

	return check_ca(blob, &e) == 0;
}

bool
cert_next_principal(struct wire_r *r, struct span *name)
{
	if (r->bad || r->left == 0)
		return false;
	*name = wire_get_string(r);
	return !r->bad;
}

bool
cert_next_option(struct wire_r *r, struct span *name, struct span *data)
{
	if (r->bad || r->left == 0)
		return false;
	*name = wire_get_string(r);
	*data = wire_get_string(r);
	return !r->bad;
}

static int
check_principals(struct cert *c, struct err *e)
{
	struct span name;
	struct wire_r r;

	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name))
		if (++c->n_principals > CERT_MAX_PRINCIPALS)
			return err_set(e, ERR_LIMIT, 0,
			    "certificate with more than %d principals",
			    CERT_MAX_PRINCIPALS);
	if (!wire_end(&r))
		return err_set(e, ERR_FORMAT, 0,
		    "malformed principals in a certificate");
	return 0;
}

static int
check_options(struct span options, const char *what, struct err *e)
{
	struct span name, data;
	struct wire_r r;

	wire_read(&r, options);
	while (cert_next_option(&r, &name, &data))
		;
	if (!wire_end(&r))
		return err_set(e, ERR_FORMAT, 0,
		    "malformed %s in a certificate", what);
	return 0;
}

/* What the fields hold, once all of them are there. */
static int
check(struct cert *c, uint32_t type, struct span reserved, struct err *e)
{
	int r;

	if (type != CERT_USER && type != CERT_HOST)
		return err_set(e, ERR_FORMAT, 0,
		    "certificate is neither for a user nor for a host");
	c->type = type == CERT_USER ? CERT_USER : CERT_HOST;
	if (reserved.n != 0)
		return err_set(e, ERR_FORMAT, 0,
		    "reserved field of a certificate is not empty");
	if ((r = check_principals(c, e)) != 0 ||
	    (r = check_options(c->critical, "critical options", e)) != 0 ||
	    (r = check_options(c->extensions, "extensions", e)) != 0)
		return r;
	return check_ca(c->ca, e);
}

/* All up to and including the CA key; *r is left after it. */
static int
parse_body(struct wire_r *r, struct cert *c, struct err *e)
{
	const struct wire_r start = *r;
	const struct kind *k;
	struct span reserved;
	uint32_t type;

	*c = (struct cert){ 0 };
	c->type_name = wire_get_string(r);
	if (r->bad)
		return err_set(e, ERR_FORMAT, 0, "certificate without a type");
	if ((k = kind_of_cert(c->type_name)) == NULL)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "not a certificate of a known type");
	c->plain_name = k->plain;
	c->nonce = wire_get_string(r);
	c->key_fields = get_key_fields(r, k);
	if (r->bad)
		return err_set(e, ERR_FORMAT, 0,
		    "malformed subject key in a certificate");
	c->serial = wire_get_u64(r);
	type = wire_get_u32(r);
	c->key_id = wire_get_string(r);
	c->principals = wire_get_string(r);
	c->valid_after = wire_get_u64(r);
	c->valid_before = wire_get_u64(r);
	c->critical = wire_get_string(r);
	c->extensions = wire_get_string(r);
	reserved = wire_get_string(r);
	c->ca = wire_get_string(r);
	if (r->bad)
		return err_set(e, ERR_FORMAT, 0, "certificate ends too early");
	c->tbs = (struct span){ start.p, start.left - r->left };
	return check(c, type, reserved, e);
}

int
cert_parse_tbs(struct span tbs, struct cert *c, struct err *e)
{
	struct wire_r r;
	int x;

	wire_read(&r, tbs);
	if ((x = parse_body(&r, c, e)) != 0)
		return x;
	if (!wire_end(&r))
		return err_set(e, ERR_FORMAT, 0,
		    "bytes after the CA key of a certificate body");
	return 0;
}

/* Name and value; a security key adds its flags and counter. */
static bool
is_signature(struct span s)
{
	struct span name, value;
	struct wire_r r;

	wire_read(&r, s);
	name = wire_get_string(&r);
	value = wire_get_string(&r);
	if (name.n > 3 && memcmp(name.p, "sk-", 3) == 0) {
		wire_get_u8(&r);
		wire_get_u32(&r);
	}
	return wire_end(&r) && name.n > 0 && value.n > 0;
}

int
cert_parse(struct span blob, struct cert *c, struct err *e)
{
	struct wire_r r;
	int x;

	wire_read(&r, blob);
	if ((x = parse_body(&r, c, e)) != 0)
		return x;
	c->signature = wire_get_string(&r);
	if (!wire_end(&r) || !is_signature(c->signature))
		return err_set(e, ERR_FORMAT, 0,
		    "malformed signature of a certificate");
	return 0;
}

bool
cert_is_meant(struct span data)
{
	static const char tail[] = "-cert-v01@openssh.com";
	const size_t n = sizeof(tail) - 1;
	struct span name;
	struct wire_r r;

	wire_read(&r, data);
	name = wire_get_string(&r);
	return name.n > n && memcmp(name.p + name.n - n, tail, n) == 0;
}

int
cert_set_subject(struct cert *c, struct span blob, struct err *e)
{
	const struct kind *k;
	struct span fields;
	int r;

	if ((r = parse_plain(blob, "subject", &k, &fields, e)) != 0)
		return r;
	c->type_name = span_cstr(k->cert);
	c->plain_name = k->plain;
	c->key_fields = fields;
	return 0;
}

int
cert_make_nonce(uint8_t nonce[CERT_NONCE], struct err *e)
{
	if (RAND_bytes(nonce, CERT_NONCE) == 1)
		return 0;
	return err_set(e, ERR_SYS, 0,
	    "no random numbers for a certificate's nonce");
}

void
cert_put_subject(const struct cert *c, struct wire_w *out)
{
	wire_put_cstring(out, c->plain_name);
	wire_put_raw(out, c->key_fields);
}

void
cert_put_tbs(const struct cert *c, struct wire_w *out)
{
	wire_put_string(out, c->type_name);
	wire_put_string(out, c->nonce);
	wire_put_raw(out, c->key_fields);
	wire_put_u64(out, c->serial);
	wire_put_u32(out, c->type);
	wire_put_string(out, c->key_id);
	wire_put_string(out, c->principals);
	wire_put_u64(out, c->valid_after);
	wire_put_u64(out, c->valid_before);
	wire_put_string(out, c->critical);
	wire_put_string(out, c->extensions);
	wire_put_u32(out, 0);		/* nothing in the reserved field */
	wire_put_string(out, c->ca);
}

/* A line that stops growing when the buffer is full. */
struct line {
	char	*p;
	size_t	 left;		/* with the NUL; 1 at least */
};

static void add(struct line *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->p, l->left, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= l->left)
		n = (int)l->left - 1;
	l->p += n;
	l->left -= (size_t)n;
}

/* `also`: bytes that have a meaning in the line around the name. */
static char
shown(uint8_t c, const char *also)
{
	return c < 0x20 || c > 0x7e || strchr(also, c) != NULL ? '?' : (char)c;
}

static void
add_name(struct line *l, struct span s, const char *also)
{
	char text[SHOWN_NAME + 1];
	size_t n = 0;

	for (; n < s.n && n < SHOWN_NAME; n++)
		text[n] = shown(s.p[n], also);
	text[n] = '\0';
	add(l, "%s%s", s.n > 0 ? text : "(empty)", s.n > n ? "..." : "");
}

static void
add_principals(struct line *l, const struct cert *c)
{
	struct span name;
	struct wire_r r;
	size_t n = 0;

	if (c->n_principals == 0)
		add(l, ", for anyone");
	wire_read(&r, c->principals);
	while (n < SHOWN_LIST && cert_next_principal(&r, &name)) {
		add(l, n++ == 0 ? ", for " : ", ");
		add_name(l, name, "\", ");
	}
	if (c->n_principals > n)
		add(l, " and %zu more", c->n_principals - n);
}

static bool
shows_all_principals(const struct cert *c)
{
	struct span name;
	struct wire_r r;
	bool all = c->n_principals <= SHOWN_LIST;

	wire_read(&r, c->principals);
	while (all && cert_next_principal(&r, &name))
		all = name.n <= SHOWN_NAME;
	return all;
}

/* The two largest units that are not zero: enough to be alarmed by. */
static void
add_duration(struct line *l, uint64_t seconds)
{
	static const struct {
		uint64_t	seconds;
		char		name;
	} units[] = {
		{ 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' },
	};
	int used = 0;

	for (size_t i = 0; i < 4 && used < 2; i++) {
		const uint64_t n = seconds / units[i].seconds;

		if (n == 0 && used == 0)
			continue;
		used++;
		seconds -= n * units[i].seconds;
		if (n > 0)
			add(l, "%" PRIu64 "%c", n, units[i].name);
	}
}

static void
add_time(struct line *l, const char *word, uint64_t when)
{
	const time_t t = (time_t)when;
	struct tm tm;
	char text[32];

	if (when > INT64_MAX || gmtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm) == 0)
		add(l, "%s second %" PRIu64, word, when);
	else
		add(l, "%s %s", word, text);
}

static void
add_validity(struct line *l, const struct cert *c)
{
	add(l, ", ");
	if (c->valid_before <= c->valid_after)
		add(l, "never valid");
	else if (c->valid_before == CERT_FOREVER)
		add(l, "forever");
	else if (c->valid_after == 0)
		add_time(l, "until", c->valid_before);
	else
		add_duration(l, c->valid_before - c->valid_after);
}

void
cert_describe(const struct cert *c, char *buf, size_t len)
{
	struct line l = { buf, len };

	if (len == 0)
		return;
	add(&l, "%s certificate \"",
	    c->type == CERT_USER ? "user" : "host");
	add_name(&l, c->key_id, "\"");
	add(&l, "\", serial %" PRIu64, c->serial);
	add_principals(&l, c);
	add_validity(&l, c);
}

bool
cert_describe_principals(const struct cert *c, char *buf, size_t len)
{
	struct line l = { buf, len };
	struct span name;
	struct wire_r r;

	if (len == 0)
		return false;
	*buf = '\0';
	if (shows_all_principals(c))
		return true;
	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name)) {
		add(&l, "%s", l.p == buf ? "" : ", ");
		for (size_t i = 0; i < name.n && l.left > 1; i++)
			add(&l, "%c", shown(name.p[i], "\", "));
	}
	return l.left > 1;
}

void
cert_describe_times(const struct cert *c, char *buf, size_t len)
{
	struct line l = { buf, len };

	if (len == 0)
		return;
	add_time(&l, "from", c->valid_after);
	add_time(&l, " until", c->valid_before);
}

/* One string, as most have it, or bytes of another form. */
static void
add_value(struct line *l, struct span data)
{
	struct span value;
	struct wire_r r;

	wire_read(&r, data);
	value = wire_get_string(&r);
	add(l, "=\"");
	add_name(l, wire_end(&r) ? value : data, "\"");
	add(l, "\"");
}

void
cert_describe_options(struct span options, char *buf, size_t len)
{
	struct line l = { buf, len };
	struct span name, data;
	struct wire_r r;
	size_t n = 0;

	if (len == 0)
		return;
	wire_read(&r, options);
	while (cert_next_option(&r, &name, &data)) {
		add(&l, "%s", n++ == 0 ? "" : ", ");
		add_name(&l, name, "\", =");
		if (data.n > 0)
			add_value(&l, data);
	}
	if (n == 0)
		add(&l, "none");
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libssh/libssh.h>
#include <openssl/evp.h>

#include "ssh/base64.h"
#include "ssh/cert.h"
#include "ssh/key.h"
#include "ssh/keytext.h"

#define LINE_MAX_BYTES	65536
#define RFC4716_LINE	72		/* RFC 4716 sec. 3.3 */
#define RFC4716_BASE64	70		/* as ssh-keygen */
#define PEM_LINE	64		/* RFC 7468 sec. 2 */
#define FINGERPRINT	"SHA256:"
#define FINGERPRINT_CHARS 43
#define BASE64		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
			"0123456789+/"

/* sshfp: IANA's algorithm numbers, 0 where ssh-keygen prints none. */
static const struct kind {
	const char	*name;
	const char	*shown;		/* in ssh-keygen -l */
	unsigned int	 bits;		/* 0: ask key_parse() */
	int		 sshfp;
} kinds[] = {
	{ "ssh-rsa", "RSA", 0, 1 },
	{ "ecdsa-sha2-nistp256", "ECDSA", 256, 3 },
	{ "ecdsa-sha2-nistp384", "ECDSA", 384, 3 },
	{ "ecdsa-sha2-nistp521", "ECDSA", 521, 3 },
	{ "ssh-ed25519", "ED25519", 256, 4 },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", "ECDSA-SK", 256, 0 },
	{ "sk-ssh-ed25519@openssh.com", "ED25519-SK", 256, 0 },
};

static struct span
type_of(struct span blob)
{
	struct wire_r r;

	wire_read(&r, blob);
	return wire_get_string(&r);
}

static const struct kind *
kind_of(struct span plain)
{
	const struct span type = type_of(plain);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (span_is(type, kinds[i].name))
			return &kinds[i];
	return NULL;
}

/*
 * The plain key of a blob: the blob itself, or the subject of a certificate
 * written to *w, which the caller frees.  false when there is no memory.
 */
static bool
plain_key(struct span blob, struct wire_w *w, struct span *plain,
    bool *is_cert)
{
	struct cert c;
	struct err e;

	if (!wire_write(w, LINE_MAX_BYTES))
		return false;
	*plain = blob;
	*is_cert = cert_parse(blob, &c, &e) == 0;
	if (*is_cert) {
		cert_put_subject(&c, w);
		*plain = wire_bytes(w);
	}
	return !w->bad;
}

static char *
fingerprint(struct span blob, const EVP_MD *md,
    enum ssh_publickey_hash_type type)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	struct wire_w w;
	struct span plain;
	char *text = NULL;
	unsigned int n;
	bool is_cert;

	if (plain_key(blob, &w, &plain, &is_cert) &&
	    EVP_Digest(plain.p, plain.n, hash, &n, md, NULL) == 1)
		text = ssh_get_fingerprint_hash(type, hash, n);
	wire_free(&w);
	return text;
}

char *
keytext_fingerprint(struct span blob)
{
	return fingerprint(blob, EVP_sha256(), SSH_PUBLICKEY_HASH_SHA256);
}

char *
keytext_fingerprint_md5(struct span blob)
{
	return fingerprint(blob, EVP_md5(), SSH_PUBLICKEY_HASH_MD5);
}

bool
keytext_is_fingerprint(const char *text)
{
	const char *digest = text + strlen(FINGERPRINT);

	return strncmp(text, FINGERPRINT, strlen(FINGERPRINT)) == 0 &&
	    strlen(digest) == FINGERPRINT_CHARS &&
	    strspn(digest, BASE64) == FINGERPRINT_CHARS;
}

/* Type names are printable ASCII without blanks (RFC 4250 sec. 4.6.1). */
static bool
is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return s.n > 0 && s.n < LINE_MAX_BYTES;
}

char *
keytext_openssh(struct span blob, const char *comment)
{
	const struct span type = type_of(blob);
	char *b64 = base64_encode(blob), *text = NULL;

	if (comment == NULL)
		comment = "";
	if (is_name(type) && b64 != NULL &&
	    asprintf(&text, "%.*s %s%s%s", (int)type.n,
	    (const char *)type.p, b64, *comment == '\0' ? "" : " ",
	    comment) < 0)
		text = NULL;
	free(b64);
	return text;
}

static unsigned int
bits_of(const struct kind *kind, struct span plain)
{
	struct key k;
	struct err e;

	if (kind->bits != 0)
		return kind->bits;
	return key_parse(plain, &k, &e) == 0 ? k.bits : 0;
}

char *
keytext_listing(struct span blob, const char *comment)
{
	const struct kind *kind;
	char *fp = NULL, *text = NULL;
	struct span plain;
	struct wire_w w;
	bool is_cert;

	if (comment == NULL || *comment == '\0')
		comment = "no comment";
	if (plain_key(blob, &w, &plain, &is_cert) &&
	    (kind = kind_of(plain)) != NULL &&
	    (fp = keytext_fingerprint(plain)) != NULL &&
	    asprintf(&text, "%u %s %s (%s%s)", bits_of(kind, plain), fp,
	    comment, kind->shown, is_cert ? "-CERT" : "") < 0)
		text = NULL;
	free(fp);
	wire_free(&w);
	return text;
}

/* Text as it grows; bad once there was no memory. */
struct text {
	char	*p;
	size_t	 n;
	FILE	*f;
};

static bool
text_open(struct text *t)
{
	t->f = open_memstream(&t->p, &t->n);
	return t->f != NULL;
}

static char *
text_close(struct text *t)
{
	const bool bad = ferror(t->f) != 0;

	if (fclose(t->f) != 0 || bad) {
		free(t->p);
		return NULL;
	}
	return t->p;
}

/* A header line that is too long goes on after a backslash. */
static void
put_comment(FILE *f, const char *comment)
{
	size_t column = 0;

	for (const char *p = "Comment: \""; *p != '\0'; p++, column++)
		putc(*p, f);
	for (const char *p = comment; *p != '\0'; p++, column++) {
		if (column == RFC4716_LINE - 1) {
			fputs("\\\n", f);
			column = 0;
		}
		putc(*p, f);
	}
	fputs("\"\n", f);
}

char *
keytext_rfc4716(struct span blob, const char *comment)
{
	char *b64 = base64_lines(blob, RFC4716_BASE64), *out = NULL;
	struct text t;

	if (b64 != NULL && text_open(&t)) {
		fputs("---- BEGIN SSH2 PUBLIC KEY ----\n", t.f);
		if (comment != NULL && *comment != '\0')
			put_comment(t.f, comment);
		fputs(b64, t.f);
		fputs("---- END SSH2 PUBLIC KEY ----\n", t.f);
		out = text_close(&t);
	}
	free(b64);
	return out;
}

static char *
pem(struct span plain)
{
	char *b64 = NULL, *out = NULL;
	struct wire_w w;
	struct err e;

	if (wire_write(&w, LINE_MAX_BYTES) &&
	    key_put_spki(&w, plain, &e) == 0 &&
	    (b64 = base64_lines(wire_bytes(&w), PEM_LINE)) != NULL &&
	    asprintf(&out, "-----BEGIN PUBLIC KEY-----\n%s"
	    "-----END PUBLIC KEY-----\n", b64) < 0)
		out = NULL;
	free(b64);
	wire_free(&w);
	return out;
}

char *
keytext_pem(struct span blob)
{
	struct span plain;
	char *out = NULL;
	struct wire_w w;
	bool is_cert;

	if (plain_key(blob, &w, &plain, &is_cert))
		out = pem(plain);
	wire_free(&w);
	return out;
}

static bool
put_sshfp(FILE *f, const char *host, int alg, int type, const EVP_MD *md,
    struct span blob)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int n;

	if (EVP_Digest(blob.p, blob.n, hash, &n, md, NULL) != 1)
		return false;
	fprintf(f, "%s IN SSHFP %d %d ", host, alg, type);
	for (unsigned int i = 0; i < n; i++)
		fprintf(f, "%02x", hash[i]);
	putc('\n', f);
	return true;
}

char *
keytext_sshfp(struct span blob, const char *host)
{
	const struct kind *k = kind_of(blob);
	struct text t;
	char *out;
	bool ok;

	if (k == NULL || k->sshfp == 0 || !text_open(&t))
		return NULL;
	ok = put_sshfp(t.f, host, k->sshfp, 1, EVP_sha1(), blob) &&
	    put_sshfp(t.f, host, k->sshfp, 2, EVP_sha256(), blob);
	out = text_close(&t);
	if (!ok) {
		free(out);
		out = NULL;
	}
	return out;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* Cut the next word off the front of *s, and the blanks before it. */
static struct span
next_word(struct span *s)
{
	struct span word;

	while (s->n > 0 && is_blank(s->p[0])) {
		s->p++;
		s->n--;
	}
	word = (struct span){ s->p, 0 };
	while (word.n < s->n && !is_blank(s->p[word.n]))
		word.n++;
	s->p += word.n;
	s->n -= word.n;
	return word;
}

static struct span
trim(struct span s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* One line without its end; false when there is more than one. */
static bool
one_line(struct span *s)
{
	if (s->n > 0 && s->p[s->n - 1] == '\n')
		s->n--;
	if (s->n > 0 && s->p[s->n - 1] == '\r')
		s->n--;
	for (size_t i = 0; i < s->n; i++)
		if (s->p[i] == '\n' || s->p[i] == '\r')
			return false;
	return true;
}

/* The blob, whose own type has to be the one before it. */
static int
decode(struct span b64, struct wire_w *out, struct span type, struct err *e)
{
	struct wire_w w;
	int r;

	if (!wire_write(&w, LINE_MAX_BYTES))
		return err_set(e, ERR_NOMEM, 0, "public key");
	if ((r = base64_put(&w, b64, e)) == ERR_FORMAT)
		r = err_set(e, ERR_FORMAT, 0, "key is not base64");
	if (r == 0 && !span_eq(type_of(wire_bytes(&w)), type))
		r = err_set(e, ERR_FORMAT, 0,
		    "key type does not fit the key after it");
	if (r == 0)
		wire_put_raw(out, wire_bytes(&w));
	if (r == 0 && out->bad)
		r = err_set(e, ERR_NOMEM, 0, "public key");
	wire_free(&w);
	return r;
}

int
keytext_parse(const char *line, struct wire_w *blob, struct span *comment,
    struct err *e)
{
	const size_t n = strnlen(line, LINE_MAX_BYTES + 1);
	struct span s = { (const uint8_t *)line, n }, type, b64;
	int r;

	if (n > LINE_MAX_BYTES)
		return err_set(e, ERR_LIMIT, 0,
		    "line of more than %d bytes", LINE_MAX_BYTES);
	if (!one_line(&s))
		return err_set(e, ERR_FORMAT, 0, "more than one line");
	type = next_word(&s);
	b64 = next_word(&s);
	if (type.n == 0 || b64.n == 0)
		return err_set(e, ERR_FORMAT, 0,
		    "not a public key: TYPE BASE64 [COMMENT] expected");
	if ((r = decode(b64, blob, type, e)) != 0)
		return r;
	if (comment != NULL)
		*comment = trim(s);
	return 0;
}

/* Length of the UTF-8 character at the start of s, 0 for none. */
static size_t
utf8_char(struct span s, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t first = s.p[0];
	const size_t n = first < 0x80 ? 1 : first < 0xc0 ? 0 :
	    first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;

	if (n == 0 || n > s.n)
		return 0;
	*c = n == 1 ? first : first & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s.p[i] & 0x3f);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return n;
}

/* What could end, hide or reorder the rest of a line. */
static bool
is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) ||
	    c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	    c == 0xfeff;
}

bool
keytext_is_clean(struct span in)
{
	size_t n;

	for (; in.n > 0; in.p += n, in.n -= n) {
		uint32_t c = 0;

		if ((n = utf8_char(in, &c)) == 0 || is_unsafe(c))
			return false;
	}
	return true;
}

void
keytext_clean(char *out, size_t len, struct span in)
{
	size_t used = 0;

	if (len == 0)
		return;
	while (in.n > 0) {
		uint32_t c = 0;
		const size_t n = utf8_char(in, &c);
		const bool good = n > 0 && !is_unsafe(c);
		const size_t step = n > 0 ? n : 1, w = good ? n : 1;

		if (w >= len - used)
			break;
		memcpy(out + used, good ? (const void *)in.p : "?", w);
		used += w;
		in.p += step;
		in.n -= step;
	}
	out[used] = '\0';
}

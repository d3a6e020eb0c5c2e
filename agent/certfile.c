/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/certfile.h"
#include "ssh/key.h"
#include "ssh/keytext.h"

#define COMMENT_MAX	256

/* Whether this names certificates for keys that a token can have. */
static bool
is_ours(struct span type)
{
	char name[64];

	for (enum key_type t = KEY_RSA; t <= KEY_ED25519; t++) {
		snprintf(name, sizeof(name), "%s-cert-v01@openssh.com",
		    key_type_name(t));
		if (span_is(type, name))
			return true;
	}
	return false;
}

static bool
ends_with(struct span s, const char *end)
{
	const size_t n = strlen(end);

	return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

static int
check_type(struct span blob, struct err *e)
{
	struct span type;
	struct wire_r r;

	wire_read(&r, blob);
	type = wire_get_string(&r);
	if (is_ours(type))
		return 0;
	if (ends_with(type, "-cert-v01@openssh.com"))
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "certificate for a key of a type that no token has");
	return err_set(e, ERR_FORMAT, 0, "not a certificate");
}

static uint8_t *
copy(struct span s)
{
	uint8_t *p = malloc(s.n);

	if (p != NULL)
		memcpy(p, s.p, s.n);
	return p;
}

/* The subject in *w, which is empty; a key that we could not use is bad. */
static int
put_key(const struct cert *c, struct wire_w *w, struct err *e)
{
	struct key k;

	cert_put_subject(c, w);
	if (w->bad)
		return err_set(e, ERR_LIMIT, 0,
		    "the key in a certificate is too large");
	return key_parse(wire_bytes(w), &k, e);
}

static int
fill(struct certfile *f, const char *path, struct span blob,
    struct span comment, struct err *e)
{
	char clean[COMMENT_MAX];

	keytext_clean(clean, sizeof(clean), comment);
	f->path = strdup(path);
	f->comment = strdup(clean);
	f->blob = copy(blob);
	f->blob_n = blob.n;
	if (f->path == NULL || f->comment == NULL || f->blob == NULL ||
	    f->key == NULL) {
		certfile_free(f);
		return err_set(e, ERR_NOMEM, 0, "certificate");
	}
	return 0;
}

int
certfile_take(struct certfile *f, const char *path, struct span blob,
    struct span comment, struct err *e)
{
	struct wire_w key;
	struct cert c;
	int r;

	*f = (struct certfile){ 0 };
	if ((r = check_type(blob, e)) != 0)
		return r;
	if (!wire_write(&key, KEY_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "certificate");
	if ((r = cert_parse(blob, &c, e)) != 0 ||
	    (r = put_key(&c, &key, e)) != 0) {
		/* Its type is ours: a CA's that we do not know is a fault. */
		if (r == ERR_UNSUPPORTED)
			r = e->code = ERR_FORMAT;
		goto out;
	}
	f->type = c.type;
	f->valid_after = c.valid_after;
	f->valid_before = c.valid_before;
	f->key = copy(wire_bytes(&key));
	f->key_n = wire_bytes(&key).n;
	r = fill(f, path, blob, comment, e);
out:
	wire_free(&key);
	return r;
}

/* The line that counts, for free(3); NULL when there is none. */
static int
get_line(struct span text, char **out, struct err *e)
{
	struct span line = { 0 };

	while (text.n > 0 && (line.n == 0 || line.p[0] == '#'))
		line = span_cut_line(&text);
	if (line.n == 0 || line.p[0] == '#')
		return err_set(e, ERR_FORMAT, 0, "the file is empty");
	if (memchr(line.p, '\0', line.n) != NULL)
		return err_set(e, ERR_FORMAT, 0, "not a line of text");
	if ((*out = strndup((const char *)line.p, line.n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "certificate");
	return 0;
}

int
certfile_read(struct certfile *f, const char *path, struct span text,
    struct err *e)
{
	struct span comment;
	struct wire_w blob;
	char *line;
	int r;

	*f = (struct certfile){ 0 };
	if ((r = get_line(text, &line, e)) != 0)
		return r;
	if (!wire_write(&blob, CERTFILE_TEXT_MAX)) {
		free(line);
		return err_set(e, ERR_NOMEM, 0, "certificate");
	}
	if ((r = keytext_parse(line, &blob, &comment, e)) == 0)
		r = certfile_take(f, path, wire_bytes(&blob), comment, e);
	wire_free(&blob);
	free(line);
	return r;
}

int
certfile_spoil(struct certfile *f, const char *path, const char *why,
    struct err *e)
{
	*f = (struct certfile){ .path = strdup(path), .comment = strdup("") };
	if (f->path == NULL || f->comment == NULL) {
		certfile_free(f);
		return err_set(e, ERR_NOMEM, 0, "certificate");
	}
	keytext_clean(f->bad, sizeof(f->bad), span_cstr(why));
	return 0;
}

void
certfile_free(struct certfile *f)
{
	free(f->path);
	free(f->comment);
	free(f->blob);
	free(f->key);
	*f = (struct certfile){ 0 };
}

enum certfile_state
certfile_state(const struct certfile *f, time_t now)
{
	const uint64_t at = now > 0 ? (uint64_t)now : 0;

	if (f->bad[0] != '\0')
		return CERTFILE_BAD;
	if (at >= f->valid_before)
		return CERTFILE_EXPIRED;
	return at < f->valid_after ? CERTFILE_NOT_YET : CERTFILE_OFFERED;
}

const char *
certfile_state_name(enum certfile_state s)
{
	switch (s) {
	case CERTFILE_OFFERED:
		return "offered";
	case CERTFILE_EXPIRED:
		return "expired";
	case CERTFILE_NOT_YET:
		return "not yet valid";
	case CERTFILE_BAD:
		break;
	}
	return "bad";
}

void
certfile_describe(const struct certfile *f, char *buf, size_t len)
{
	struct cert c;
	struct err e;

	if (f->bad[0] != '\0' || cert_parse(certfile_blob(f), &c, &e) != 0)
		snprintf(buf, len, "%s", f->bad);
	else
		cert_describe(&c, buf, len);
}

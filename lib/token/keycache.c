/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "ssh/key.h"
#include "ssh/keytext.h"
#include "ssh/sig.h"
#include "token/keycache.h"

/*
 *	string	"hsm-ssh-agent keys"
 *	uint32	1 (version)
 *	string	serial number
 *	string	stamp
 *	uint32	number of keys, by ascending ref
 *	for each: string ref, id, label, algo, unusable, blob
 *	byte[]	SHA-256 of all this
 */
#define MAGIC		"hsm-ssh-agent keys"
#define FORMAT_VERSION	1
#define HASH_BYTES	32
#define KEYS_MAX	255
#define KEY_BYTES_MIN	(6 * 4)

static int
damaged(struct err *e)
{
	return err_set(e, ERR_FORMAT, 0, "key cache: damaged, or not ours");
}

/* Letters and digits only: it is a file name, or a place on the token. */
static bool
is_plain(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (!isascii(*s) || !isalnum((unsigned char)*s))
			return false;
	return true;
}

/* Text as token_key promises it, or the reader goes bad. */
static void
get_text(struct wire_r *r, char *out, size_t len)
{
	struct span s = wire_get_string(r);

	keytext_clean(out, len, s);
	if (!span_is(s, out))
		r->bad = true;
}

static int
get_blob(struct wire_r *r, struct token_key *k, struct err *e)
{
	struct span blob = wire_get_string(r);
	struct key key;
	int code;

	/* Either there is a key, or why there is none. */
	if (r->bad || (blob.n == 0) == (k->unusable[0] == '\0'))
		return damaged(e);
	if (blob.n == 0)
		return 0;
	if (blob.n > KEY_BLOB_MAX || (code = key_parse(blob, &key, e)) != 0)
		return damaged(e);
	if ((k->blob = malloc(blob.n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "key cache");
	memcpy(k->blob, blob.p, blob.n);
	k->blob_n = blob.n;
	return 0;
}

static int
get_key(struct wire_r *r, struct token_key *k, struct err *e)
{
	get_text(r, k->ref, sizeof(k->ref));
	get_text(r, k->id, sizeof(k->id));
	get_text(r, k->label, sizeof(k->label));
	get_text(r, k->algo, sizeof(k->algo));
	get_text(r, k->unusable, sizeof(k->unusable));
	if (r->bad || !is_plain(k->ref) || !is_plain(k->id))
		return damaged(e);
	return get_blob(r, k, e);
}

static int
get_keys(struct wire_r *r, struct token_keys *out, struct err *e)
{
	const uint32_t n = wire_get_u32(r);
	int code;

	if (r->bad || n > KEYS_MAX || n > r->left / KEY_BYTES_MIN)
		return damaged(e);
	if (n > 0 && (out->v = calloc(n, sizeof(*out->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "key cache");
	while (out->n < n) {
		code = get_key(r, &out->v[out->n++], e);
		if (code != 0)
			return code;
		if (out->n > 1 && strcmp(out->v[out->n - 2].ref,
		    out->v[out->n - 1].ref) >= 0)
			return damaged(e);
	}
	return wire_end(r) ? 0 : damaged(e);
}

/* The files are public, and so is this: it finds accidents, not attacks. */
static int
hash(struct span body, struct sig_digest *md, struct err *e)
{
	return sig_hash(SIG_RSA_SHA256, body, md, e);
}

int
keycache_parse(struct span file, const char *serial, struct token_keys *out,
    struct err *e)
{
	struct sig_digest md;
	struct span stamp;
	struct wire_r r;
	int code;

	*out = (struct token_keys){ 0 };
	if (file.n < HASH_BYTES || file.n > KEYCACHE_MAX)
		return damaged(e);
	file.n -= HASH_BYTES;
	if ((code = hash(file, &md, e)) != 0)
		return code;
	wire_read(&r, file);
	if (!span_eq((struct span){ md.bytes, md.n },
	    (struct span){ file.p + file.n, HASH_BYTES }) ||
	    !span_is(wire_get_string(&r), MAGIC) ||
	    wire_get_u32(&r) != FORMAT_VERSION ||
	    !span_is(wire_get_string(&r), serial))
		return damaged(e);
	stamp = wire_get_string(&r);
	if (stamp.n != sizeof(out->stamp))
		return damaged(e);
	memcpy(out->stamp, stamp.p, stamp.n);
	code = token_keys_stamped(out) ? get_keys(&r, out, e) : damaged(e);
	if (code != 0)
		token_keys_free(out);
	return code;
}

int
keycache_put(struct wire_w *w, const char *serial,
    const struct token_keys *keys, struct err *e)
{
	const struct token_key *k;
	struct sig_digest md;
	int r;

	wire_put_cstring(w, MAGIC);
	wire_put_u32(w, FORMAT_VERSION);
	wire_put_cstring(w, serial);
	wire_put_string(w, (struct span){ keys->stamp, sizeof(keys->stamp) });
	wire_put_u32(w, (uint32_t)keys->n);
	for (size_t i = 0; i < keys->n; i++) {
		k = &keys->v[i];
		wire_put_cstring(w, k->ref);
		wire_put_cstring(w, k->id);
		wire_put_cstring(w, k->label);
		wire_put_cstring(w, k->algo);
		wire_put_cstring(w, k->unusable);
		wire_put_string(w, (struct span){ k->blob, k->blob_n });
	}
	if ((r = hash(wire_bytes(w), &md, e)) != 0)
		return r;
	wire_put_raw(w, (struct span){ md.bytes, md.n });
	return w->bad ? err_set(e, ERR_LIMIT, 0, "key cache: too large") : 0;
}

static int
path_of(char path[PATH_MAX], const char *dir, const char *serial,
    struct err *e)
{
	int n;

	if (!is_plain(serial))
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "key cache: a token with such a serial number has none");
	n = snprintf(path, PATH_MAX, "%s/%s.keys", dir, serial);
	if (n < 0 || n >= PATH_MAX)
		return err_set(e, ERR_LIMIT, 0, "key cache: path too long");
	return 0;
}

/* buf has room for one byte more than a cache may have. */
static int
read_all(int fd, uint8_t *buf, size_t *n, struct err *e)
{
	ssize_t got;

	for (*n = 0; *n <= KEYCACHE_MAX; *n += (size_t)got) {
		got = read(fd, buf + *n, KEYCACHE_MAX + 1 - *n);
		if (got == -1 && errno == EINTR)
			got = 0;
		else if (got == -1)
			return err_sys(e, "key cache");
		else if (got == 0)
			return 0;
	}
	return err_set(e, ERR_LIMIT, 0, "key cache: too large");
}

/* *out is for free(3). */
static int
read_file(const char *path, uint8_t **out, size_t *n, struct err *e)
{
	struct stat st;
	int fd, r;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 && errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, 0, "key cache: none");
	if (fd == -1)
		return err_sys(e, "%s", path);
	*out = NULL;
	if (fstat(fd, &st) == -1)
		r = err_sys(e, "%s", path);
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022) != 0)
		r = err_set(e, ERR_FORMAT, 0, "%s: not a file that only this "
		    "user can write", path);
	else if ((*out = malloc(KEYCACHE_MAX + 1)) == NULL)
		r = err_set(e, ERR_NOMEM, 0, "key cache");
	else
		r = read_all(fd, *out, n, e);
	close(fd);
	if (r != 0)
		free(*out);
	return r;
}

int
keycache_load(const char *dir, const char *serial, struct token_keys *out,
    struct err *e)
{
	char path[PATH_MAX];
	uint8_t *buf;
	size_t n;
	int r;

	*out = (struct token_keys){ 0 };
	if ((r = path_of(path, dir, serial, e)) != 0 ||
	    (r = read_file(path, &buf, &n, e)) != 0)
		return r;
	r = keycache_parse((struct span){ buf, n }, serial, out, e);
	free(buf);
	return r;
}

static bool
same_as_file(const char *path, struct span content)
{
	uint8_t *buf;
	struct err e;
	size_t n;
	bool same;

	if (read_file(path, &buf, &n, &e) != 0)
		return false;
	same = span_eq((struct span){ buf, n }, content);
	free(buf);
	return same;
}

static int
write_all(int fd, struct span s, struct err *e)
{
	ssize_t n;

	while (s.n > 0) {
		n = write(fd, s.p, s.n);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "key cache");
		s.p += n;
		s.n -= (size_t)n;
	}
	return fsync(fd) == 0 ? 0 : err_sys(e, "key cache");
}

/* Beside it and renamed, so that nobody ever sees half a file. */
static int
replace(const char *path, struct span content, struct err *e)
{
	char tmp[PATH_MAX];
	int fd, n, r;

	n = snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path);
	if (n < 0 || (size_t)n >= sizeof(tmp))
		return err_set(e, ERR_LIMIT, 0, "key cache: path too long");
	if ((fd = mkostemp(tmp, O_CLOEXEC)) == -1)
		return err_sys(e, "%s", tmp);
	r = write_all(fd, content, e);
	if (close(fd) == -1 && r == 0)
		r = err_sys(e, "%s", tmp);
	if (r == 0 && rename(tmp, path) == -1)
		r = err_sys(e, "%s", path);
	if (r != 0)
		unlink(tmp);
	return r;
}

int
keycache_store(const char *dir, const char *serial,
    const struct token_keys *keys, struct err *e)
{
	char path[PATH_MAX];
	struct wire_w w;
	int r;

	if ((r = path_of(path, dir, serial, e)) != 0)
		return r;
	if (!token_keys_stamped(keys))
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "key cache: not everything could be read");
	if (!wire_write(&w, KEYCACHE_MAX))
		return err_set(e, ERR_NOMEM, 0, "key cache");
	if ((r = keycache_put(&w, serial, keys, e)) == 0 &&
	    !same_as_file(path, wire_bytes(&w)) &&
	    (r = paths_make_dir(dir, e)) == 0)
		r = replace(path, wire_bytes(&w), e);
	wire_free(&w);
	return r;
}

void
keycache_drop(const char *dir, const char *serial)
{
	char path[PATH_MAX];
	struct err e;

	if (path_of(path, dir, serial, &e) == 0)
		unlink(path);
}

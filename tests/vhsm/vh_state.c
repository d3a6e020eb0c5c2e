/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state file: a line that names the format, then records of a tag byte,
 * a 4-byte length and a value, closed by an empty record of tag 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "tests/vhsm/vh_buf.h"
#include "tests/vhsm/vh_store.h"

static const char magic[] = "vhsm state 1\n";

enum {
	REC_END,
	REC_CARD,
	REC_USER_PIN,
	REC_SO_PIN,
	REC_DKEK,
	REC_FILE,
	REC_KEY,
};

static void
put_record(struct vh_buf *b, unsigned tag, struct vh_buf *value)
{
	struct span v = vh_buf_bytes(value);

	vh_buf_put_u8(b, tag);
	vh_buf_put_u32(b, (uint32_t)v.n);
	vh_buf_put(b, v);
	b->bad |= value->bad;
	vh_buf_free(value);
}

static void
put_pin(struct vh_buf *b, unsigned tag, const struct vh_pin *pin)
{
	struct span value = { pin->value, pin->n };
	struct vh_buf r = { 0 };

	vh_buf_put_u8(&r, pin->tries);
	vh_buf_put_u8(&r, pin->max);
	vh_buf_put(&r, value);
	put_record(b, tag, &r);
}

static void
put_object(struct vh_buf *b, const struct vh_object *o)
{
	struct span content = { o->p, o->n };
	struct vh_buf r = { 0 };

	vh_buf_put_u16(&r, o->fid);
	if (o->key != NULL) {
		struct span algs = { o->key->algs, o->key->algs_n };

		vh_buf_put_u8(&r, o->key->pkey != NULL);
		vh_buf_put_u8(&r, o->key->counted);
		vh_buf_put_u32(&r, o->key->uses);
		vh_buf_put_u8(&r, o->key->algs_n);
		vh_buf_put(&r, algs);
	}
	vh_buf_put(&r, content);
	put_record(b, o->key != NULL ? REC_KEY : REC_FILE, &r);
}

static void
put_state(struct vh_buf *b, const struct vh_store *st)
{
	struct span key = { st->dkek.key, sizeof(st->dkek.key) };
	struct vh_buf r = { 0 };

	vh_buf_put(b, span_cstr(magic));
	vh_buf_put_u16(&r, st->options);
	vh_buf_put_u8(&r, st->transport);
	vh_buf_put(&r, span_cstr(st->serial));
	put_record(b, REC_CARD, &r);
	put_pin(b, REC_USER_PIN, &st->user);
	put_pin(b, REC_SO_PIN, &st->so);
	vh_buf_put_u8(&r, st->dkek.on);
	vh_buf_put_u8(&r, st->dkek.shares);
	vh_buf_put_u8(&r, st->dkek.missing);
	vh_buf_put(&r, key);
	put_record(b, REC_DKEK, &r);
	for (size_t i = 0; i < st->obj_n; i++)
		put_object(b, &st->obj[i]);
	put_record(b, REC_END, &r);
}

static int
write_all(int fd, struct span s)
{
	ssize_t n;

	while (s.n > 0) {
		n = write(fd, s.p, s.n);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		s.p += n;
		s.n -= (size_t)n;
	}
	return 0;
}

/* So that the rename itself survives a crash of the machine. */
static void
sync_directory(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1) {
		fsync(fd);
		close(fd);
	}
}

static int
replace_file(const char *path, struct span content, struct err *e)
{
	char tmp[PATH_MAX];
	int fd;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.new", path) >=
	    sizeof(tmp))
		return err_set(e, ERR_LIMIT, 0, "%s: path too long", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd == -1)
		return err_set(e, ERR_SYS, errno, "%s: %s", tmp,
		    strerror(errno));
	if (write_all(fd, content) == -1 || fsync(fd) == -1 ||
	    rename(tmp, path) == -1) {
		err_set(e, ERR_SYS, errno, "%s: %s", path, strerror(errno));
		close(fd);
		unlink(tmp);
		return e->code;
	}
	close(fd);
	sync_directory(path);
	return 0;
}

int
vh_store_save(struct vh_store *st, struct err *e)
{
	struct vh_buf b = { 0 };
	int r;

	if (st->path != NULL) {
		put_state(&b, st);
		if (b.bad)
			r = err_set(e, ERR_NOMEM, 0, "out of memory");
		else
			r = replace_file(st->path, vh_buf_bytes(&b), e);
		vh_buf_free(&b);
		if (r != 0)
			return r;
	}
	st->dirty = false;
	return 0;
}

static bool
get_card(struct vh_store *st, struct span v)
{
	struct span f;

	if (!vh_span_take(&v, 3, &f) || v.n >= sizeof(st->serial))
		return false;
	st->options = (uint16_t)(f.p[0] << 8 | f.p[1]);
	st->transport = f.p[2] != 0;
	memcpy(st->serial, v.p, v.n);
	st->serial[v.n] = '\0';
	return true;
}

static bool
get_pin(struct vh_pin *pin, struct span v)
{
	struct span f;

	if (!vh_span_take(&v, 2, &f) || v.n > sizeof(pin->value))
		return false;
	pin->tries = f.p[0];
	pin->max = f.p[1];
	pin->n = (uint8_t)v.n;
	memcpy(pin->value, v.p, v.n);
	return true;
}

static bool
get_dkek(struct vh_dkek *d, struct span v)
{
	if (v.n != 3 + sizeof(d->key))
		return false;
	d->on = v.p[0] != 0;
	d->shares = v.p[1];
	d->missing = v.p[2];
	memcpy(d->key, v.p + 3, sizeof(d->key));
	return true;
}

static bool
get_key(struct vh_store *st, struct span v)
{
	struct vh_key *k = NULL;
	struct span fid, f, algs;
	const uint8_t *der;

	if (!vh_span_take(&v, 2, &fid) || !vh_span_take(&v, 7, &f) ||
	    f.p[6] > VH_ALGS_MAX || !vh_span_take(&v, f.p[6], &algs) ||
	    (k = calloc(1, sizeof(*k))) == NULL)
		return false;
	k->counted = f.p[1] != 0;
	k->uses = (uint32_t)f.p[2] << 24 | (uint32_t)f.p[3] << 16 |
	    (uint32_t)f.p[4] << 8 | f.p[5];
	k->algs_n = f.p[6];
	memcpy(k->algs, algs.p, algs.n);
	der = v.p;
	if (f.p[0] != 0 && (k->pkey = d2i_AutoPrivateKey(NULL, &der,
	    (long)v.n)) == NULL)
		goto fail;
	if (vh_store_put(st, (uint16_t)(fid.p[0] << 8 | fid.p[1]), v, k))
		return true;
fail:
	vh_store_free_key(k);
	return false;
}

static bool
get_record(struct vh_store *st, unsigned tag, struct span v)
{
	struct span fid;

	switch (tag) {
	case REC_CARD:
		return get_card(st, v);
	case REC_USER_PIN:
		return get_pin(&st->user, v);
	case REC_SO_PIN:
		return get_pin(&st->so, v);
	case REC_DKEK:
		return get_dkek(&st->dkek, v);
	case REC_FILE:
		return vh_span_take(&v, 2, &fid) && vh_store_put(st,
		    (uint16_t)(fid.p[0] << 8 | fid.p[1]), v, NULL);
	case REC_KEY:
		return get_key(st, v);
	}
	return false;
}

static bool
get_state(struct vh_store *st, struct span in)
{
	struct span h, v;
	size_t n;

	if (!vh_span_take(&in, strlen(magic), &h) ||
	    memcmp(h.p, magic, h.n) != 0)
		return false;
	while (vh_span_take(&in, 5, &h)) {
		n = (size_t)h.p[1] << 24 | (size_t)h.p[2] << 16 |
		    (size_t)h.p[3] << 8 | h.p[4];
		if (!vh_span_take(&in, n, &v))
			return false;
		if (h.p[0] == REC_END)
			return v.n == 0 && in.n == 0;
		if (!get_record(st, h.p[0], v))
			return false;
	}
	return false;
}

static int
read_file(const char *path, struct vh_buf *b, struct err *e)
{
	uint8_t chunk[4096];
	struct span s = { chunk, 0 };
	ssize_t n;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return err_set(e, errno == ENOENT ? ERR_NOTFOUND : ERR_SYS,
		    errno, "%s: %s", path, strerror(errno));
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		s.n = (size_t)n;
		vh_buf_put(b, s);
	}
	if (n == -1)
		err_set(e, ERR_SYS, errno, "%s: %s", path, strerror(errno));
	close(fd);
	OPENSSL_cleanse(chunk, sizeof(chunk));
	if (n == -1)
		return e->code;
	return b->bad ? err_set(e, ERR_NOMEM, 0, "out of memory") : 0;
}

int
vh_store_load(struct vh_store *st, struct err *e)
{
	struct vh_buf b = { 0 };
	int r;

	if ((r = read_file(st->path, &b, e)) == 0 &&
	    !get_state(st, vh_buf_bytes(&b)))
		r = err_set(e, ERR_FORMAT, 0, "%s: not a whole vhsm state",
		    st->path);
	vh_buf_free(&b);
	st->dirty = false;
	return r;
}

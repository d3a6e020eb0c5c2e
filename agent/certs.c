/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/certs.h"
#include "agent/certscan.h"
#include "ssh/keytext.h"

/*
 * Clocks of file systems tick slowly: a file that changes twice in one tick
 * looks the same after the second time.
 */
#define SETTLED_SECONDS		2

#define STATUS_BYTES_MAX	(128 * 1024)
#define STATUS_ENTRY_MAX	(16 * 1024)

/* A file that was read, whatever is in it. */
struct file {
	struct certfile	 f;
	struct certscan_stamp stamp;
	bool		 ignored;	/* well formed, of no interest to us */
	bool		 settled;	/* another stamp tells each change */
	bool		 kept;		/* in two lists, during a refresh */
};

struct files {
	struct file	**v;		/* by path */
	size_t		 n;
};

struct certs {
	const struct log *log;
	struct certscan_place *places;
	size_t		 n_places;
	struct files	 files;
	const struct certfile **shown;
	size_t		 n_shown;
	bool		 over;		/* more than we take: it was told */
};

static void
file_free(struct file *f)
{
	if (f != NULL)
		certfile_free(&f->f);
	free(f);
}

int
certs_new(struct certs **out, const struct log *log, char *const *places,
    size_t n, struct err *e)
{
	struct certs *c = calloc(1, sizeof(*c));

	if (c == NULL ||
	    (c->places = calloc(n + 1, sizeof(*c->places))) == NULL)
		goto nomem;
	c->log = log;
	for (; c->n_places < n; c->n_places++)
		if ((c->places[c->n_places].path =
		    strdup(places[c->n_places])) == NULL)
			goto nomem;
	*out = c;
	return 0;
nomem:
	certs_free(c);
	return err_set(e, ERR_NOMEM, 0, "certificates");
}

void
certs_free(struct certs *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_places; i++)
		free(c->places[i].path);
	for (size_t i = 0; i < c->files.n; i++)
		file_free(c->files.v[i]);
	free(c->files.v);
	free(c->places);
	free(c->shown);
	free(c);
}

static int
compare_path(const void *key, const void *entry)
{
	const struct file *const *f = entry;

	return strcmp(key, (*f)->f.path);
}

static struct file *
find_file(const struct files *l, const char *path)
{
	struct file **f = NULL;

	if (l->n > 0)
		f = bsearch(path, l->v, l->n, sizeof(struct file *),
		    compare_path);
	return f != NULL ? *f : NULL;
}

/* Its first bytes, at most *n; a file that grows meanwhile is read again. */
static int
read_start(int fd, uint8_t *buf, size_t *n)
{
	const size_t room = *n;
	ssize_t got;

	for (*n = 0; *n < room; *n += (size_t)got) {
		if ((got = read(fd, buf + *n, room - *n)) == 0)
			return 0;
		if (got == -1 && errno != EINTR)
			return -1;
		if (got == -1)
			got = 0;
	}
	return 0;
}

static int
parse_open(struct file *f, const char *path, int fd, size_t size,
    struct err *e)
{
	size_t n = size < CERTFILE_TEXT_MAX ? size : CERTFILE_TEXT_MAX;
	uint8_t *text = malloc(n + 1);
	int r;

	if (text == NULL)
		return err_set(e, ERR_NOMEM, 0, "certificate");
	if (read_start(fd, text, &n) != 0)
		r = err_sys(e, "cannot read the file");
	else
		r = certfile_read(&f->f, path, (struct span){ text, n }, e);
	free(text);
	return r;
}

/* ERR_NOTFOUND: it went away, or made room for what is no file. */
static int
parse_file(struct file *f, const char *path, struct err *e)
{
	const int fd = open(path,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd == -1 && (errno == ENOENT || errno == ENXIO))
		return err_set(e, ERR_NOTFOUND, 0, "no such file");
	if (fd == -1 && certscan_is_passing(errno))
		return err_set(e, ERR_NOMEM, errno, "cannot open %s", path);
	if (fd == -1)
		return err_sys(e, "cannot open the file");
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		r = err_set(e, ERR_NOTFOUND, 0, "no such file");
	} else {
		f->stamp = certscan_stamp(&st);
		r = parse_open(f, path, fd, st.st_size > 0 ?
		    (size_t)st.st_size : 0, e);
	}
	close(fd);
	return r;
}

/* *out is NULL when there is no such file any more. */
static int
read_file(struct file **out, const struct certscan_file *found, time_t now,
    struct err *e)
{
	struct file *f = calloc(1, sizeof(*f));
	struct err why;
	int r;

	*out = NULL;
	if (f == NULL)
		return err_set(e, ERR_NOMEM, 0, "certificates");
	f->stamp = found->stamp;
	r = parse_file(f, found->path, &why);
	f->settled = now - f->stamp.ctime.tv_sec >= SETTLED_SECONDS;
	if (r == ERR_NOTFOUND || r == ERR_NOMEM) {
		free(f);
		*e = why;
		return r == ERR_NOMEM ? r : 0;
	}
	f->ignored = r == ERR_UNSUPPORTED;
	if (r != 0 &&
	    certfile_spoil(&f->f, found->path, why.msg, e) != 0) {
		free(f);
		return (int)e->code;
	}
	*out = f;
	return 0;
}

static bool
same_content(const struct file *a, const struct file *b)
{
	return a->ignored == b->ignored &&
	    strcmp(a->f.bad, b->f.bad) == 0 &&
	    strcmp(a->f.comment, b->f.comment) == 0 &&
	    span_eq(certfile_blob(&a->f), certfile_blob(&b->f));
}

/*
 * What is there of a file now: what was known, marked as kept, where it did
 * not change.  *out is NULL when it is gone.
 */
static int
look_at(struct certs *c, const struct certscan_file *found, time_t now,
    struct file **out, struct err *e)
{
	struct file *old = find_file(&c->files, found->path), *f;
	bool news;

	if (old != NULL && old->settled &&
	    certscan_same(&old->stamp, &found->stamp)) {
		old->kept = true;
		*out = old;
		return 0;
	}
	*out = NULL;
	if (read_file(&f, found, now, e) != 0)
		return (int)e->code;
	if (f == NULL)
		return 0;
	news = old == NULL || !certscan_same(&old->stamp, &f->stamp);
	if (news && f->f.bad[0] != '\0' && !f->ignored)
		log_info(c->log, "no certificate: %s: %s", f->f.path,
		    f->f.bad);
	*out = f;
	if (old != NULL && same_content(old, f)) {
		old->stamp = f->stamp;
		old->settled = f->settled;
		old->kept = true;
		file_free(f);
		*out = old;
	}
	return 0;
}

static void
tell_over(struct certs *c, const char *path)
{
	if (path != NULL && !c->over)
		log_error(c->log, "too many certificates: %s and those after "
		    "it are passed over", path);
	c->over = path != NULL;
}

/* One of two lists goes: what the other has, too, stays. */
static void
let_go(struct file *f)
{
	if (f->kept)
		f->kept = false;
	else
		file_free(f);
}

static void
let_all_go(struct files *l)
{
	for (size_t i = 0; i < l->n; i++)
		let_go(l->v[i]);
	free(l->v);
	*l = (struct files){ 0 };
}

/* Fill l->v, which has room for all; in order, up to what we take. */
static int
collect(struct certs *c, const struct certscan *s, time_t now,
    struct files *l, struct err *e)
{
	size_t n = 0, bytes = 0, i;
	struct file *f;

	for (i = 0; i < s->n && n < CERTS_MAX; i++) {
		if (look_at(c, &s->v[i], now, &f, e) != 0)
			return (int)e->code;
		if (f == NULL)
			continue;
		if (f->f.blob_n > CERTS_BYTES_MAX - bytes) {
			let_go(f);
			break;
		}
		l->v[l->n++] = f;
		bytes += f->f.blob_n;
		n += !f->ignored;
	}
	tell_over(c, i < s->n ? s->v[i].path : NULL);
	return 0;
}

static bool
is_shown(const struct certs *c, const struct file *f)
{
	if (f->ignored)
		return false;
	return f->f.blob_n == 0 || certs_find(c, certfile_blob(&f->f)) == NULL;
}

/* Whether the lists differ in what is of interest. */
static bool
is_news(const struct files *old, const struct files *l)
{
	for (size_t i = 0; i < old->n; i++)
		if (!old->v[i]->kept && !old->v[i]->ignored)
			return true;
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i]->kept && !l->v[i]->ignored)
			return true;
	return false;
}

/* Takes *l and, when it is another set, *shown, which has room for it. */
static bool
commit(struct certs *c, struct files *l, const struct certfile ***shown)
{
	const bool news = is_news(&c->files, l);

	let_all_go(&c->files);
	c->files = *l;
	*l = (struct files){ 0 };
	if (!news)
		return false;
	free(c->shown);
	c->shown = *shown;
	*shown = NULL;
	c->n_shown = 0;
	for (size_t i = 0; i < c->files.n; i++)
		if (is_shown(c, c->files.v[i]))
			c->shown[c->n_shown++] = &c->files.v[i]->f;
	return true;
}

bool
certs_refresh(struct certs *c, time_t now)
{
	const struct certfile **shown = NULL;
	struct certscan s = { 0 };
	struct files l = { 0 };
	bool news = false;
	struct err e;
	int r;

	if ((r = certscan(&s, c->places, c->n_places, c->log, &e)) != 0)
		goto out;
	l.v = calloc(s.n + 1, sizeof(*l.v));
	shown = calloc(s.n + 1, sizeof(*shown));
	if (l.v == NULL || shown == NULL)
		r = err_set(&e, ERR_NOMEM, 0, "no memory");
	else if ((r = collect(c, &s, now, &l, &e)) == 0)
		news = commit(c, &l, &shown);
out:
	if (r != 0)
		log_error(c->log, "certificates stay as they were: %s",
		    e.msg);
	let_all_go(&l);
	free(shown);
	certscan_free(&s);
	return news;
}

const struct certfile *const *
certs_all(const struct certs *c, size_t *n)
{
	*n = c->n_shown;
	return c->shown;
}

const struct certfile *
certs_find(const struct certs *c, struct span blob)
{
	for (size_t i = 0; i < c->n_shown; i++)
		if (c->shown[i]->blob_n > 0 &&
		    span_eq(certfile_blob(c->shown[i]), blob))
			return c->shown[i];
	return NULL;
}

/* The part of an answer that is about certificates, as it grows. */
struct part {
	struct wire_w	 w;
	uint32_t	 n;
	time_t		 now;
	const struct certs_names *names;
};

static void
put_fields(struct wire_w *w, const struct certfile *f, const struct part *p)
{
	const bool bad = f->bad[0] != '\0';
	char *fp = bad ? NULL : keytext_fingerprint(certfile_key(f));
	const char *comment = bad ? NULL :
	    p->names->comment(p->names->arg, certfile_key(f));
	char words[512];

	certfile_describe(f, words, sizeof(words));
	wire_put_cstring(w, f->path);
	wire_put_cstring(w, fp != NULL ? fp : "");
	wire_put_cstring(w, comment != NULL ? comment : "");
	wire_put_cstring(w, certfile_state_name(certfile_state(f, p->now)));
	wire_put_cstring(w, words);
	wire_put_u64(w, f->valid_after);
	wire_put_u64(w, f->valid_before);
	free(fp);
}

/* Those that fit; one that does not is left out whole. */
static void
put_entries(struct part *p, const struct certfile *const *v, size_t n)
{
	struct wire_w one;
	struct span s;

	for (size_t i = 0; i < n && wire_write(&one, STATUS_ENTRY_MAX); i++) {
		put_fields(&one, v[i], p);
		s = wire_bytes(&one);
		if (s.n > 0 && s.n <= p->w.max - wire_bytes(&p->w).n) {
			wire_put_raw(&p->w, s);
			p->n++;
		}
		wire_free(&one);
	}
}

void
certs_put_status(struct wire_w *w, const struct certs *c,
    const struct certfile *const *more, size_t n_more, time_t now,
    const struct certs_names *names)
{
	struct part p = { .now = now, .names = names };

	if (!wire_write(&p.w, STATUS_BYTES_MAX)) {
		wire_put_u32(w, 0);
		return;
	}
	put_entries(&p, more, n_more);
	if (c != NULL)
		put_entries(&p, c->shown, c->n_shown);
	wire_put_u32(w, p.w.bad ? 0 : p.n);
	wire_put_raw(w, wire_bytes(&p.w));
	wire_free(&p.w);
}

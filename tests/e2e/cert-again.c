/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cert-again FROM TO CA.pub [-h] [-I ID] [-n NAMES] [-O OPTION]... [-V TIME]
 * [-z SERIAL] KEY.pub...: write the certificates that ssh-keygen -s wrote into
 * KEY-cert.pub, from the same words, between FROM and TO in seconds since
 * 1970.  Only the nonce, the signature and the comment are taken from it: all
 * other bytes have to be the same.  Names those that are not; exit status 1.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/draft.h"
#include "ca/form.h"
#include "ca/when.h"
#include "ca/wish.h"
#include "ssh/keytext.h"

struct wanted {
	struct ca_draft	 draft;
	const char	*validity;
	time_t		 from, to;
	struct wire_w	 ca;
};

static void
must(int r, const struct err *e)
{
	if (r != 0)
		errx(1, "%s", e->msg);
}

static struct wire_w
writer(void)
{
	struct wire_w w;

	if (!wire_write(&w, 1 << 17))
		errx(2, "no memory");
	return w;
}

/* The only line of a file, for free(3). */
static char *
read_line(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t n = 0;

	if (f == NULL || getline(&line, &n, f) <= 0)
		err(2, "%s", path);
	fclose(f);
	return line;
}

static struct wire_w
read_blob(const char *path)
{
	struct wire_w w = writer();
	char *line = read_line(path);
	struct err e;

	must(keytext_parse(line, &w, NULL, &e), &e);
	free(line);
	return w;
}

static void
take_word(struct wanted *w, int c, const char *word)
{
	struct ca_draft *d = &w->draft;
	struct err e;

	switch (c) {
	case 'h':
		ca_draft_clear(d);
		must(ca_wish_begin(d, CERT_HOST, &e), &e);
		break;
	case 'I':
		must(ca_draft_set_key_id(d, word, &e), &e);
		break;
	case 'n':
		must(ca_wish_principals(d, word, &e), &e);
		break;
	case 'O':
		must(ca_wish_option(d, word, &e), &e);
		break;
	case 'V':
		w->validity = word;
		break;
	case 'z':
		must(ca_wish_serial(word, &d->serial, &e), &e);
		break;
	default:
		exit(2);
	}
}

/* At one of the seconds in which it can have been made. */
static void
take_times(const struct wanted *w, struct ca_draft *d, const struct cert *c)
{
	struct err e;

	d->valid_before = CERT_FOREVER;
	for (time_t now = w->from; w->validity != NULL && now <= w->to;
	    now++) {
		must(ca_when_parse(w->validity, now, &d->valid_after,
		    &d->valid_before, &e), &e);
		if (d->valid_after == c->valid_after &&
		    d->valid_before == c->valid_before)
			break;
	}
}

/* Where two texts part; true: nowhere. */
static bool
is_same(const char *path, const char *what, struct span a, struct span b)
{
	size_t i = 0;

	if (span_eq(a, b))
		return true;
	while (i < a.n && i < b.n && a.p[i] == b.p[i])
		i++;
	printf("%s: the %s has %zu bytes, not %zu, and differs at %zu\n",
	    path, what, a.n, b.n, i);
	return false;
}

static bool
is_made_again(struct wanted *w, struct span subject, const char *path,
    const char *line, const struct cert *c)
{
	struct ca_draft *d = &w->draft;
	struct wire_w tbs = writer(), whole = writer();
	const char *comment = strchr(strchr(line, ' ') + 1, ' ') + 1;
	struct err e;
	char *made;
	bool same;

	if (c->nonce.n > sizeof(d->nonce))
		errx(1, "%s: a nonce of %zu bytes", path, c->nonce.n);
	memcpy(d->nonce, c->nonce.p, c->nonce.n);
	d->n_nonce = c->nonce.n;
	take_times(w, d, c);
	must(ca_draft_put_tbs(d, subject, wire_bytes(&w->ca), &tbs, &e), &e);
	must(ca_draft_assemble(wire_bytes(&tbs), c->signature, &whole, &e),
	    &e);
	made = keytext_openssh(wire_bytes(&whole), comment);
	if (made == NULL)
		errx(2, "no memory");
	same = is_same(path, "body", wire_bytes(&tbs), c->tbs) &&
	    is_same(path, "line", span_cstr(made), span_cstr(line));
	free(made);
	wire_free(&whole);
	wire_free(&tbs);
	return same;
}

/* The way back: a draft from the certificate makes it again. */
static bool
is_read_back(struct span subject, const char *path, const struct cert *c)
{
	struct wire_w tbs = writer();
	struct ca_draft d;
	struct err e;
	bool same;

	must(ca_draft_from_cert(c, &d, &e), &e);
	must(ca_draft_put_tbs(&d, subject, c->ca, &tbs, &e), &e);
	same = is_same(path, "body read back", wire_bytes(&tbs), c->tbs);
	ca_draft_clear(&d);
	wire_free(&tbs);
	return same;
}

static bool
check_one(struct wanted *w, const char *path)
{
	struct wire_w subject = read_blob(path), blob;
	char *file, *line;
	struct cert c;
	struct err e;
	bool same;

	if (asprintf(&file, "%.*s-cert.pub", (int)strlen(path) - 4,
	    path) == -1)
		errx(2, "no memory");
	blob = read_blob(file);
	line = read_line(file);
	must(cert_parse(wire_bytes(&blob), &c, &e), &e);
	same = is_made_again(w, wire_bytes(&subject), file, line, &c) &&
	    is_read_back(wire_bytes(&subject), file, &c);
	free(line);
	free(file);
	wire_free(&blob);
	wire_free(&subject);
	return same;
}

int
main(int argc, char **argv)
{
	struct wanted w = { 0 };
	bool same = true;
	struct err e;
	int c, n = 0;

	if (argc < 5)
		errx(2, "usage: cert-again FROM TO CA.pub WORD... KEY.pub...");
	w.from = (time_t)strtoll(argv[1], NULL, 10);
	w.to = (time_t)strtoll(argv[2], NULL, 10);
	w.ca = read_blob(argv[3]);
	must(ca_wish_begin(&w.draft, CERT_USER, &e), &e);
	argc -= 3;
	argv += 3;
	while ((c = getopt(argc, argv, "hI:n:O:V:z:")) != -1)
		take_word(&w, c, optarg);
	for (; optind < argc; optind++, n++)
		same = check_one(&w, argv[optind]) && same;
	ca_draft_clear(&w.draft);
	wire_free(&w.ca);
	printf("%d certificates\n", n);
	return same && n > 0 ? 0 : 1;
}

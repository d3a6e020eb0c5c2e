/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ssh/keytext.h"
#include "tests/unit/certdir.h"
#include "tests/unit/data.h"

const char *
certdir_path(struct certdir *p, const char *name)
{
	snprintf(p->file, sizeof(p->file), "%s/%s", p->dir, name);
	return p->file;
}

/* It goes to stderr, and that into a file meanwhile. */
void
certdir_listen(struct certdir *p)
{
	p->said = tmpfile();
	assert_non_null(p->said);
	p->stderr_was = dup(STDERR_FILENO);
	assert_true(p->stderr_was != -1);
	dup2(fileno(p->said), STDERR_FILENO);
}

size_t
certdir_told(struct certdir *p, const char *text)
{
	char line[1024];
	size_t n = 0;

	dup2(p->stderr_was, STDERR_FILENO);
	close(p->stderr_was);
	rewind(p->said);
	while (fgets(line, sizeof(line), p->said) != NULL)
		n += strstr(line, text) != NULL;
	fclose(p->said);
	return n;
}

int
certdir_set_up(void **state)
{
	struct certdir *p = calloc(1, sizeof(*p));
	char *places[1];
	struct err e;

	assert_non_null(p);
	*p = (struct certdir){ .dir = "/tmp/certs-XXXXXX",
	    .log = { .level = LOG_LEVEL_QUIET, .name = "certs" } };
	assert_non_null(mkdtemp(p->dir));
	places[0] = p->dir;
	assert_int_equal(certs_new(&p->certs, &p->log, places, 1, &e), 0);
	*state = p;
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int
certdir_tear_down(void **state)
{
	struct certdir *p = *state;
	int r;

	certs_free(p->certs);
	r = nftw(p->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(p);
	return r;
}

void
certdir_put(struct certdir *p, const char *name, const char *text)
{
	FILE *f = fopen(certdir_path(p, name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

void
certdir_put_copy(struct certdir *p, const char *name, const char *of)
{
	char *text = data_text(of);

	certdir_put(p, name, text);
	free(text);
}

/* A certificate of its own for each `n`: that is in its nonce. */
static char *
make_line(uint32_t n)
{
	struct data d = data_pub("u_ecdsa-cert");
	struct cert c;
	struct err e;
	char *line;

	assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
	memcpy(d.p + (c.nonce.p - d.p), &n, sizeof(n));
	line = keytext_openssh(data_span(&d), "comment");
	assert_non_null(line);
	data_free(&d);
	return line;
}

void
certdir_put_made(struct certdir *p, const char *name, uint32_t n)
{
	char *line = make_line(n);

	certdir_put(p, name, line);
	free(line);
}

void
certdir_put_many(struct certdir *p, size_t n)
{
	char name[32];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%04u-cert.pub", i);
		certdir_put_made(p, name, i);
	}
}

bool
certdir_refresh(struct certdir *p)
{
	return certs_refresh(p->certs, time(NULL));
}

size_t
certdir_count(struct certdir *p)
{
	size_t n;

	certs_all(p->certs, &n);
	return n;
}

const struct certfile *
certdir_at(struct certdir *p, size_t i, const char *name)
{
	const struct certfile *const *all;
	size_t n;

	all = certs_all(p->certs, &n);
	assert_true(i < n);
	assert_string_equal(all[i]->path, certdir_path(p, name));
	return all[i];
}

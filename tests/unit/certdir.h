/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_CERTDIR_H
#define UNIT_CERTDIR_H

#include <stdio.h>

#include "agent/certs.h"
#include "base/log.h"

/* A directory of certificates, the store of them, and what the log says. */
struct certdir {
	char		 dir[64];
	char		 file[160];	/* certdir_path()'s */
	struct log	 log;
	FILE		*said;
	int		 stderr_was;
	struct certs	*certs;
};

/* Seconds after which a file that was just written has settled. */
#define CERTDIR_LATER	10

int		 certdir_set_up(void **state);
int		 certdir_tear_down(void **state);

#define CERTDIR_TEST(f) \
	cmocka_unit_test_setup_teardown(f, certdir_set_up, certdir_tear_down)

/* Of a file in it, until the next call. */
const char	*certdir_path(struct certdir *p, const char *name);

/*
 * Write a file: this text; a copy of one in tests/data/ssh; a certificate
 * of its own for each `n`; or n of those, 0000-cert.pub and so on.
 */
void		 certdir_put(struct certdir *p, const char *name,
		    const char *text);
void		 certdir_put_copy(struct certdir *p, const char *name,
		    const char *of);
void		 certdir_put_made(struct certdir *p, const char *name,
		    uint32_t n);
void		 certdir_put_many(struct certdir *p, size_t n);

/* certs_refresh() as of now, and what is there after it. */
bool		 certdir_refresh(struct certdir *p);
size_t		 certdir_count(struct certdir *p);

/* The one at `i`, which must be of this file. */
const struct certfile	*certdir_at(struct certdir *p, size_t i,
		    const char *name);

/*
 * What the log has to say from here on is kept; then, how many lines of it
 * have `text` in them.
 */
void		 certdir_listen(struct certdir *p);
size_t		 certdir_told(struct certdir *p, const char *text);

#endif

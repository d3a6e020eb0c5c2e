/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keyutil/password.h"
#include "keyutil/progress.h"
#include "keyutil/readfile.h"
#include "keyutil/sharefile.h"

static const char deriving[] = "deriving the key of the DKEK share from its "
    "password";

static void
at(void *ctx, double part)
{
	progress_at(ctx, part);
}

int
sharefile_parse_threshold(const char *s, size_t *n, struct err *e)
{
	char *end;
	long v;

	*n = 0;
	if (s == NULL)
		return 0;
	errno = 0;
	v = strtol(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || v < 2 ||
	    v > SHAMIR_PARTS_MAX)
		return err_set(e, ERR_USAGE, 0, "\"%.40s\" is not a number "
		    "from 2 to %d", s, SHAMIR_PARTS_MAX);
	*n = (size_t)v;
	return 0;
}

/* Room for a byte more than there should be, to see that there is. */
int
sharefile_read(struct sharefile *f, struct err *e)
{
	uint8_t bytes[SHARE_FILE_BYTES + 1];
	size_t n = sizeof(bytes);
	int r;

	if ((r = readfile(f->path, bytes, &n, e)) != 0)
		return r;
	if ((r = share_check((struct span){ bytes, n }, e)) != 0)
		return err_wrap(e, "\"%.200s\"", f->path);
	memcpy(f->bytes, bytes, sizeof(f->bytes));
	return 0;
}

static int
ask(const struct sharefile *f, struct secret *password, struct err *e)
{
	return f->threshold == 0 ?
	    password_ask(f->path, f->password_file, password, e) :
	    password_join(f->path, f->password_file, f->threshold, password,
	    e);
}

int
sharefile_open(const struct sharefile *f, struct secret *share,
    struct err *e)
{
	const struct span bytes = { f->bytes, sizeof(f->bytes) };
	struct secret *password = secret_new();
	struct share_watch watch = { at, NULL };
	struct progress *p;
	int r;

	if (password == NULL)
		return err_set(e, ERR_NOMEM, 0, "password");
	if ((r = ask(f, password, e)) == 0) {
		watch.ctx = p = progress_start(deriving);
		r = share_open(bytes, password, &watch, share, e);
		progress_end(p, r == 0);
		if (r == ERR_DENIED && f->threshold > 0)
			(void)err_set(e, r, 0, "these are not the shares of "
			    "its password, or too few, or the file is "
			    "damaged");
		if (r != 0)
			(void)err_wrap(e, "\"%.200s\"", f->path);
	}
	secret_free(password);
	return r;
}

int
sharefile_seal(struct sharefile *f, const struct secret *password,
    const struct secret *share, struct err *e)
{
	struct share_watch watch = { at, NULL };
	struct progress *p;
	int r;

	watch.ctx = p = progress_start(deriving);
	r = share_seal(share, password, &watch, f->bytes, e);
	progress_end(p, r == 0);
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/file.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "keyutil/krlfile.h"
#include "keyutil/newfile.h"
#include "keyutil/out.h"
#include "keyutil/readfile.h"
#include "ssh/krl.h"
#include "ssh/krl_view.h"

/* Some file systems have no locks, and then there is none. */
static int
lock_directory(const char *path)
{
	const int fd = newfile_directory(path);

	while (fd != -1 && flock(fd, LOCK_EX) == -1 && errno == EINTR)
		;
	return fd;
}

static int
look(const char *path, struct stat *was, bool *there, struct err *e)
{
	*there = lstat(path, was) == 0;
	if (!*there)
		return newfile_check(path, e);
	if (!S_ISREG(was->st_mode))
		return err_set(e, ERR_DENIED, 0, "\"%.200s\" is no file of "
		    "its own, and is not replaced", path);
	return 0;
}

/* What has that name has to be a list, or nothing yet. */
static int
read_version(struct krlfile *f, struct err *e)
{
	uint8_t *bytes = malloc(KRL_MAX);
	struct krl_view v;
	size_t n = KRL_MAX;
	struct err why;
	int r;

	if (bytes == NULL)
		return err_set(e, ERR_NOMEM, 0, "\"%.200s\"", f->path);
	if ((r = readfile(f->path, bytes, &n, e)) == 0 && n > 0) {
		if (krl_view_parse(&v, (struct span){ bytes, n }, &why) == 0)
			f->version = v.version;
		else
			r = err_set(e, ERR_DENIED, 0, "\"%.200s\" is no "
			    "revocation list in OpenSSH's format, and is not "
			    "replaced: move it away or give another name",
			    f->path);
	}
	free(bytes);
	return r;
}

int
krlfile_open(struct krlfile *f, const char *path, struct err *e)
{
	int r;

	*f = (struct krlfile){ .path = path, .lock = -1 };
	if (asprintf(&f->sig_path, "%s.sig", path) == -1) {
		f->sig_path = NULL;
		return err_set(e, ERR_NOMEM, 0, "file name");
	}
	f->lock = lock_directory(path);
	if ((r = look(path, &f->was, &f->there, e)) != 0 ||
	    (r = look(f->sig_path, &f->sig_was, &f->sig_there, e)) != 0)
		return r;
	return f->there ? read_version(f, e) : 0;
}

void
krlfile_close(struct krlfile *f)
{
	if (f->lock != -1)
		close(f->lock);
	free(f->sig_path);
	*f = (struct krlfile){ .lock = -1 };
}

int
krlfile_check(const struct krlfile *f, uint64_t version, struct err *e)
{
	if (f->version < version)
		return 0;
	return err_set(e, ERR_DENIED, 0, "\"%.200s\" has version %" PRIu64
	    ", and the ledger is at version %" PRIu64 ": that is the list of "
	    "another CA or of another ledger, and is not replaced; move it "
	    "away or give another name", f->path, f->version, version);
}

int
krlfile_write(const struct krlfile *f, struct span list, const char *sig,
    struct err *e)
{
	int r;

	if ((r = newfile_publish(f->path, f->there ? &f->was : NULL, list,
	    e)) != 0)
		return r;
	if (sig == NULL) {
		if (f->sig_there)
			out_warn("\"%.200s\" is of an older list; "
			    "--sign makes a new one", f->sig_path);
		return 0;
	}
	if ((r = newfile_publish(f->sig_path, f->sig_there ? &f->sig_was :
	    NULL, span_cstr(sig), e)) != 0)
		return err_wrap(e, "\"%.200s\" is new, but has no signature "
		    "yet", f->path);
	return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/upstream.h"
#include "ssh/agentclient.h"

struct upstream {
	struct loop	*loop;
	char		*path;
	upstream_fn	*fn;
	void		*arg;
};

int
upstream_new(struct upstream **out, struct loop *l, const char *path,
    upstream_fn *fn, void *arg, struct err *e)
{
	const size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	struct upstream *u;

	if (strlen(path) > max)
		return err_set(e, ERR_LIMIT, 0,
		    "%s: longer than the %zu bytes a socket's path can have",
		    path, max);
	if ((u = calloc(1, sizeof(*u))) == NULL ||
	    (u->path = strdup(path)) == NULL) {
		free(u);
		return err_set(e, ERR_NOMEM, 0, "upstream agent");
	}
	u->loop = l;
	u->fn = fn;
	u->arg = arg;
	*out = u;
	return 0;
}

void
upstream_free(struct upstream *u)
{
	if (u == NULL)
		return;
	free(u->path);
	free(u);
}

static bool
same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 &&
	    sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* dirname(3) and basename(3) both write to what they are given. */
static bool
same_name(const char *a, const char *b)
{
	char da[PATH_MAX], db[PATH_MAX], na[PATH_MAX], nb[PATH_MAX];

	snprintf(da, sizeof(da), "%s", a);
	snprintf(db, sizeof(db), "%s", b);
	snprintf(na, sizeof(na), "%s", a);
	snprintf(nb, sizeof(nb), "%s", b);
	return strcmp(basename(na), basename(nb)) == 0 &&
	    same_file(dirname(da), dirname(db));
}

bool
upstream_is(const struct upstream *u, const char *path)
{
	return same_file(u->path, path) || same_name(u->path, path);
}

/* A question may hold a private key, so who hears it has to be known. */
static int
check_owner(int fd, struct err *e)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == -1)
		return err_sys(e, "peer credentials");
	if (cred.uid != 0 && cred.uid != getuid())
		return err_set(e, ERR_DENIED, 0,
		    "belongs to process %ld of user %ld", (long)cred.pid,
		    (long)cred.uid);
	return 0;
}

int
upstream_connect(const struct upstream *u, int *fd, struct err *e)
{
	int r;

	if ((r = agentclient_dial(u->path, fd, e)) != 0)
		return r;
	if ((r = check_owner(*fd, e)) != 0) {
		close(*fd);
		*fd = -1;
	}
	return r;
}

struct loop *
upstream_loop(const struct upstream *u)
{
	return u->loop;
}

void
upstream_answer(const struct upstream *u, uint64_t id, struct span reply,
    struct err *e)
{
	if (e != NULL)
		err_wrap(e, "upstream agent at %s", u->path);
	u->fn(u->arg, id, e != NULL ? (int)e->code : 0, reply, e);
}

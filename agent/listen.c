/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/listen.h"
#include "base/paths.h"

#define BACKLOG	128

static int
check_dir(const char *dir, struct err *e)
{
	struct stat st;

	if (lstat(dir, &st) == -1)
		return err_sys(e, "%s", dir);
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() ||
	    (st.st_mode & 077) != 0)
		return err_set(e, ERR_DENIED, 0,
		    "%s: must be a directory of yours that nobody else can "
		    "use (chmod 700)", dir);
	return 0;
}

/* The directory of the default socket, and the one above it. */
static int
make_dir(const char *path, struct err *e)
{
	char dir[PATH_MAX], up[PATH_MAX];
	const char *d, *u;

	snprintf(dir, sizeof(dir), "%s", path);
	d = dirname(dir);
	snprintf(up, sizeof(up), "%s", d);
	u = dirname(up);
	if (mkdir(u, 0700) == -1 && errno != EEXIST)
		return err_sys(e, "%s", u);
	if (mkdir(d, 0700) == -1 && errno != EEXIST)
		return err_sys(e, "%s", d);
	return check_dir(d, e);
}

static int
default_path(char **out, bool own, struct err *e)
{
	char *path, *dir;
	int r;

	if ((r = paths_default_socket(&path, e)) != 0)
		return r;
	if ((r = make_dir(path, e)) != 0 || !own) {
		*out = path;
		return r;
	}
	dir = dirname(path);
	if (asprintf(out, "%s/agent.%ld.sock", dir, (long)getpid()) == -1) {
		*out = NULL;
		r = err_set(e, ERR_NOMEM, 0, "socket");
	}
	free(path);
	return r;
}

/* Take away a dead agent's socket; an error when anything else is there. */
static int
make_room(const struct sockaddr_un *sa, struct err *e)
{
	struct stat st;
	int fd, r = 0;

	if (lstat(sa->sun_path, &st) == -1)
		return errno == ENOENT ? 0 : err_sys(e, "%s", sa->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_DENIED, 0,
		    "%s: there is something that is not a socket",
		    sa->sun_path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return err_sys(e, "socket");
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0)
		r = err_set(e, ERR_DENIED, 0,
		    "%s: an agent is listening there already; use it with "
		    "\"export SSH_AUTH_SOCK=%s\", or choose another socket "
		    "with -a", sa->sun_path, sa->sun_path);
	else if (errno == ECONNREFUSED)
		unlink(sa->sun_path);		/* left by a dead agent */
	else if (errno != ENOENT)
		r = err_sys(e, "%s", sa->sun_path);
	close(fd);
	return r;
}

static int
bind_to(struct listener *l, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t old;
	int r;

	if (strlen(l->path) >= sizeof(sa.sun_path))
		return err_set(e, ERR_LIMIT, 0,
		    "%s: longer than the %zu bytes a socket's path can have",
		    l->path, sizeof(sa.sun_path) - 1);
	memcpy(sa.sun_path, l->path, strlen(l->path));
	if ((r = make_room(&sa, e)) != 0)
		return r;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd == -1)
		return err_sys(e, "socket");
	old = umask(0177);
	r = bind(l->fd, (const struct sockaddr *)&sa, sizeof(sa));
	umask(old);
	if (r == -1)
		return err_sys(e, "%s", l->path);
	if (listen(l->fd, BACKLOG) == -1 || lstat(l->path, &st) == -1)
		return err_sys(e, "%s", l->path);
	l->ino = st.st_ino;
	return 0;
}

int
listen_open(struct listener *l, const char *path, bool own, struct err *e)
{
	int r;

	*l = (struct listener){ .fd = -1 };
	/* Clients may run in another directory than the agent. */
	if ((r = path == NULL ? default_path(&l->path, own, e) :
	    paths_absolute(&l->path, path, e)) != 0 || (r = bind_to(l, e)) != 0)
		listen_close(l, false);
	return r;
}

/* Of a socket option that is a number; -1: it is no socket. */
static int
option_of(int fd, int name)
{
	socklen_t n = sizeof(int);
	int v;

	return getsockopt(fd, SOL_SOCKET, name, &v, &n) == 0 ? v : -1;
}

int
listen_adopt(struct listener *l, int fd, struct err *e)
{
	int flags;

	*l = (struct listener){ .fd = -1 };
	if (option_of(fd, SO_DOMAIN) != AF_UNIX ||
	    option_of(fd, SO_TYPE) != SOCK_STREAM ||
	    option_of(fd, SO_ACCEPTCONN) != 1)
		return err_set(e, ERR_DENIED, 0, "descriptor %d, from the "
		    "service manager, is not a UNIX-domain stream socket "
		    "that listens (ListenStream)", fd);
	if ((flags = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return err_sys(e, "descriptor %d", fd);
	l->fd = fd;
	return 0;
}

void
listen_close(struct listener *l, bool remove)
{
	struct stat st;

	if (remove && l->path != NULL && lstat(l->path, &st) == 0 &&
	    st.st_ino == l->ino)
		unlink(l->path);
	if (l->fd != -1)
		close(l->fd);
	free(l->path);
	*l = (struct listener){ .fd = -1 };
}

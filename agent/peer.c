/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/peer.h"

void
peer_exe(const struct peer *p, char *buf, size_t size)
{
	char link[32];
	ssize_t n;

	if (size == 0)
		return;
	buf[0] = '\0';
	if (p->relayed)
		return;
	snprintf(link, sizeof(link), "/proc/%ld/exe", (long)p->pid);
	n = readlink(link, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
}

static void
find_name(struct peer *p)
{
	char path[PATH_MAX];
	const char *base;

	peer_exe(p, path, sizeof(path));
	if (path[0] == '\0')
		return;
	base = strrchr(path, '/');
	snprintf(p->name, sizeof(p->name), "%.63s",
	    base != NULL ? base + 1 : path);
}

void
peer_set_relayed(struct peer *p, uint32_t claims)
{
	*p = (struct peer){ .pid = PEER_RELAYED, .uid = getuid(),
	    .name = "relayed", .relayed = true, .claims = claims };
}

struct peer_text
peer_text(const struct peer *p)
{
	struct peer_text t;

	if (p->relayed)
		snprintf(t.s, sizeof(t.s), "a relayed client (pid %lu there)",
		    (unsigned long)p->claims);
	else
		snprintf(t.s, sizeof(t.s), "%s (pid %ld)", p->name,
		    (long)p->pid);
	return t;
}

int
peer_of(int fd, struct peer *p, struct err *e)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == -1)
		return err_sys(e, "peer credentials");
	*p = (struct peer){ .pid = cred.pid, .uid = cred.uid, .name = "?" };
	find_name(p);
	if (p->uid != 0 && p->uid != getuid())
		return err_set(e, ERR_DENIED, 0,
		    "process %ld (%s) of user %ld may not use this agent",
		    (long)p->pid, p->name, (long)p->uid);
	return 0;
}

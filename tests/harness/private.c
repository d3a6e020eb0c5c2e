/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pcscd writes, and at its end removes, /run/pcscd/pcscd.pid, and drives
 * every USB reader it finds.  In a mount namespace of its own it does so to
 * nobody, and sees no drivers but ours.  Root gets one; a user gets one
 * where the kernel lets users have them, and else needs none, since a user
 * can neither write that file nor open a reader.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/harness.h"

#define NOBODY	65534

static bool
write_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd == -1)
		return false;
	ok = write(fd, line, strlen(line)) == (ssize_t)strlen(line);
	close(fd);
	return ok;
}

/* Keep our own user and group numbers inside a new user namespace. */
static bool
keep_ids(uid_t uid, gid_t gid)
{
	char line[64];

	if (!write_line("/proc/self/setgroups", "deny"))
		return false;
	snprintf(line, sizeof(line), "%u %u 1", uid, uid);
	if (!write_line("/proc/self/uid_map", line))
		return false;
	snprintf(line, sizeof(line), "%u %u 1", gid, gid);
	return write_line("/proc/self/gid_map", line);
}

static bool
cover(const char *path)
{
	return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV,
	    "mode=0755,size=1m") == 0;
}

/* Without /run/pcscd there is no daemon to disturb: then all of /run. */
static bool
hide_run(const char *dir)
{
	struct stat st;

	if (stat("/run/pcscd", &st) == 0)
		return cover("/run/pcscd");
	if (strncmp(dir, "/run/", 5) != 0 && strncmp(dir, "/var/run/", 9) != 0)
		return cover("/run");
	return mkdir("/run/pcscd", 0755) == 0 && cover("/run/pcscd");
}

static bool
enter_namespace(const struct harness *h, bool root)
{
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (unshare(CLONE_NEWNS | (root ? 0 : CLONE_NEWUSER)) == -1)
		return false;
	if (!root && !keep_ids(uid, gid))
		return false;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		return false;
	cover("/usr/lib/pcsc/drivers");
	return hide_run(h->dir);
}

void
private_enter(const struct harness *h)
{
	bool root = geteuid() == 0;

	if (enter_namespace(h, root))
		return;
	/* Without a namespace pcscd wants the directory, if not its file. */
	if (mkdir("/run/pcscd", 0755) == -1 && errno != EEXIST)
		err(127, "pcscd needs a directory /run/pcscd");
	if (!root)
		return;
	if (chmod(h->dir, 0711) == -1 || setgroups(0, NULL) == -1 ||
	    setgid(NOBODY) == -1 || setuid(NOBODY) == -1)
		err(127, "no mount namespace, and no other user for pcscd");
}

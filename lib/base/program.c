/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/program.h"

static bool
is_beside(const char *name, char path[PATH_MAX])
{
	const ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	size_t dir;
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	if ((slash = strrchr(path, '/')) == NULL)
		return false;
	dir = (size_t)(slash + 1 - path);
	if (strlen(name) >= PATH_MAX - dir)
		return false;
	memcpy(path + dir, name, strlen(name) + 1);
	return access(path, X_OK) == 0;
}

int
program_find(const char *name, const char *dir, char path[PATH_MAX],
    struct err *e)
{
	if (is_beside(name, path))
		return 0;
	snprintf(path, PATH_MAX, "%s%s%s", dir != NULL ? dir : "",
	    dir != NULL ? "/" : "", name);
	if (dir == NULL || access(path, X_OK) == 0)
		return 0;
	return err_set(e, ERR_NOTFOUND, errno, "%s: %s", path,
	    strerror(errno));
}

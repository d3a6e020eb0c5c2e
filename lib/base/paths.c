/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"

/* The value of an environment variable that is an absolute path. */
static const char *
absolute(const char *name)
{
	const char *v = getenv(name);

	return v != NULL && v[0] == '/' ? v : NULL;
}

static int
join(char **out, const char *dir, const char *rest, struct err *e)
{
	if (asprintf(out, "%s/%s", dir, rest) == -1) {
		*out = NULL;
		return err_set(e, ERR_NOMEM, 0, "%s", rest);
	}
	return 0;
}

static int
under_home(char **out, const char *rest, struct err *e)
{
	const char *home = absolute("HOME");

	*out = NULL;
	if (home == NULL)
		return err_set(e, ERR_NOTFOUND, 0,
		    "HOME is not set to an absolute path");
	return join(out, home, rest, e);
}

/* Under the directory in an XDG variable, else at its place in HOME. */
static int
under_xdg(char **out, const char *variable, const char *rest,
    const char *home_rest, struct err *e)
{
	const char *dir = absolute(variable);

	if (dir == NULL)
		return under_home(out, home_rest, e);
	return join(out, dir, rest, e);
}

int
paths_runtime_socket(char **out, struct err *e)
{
	const char *dir = absolute("XDG_RUNTIME_DIR");

	*out = NULL;
	if (dir == NULL)
		return err_set(e, ERR_NOTFOUND, 0,
		    "XDG_RUNTIME_DIR is not set to an absolute path");
	return join(out, dir, "hsm-ssh-agent/agent.sock", e);
}

int
paths_home_socket(char **out, struct err *e)
{
	return under_home(out, ".ssh/agent/hsm-ssh-agent.sock", e);
}

int
paths_default_socket(char **out, struct err *e)
{
	const int r = paths_runtime_socket(out, e);

	return r == ERR_NOTFOUND ? paths_home_socket(out, e) : r;
}

int
paths_config_file(char **out, struct err *e)
{
	return under_xdg(out, "XDG_CONFIG_HOME", "hsm-ssh-agent/config",
	    ".config/hsm-ssh-agent/config", e);
}

int
paths_cache_dir(char **out, struct err *e)
{
	return under_xdg(out, "XDG_CACHE_HOME", "hsm-ssh-agent",
	    ".cache/hsm-ssh-agent", e);
}

int
paths_state_dir(char **out, struct err *e)
{
	return under_xdg(out, "XDG_STATE_HOME", "hsm-ssh-agent",
	    ".local/state/hsm-ssh-agent", e);
}

int
paths_ssh_dir(char **out, struct err *e)
{
	return under_home(out, ".ssh", e);
}

int
paths_absolute(char **out, const char *path, struct err *e)
{
	char cwd[PATH_MAX];

	*out = NULL;
	if (path[0] != '/') {
		if (getcwd(cwd, sizeof(cwd)) == NULL)
			return err_sys(e, "%s", path);
		return join(out, cwd, path, e);
	}
	if ((*out = strdup(path)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "%s", path);
	return 0;
}

static int
make_one(const char *path, struct err *e)
{
	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return err_sys(e, "%s", path);
	return 0;
}

int
paths_make_dir(const char *dir, struct err *e)
{
	char *path = strdup(dir);
	int r = 0;

	if (path == NULL)
		return err_set(e, ERR_NOMEM, 0, "%s", dir);
	for (char *p = path; r == 0 && (p = strchr(p + 1, '/')) != NULL;
	    *p = '/') {
		*p = '\0';
		r = make_one(path, e);
	}
	if (r == 0)
		r = make_one(path, e);
	free(path);
	return r;
}

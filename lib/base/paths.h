/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_PATHS_H
#define BASE_PATHS_H

#include "base/err.h"

/*
 * Where our files are: the one place that knows, for every program.  The
 * XDG variables count only when they are absolute, as their specification
 * wants.  Nothing is looked at, and created by paths_make_dir() alone.
 * *out is for free(3).
 *
 * ERR_NOTFOUND when the environment does not say: HOME is not set.
 */
#define PATHS_SYSTEM_CONFIG	"/etc/hsm-ssh-agent/config"

/* $XDG_RUNTIME_DIR/hsm-ssh-agent/agent.sock; ERR_NOTFOUND without it. */
int	 paths_runtime_socket(char **out, struct err *e) MUST_CHECK;

/* ~/.ssh/agent/hsm-ssh-agent.sock */
int	 paths_home_socket(char **out, struct err *e) MUST_CHECK;

/* Where the agent listens when it is not told: the first of these two. */
int	 paths_default_socket(char **out, struct err *e) MUST_CHECK;

/* $XDG_CONFIG_HOME/hsm-ssh-agent/config, else under ~/.config */
int	 paths_config_file(char **out, struct err *e) MUST_CHECK;

/* $XDG_CACHE_HOME/hsm-ssh-agent, else under ~/.cache */
int	 paths_cache_dir(char **out, struct err *e) MUST_CHECK;

/* $XDG_STATE_HOME/hsm-ssh-agent, else under ~/.local/state */
int	 paths_state_dir(char **out, struct err *e) MUST_CHECK;

/* ~/.ssh, where users keep their certificates. */
int	 paths_ssh_dir(char **out, struct err *e) MUST_CHECK;

/* The same file, also when the working directory is another one. */
int	 paths_absolute(char **out, const char *path, struct err *e) MUST_CHECK;

/* A directory and those above it, where they are missing, with mode 0700. */
int	 paths_make_dir(const char *dir, struct err *e) MUST_CHECK;

#endif

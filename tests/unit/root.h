/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_ROOT_H
#define UNIT_ROOT_H

/*
 * A directory that stands for "/", with files of /proc, /sys and the like
 * in it as a test wants them.  What goes wrong fails the test.
 */
char	*root_make(void);

/* Also makes the directories above. */
void	 root_put(const char *root, const char *path, const char *text);

/* A Unix socket: its descriptor; nobody listens once that is closed. */
int	 root_listen(const char *root, const char *path);
void	 root_remove(char *root);

#endif

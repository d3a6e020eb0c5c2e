/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/root.h"

char *
root_make(void)
{
	char *dir = strdup("/tmp/root.XXXXXX");

	assert_non_null(dir);
	assert_non_null(mkdtemp(dir));
	return dir;
}

/* Its path, and the directories above it. */
static void
make_path(char *path, size_t size, const char *root, const char *name)
{
	assert_in_range(snprintf(path, size, "%s%s", root, name), 1,
	    size - 1);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL;
	    p++) {
		*p = '\0';
		(void)mkdir(path, 0700);
		*p = '/';
	}
}

void
root_put(const char *root, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	make_path(path, sizeof(path), root, name);
	assert_non_null(f = fopen(path, "w"));
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

int
root_listen(const char *root, const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd != -1);
	make_path(sa.sun_path, sizeof(sa.sun_path), root, name);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)),
	    0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int
remove_one(const char *path, const struct stat *st, int type,
    struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

void
root_remove(char *root)
{
	assert_int_equal(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(root);
}

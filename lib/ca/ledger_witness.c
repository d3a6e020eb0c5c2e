/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "ca/ledger_witness.h"

#define NAME_BYTES	8		/* of the hash of the ledger's path */

char *
ledger_witness_path(const char *ledger, bool make)
{
	uint8_t hash[LEDGER_HASH];
	char name[2 * NAME_BYTES + 1], *dir, *path = NULL;
	struct err ignored;

	if (ledger_hash(span_cstr(ledger), hash, &ignored) != 0 ||
	    paths_cache_dir(&dir, &ignored) != 0)
		return NULL;
	for (size_t i = 0; i < NAME_BYTES; i++)
		snprintf(name + 2 * i, 3, "%02x", hash[i]);
	if ((make && paths_make_dir(dir, &ignored) != 0) ||
	    asprintf(&path, "%s/ledger-%s.head", dir, name) == -1)
		path = NULL;
	free(dir);
	return path;
}

bool
ledger_witness_read(const char *path, struct ledger_head *h)
{
	struct err ignored;
	bool known;
	int fd;

	*h = (struct ledger_head){ 0 };
	if (ledger_head_open(path, false, &fd, &ignored) != 0)
		return false;
	known = ledger_head_read(fd, h, &ignored) == 0;
	close(fd);
	return known;
}

void
ledger_witness_write(const char *path, const struct ledger_head *h)
{
	struct err ignored;
	int fd;

	if (ledger_head_open(path, true, &fd, &ignored) != 0)
		return;
	(void)!ledger_head_write(fd, h, &ignored);
	close(fd);
}

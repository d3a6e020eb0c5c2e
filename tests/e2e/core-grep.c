/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * core-grep [-a] PID TEXT: does the memory of a process that would go into
 * a core file hold TEXT?  With -a: does any of its memory, too?  Says where.
 * Exits with 0 if so, 1 if not, 2 if it may not look.
 *
 * It reads only pages that exist, so that the terabytes of address space
 * that a sanitizer reserves cost nothing; gcore writes them all.
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define LINE_BYTES	4096
#define PAGEMAP_BATCH	4096
#define SHADOW_BYTES	(1ULL << 30)	/* a sanitizer's are larger */

struct region {
	uint64_t from, to;
	char	 line[LINE_BYTES];	/* as smaps names it */
	unsigned long kb;		/* of it that exist */
};

struct search {
	int		 mem, pagemap;
	const char	*text;
	size_t		 len, page;
	bool		 all;
	unsigned long	 found, bytes;
};

static int
open_proc(const char *pid, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	if ((fd = open(path, flags | O_CLOEXEC)) == -1)
		err(2, "%s", path);
	return fd;
}

/* A run of pages that exist: read it whole, TEXT may cross pages. */
static void
search_run(struct search *s, const struct region *r, uint64_t from,
    uint64_t to)
{
	size_t n = (size_t)(to - from);
	const char *p, *end;
	char *buf;
	ssize_t got;

	if ((buf = malloc(n)) == NULL)
		err(2, "%zu bytes", n);
	got = pread(s->mem, buf, n, (off_t)from);
	end = buf + (got > 0 ? got : 0);
	s->bytes += (unsigned long)(end - buf);
	for (p = buf; p < end && (p = memmem(p, (size_t)(end - p), s->text,
	    s->len)) != NULL; p++) {
		s->found++;
		printf("at %" PRIx64 " in %s", from + (uint64_t)(p - buf),
		    r->line);
	}
	free(buf);
}

static bool
exists(uint64_t entry)
{
	return (entry >> 62) != 0;	/* present, or swapped out */
}

static void
search_region(struct search *s, const struct region *r)
{
	static uint64_t entry[PAGEMAP_BATCH];
	uint64_t at, run = 0;
	ssize_t got;

	for (at = r->from; at < r->to;) {
		got = pread(s->pagemap, entry, sizeof(entry),
		    (off_t)(at / s->page * sizeof(*entry)));
		if (got < (ssize_t)sizeof(*entry))
			break;
		for (size_t i = 0; i < (size_t)got / sizeof(*entry) &&
		    at < r->to; i++, at += s->page) {
			if (exists(entry[i]) && run == 0)
				run = at;
			if (!exists(entry[i]) && run != 0) {
				search_run(s, r, run, at);
				run = 0;
			}
		}
	}
	if (run != 0)
		search_run(s, r, run, at);
}

/*
 * Each region's lines end with VmFlags, where "dd" is MADV_DONTDUMP.  A
 * sanitizer's shadow memory is "dd", too.
 */
static void
search_all(struct search *s, FILE *smaps)
{
	static struct region r;
	char line[LINE_BYTES];
	unsigned long kb;
	uint64_t from, to;

	while (fgets(line, sizeof(line), smaps) != NULL) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from,
		    &to) == 2) {
			r.from = from;
			r.to = to;
			r.kb = 0;
			memcpy(r.line, line, sizeof(line));
		} else if (sscanf(line, "Rss: %lu kB", &kb) == 1 ||
		    sscanf(line, "Swap: %lu kB", &kb) == 1) {
			r.kb += kb;
		} else if (strncmp(line, "VmFlags:", 8) == 0) {
			/* The kernel's own pages cannot be read. */
			if (r.kb > 0 && strstr(r.line, "[vvar") == NULL &&
			    strstr(r.line, "[vsyscall") == NULL &&
			    strstr(line, " rd") != NULL &&
			    (strstr(line, " dd") == NULL || (s->all &&
			    r.to - r.from < SHADOW_BYTES)))
				search_region(s, &r);
		}
	}
}

int
main(int argc, char **argv)
{
	struct search s = { .all = argc == 4 && strcmp(argv[1], "-a") == 0 };
	const char *pid;
	FILE *smaps;

	if (argc != 3 && !s.all)
		errx(2, "usage: core-grep [-a] PID TEXT");
	pid = argv[argc - 2];
	s.text = argv[argc - 1];
	if ((s.len = strlen(s.text)) == 0)
		errx(2, "no text");
	s.page = (size_t)sysconf(_SC_PAGESIZE);
	s.mem = open_proc(pid, "mem", O_RDONLY);
	s.pagemap = open_proc(pid, "pagemap", O_RDONLY);
	if ((smaps = fdopen(open_proc(pid, "smaps", O_RDONLY), "r")) == NULL)
		err(2, "smaps");
	search_all(&s, smaps);
	fclose(smaps);
	if (s.bytes == 0)
		errx(2, "none of its memory can be read");
	printf("%lu times in %lu bytes\n", s.found, s.bytes);
	return s.found > 0 ? 0 : 1;
}

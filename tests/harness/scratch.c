/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/harness.h"

#define DRIVER "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"

/* A path in the scratch directory. */
struct path { char s[PATH_MAX]; };

static struct path
in_dir(const struct harness *h, const char *name)
{
	struct path p;

	if ((size_t)snprintf(p.s, sizeof(p.s), "%s/%s", h->dir, name) >=
	    sizeof(p.s))
		p.s[0] = '\0';		/* open(2) then says so */
	return p;
}

int
scratch_make(struct harness *h, struct err *e)
{
	const char *tmp = getenv("TMPDIR");

	if (h->opt.keep != NULL) {
		if (mkdir(h->opt.keep, 0700) == -1 && errno != EEXIST)
			return err_set(e, ERR_SYS, errno, "%s: %s",
			    h->opt.keep, strerror(errno));
		if (realpath(h->opt.keep, h->dir) == NULL)
			return err_set(e, ERR_SYS, errno, "%s: %s",
			    h->opt.keep, strerror(errno));
		return 0;
	}
	if (tmp == NULL || *tmp != '/' || strlen(tmp) > 60)
		tmp = "/tmp";
	snprintf(h->dir, sizeof(h->dir), "%s/with-vhsm.XXXXXX", tmp);
	if (mkdtemp(h->dir) == NULL) {
		err_set(e, ERR_SYS, errno, "%s: %s", h->dir,
		    strerror(errno));
		h->dir[0] = '\0';
		return e->code;
	}
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

void
scratch_remove(struct harness *h)
{
	char ctl[32];

	if (h->dir[0] == '\0')
		return;
	if (h->opt.keep == NULL) {
		nftw(h->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
		return;
	}
	unlink(in_dir(h, "pcscd.comm").s);
	unlink(in_dir(h, "harness").s);
	for (size_t i = 0; i < h->cards; i++) {
		snprintf(ctl, sizeof(ctl), "ctl-%zu", i);
		unlink(in_dir(h, ctl).s);
	}
}

int
scratch_listen(const char *path, int *out, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(e, ERR_LIMIT, 0, "%s: too long for a socket",
		    path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == -1 ||
	    chmod(path, 0600) == -1 || listen(fd, 16) == -1) {
		err_set(e, ERR_SYS, errno, "%s: %s", path, strerror(errno));
		if (fd != -1)
			close(fd);
		return e->code;
	}
	*out = fd;
	return 0;
}

static int
write_text(const char *path, const char *text, struct err *e)
{
	FILE *f = fopen(path, "we");

	if (f == NULL || fputs(text, f) == EOF) {
		err_set(e, ERR_SYS, errno, "%s: %s", path, strerror(errno));
		if (f != NULL)
			fclose(f);
		return e->code;
	}
	if (fclose(f) != 0)
		return err_set(e, ERR_SYS, errno, "%s: %s", path,
		    strerror(errno));
	return 0;
}

static int
copy_file(const char *from, const char *to, struct err *e)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	char buf[65536];
	ssize_t n = -1;

	unlink(to);
	if (in != -1)
		out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (out != -1)
		while ((n = read(in, buf, sizeof(buf))) > 0)
			if (write(out, buf, (size_t)n) != n) {
				n = -1;
				break;
			}
	if (n != 0)
		err_set(e, ERR_SYS, errno, "copy %s to %s: %s", from, to,
		    strerror(errno));
	if (in != -1)
		close(in);
	if (out != -1)
		close(out);
	return n != 0 ? (int)e->code : 0;
}

/*
 * The driver keeps its slots in one static table, so that each reader, of
 * two slots, needs a library of its own.
 */
static int
add_reader(struct harness *h, size_t i, struct err *e)
{
	char conf[2 * PATH_MAX], name[32];
	struct path lib, path;
	int r;

	snprintf(name, sizeof(name), "vpcd%zu.so", i);
	lib = in_dir(h, name);
	snprintf(name, sizeof(name), "readers/vpcd%zu", i);
	path = in_dir(h, name);
	snprintf(conf, sizeof(conf), "FRIENDLYNAME \"Virtual HSM %c%s\"\n"
	    "DEVICENAME /dev/null:0x%04X\nLIBPATH %s\nCHANNELID 0x%04X\n",
	    'A' + (char)i, h->opt.stick && i == 0 ? " (DENK0100000)" : "",
	    h->base[i], lib.s, h->base[i]);
	if ((r = copy_file(DRIVER, lib.s, e)) == 0)
		r = write_text(path.s, conf, e);
	return r;
}

int
scratch_configure(struct harness *h, struct err *e)
{
	static const char opensc[] = "app default {\n"
	    "\treader_driver pcsc {\n\t\tmax_send_size = 65535;\n"
	    "\t\tmax_recv_size = 65535;\n\t}\n}\n";
	struct path p = in_dir(h, "opensc.conf");
	int r;

	r = write_text(p.s, h->opt.is_short ? "app default {\n}\n" : opensc,
	    e);
	if (r != 0)
		return r;
	p = in_dir(h, "readers");
	if (mkdir(p.s, 0755) == -1 && errno != EEXIST)
		return err_set(e, ERR_SYS, errno, "%s: %s", p.s,
		    strerror(errno));
	for (size_t i = 0; i < (h->cards + 1) / 2; i++)
		if ((r = add_reader(h, i, e)) != 0)
			return r;
	return 0;
}

static void
show_log(const struct harness *h, const char *name)
{
	struct path p = in_dir(h, name);
	char line[512];
	FILE *f;

	if ((f = fopen(p.s, "re")) == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		fprintf(stderr, "%s: %s", name, line);
	fclose(f);
}

void
scratch_show_logs(const struct harness *h)
{
	char name[32];

	show_log(h, "pcscd.log");
	for (size_t i = 0; i < h->cards; i++) {
		snprintf(name, sizeof(name), "vhsm-%zu.log", i);
		show_log(h, name);
	}
}

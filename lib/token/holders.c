/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "token/holders.h"

#define LIBRARY		"/libpcsclite"
#define SCAN_MS_MAX	500
#define NAMED_MAX	3	/* in a sentence */

/*
 * The most likely one first.  A name is cut at 15 bytes, as Linux does; one
 * that ends in "-" is the beginning of several.
 */
static const struct {
	const char	*name;
	const char	*advice;
} known[] = {
	{ "scdaemon", "run \"gpgconf --kill scdaemon\", or put "
	    "\"pcsc-shared\" into ~/.gnupg/scdaemon.conf" },
	{ "gsd-smartcard", "run \"systemctl --user mask --now "
	    "org.gnome.SettingsDaemon.Smartcard.service\"" },
	{ "ssh-pkcs11-help", "take the token out of that ssh-agent "
	    "with \"ssh-add -e\" and the path of its module" },
	{ "yubikey-agent", "end it, or run \"killall -HUP yubikey-agent\"" },
	{ "firefox", "close it, or unload its security module for smart "
	    "cards" },
	{ "firefox-", "close it, or unload its security module for smart "
	    "cards" },
	{ "thunderbird", "close it, or unload its security module for smart "
	    "cards" },
	{ "chrome", "close it" },
	{ "chromium", "close it" },
	{ "sc-hsm-", "wait until it has ended" },
	{ "opensc-", "wait until it has ended" },
	{ "pkcs11-", "wait until it has ended" },
	{ "pkcs15-", "wait until it has ended" },
};

#define KNOWN	(sizeof(known) / sizeof(*known))

/* They never hold a card for themselves alone. */
static const char *const harmless[] = {
	"pcscd", "hsm-ssh-agent", "hsm-keyutil",
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static FILE *
open_in(const char *proc, long pid, const char *file)
{
	char path[512];
	int n = snprintf(path, sizeof(path), "%s/%ld/%s", proc, pid, file);

	if (n < 0 || (size_t)n >= sizeof(path))
		return NULL;
	return fopen(path, "re");
}

static bool
read_name(const char *proc, long pid, char name[static 16])
{
	FILE *f;
	bool ok;

	if ((f = open_in(proc, pid, "comm")) == NULL)
		return false;
	ok = fgets(name, 16, f) != NULL;
	fclose(f);
	if (!ok)
		return false;
	name[strcspn(name, "\n")] = '\0';
	for (char *p = name; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return name[0] != '\0';
}

static bool
is_harmless(const char *name)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		if (strcmp(harmless[i], name) == 0)
			return true;
	return false;
}

static bool
maps_library(const char *proc, long pid, int64_t until)
{
	char line[4200];	/* a whole path, and what is before it */
	const char *file;
	bool found = false;
	FILE *f;

	if ((f = open_in(proc, pid, "maps")) == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL &&
	    now_ms() <= until) {
		file = strrchr(line, '/');
		found = file != NULL && strncmp(file, LIBRARY,
		    sizeof(LIBRARY) - 1) == 0;
	}
	fclose(f);
	return found;
}

static long
pid_of(const struct dirent *d)
{
	char *end;
	long pid = strtol(d->d_name, &end, 10);

	return d->d_name[0] >= '1' && d->d_name[0] <= '9' && *end == '\0' ?
	    pid : -1;
}

size_t
pcsc_holders(const char *proc, struct pcsc_holder *v, size_t max)
{
	const int64_t until = now_ms() + SCAN_MS_MAX;
	struct dirent *d;
	size_t n = 0;
	long pid;
	DIR *dir;

	if ((dir = opendir(proc)) == NULL)
		return 0;
	while (n < max && now_ms() <= until && (d = readdir(dir)) != NULL) {
		if ((pid = pid_of(d)) == -1 || pid == getpid() ||
		    !read_name(proc, pid, v[n].name) ||
		    is_harmless(v[n].name) ||
		    !maps_library(proc, pid, until))
			continue;
		v[n++].pid = pid;
	}
	closedir(dir);
	return n;
}

/* Its place in the table; KNOWN if it has none. */
static size_t
rank(const char *holder)
{
	const char *name;
	size_t i, n;

	for (i = 0; i < KNOWN; i++) {
		name = known[i].name;
		n = strlen(name);
		if (name[n - 1] == '-' ? strncmp(holder, name, n) == 0 :
		    strcmp(holder, name) == 0)
			break;
	}
	return i;
}

static int
by_rank(const void *a, const void *b)
{
	const struct pcsc_holder *h = a, *k = b;
	const size_t x = rank(h->name), y = rank(k->name);

	return x < y ? -1 : x > y;
}

const char *
pcsc_holder_advice(const char *name)
{
	const size_t i = rank(name);

	return i < KNOWN ? known[i].advice : NULL;
}

/* Cut where the room ends. */
static void __attribute__((format(printf, 3, 4)))
add(char *text, size_t len, const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + n, len - n, fmt, ap);
	va_end(ap);
}

void
pcsc_holders_describe(const char *proc, char *text, size_t len)
{
	struct pcsc_holder v[16];
	size_t n = pcsc_holders(proc, v, sizeof(v) / sizeof(*v)), i;
	const char *advice;

	if (n == 0) {
		snprintf(text, len, "it cannot be seen who; for GnuPG run "
		    "\"gpgconf --kill scdaemon\", else end the program or "
		    "set it to shared mode");
		return;
	}
	qsort(v, n, sizeof(*v), by_rank);
	text[0] = '\0';
	add(text, len, n == 1 ? "" : "one of ");
	for (i = 0; i < n && i < NAMED_MAX; i++)
		add(text, len, "%s%s (pid %ld)", i > 0 ? ", " : "", v[i].name,
		    v[i].pid);
	advice = pcsc_holder_advice(v[0].name);
	add(text, len, "%s; %s", n > NAMED_MAX ? " and others" : "",
	    advice != NULL ? advice : "end it, or set it to shared mode");
}

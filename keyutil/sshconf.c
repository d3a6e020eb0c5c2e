/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/spawn.h"
#include "keyutil/sshconf.h"

#define PATIENCE_MS	5000
#define NUMBER_DIGITS	4

static bool
is_yes(const char *value)
{
	return strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;
}

/* A setting that says "none" is not set. */
static const char *
unless_none(const char *value)
{
	return strcasecmp(value, "none") == 0 ? NULL : value;
}

static void
take(struct sshconf *c, const char *name, const char *value)
{
	if (strcmp(name, "identityfile") == 0) {
		if (c->n_files < SSHCONF_FILES_MAX &&
		    unless_none(value) != NULL)
			c->files[c->n_files++] = value;
	} else if (strcmp(name, "identityagent") == 0) {
		c->agent = value;
	} else if (strcmp(name, "pkcs11provider") == 0) {
		c->provider = unless_none(value);
	} else if (strcmp(name, "pubkeyacceptedalgorithms") == 0 ||
	    strcmp(name, "pubkeyacceptedkeytypes") == 0) {
		c->algorithms = value;	/* the second name until 8.5 */
	} else if (strcmp(name, "identitiesonly") == 0) {
		c->identities_only = is_yes(value);
	} else if (strcmp(name, "pubkeyauthentication") == 0) {
		c->no_pubkey = strcmp(value, "no") == 0 ||
		    strcmp(value, "false") == 0;
	}
}

int
sshconf_parse(struct span output, struct sshconf *c, struct err *e)
{
	char *line, *next, *value;

	*c = (struct sshconf){ 0 };
	if (output.n > SSHCONF_OUTPUT_MAX)
		return err_set(e, ERR_LIMIT, 0, "ssh -G prints too much");
	if ((c->text = malloc(output.n + 1)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "ssh -G");
	if (output.n > 0)
		memcpy(c->text, output.p, output.n);
	c->text[output.n] = '\0';
	for (line = c->text; line != NULL; line = next) {
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		if ((value = strchr(line, ' ')) == NULL)
			continue;
		*value++ = '\0';
		take(c, line, value);
	}
	return 0;
}

void
sshconf_free(struct sshconf *c)
{
	free(c->text);
	*c = (struct sshconf){ 0 };
}

static int
ms_left(const struct timespec *end)
{
	struct timespec now;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (long)(end->tv_sec - now.tv_sec) * 1000 +
	    (end->tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 0;
}

/* All that fits, until its end; false when that does not come in time. */
static bool
read_all(int fd, char *text, size_t n, const struct timespec *end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char rest[512];
	size_t used = 0;
	ssize_t got;

	for (;;) {
		const bool full = used == n - 1;

		if (poll(&p, 1, ms_left(end)) <= 0)
			return false;
		got = full ? read(fd, rest, sizeof(rest)) :
		    read(fd, text + used, n - 1 - used);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		used += full ? 0 : (size_t)got;
	}
	text[used] = '\0';
	return got == 0;
}

bool
sshconf_run(char *const argv[], char *text, size_t n, int *status)
{
	struct timespec end;
	struct err e;
	bool ok;
	pid_t pid;
	int fd;

	if (spawn_reader(argv, &pid, &fd, &e) != 0)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += PATIENCE_MS / 1000;
	ok = read_all(fd, text, n, &end);
	close(fd);
	if (ok && spawn_wait(pid, (unsigned int)ms_left(&end), status))
		return true;
	spawn_kill(pid);
	return false;
}

int
sshconf_ask(const char *host, struct sshconf *c, struct err *e)
{
	char ssh[] = "ssh", print[] = "-TG", end[] = "--", word[256], *text;
	char *const argv[] = { ssh, print, end, word, NULL };
	int r, status = 0;

	*c = (struct sshconf){ 0 };
	if (strlen(host) >= sizeof(word))
		return err_set(e, ERR_USAGE, 0, "the name of the host is too "
		    "long");
	memcpy(word, host, strlen(host) + 1);
	if ((text = malloc(SSHCONF_OUTPUT_MAX)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "ssh -G");
	if (!sshconf_run(argv, text, SSHCONF_OUTPUT_MAX, &status))
		r = err_set(e, ERR_NOTFOUND, 0, "ssh does not run");
	else if (status != 0)
		r = err_set(e, ERR_UNSUPPORTED, status,
		    "ssh does not tell its settings");
	else
		r = sshconf_parse(span_cstr(text), c, e);
	free(text);
	return r;
}

static bool
number(const char **s, int *n)
{
	size_t digits = strspn(*s, "0123456789");

	if (digits == 0 || digits > NUMBER_DIGITS)
		return false;
	*n = 0;
	for (; digits > 0; digits--)
		*n = 10 * *n + *(*s)++ - '0';
	return true;
}

bool
sshconf_version(const char *text, const char *name, int *major, int *minor)
{
	const char *s = strstr(text, name);

	if (s == NULL)
		return false;
	s += strlen(name);
	return number(&s, major) && *s++ == '.' && number(&s, minor);
}

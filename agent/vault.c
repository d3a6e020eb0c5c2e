/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/queue.h>
#include <sys/stat.h>

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/vault.h"
#include "base/paths.h"
#include "token/token.h"

struct entry {
	LIST_ENTRY(entry) next;
	char		 serial[32];
	bool		 unlocked;
	unsigned int	 lifetime;		/* s; 0: as configured */
	int64_t		 expires, idle_end;	/* ms, boot clock; 0: never */
	unsigned int	 idle;			/* s, as of the unlock */
	struct secret	*pin;			/* empty: not kept */
	struct secret	*rejected;		/* empty: none */
	int		 tries_then;		/* left after it */
	bool		 barred;
	bool		 bar_filed;		/* there is a file, too */
	struct timespec	 barred_since;		/* real time */
};

struct vault {
	pthread_mutex_t	 lock;
	struct vault_conf conf;
	LIST_HEAD(entries, entry) entries;
};

/* A suspended machine's time counts. */
static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A serial number comes from a card: only a plain one becomes a name. */
static char *
bar_path(const struct vault *v, const char *serial)
{
	char *path;

	if (v->conf.state_dir == NULL || serial[0] == '\0')
		return NULL;
	for (const char *p = serial; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p))
			return NULL;
	if (asprintf(&path, "%s/pin-rejected-%s", v->conf.state_dir,
	    serial) == -1)
		return NULL;
	return path;
}

static void
load_bar(const struct vault *v, struct entry *n)
{
	char *path = bar_path(v, n->serial);
	struct stat st;

	if (path != NULL && lstat(path, &st) == 0) {
		n->barred = n->bar_filed = true;
		n->barred_since = st.st_mtim;
	}
	free(path);
}

static void
entry_free(struct entry *n)
{
	secret_free(n->pin);
	secret_free(n->rejected);
	free(n);
}

/* Under the lock; NULL: no memory, and nothing is remembered. */
static struct entry *
find(struct vault *v, const char *serial)
{
	struct entry *n;

	LIST_FOREACH(n, &v->entries, next)
		if (strcmp(n->serial, serial) == 0)
			return n;
	if ((n = calloc(1, sizeof(*n))) == NULL)
		return NULL;
	n->pin = secret_new();
	n->rejected = secret_new();
	if (n->pin == NULL || n->rejected == NULL) {
		entry_free(n);
		return NULL;
	}
	snprintf(n->serial, sizeof(n->serial), "%s", serial);
	load_bar(v, n);
	LIST_INSERT_HEAD(&v->entries, n, next);
	return n;
}

static void
forget(struct entry *n)
{
	secret_clear(n->pin);
	n->unlocked = false;
	n->expires = n->idle_end = 0;
}

/* When the first of the two ends comes; 0: never. */
static int64_t
end_of(const struct entry *n)
{
	if (n->expires == 0 || n->idle_end == 0)
		return n->expires + n->idle_end;
	return n->expires < n->idle_end ? n->expires : n->idle_end;
}

/* Take the lock and look the token up, forgetting what has expired. */
static struct entry *
enter(struct vault *v, const char *serial)
{
	struct entry *n;

	pthread_mutex_lock(&v->lock);
	n = find(v, serial);
	if (n != NULL && end_of(n) != 0 && end_of(n) <= now_ms())
		forget(n);
	return n;
}

static void
leave(struct vault *v)
{
	pthread_mutex_unlock(&v->lock);
}

int
vault_new(struct vault **out, const struct vault_conf *conf, struct err *e)
{
	struct vault *v;

	if ((v = calloc(1, sizeof(*v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "vault");
	v->conf = *conf;
	pthread_mutex_init(&v->lock, NULL);
	LIST_INIT(&v->entries);
	*out = v;
	return 0;
}

void
vault_free(struct vault *v)
{
	struct entry *n;

	if (v == NULL)
		return;
	while ((n = LIST_FIRST(&v->entries)) != NULL) {
		LIST_REMOVE(n, next);
		entry_free(n);
	}
	pthread_mutex_destroy(&v->lock);
	free(v);
}

static int64_t
from_now(unsigned int s)
{
	return s == 0 ? 0 : now_ms() + (int64_t)s * 1000;
}

static int64_t
lifetime_end(const struct vault *v, const struct entry *n)
{
	return from_now(n->lifetime != 0 ? n->lifetime : v->conf.lifetime);
}

void
vault_limit(struct vault *v, const char *serial, unsigned int seconds)
{
	struct entry *n = enter(v, serial);

	if (n != NULL) {
		n->lifetime = seconds;
		if (n->unlocked)
			n->expires = lifetime_end(v, n);
	}
	leave(v);
}

void
vault_shorten(struct vault *v, const char *serial, unsigned int seconds)
{
	struct entry *n = enter(v, serial);
	const int64_t end = from_now(seconds);

	if (n != NULL && n->unlocked && seconds != 0 &&
	    (n->expires == 0 || end < n->expires)) {
		n->lifetime = seconds;
		n->expires = end;
	}
	leave(v);
}

void
vault_unlock(struct vault *v, const char *serial, const struct secret *pin)
{
	struct entry *n = enter(v, serial);
	char *path;

	if (n != NULL) {
		if (!n->unlocked) {
			n->expires = lifetime_end(v, n);
			n->idle = v->conf.idle;
		}
		n->idle_end = from_now(n->idle);
		n->unlocked = true;
		secret_clear(n->rejected);
		if (pin == NULL)
			secret_clear(n->pin);
		else
			secret_copy(n->pin, pin);
		if (n->barred && (path = bar_path(v, serial)) != NULL) {
			(void)unlink(path);
			free(path);
		}
		n->barred = n->bar_filed = false;
	}
	leave(v);
}

void
vault_set_times(struct vault *v, unsigned int lifetime, unsigned int idle)
{
	pthread_mutex_lock(&v->lock);
	v->conf.lifetime = lifetime;
	v->conf.idle = idle;
	pthread_mutex_unlock(&v->lock);
}

void
vault_restrict(struct vault *v, const char *serial, bool login, bool pin)
{
	struct entry *n = enter(v, serial);

	if (n != NULL && !login && !pin)
		forget(n);
	else if (n != NULL && !pin)
		secret_clear(n->pin);
	leave(v);
}

void
vault_lock(struct vault *v, const char *serial)
{
	struct entry *n;

	pthread_mutex_lock(&v->lock);
	LIST_FOREACH(n, &v->entries, next)
		if (serial == NULL || strcmp(n->serial, serial) == 0)
			forget(n);
	pthread_mutex_unlock(&v->lock);
}

void
vault_lock_absent(struct vault *v,
    bool (*present)(void *arg, const char *serial), void *arg)
{
	struct entry *n;

	pthread_mutex_lock(&v->lock);
	LIST_FOREACH(n, &v->entries, next)
		if (!present(arg, n->serial))
			forget(n);
	pthread_mutex_unlock(&v->lock);
}

bool
vault_unlocked(struct vault *v, const char *serial)
{
	struct entry *n = enter(v, serial);
	bool yes = n != NULL && n->unlocked;

	leave(v);
	return yes;
}

bool
vault_pin(struct vault *v, const char *serial, struct secret *out)
{
	struct entry *n = enter(v, serial);
	bool yes = n != NULL && n->unlocked && secret_len(n->pin) > 0;

	if (yes)
		secret_copy(out, n->pin);
	else
		secret_clear(out);
	leave(v);
	return yes;
}

void
vault_used(struct vault *v, const char *serial)
{
	struct entry *n = enter(v, serial);

	if (n != NULL && n->unlocked)
		n->idle_end = from_now(n->idle);
	leave(v);
}

int64_t
vault_ends_in(struct vault *v, const char *serial)
{
	struct entry *n = enter(v, serial);
	int64_t ms = -1;

	if (n != NULL && n->unlocked && end_of(n) != 0)
		ms = end_of(n) - now_ms();
	leave(v);
	return ms;
}

void
vault_rejected(struct vault *v, const char *serial, const struct secret *pin,
    int tries)
{
	struct entry *n = enter(v, serial);

	if (n != NULL) {
		secret_copy(n->rejected, pin);
		n->tries_then = tries;
		forget(n);
	}
	leave(v);
}

bool
vault_was_rejected(struct vault *v, const char *serial,
    const struct secret *pin)
{
	struct entry *n = enter(v, serial);
	bool yes = n != NULL && secret_len(n->rejected) > 0 &&
	    secret_eq(n->rejected, pin);

	leave(v);
	return yes;
}

bool
vault_is_unsure(struct vault *v, const char *serial)
{
	struct entry *n = enter(v, serial);
	bool yes = n != NULL && n->tries_then >= TOKEN_TRIES_UNKNOWN - 1;

	leave(v);
	return yes;
}

void
vault_saw_tries(struct vault *v, const char *serial, int tries)
{
	struct entry *n = enter(v, serial);

	if (n != NULL && (tries == -1 || tries > n->tries_then))
		secret_clear(n->rejected);
	leave(v);
}

static int
write_bar(const struct vault *v, const char *path, struct err *e)
{
	static const char text[] =
	    "A PIN that nobody typed was rejected by this token, or the token "
	    "was gone\nbefore it said so.  The agent tries none by itself "
	    "until somebody logs in\nwith the right one, changes the file "
	    "that it came from, or removes this file.\n";
	int fd, r;

	if ((r = paths_make_dir(v->conf.state_dir, e)) != 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd == -1)
		return err_sys(e, "%s", path);
	/* An empty file says it as well: a full disk takes nothing away. */
	if (write(fd, text, sizeof(text) - 1) == -1 || fsync(fd) == -1)
		r = err_sys(e, "%s", path);
	close(fd);
	return r;
}

int
vault_bar(struct vault *v, const char *serial, struct err *e)
{
	struct entry *n = enter(v, serial);
	char *path = bar_path(v, serial);
	int r = 0;

	if (n != NULL) {
		n->barred = true;
		clock_gettime(CLOCK_REALTIME, &n->barred_since);
	}
	if (path != NULL && (r = write_bar(v, path, e)) == 0 && n != NULL)
		n->bar_filed = true;
	free(path);
	leave(v);
	return r;
}

/* A person may have removed the file, as it says. */
static void
look_for_bar(const struct vault *v, struct entry *n)
{
	if (!n->barred || !n->bar_filed)
		return;
	n->barred = n->bar_filed = false;
	load_bar(v, n);
}

bool
vault_barred(struct vault *v, const char *serial, struct timespec *since)
{
	struct entry *n = enter(v, serial);
	bool yes;

	if (n != NULL)
		look_for_bar(v, n);
	yes = n != NULL && n->barred;
	if (yes)
		*since = n->barred_since;
	leave(v);
	return yes;
}

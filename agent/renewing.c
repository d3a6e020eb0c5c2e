/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/renewing.h"
#include "base/program.h"
#include "base/spawn.h"

#define SOONEST_MS	1000		/* from one look to the next, */
#define LATEST_MS	(5 * 60 * 1000)
#define RETRY_S		300		/* after one that failed */
#define END_MS		2000		/* for the program, once it is done */

struct renewing {
	struct renewing_conf conf;
	char		*variable;	/* SSH_AUTH_SOCK=... */
	struct timer	*timer;

	/* The one that is being renewed. */
	pid_t		 pid;		/* -1: none is */
	int		 fd;
	struct watch	*watch;
	char		*path;

	/* What failed is left alone for a while. */
	char		*failed;	/* path; NULL: nothing did */
	uint64_t	 retry;		/* s since the epoch */
};

uint64_t
renewing_due(uint64_t after, uint64_t before)
{
	if (before <= after || before - after > RENEWING_LONGEST)
		return 0;
	return before - (before - after) / 3;
}

static void	 on_timer(void *arg);

static void
look_again(struct renewing *r, int64_t ms)
{
	timer_free(r->timer);
	r->timer = loop_timer(r->conf.loop, ms < SOONEST_MS ? SOONEST_MS :
	    ms > LATEST_MS ? LATEST_MS : ms, on_timer, r);
}

/* --- the program --- */

static void
let_go(struct renewing *r)
{
	watch_free(r->watch);
	r->watch = NULL;
	if (r->fd != -1)
		close(r->fd);
	r->fd = -1;
	r->pid = -1;
	free(r->path);
	r->path = NULL;
}

static void
done(struct renewing *r, int status)
{
	if (status == 0) {
		log_info(r->conf.log, "renewed %s", r->path);
	} else {
		log_error(r->conf.log, "cannot renew %s: hsm-keyutil ended "
		    "with status %d", r->path, status);
		free(r->failed);
		r->failed = r->path;
		r->path = NULL;
		r->retry = (uint64_t)time(NULL) + RETRY_S;
	}
	let_go(r);
	look_again(r, 0);
}

/* What it prints is for a person at a terminal. */
static void
on_output(void *arg, short revents)
{
	struct renewing *r = arg;
	char buf[1024];
	int status = -1;

	(void)revents;
	if (read(r->fd, buf, sizeof(buf)) > 0)
		return;
	if (!spawn_wait(r->pid, END_MS, &status))
		spawn_kill(r->pid);
	done(r, status);
}

static int
start(struct renewing *r, const char *path, struct err *e)
{
	char program[PATH_MAX];
	char ca[] = "ca", renew[] = "renew", dashes[] = "--";
	char *argv[] = { program, ca, renew, dashes, NULL, NULL };
	int x;

	if ((r->path = argv[4] = strdup(path)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "no memory");
	if ((x = program_find("hsm-keyutil", NULL, program, e)) != 0 ||
	    (x = spawn_reader_with(argv, r->variable, &r->pid, &r->fd,
	    e)) != 0)
		return x;
	r->watch = loop_watch(r->conf.loop, r->fd, POLLIN, on_output, r);
	if (r->watch == NULL) {
		spawn_kill(r->pid);
		return err_set(e, ERR_NOMEM, 0, "no memory");
	}
	return 0;
}

/* --- what is due --- */

/* Of its own keys, by its own CAs, and in a file. */
static bool
is_ours(const struct certfile *f, const struct idents *ids)
{
	struct cert c;
	struct err e;

	return f->path[0] != '\0' && f->bad[0] == '\0' &&
	    f->type == CERT_USER &&
	    ident_find(ids, certfile_key(f)) != NULL &&
	    cert_parse(certfile_blob(f), &c, &e) == 0 &&
	    ident_find(ids, c.ca) != NULL;
}

/* When it is to be renewed; 0: never. */
static uint64_t
due_of(const struct renewing *r, const struct certfile *f,
    const struct idents *ids, uint64_t now)
{
	uint64_t due;

	if (f->valid_before <= now || !is_ours(f, ids))
		return 0;
	due = renewing_due(f->valid_after, f->valid_before);
	if (due != 0 && r->failed != NULL && strcmp(r->failed, f->path) == 0 &&
	    due < r->retry)
		due = r->retry;
	return due;
}

/* The one that is due first, or NULL. */
static const struct certfile *
first_due(const struct renewing *r, const struct certs *certs,
    const struct idents *ids, uint64_t now, uint64_t *when)
{
	const struct certfile *first = NULL;
	const struct certfile *const *v;
	uint64_t due;
	size_t n;

	v = certs_all(certs, &n);
	for (size_t i = 0; i < n; i++) {
		due = due_of(r, v[i], ids, now);
		if (due != 0 && (first == NULL || due < *when)) {
			first = v[i];
			*when = due;
		}
	}
	return first;
}

static void
on_timer(void *arg)
{
	struct renewing *r = arg;
	struct certs *certs = r->conf.certs(r->conf.arg);
	const struct idents *ids = r->conf.idents(r->conf.arg);
	const uint64_t now = (uint64_t)time(NULL);
	const struct certfile *f = NULL;
	uint64_t when = 0;
	struct err e;

	r->timer = NULL;
	if (r->pid != -1)
		return;
	if (certs == NULL || ids == NULL) {
		look_again(r, 0);
		return;
	}
	(void)certs_refresh(certs, (time_t)now);
	if ((f = first_due(r, certs, ids, now, &when)) == NULL) {
		look_again(r, LATEST_MS);
	} else if (when > now) {
		look_again(r, (int64_t)(when - now < LATEST_MS ?
		    (when - now) * 1000 : LATEST_MS));
	} else if (start(r, f->path, &e) != 0) {
		log_error(r->conf.log, "cannot renew %s: %s", f->path, e.msg);
		let_go(r);
		look_again(r, LATEST_MS);
	}
}

int
renewing_new(struct renewing **out, const struct renewing_conf *conf,
    struct err *e)
{
	struct renewing *r = calloc(1, sizeof(*r));

	if (r == NULL || asprintf(&r->variable, "SSH_AUTH_SOCK=%s",
	    conf->socket) == -1) {
		free(r);
		return err_set(e, ERR_NOMEM, 0, "RenewCertificates");
	}
	r->conf = *conf;
	r->pid = -1;
	r->fd = -1;
	look_again(r, 0);
	*out = r;
	return 0;
}

void
renewing_free(struct renewing *r)
{
	if (r == NULL)
		return;
	if (r->pid != -1)
		spawn_kill(r->pid);
	let_go(r);
	timer_free(r->timer);
	free(r->failed);
	free(r->variable);
	free(r);
}

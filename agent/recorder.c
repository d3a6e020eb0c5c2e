/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/conn.h"
#include "agent/recorder.h"
#include "base/program.h"
#include "base/spawn.h"
#include "ssh/agentmsg.h"

#define PROGRAM		"hsm-ssh-agent-ledger"
#define READ_BYTES	4096
#define END_MS		2000	/* for the process, when it was asked to */

struct job {
	STAILQ_ENTRY(job) next;
	enum record_kind kind;
	uint64_t	 id;
	size_t		 n;
	uint8_t		 bytes[];	/* length and message */
};

struct recorder {
	struct recorder_conf conf;
	char		*path;
	STAILQ_HEAD(jobs, job) jobs;	/* the first one is being done */
	size_t		 sent;		/* of its bytes */
	pid_t		 pid;		/* -1: it does not run */
	int		 fd;		/* to it, or -1 */
	struct watch	*watch;
	struct conn_in	 in;
};

/* --- jobs --- */

static struct job *
job_new(const struct record *r)
{
	struct wire_w w;
	struct job *j = NULL;
	struct span msg;

	if (!wire_write(&w, AGENT_MAX_MSG))
		return NULL;
	record_put(r, &w);
	msg = wire_bytes(&w);
	if (!w.bad && (j = malloc(sizeof(*j) + 4 + msg.n)) != NULL) {
		*j = (struct job){ .kind = r->kind, .id = r->id,
		    .n = 4 + msg.n };
		for (int i = 0; i < 4; i++)
			j->bytes[i] = (uint8_t)(msg.n >> (24 - 8 * i));
		memcpy(j->bytes + 4, msg.p, msg.n);
	}
	wire_free(&w);
	return j;
}

/* --- the other process --- */

static void
stop(struct recorder *rec)
{
	int status;

	watch_free(rec->watch);
	rec->watch = NULL;
	if (rec->fd != -1)
		close(rec->fd);
	rec->fd = -1;
	if (rec->pid != -1 && !spawn_wait(rec->pid, END_MS, &status))
		spawn_kill(rec->pid);
	rec->pid = -1;
	rec->sent = 0;
	conn_in_next(&rec->in);
}

/* Everybody is told; who is may bring something new. */
static void
fail(struct recorder *rec, const char *how)
{
	struct jobs jobs = STAILQ_HEAD_INITIALIZER(jobs);
	struct record_answer a = { 0 };
	struct job *j;

	stop(rec);
	STAILQ_CONCAT(&jobs, &rec->jobs);
	while ((j = STAILQ_FIRST(&jobs)) != NULL) {
		STAILQ_REMOVE_HEAD(&jobs, next);
		a.kind = j->kind;
		a.id = j->id;
		a.r = err_set(&a.err, ERR_SYS, 0, "the ledger: " PROGRAM
		    " %s; whether it was recorded is not known", how);
		free(j);
		rec->conf.answer(rec->conf.arg, &a);
	}
}

static void	 on_ready(void *arg, short revents);

static int
start(struct recorder *rec, struct err *e)
{
	char program[PATH_MAX];
	char *argv[] = { program, rec->path, NULL };
	int r;

	if (rec->pid != -1)
		return 0;
	if ((r = program_find(PROGRAM, LIBEXECDIR, program, e)) != 0)
		return err_wrap(e, "the ledger cannot be kept");
	if ((r = spawn_talker(argv, &rec->pid, &rec->fd, e)) != 0)
		return r;
	(void)fcntl(rec->fd, F_SETFL, O_NONBLOCK);
	rec->watch = loop_watch(rec->conf.loop, rec->fd, POLLIN, on_ready,
	    rec);
	if (rec->watch == NULL) {
		stop(rec);
		return err_set(e, ERR_NOMEM, 0, "ledger");
	}
	return 0;
}

/* As much of the first job as it takes now; false: nobody is there. */
static bool
send_some(struct recorder *rec)
{
	const struct job *j = STAILQ_FIRST(&rec->jobs);
	ssize_t n;

	while (j != NULL && rec->sent < j->n) {
		n = send(rec->fd, j->bytes + rec->sent, j->n - rec->sent,
		    MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n == -1)
			break;
		rec->sent += (size_t)n;
	}
	watch_set(rec->watch, j != NULL && rec->sent < j->n ?
	    POLLIN | POLLOUT : POLLIN);
	return true;
}

/* The first job is done, if this is its answer. */
static bool
take_answer(struct recorder *rec, struct span msg)
{
	struct job *j = STAILQ_FIRST(&rec->jobs);
	struct record_answer a;

	if (j == NULL || !record_answer_parse(msg, &a) || a.id != j->id ||
	    a.kind != j->kind)
		return false;
	STAILQ_REMOVE_HEAD(&rec->jobs, next);
	free(j);
	rec->sent = 0;
	conn_in_next(&rec->in);
	rec->conf.answer(rec->conf.arg, &a);
	return rec->pid == -1 || send_some(rec);
}

static bool
receive_some(struct recorder *rec)
{
	uint8_t buf[READ_BYTES];
	struct span in, msg;
	ssize_t n;
	int got;

	n = recv(rec->fd, buf, sizeof(buf), 0);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	in = (struct span){ buf, (size_t)n };
	got = conn_in_feed(&rec->in, &in, &msg);
	/* There is never more than the one answer. */
	if (n == 0 || got == -1 || in.n > 0)
		return false;
	return got == 0 || take_answer(rec, msg);
}

static void
on_ready(void *arg, short revents)
{
	struct recorder *rec = arg;

	if (((revents & POLLOUT) != 0 && !send_some(rec)) ||
	    ((revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
	    !receive_some(rec)))
		fail(rec, "ended");
}

int
recorder_new(struct recorder **out, const struct recorder_conf *conf,
    struct err *e)
{
	struct recorder *rec;

	if ((rec = calloc(1, sizeof(*rec))) == NULL ||
	    (rec->path = strdup(conf->path)) == NULL) {
		free(rec);
		return err_set(e, ERR_NOMEM, 0, "ledger");
	}
	rec->conf = *conf;
	STAILQ_INIT(&rec->jobs);
	rec->pid = -1;
	rec->fd = -1;
	*out = rec;
	return 0;
}

void
recorder_free(struct recorder *rec)
{
	struct job *j;

	if (rec == NULL)
		return;
	stop(rec);
	while ((j = STAILQ_FIRST(&rec->jobs)) != NULL) {
		STAILQ_REMOVE_HEAD(&rec->jobs, next);
		free(j);
	}
	free(rec->path);
	free(rec);
}

int
recorder_put(struct recorder *rec, const struct record *r, struct err *e)
{
	struct job *j;
	int x;

	if ((x = start(rec, e)) != 0)
		return x;
	if ((j = job_new(r)) == NULL)
		return err_set(e, ERR_LIMIT, 0, "a certificate that is too "
		    "long for the ledger");
	STAILQ_INSERT_TAIL(&rec->jobs, j, next);
	/* That nobody is there the loop sees, and then all are told. */
	if (STAILQ_FIRST(&rec->jobs) == j)
		(void)send_some(rec);
	return 0;
}

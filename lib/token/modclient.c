/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/program.h"
#include "base/spawn.h"
#include "token/modchan.h"
#include "token/modclient.h"

#define PROGRAM		"hsm-ssh-agent-module"
#define QUICK_S		10	/* to tell a state */
#define READ_S		30	/* to open a token and read what is on it */
#define MAKE_S		600	/* to make a key */
#define PAD_S		120	/* to type a PIN where the token has keys */
#define END_MS		2000	/* for the process, when it was told to end */

struct modclient {
	int		 fd;
	pid_t		 pid;		/* -1: none, or it has ended */
	char		*module;
	unsigned int	 timeout;	/* s */
	atomic_bool	 interrupted;	/* perhaps inside the module */
	bool		 dead;
	struct err	 why;		/* it is */
	uint8_t		*msg;		/* the last answer */
	struct mod_answer answer;
};

/* A name for people: the file is enough. */
static const char *
name_of(const struct modclient *c)
{
	const char *slash = strrchr(c->module, '/');

	return slash != NULL ? slash + 1 : c->module;
}

int
modclient_over(struct modclient **out, int fd, unsigned int timeout,
    struct err *e)
{
	struct modclient *c;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->module = strdup("the module")) == NULL) {
		free(c);
		close(fd);
		return err_set(e, ERR_NOMEM, 0, "module");
	}
	c->fd = fd;
	c->pid = -1;
	c->timeout = timeout != 0 ? timeout : MODCLIENT_TIMEOUT;
	*out = c;
	return 0;
}

int
modclient_new(struct modclient **out, const char *module,
    unsigned int timeout, struct err *e)
{
	char program[PATH_MAX], *path;
	char *argv[] = { program, NULL, NULL };
	struct modclient *c;
	pid_t pid;
	int fd, r;

	if ((path = strdup(module)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "module");
	argv[1] = path;
	if ((r = program_find(PROGRAM, LIBEXECDIR, program, e)) != 0)
		(void)err_wrap(e, "the program that runs PKCS#11 modules");
	else
		r = spawn_talker(argv, &pid, &fd, e);
	if (r != 0) {
		free(path);
		return r;
	}
	if ((r = modclient_over(&c, fd, timeout, e)) != 0) {
		spawn_kill(pid);
		free(path);
		return r;
	}
	c->pid = pid;
	free(c->module);
	c->module = path;
	*out = c;
	return 0;
}

static void
end_process(struct modclient *c)
{
	if (c->pid != -1)
		spawn_kill(c->pid);
	c->pid = -1;
}

/* How it has ended, in words. */
static void
bury(struct modclient *c, char *how, size_t len)
{
	int status = 0;

	if (c->pid == -1 || c->interrupted) {
		end_process(c);
		snprintf(how, len, "has ended");
	} else if (!spawn_wait(c->pid, END_MS, &status)) {
		spawn_kill(c->pid);
		snprintf(how, len, "has left and was ended");
	} else if (status > 128) {
		snprintf(how, len, "was ended by signal %d (%s)",
		    status - 128, strsignal(status - 128));
	} else {
		snprintf(how, len, "has ended by itself (status %d)", status);
	}
	c->pid = -1;
}

/* No answer came; e says what did. */
static int
fail(struct modclient *c, unsigned int seconds, struct err *e)
{
	char how[100];

	c->dead = true;
	if (e->code == ERR_CANCELLED) {
		end_process(c);
		(void)err_set(e, ERR_TOKEN_GONE, ETIMEDOUT, "PKCS#11 module "
		    "%s did not answer within %u s; its process was ended",
		    name_of(c), seconds);
	} else if (e->code == ERR_TOKEN_GONE) {
		bury(c, how, sizeof(how));
		(void)err_set(e, ERR_TOKEN_GONE, 0, "the process of PKCS#11 "
		    "module %s %s", name_of(c), how);
	} else {
		end_process(c);
		(void)err_set(e, ERR_TOKEN_GONE, 0, "the process of PKCS#11 "
		    "module %s answers what cannot be", name_of(c));
	}
	c->why = *e;
	return ERR_TOKEN_GONE;
}

static unsigned int
at_most(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* How long this may take, s; 0: any time. */
static unsigned int
time_for(const struct modclient *c, const struct mod_request *q)
{
	switch (q->kind) {
	case MOD_WAIT:
		return 0;
	case MOD_BEGIN:
	case MOD_END:
	case MOD_INFO:
	case MOD_PIN_STATE:
	case MOD_LOGOUT:
		return at_most(QUICK_S, c->timeout);
	case MOD_SLOTS:
	case MOD_OPEN:
	case MOD_LIST:
		return at_most(READ_S, c->timeout);
	case MOD_LOGIN:
		return q->pin || c->timeout > PAD_S ? c->timeout : PAD_S;
	case MOD_SIGN:
	case MOD_REMOVE:
	case MOD_SET_LABEL:
		return c->timeout;
	case MOD_GENERATE:
		return c->timeout > MAKE_S ? c->timeout : MAKE_S;
	}
	return c->timeout;
}

static void
forget(struct modclient *c)
{
	mod_answer_free(&c->answer);
	c->answer = (struct mod_answer){ 0 };
	free(c->msg);
	c->msg = NULL;
}

static int
exchange(struct modclient *c, const struct mod_request *q,
    const struct secret *pin, int64_t until, struct err *e)
{
	struct wire_w w;
	size_t n;
	int r;

	if (!wire_write(&w, MODPROTO_MAX))
		return err_set(e, ERR_NOMEM, 0, "request");
	mod_request_put(q, &w);
	r = w.bad ? err_set(e, ERR_LIMIT, 0, "a request that is too long") :
	    modchan_send(c->fd, wire_bytes(&w), pin, until, e);
	wire_free(&w);
	if (r != 0 || (r = modchan_receive(c->fd, &c->msg, &n, MODPROTO_MAX,
	    until, e)) != 0)
		return r;
	if (!mod_answer_parse((struct span){ c->msg, n }, &c->answer) ||
	    c->answer.kind != q->kind)
		return err_set(e, ERR_FORMAT, 0, "answer");
	return 0;
}

int
modclient_ask(struct modclient *c, const struct mod_request *q,
    const struct secret *pin, const struct mod_answer **a, struct err *e)
{
	const unsigned int seconds = time_for(c, q);

	*a = NULL;
	if (c->dead) {
		*e = c->why;
		return ERR_TOKEN_GONE;
	}
	forget(c);
	if (exchange(c, q, pin, seconds == 0 ? -1 : modchan_now() +
	    (int64_t)seconds * 1000, e) != 0)
		return fail(c, seconds, e);
	*a = &c->answer;
	return 0;
}

int
modclient_list(struct modclient *c, struct p11_slots *out, struct err *e)
{
	const struct mod_request q = { .kind = MOD_SLOTS };
	const struct mod_answer *a;
	int r;

	if ((r = modclient_ask(c, &q, NULL, &a, e)) != 0)
		return r;
	if (a->r != 0) {
		*e = a->err;
		return a->r;
	}
	*out = c->answer.slots;		/* handed over */
	c->answer.slots = (struct p11_slots){ 0 };
	return 0;
}

int
modclient_wait(struct modclient *c, struct err *e)
{
	const struct mod_request q = { .kind = MOD_WAIT };
	const struct mod_answer *a;
	int r;

	if ((r = modclient_ask(c, &q, NULL, &a, e)) != 0)
		return r;
	if (a->r != 0)
		*e = a->err;
	return a->r;
}

void
modclient_interrupt(struct modclient *c)
{
	c->interrupted = true;
	(void)shutdown(c->fd, SHUT_RDWR);
}

void
modclient_free(struct modclient *c)
{
	int status;

	if (c == NULL)
		return;
	forget(c);
	close(c->fd);
	if (c->pid != -1 && (c->interrupted ||
	    !spawn_wait(c->pid, END_MS, &status)))
		end_process(c);
	free(c->module);
	free(c);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "keyutil/agentline.h"
#include "keyutil/casigner_way.h"
#include "keyutil/out.h"
#include "ssh/agentclient.h"
#include "ssh/agentmsg.h"
#include "ssh/key.h"
#include "ssh/keytext.h"

#define LINES		4	/* certificates under way */
#define SERIALS_MS	30000	/* for a ledger that others write to, too */
#define PATIENCE_MS	10000	/* for those that an interruption finds */

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, 0, "agent message");
}

/* --- its keys --- */

static bool
can_be_ca(struct span blob)
{
	struct key k;
	struct err e;

	return key_parse(blob, &k, &e) == 0;
}

/* The one that fits; *n: how many do. */
static void
choose(struct identities *ids, const char *name, struct span want,
    struct span *blob, struct span *comment, size_t *n)
{
	struct span b, c;

	*n = 0;
	while (identities_next(ids, &b, &c)) {
		if (!can_be_ca(b) || (want.n > 0 && !span_eq(b, want)) ||
		    (name != NULL && !agents_key_is(b, c, name)))
			continue;
		*blob = b;
		*comment = c;
		(*n)++;
	}
}

static int
take(struct casigner *s, struct identities *ids, const char *name,
    struct span want, bool *found, struct err *e)
{
	struct span blob = { 0 }, comment = { 0 };
	char text[256];
	size_t n;

	choose(ids, name, want, &blob, &comment, &n);
	if (n > 1 && name != NULL)
		return err_set(e, ERR_NOTFOUND, 0, "\"%.100s\" is the name of "
		    "several keys of the agent: name the key by its "
		    "fingerprint", name);
	*found = n == 1;
	if (!*found)
		return 0;
	keytext_clean(text, sizeof(text), comment);
	return casigner_take(s, blob, text, e);
}

int
casigner_agent_find(struct casigner *s, const char *name, struct span blob,
    bool *found, struct err *e)
{
	struct identities ids;
	struct wire_w answer;
	int r;

	*found = false;
	if (!s->agent.found)
		return 0;
	if ((r = agents_list(s->agent.socket, &answer, &ids, e)) == 0)
		r = take(s, &ids, name, blob, found, e);
	wire_free(&answer);
	return r;
}

/* --- numbers --- */

static int
read_serials(struct span answer, uint64_t *first, struct err *e)
{
	struct wire_r r;
	bool ok;

	wire_read(&r, answer);
	ok = wire_get_u8(&r) == MSG_EXTENSION_RESPONSE &&
	    span_is(wire_get_string(&r), AGENT_EXT_SERIALS);
	*first = wire_get_u64(&r);
	return ok && wire_end(&r) ? 0 : err_set(e, ERR_DENIED, 0, "the agent "
	    "gives out no serial numbers for this key");
}

int
casigner_agent_serials(struct casigner *s, uint64_t n, uint64_t *first,
    struct err *e)
{
	struct wire_w ask, answer = { 0 };
	int r;

	if (!wire_write(&ask, AGENT_MAX_MSG))
		return no_memory(e);
	wire_put_u8(&ask, MSG_EXTENSION);
	wire_put_cstring(&ask, AGENT_EXT_SERIALS);
	wire_put_string(&ask, casigner_ca(s));
	wire_put_u64(&ask, n);
	if (ask.bad || !wire_write(&answer, AGENT_MAX_MSG))
		r = no_memory(e);
	else if ((r = agentclient_ask(s->agent.socket, wire_bytes(&ask),
	    SERIALS_MS, &answer, e)) == 0 &&
	    (r = read_serials(wire_bytes(&answer), first, e)) != 0)
		r = agents_explain_at(s->agent.socket, e);
	wire_free(&ask);
	wire_free(&answer);
	return r;
}

/* --- approvals --- */

static void
put_approvals(struct wire_w *w, const struct approval_papers *p)
{
	wire_put_u8(w, MSG_EXTENSION);
	wire_put_cstring(w, AGENT_EXT_APPROVALS);
	wire_put_string(w, p->request);
	wire_put_string(w, p->signature);
	wire_put_u32(w, (uint32_t)p->n);
	for (size_t i = 0; i < p->n; i++)
		wire_put_string(w, p->approvals[i]);
}

/* What they are worth it says when the certificate is asked for. */
static int
bring_approvals(struct casigner *s, struct err *e)
{
	struct wire_w w;
	int r;

	if (!wire_write(&w, AGENT_MAX_MSG))
		return no_memory(e);
	put_approvals(&w, s->wish.papers);
	if (w.bad)
		r = err_set(e, ERR_LIMIT, 0, "the request and its approvals "
		    "are more than the %d bytes that an agent takes",
		    AGENT_MAX_MSG);
	else if ((r = agents_tell(s->agent.socket, wire_bytes(&w),
	    e)) == ERR_DENIED) {
		(void)err_set(e, ERR_DENIED, 0, "the agent takes no "
		    "approvals");
		r = agents_explain_at(s->agent.socket, e);
	}
	wire_free(&w);
	return r;
}

/* --- signatures --- */

struct lane {
	struct agentline *line;
	bool		 busy;
	size_t		 i;		/* which certificate, */
	struct wire_w	 tbs;		/* and its body */
};

struct run {
	struct casigner	*s;
	const struct casigner_work *work;
	struct halt	*halt;
	struct lane	 lane[LINES];
	size_t		 n_lanes, next, busy;
	bool		 stop;		/* begin no more */
	int		 left_ms;	/* -1: wait as long as it takes */
	int		 r;		/* the first error */
	struct err	*e;
};

static void
fail(struct run *run, int r, const struct err *why)
{
	if (run->r == 0) {
		run->r = r;
		*run->e = *why;
	}
	run->stop = true;
}

static int
ask_signature(struct run *run, struct lane *l, struct err *e)
{
	struct wire_w w;
	int r;

	if (!wire_write(&w, AGENT_MAX_MSG))
		return no_memory(e);
	agents_put_sign(&w, casigner_ca(run->s), wire_bytes(&l->tbs));
	r = w.bad ? no_memory(e) : agentline_ask(l->line, wire_bytes(&w), e);
	wire_free(&w);
	return r;
}

static void
begin(struct run *run, struct lane *l)
{
	struct err e;
	int r = 0;

	l->i = run->next++;
	if (!wire_write(&l->tbs, AGENT_MAX_MSG))
		r = no_memory(&e);
	else if ((r = run->work->body(run->work->arg, l->i, &l->tbs,
	    &e)) == 0)
		r = ask_signature(run, l, &e);
	if (r != 0) {
		wire_free(&l->tbs);
		fail(run, r, &e);
		return;
	}
	l->busy = true;
	run->busy++;
}

static void
end(struct run *run, struct lane *l)
{
	wire_free(&l->tbs);
	l->busy = false;
	run->busy--;
}

static int
use_answer(struct run *run, struct lane *l, struct span answer,
    struct err *e)
{
	struct wire_w cert;
	struct span sig;
	int r;

	if (!agents_get_signature(answer, &sig)) {
		(void)err_set(e, ERR_DENIED, 0, "the agent does not sign it");
		return agents_explain_at(run->s->agent.socket, e);
	}
	if ((r = casigner_assemble(wire_bytes(&l->tbs), sig, &cert, e)) != 0)
		return r;
	r = run->work->done(run->work->arg, l->i, wire_bytes(&cert), e);
	wire_free(&cert);
	return r;
}

static void
go_on(struct run *run, struct lane *l)
{
	struct span answer;
	struct err e;
	int r;

	if ((r = agentline_go_on(l->line, &answer, &e)) == 0) {
		if (answer.n == 0)
			return;
		r = use_answer(run, l, answer, &e);
	}
	end(run, l);
	if (r != 0)
		fail(run, r, &e);
}

/* False: nothing more can be waited for. */
static bool
wait_for_some(struct run *run)
{
	struct pollfd fds[LINES + 1];
	struct err e;
	int n;

	fds[LINES] = (struct pollfd){ .fd = run->halt->fd, .events = POLLIN };
	for (size_t i = 0; i < LINES; i++)
		fds[i] = run->lane[i].busy ?
		    agentline_pollfd(run->lane[i].line) :
		    (struct pollfd){ .fd = -1 };
	if ((n = poll(fds, LINES + 1, run->left_ms)) == 0)
		return false;
	if (n == -1 && errno != EINTR) {
		fail(run, err_sys(&e, "poll"), &e);
		return false;
	}
	for (size_t i = 0; n > 0 && i < LINES; i++)
		if (fds[i].fd != -1 && fds[i].revents != 0)
			go_on(run, &run->lane[i]);
	if (n > 0 && fds[LINES].revents != 0 && halt_asked(run->halt)) {
		if (run->left_ms >= 0)
			return false;	/* asked again */
		run->left_ms = PATIENCE_MS;
		out_warn("waiting for those that are being signed");
		fail(run, casigner_halted(&e), &e);
	}
	return true;
}

static void
go(struct run *run)
{
	do {
		for (size_t i = 0; i < run->n_lanes && !run->stop &&
		    run->next < run->work->n; i++)
			if (!run->lane[i].busy)
				begin(run, &run->lane[i]);
	} while (run->busy > 0 && wait_for_some(run));
}

int
casigner_agent_sign(struct casigner *s, const struct casigner_work *w,
    struct halt *halt, struct err *e)
{
	struct run run = { .s = s, .work = w, .halt = halt, .left_ms = -1,
	    .e = e };
	int r = 0;

	if (s->wish.papers != NULL && (r = bring_approvals(s, e)) != 0)
		return r;
	while (r == 0 && run.n_lanes < LINES && run.n_lanes < w->n)
		if ((r = agentline_open(&run.lane[run.n_lanes].line,
		    s->agent.socket, e)) == 0)
			run.n_lanes++;
	if (r == 0) {
		go(&run);
		r = run.r;
	}
	for (size_t i = 0; i < run.n_lanes; i++) {
		agentline_close(run.lane[i].line);
		wire_free(&run.lane[i].tbs);
	}
	return r;
}

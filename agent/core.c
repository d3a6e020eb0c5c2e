/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/queue.h>

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/core.h"
#include "agent/loop.h"
#include "ssh/request.h"

#define NAME_BYTES_MAX	1024	/* of a token or provider in a request */
#define PATIENCE_MS	5000	/* with a key that may be back */

/* A request that is answered later. */
struct pending {
	TAILQ_ENTRY(pending) next;
	uint64_t	 id;
	struct peer	 peer;
	char		 what[200];	/* for the log */
	uint8_t		*msg;		/* to be looked at; else NULL */
	size_t		 msg_n;
	int64_t		 patience;	/* until when; 0: as long as needed */
};

struct core {
	struct core_conf conf;
	TAILQ_HEAD(pendings, pending) pending;
	struct refusals	 refusals;
};

/* How a handler left its request. */
enum outcome {
	FAIL,			/* answer 5 */
	ANSWER,			/* answer with what is in the writer */
	LATER,
	WAIT,			/* look at it again when keys have changed */
};

struct call {
	struct core	*core;
	const struct peer *peer;
	uint64_t	 id;
	struct wire_r	 in;
	struct wire_w	*out;
	int64_t		 patience;	/* it has waited; 0: not yet */
};

static void
send_byte(struct core *c, uint64_t id, enum agent_msg type)
{
	const uint8_t b = (uint8_t)type;

	c->conf.reply(c->conf.reply_arg, id, (struct span){ &b, 1 });
}

static void
note_refusal(struct core *c, const struct peer *peer, const char *what,
    enum err_code code, const char *why)
{
	char line[520];

	snprintf(line, sizeof(line), "refused (%s): %s for %s (pid %ld): %s",
	    err_name(code), what, peer->name, (long)peer->pid, why);
	log_error(c->conf.log, "%s", line);
	refusals_add(&c->refusals, (uint64_t)time(NULL), code, line);
	notice_send(c->conf.notice, "hsm-ssh-agent", line);
}

static struct pending *
postpone(struct call *call, const char *what)
{
	struct pending *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	p->id = call->id;
	p->peer = *call->peer;
	snprintf(p->what, sizeof(p->what), "%s", what);
	TAILQ_INSERT_TAIL(&call->core->pending, p, next);
	return p;
}

static struct pending *
find_pending(struct core *c, uint64_t id)
{
	struct pending *p;

	TAILQ_FOREACH(p, &c->pending, next)
		if (p->id == id)
			return p;
	return NULL;
}

static void
free_pending(struct pending *p)
{
	if (p->msg != NULL)
		explicit_bzero(p->msg, p->msg_n);	/* may hold a PIN */
	free(p->msg);
	free(p);
}

static void
drop_pending(struct core *c, struct pending *p)
{
	TAILQ_REMOVE(&c->pending, p, next);
	free_pending(p);
}

static bool
may_wait(struct call *call)
{
	if (call->patience == 0)
		call->patience = loop_now() + PATIENCE_MS;
	return loop_now() < call->patience;
}

static void
put_idents(struct core *c, struct wire_w *w)
{
	const struct idents *ids = c->conf.holder.idents(c->conf.holder.arg);
	const struct ident *i;

	wire_put_u8(w, MSG_IDENTITIES_ANSWER);
	wire_put_u32(w, (uint32_t)ids->n);
	for (size_t k = 0; k < ids->n; k++) {
		i = &ids->v[k];
		wire_put_string(w, (struct span){ i->blob, i->blob_n });
		wire_put_cstring(w, i->comment);
	}
}

static enum outcome
on_list(struct call *call)
{
	const struct holder *h = &call->core->conf.holder;
	char why[320];

	if (!wire_end(&call->in))
		return FAIL;
	if (call->patience == 0 && h->look(h->arg) && may_wait(call))
		return WAIT;
	if (h->idents(h->arg)->n == 0 &&
	    h->expecting(h->arg, false, why, sizeof(why)) &&
	    may_wait(call))
		return WAIT;
	put_idents(call->core, call->out);
	return ANSWER;
}

/* No token has the key, as far as we know; one may, or will in a moment. */
static enum outcome
wait_for_key(struct call *call, const char *about)
{
	const struct holder *h = &call->core->conf.holder;
	char why[320], text[400];

	if (call->patience == 0 && h->look(h->arg) && may_wait(call))
		return WAIT;
	if (h->expecting(h->arg, true, why, sizeof(why)) && may_wait(call))
		return WAIT;
	snprintf(text, sizeof(text), "no token that is plugged in has this "
	    "key%s%s", why[0] != '\0' ? "; " : "", why);
	note_refusal(call->core, call->peer, about, ERR_NOTFOUND, text);
	return FAIL;
}

static enum outcome
on_sign(struct call *call)
{
	struct core *c = call->core;
	struct holder *h = &c->conf.holder;
	struct span blob = wire_get_string(&call->in);
	struct span data = wire_get_string(&call->in);
	uint32_t flags = wire_get_u32(&call->in);
	const struct ident *id;
	char about[128], what[200];
	struct request req;
	enum sig_alg alg;
	struct err e;

	if (!wire_end(&call->in))
		return FAIL;
	request_parse(data, blob, &req);
	request_describe(&req, about, sizeof(about));
	id = ident_find(h->idents(h->arg), blob);
	if (id == NULL)
		return wait_for_key(call, about);
	snprintf(what, sizeof(what), "%s with key %s", about, id->comment);
	if (policy_algorithm(&c->conf.policy, id->type, flags, &req, &alg,
	    &e) != 0) {
		note_refusal(c, call->peer, what, e.code, e.msg);
		return FAIL;
	}
	if (postpone(call, what) == NULL)
		return FAIL;
	h->sign(h->arg, call->id, id, alg, data, what);
	return LATER;
}

/* A name from the wire as a C string; NULL unless it can be one. */
static char *
take_name(struct span s)
{
	if (s.n == 0 || s.n > NAME_BYTES_MAX ||
	    memchr(s.p, '\0', s.n) != NULL)
		return NULL;
	return strndup((const char *)s.p, s.n);
}

/*
 * Clients name a token by serial number or label, or, as they do with
 * ssh-agent, by the path of a PKCS#11 module: that means the only token
 * there is, if -P lets the path.
 */
static bool
provider_allowed(const struct core *c, const char *path)
{
	const char *list = c->conf.providers != NULL ? c->conf.providers :
	    "/usr/lib*/*,/usr/local/lib*/*";
	char *copy, *rest, *pattern, *real;
	bool ok = false;

	real = realpath(path, NULL);
	copy = rest = strdup(list);
	while (real != NULL && rest != NULL && !ok &&
	    (pattern = strsep(&rest, ",")) != NULL)
		ok = fnmatch(pattern, real, 0) == 0;
	free(copy);
	free(real);
	return ok;
}

static enum outcome
on_unlock_token(struct call *call)
{
	struct core *c = call->core;
	struct span id = wire_get_string(&call->in);
	struct span pin_bytes = wire_get_string(&call->in);
	char *name = take_name(id), what[128];
	struct secret *pin = secret_new();
	enum outcome out = FAIL;

	if (!wire_end(&call->in) || name == NULL || pin == NULL ||
	    secret_add(pin, pin_bytes.p, pin_bytes.n) != 0)
		goto done;
	snprintf(what, sizeof(what), "unlock of token %s", name);
	if (name[0] == '/' && !provider_allowed(c, name)) {
		note_refusal(c, call->peer, what, ERR_DENIED,
		    "no such file, or not in the list of allowed "
		    "providers (-P)");
		goto done;
	}
	if (postpone(call, what) == NULL)
		goto done;
	out = LATER;
	c->conf.holder.unlock(c->conf.holder.arg, call->id, name,
	    secret_len(pin) > 0 ? pin : NULL);
done:
	free(name);
	secret_free(pin);
	return out;
}

static enum outcome
lock_tokens(struct call *call, const char *name)
{
	char what[128];

	snprintf(what, sizeof(what), "lock of %s%s",
	    name != NULL ? "token " : "all tokens", name != NULL ? name : "");
	if (postpone(call, what) == NULL)
		return FAIL;
	call->core->conf.holder.lock(call->core->conf.holder.arg, call->id,
	    name);
	return LATER;
}

static enum outcome
on_lock_token(struct call *call)
{
	char *name = take_name(wire_get_string(&call->in));
	enum outcome out = FAIL;

	(void)wire_get_string(&call->in);	/* a PIN, empty with ssh-add */
	if (wire_end(&call->in) && name != NULL)
		out = lock_tokens(call, name);
	free(name);
	return out;
}

static enum outcome
on_lock_all(struct call *call)
{
	if (!wire_end(&call->in))
		return FAIL;
	return lock_tokens(call, NULL);
}

static void
put_status(struct core *c, struct wire_w *w)
{
	const struct refusals *rf = &c->refusals;
	size_t at;

	wire_put_cstring(w, PACKAGE_VERSION);
	wire_put_u32(w, (uint32_t)getpid());
	c->conf.holder.status(c->conf.holder.arg, w);
	wire_put_u32(w, (uint32_t)rf->n);
	for (size_t i = 0; i < rf->n; i++) {
		at = (rf->first + i) % REFUSALS_KEPT;
		wire_put_u64(w, rf->v[at].time);
		wire_put_cstring(w, err_name(rf->v[at].code));
		wire_put_cstring(w, rf->v[at].text);
	}
}

static enum outcome
on_extension(struct call *call)
{
	struct span name = wire_get_string(&call->in);

	if (call->in.bad)
		return FAIL;
	if (span_is(name, AGENT_EXT_QUERY) && wire_end(&call->in)) {
		wire_put_u8(call->out, MSG_EXTENSION_RESPONSE);
		wire_put_cstring(call->out, AGENT_EXT_QUERY);
		wire_put_cstring(call->out, AGENT_EXT_STATUS);
		return ANSWER;
	}
	if (span_is(name, AGENT_EXT_STATUS) && wire_end(&call->in)) {
		wire_put_u8(call->out, MSG_EXTENSION_RESPONSE);
		wire_put_cstring(call->out, AGENT_EXT_STATUS);
		put_status(call->core, call->out);
		return ANSWER;
	}
	return FAIL;
}

static const struct {
	enum agent_msg	 type;
	enum outcome	(*fn)(struct call *);
} handlers[] = {
	{ MSG_REQUEST_IDENTITIES,	on_list },
	{ MSG_SIGN_REQUEST,		on_sign },
	{ MSG_REMOVE_ALL_IDENTITIES,	on_lock_all },
	{ MSG_ADD_SMARTCARD_KEY,	on_unlock_token },
	{ MSG_REMOVE_SMARTCARD_KEY,	on_lock_token },
	{ MSG_EXTENSION,		on_extension },
};

/* What a person may ask for with ssh-add and this agent does not do. */
static const struct {
	enum agent_msg	 type;
	const char	*what;
	const char	*why;
} unsupported[] = {
	{ MSG_ADD_IDENTITY, "a key from a file",
	    "this agent holds the keys of tokens only" },
	{ MSG_ADD_ID_CONSTRAINED, "a key from a file",
	    "this agent holds the keys of tokens only" },
	{ MSG_REMOVE_IDENTITY, "removal of one key",
	    "keys go with their token; \"ssh-add -e\" locks one" },
	{ MSG_LOCK, "lock with a password",
	    "not supported; \"ssh-add -D\" locks the tokens" },
	{ MSG_UNLOCK, "unlock with a password", "not supported" },
	{ MSG_ADD_SMARTCARD_KEY_CONSTRAINED, "unlock with constraints",
	    "not supported; leave out -t, -c and -h" },
};

static void
note_unsupported(struct call *call, uint8_t type)
{
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(*unsupported);
	    i++) {
		if (unsupported[i].type == type) {
			note_refusal(call->core, call->peer,
			    unsupported[i].what, ERR_UNSUPPORTED,
			    unsupported[i].why);
			return;
		}
	}
	log_debug(call->core->conf.log, "message type %u is not supported",
	    type);
}

/* Not enough is known of the tokens yet: keep the message until it is. */
static enum outcome
keep(struct call *call, struct span msg)
{
	struct pending *p = postpone(call, "");

	if (p == NULL)
		return FAIL;
	if ((p->msg = malloc(msg.n)) == NULL) {
		drop_pending(call->core, p);
		return FAIL;
	}
	memcpy(p->msg, msg.p, msg.n);
	p->msg_n = msg.n;
	p->patience = call->patience;
	return LATER;
}

static enum outcome
dispatch(struct call *call, struct span msg)
{
	struct holder *h = &call->core->conf.holder;
	uint8_t type = wire_get_u8(&call->in);
	enum outcome out;

	if (!call->in.bad && type != MSG_EXTENSION &&
	    h->idents(h->arg) == NULL)
		return keep(call, msg);
	for (size_t i = 0; i < sizeof(handlers) / sizeof(*handlers); i++) {
		if (call->in.bad || handlers[i].type != type)
			continue;
		out = handlers[i].fn(call);
		return out == WAIT ? keep(call, msg) : out;
	}
	note_unsupported(call, type);
	return FAIL;
}

struct core *
core_new(const struct core_conf *conf)
{
	struct core *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->conf = *conf;
	TAILQ_INIT(&c->pending);
	return c;
}

void
core_free(struct core *c)
{
	struct pending *p;

	if (c == NULL)
		return;
	while ((p = TAILQ_FIRST(&c->pending)) != NULL)
		drop_pending(c, p);
	free(c);
}

static void
look_at(struct core *c, const struct peer *peer, uint64_t id,
    struct span msg, int64_t patience)
{
	struct call call = { .core = c, .peer = peer, .id = id,
	    .patience = patience };
	enum outcome out = FAIL;
	struct wire_w w;

	wire_read(&call.in, msg);
	if (wire_write(&w, AGENT_MAX_MSG)) {
		call.out = &w;
		out = dispatch(&call, msg);
	}
	if (out == ANSWER && !w.bad)
		c->conf.reply(c->conf.reply_arg, id, wire_bytes(&w));
	else if (out != LATER)
		send_byte(c, id, MSG_FAILURE);
	wire_free(&w);
}

void
core_request(struct core *c, const struct peer *peer, uint64_t id,
    struct span msg)
{
	look_at(c, peer, id, msg, 0);
}

void
core_signed(struct core *c, uint64_t id, int r, const struct err *e,
    struct span sig)
{
	struct pending *p = find_pending(c, id);
	struct wire_w w;

	if (p == NULL)
		return;
	if (r != 0)
		note_refusal(c, &p->peer, p->what, e->code, e->msg);
	else
		log_info(c->conf.log, "signed %s for %s (pid %ld)", p->what,
		    p->peer.name, (long)p->peer.pid);
	drop_pending(c, p);
	if (r == 0 && wire_write(&w, AGENT_MAX_MSG)) {
		wire_put_u8(&w, MSG_SIGN_RESPONSE);
		wire_put_string(&w, sig);
		if (!w.bad) {
			c->conf.reply(c->conf.reply_arg, id, wire_bytes(&w));
			wire_free(&w);
			return;
		}
		wire_free(&w);
	}
	send_byte(c, id, MSG_FAILURE);
}

void
core_done(struct core *c, uint64_t id, int r, const struct err *e)
{
	struct pending *p = find_pending(c, id);

	if (p == NULL)
		return;
	if (r != 0)
		note_refusal(c, &p->peer, p->what, e->code, e->msg);
	drop_pending(c, p);
	send_byte(c, id, r == 0 ? MSG_SUCCESS : MSG_FAILURE);
}

void
core_cancel(struct core *c, uint64_t id)
{
	struct pending *p = find_pending(c, id);

	if (p == NULL)
		return;
	drop_pending(c, p);
	c->conf.holder.cancel(c->conf.holder.arg, id);
}

/* Those that have to wait longer are put back by look_at(). */
void
core_idents_known(struct core *c)
{
	struct pendings todo = TAILQ_HEAD_INITIALIZER(todo);
	struct pending *p, *following;

	for (p = TAILQ_FIRST(&c->pending); p != NULL; p = following) {
		following = TAILQ_NEXT(p, next);
		if (p->msg == NULL)
			continue;
		TAILQ_REMOVE(&c->pending, p, next);
		TAILQ_INSERT_TAIL(&todo, p, next);
	}
	while ((p = TAILQ_FIRST(&todo)) != NULL) {
		TAILQ_REMOVE(&todo, p, next);
		look_at(c, &p->peer, p->id,
		    (struct span){ p->msg, p->msg_n }, p->patience);
		free_pending(p);
	}
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/core_call.h"
#include "ssh/keytext.h"
#include "token/p11uri.h"

#define NAME_BYTES_MAX	1024	/* of a token or provider in a request */
#define WHAT_MAX	160	/* of what is told of a request */
#define NAME_SHOWN	120	/* of a name in it */
#define ADDITION	"addition of a key from a file"

/* A name from the wire as a C string; NULL unless it can be one. */
static char *
take_name(struct span s)
{
	if (s.n == 0 || s.n > NAME_BYTES_MAX ||
	    memchr(s.p, '\0', s.n) != NULL)
		return NULL;
	return strndup((const char *)s.p, s.n);
}

/* A name for the log; a PIN that may be in a URI is not for it. */
static size_t
shown(const char *name)
{
	size_t n = strlen(name), query;
	const char *pin;

	if (p11uri_is(name)) {
		query = strcspn(name, "?");
		pin = strcasestr(name, ";pin");
		n = pin != NULL && (size_t)(pin - name) < query ?
		    (size_t)(pin - name) : query;
	}
	return n < NAME_SHOWN ? n : NAME_SHOWN;
}

/* What is done to the token of that name. */
static void
describe(char what[static WHAT_MAX], const char *doing, const char *name)
{
	snprintf(what, WHAT_MAX, "%s of token %.*s", doing, (int)shown(name),
	    name);
}

static enum outcome
refuse(const struct call *call, const char *action, const char *what,
    const struct err *e)
{
	call_decide(call, action, what, e);
	return FAIL;
}

static enum outcome
grant(const struct call *call, const char *action, const char *what)
{
	call_decide(call, action, what, NULL);
	wire_put_u8(call->out, MSG_SUCCESS);
	return ANSWER;
}

/* --- unlocking a token --- */

/*
 * Clients name a token by serial number, label, reader or PKCS#11 URI, or,
 * as they do with ssh-agent, by the path of a PKCS#11 module: that means the
 * only token there is, if -P lets the path.
 */
static bool
provider_allowed(const struct core *c, const char *path)
{
	const char *given = settings_get(c->conf.settings)->providers;
	const char *list = given != NULL ? given :
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

/* Whether the caller may unlock a token of that name at all. */
static int
may_unlock(const struct call *call, const char *name, struct err *e)
{
	if (bind_tried(&call->caller->bind))
		return err_set(e, ERR_DENIED, 0, "a client that is bound to "
		    "an SSH session, as over a forwarded connection, may not "
		    "bring a PIN");
	if (name[0] == '/' && !provider_allowed(call->core, name))
		return err_set(e, ERR_DENIED, 0, "no such file, or not in "
		    "the list of allowed providers (-P)");
	return 0;
}

/* An unlock, as its message says it. */
struct unlock {
	char		*name;
	struct secret	*pin;		/* empty: the agent is to find one */
	struct constraints *constraints;
};

static void
unlock_free(struct unlock *u)
{
	free(u->name);
	secret_free(u->pin);
	constraints_free(u->constraints);
	free(u->constraints);
}

/* As secret_move() does it. */
static bool
has_nul(struct span pin)
{
	const volatile uint8_t *p = pin.p;

	for (size_t i = 0; i < pin.n; i++)
		if (p[i] == '\0')
			return true;
	return false;
}

static int
read_unlock(struct wire_r *in, bool constrained, struct unlock *u,
    struct err *e)
{
	struct span name = wire_get_string(in), pin = wire_get_string(in);
	int r;

	*u = (struct unlock){ .name = take_name(name), .pin = secret_new(),
	    .constraints = calloc(1, sizeof(*u->constraints)) };
	if (u->pin == NULL || u->constraints == NULL)
		return err_set(e, ERR_NOMEM, 0, "out of memory");
	if (in->bad || name.n == 0 || (!constrained && in->left > 0))
		return err_set(e, ERR_FORMAT, 0, "the message is malformed");
	if (constrained && (r = constraints_parse((struct span){ in->p,
	    in->left }, CONSTRAINT_WITH_CERTS, u->constraints, e)) != 0)
		return r;
	if (u->name == NULL)
		return err_set(e, ERR_FORMAT, 0,
		    "no token can have such a name");
	if (has_nul(pin) || secret_add(u->pin, pin.p, pin.n) != 0)
		return err_set(e, ERR_FORMAT, 0, "no token takes such a PIN");
	return 0;
}

/* All that can be wrong is found before a token hears of it. */
static enum outcome
unlock_token(struct call *call, bool constrained)
{
	const struct holder *h = &call->core->conf.holder;
	enum outcome out = FAIL;
	struct pending *p;
	struct unlock u;
	char what[WHAT_MAX];
	struct err e;
	int r;

	r = read_unlock(&call->in, constrained, &u, &e);
	describe(what, "unlock", u.name != NULL ? u.name : "?");
	if (r != 0 || may_unlock(call, u.name, &e) != 0) {
		(void)refuse(call, "unlock", what, &e);
		goto done;
	}
	if ((p = call_keep(call, AT_HOLDER, what)) == NULL)
		goto done;
	p->constraints = u.constraints;
	u.constraints = NULL;
	p->has_pin = secret_len(u.pin) > 0;
	out = LATER;
	h->unlock(h->arg, call->id, u.name, p->has_pin ? u.pin : NULL,
	    p->constraints->lifetime);
done:
	unlock_free(&u);
	return out;
}

enum outcome
on_unlock_token(struct call *call)
{
	return unlock_token(call, false);
}

enum outcome
on_unlock_constrained(struct call *call)
{
	return unlock_token(call, true);
}

/* Is one of the certificates that came along for a key of this token? */
static bool
has_cert_for(const struct core *c, const struct constraints *given,
    const char *serial)
{
	const struct holder *h = &c->conf.holder;
	const struct ident *id;
	bool is_cert;

	for (size_t i = 0; i < given->n_certs; i++) {
		id = view_find(h->idents(h->arg), given->certs[i], &is_cert);
		if (id != NULL && strcmp(id->serial, serial) == 0)
			return true;
	}
	return false;
}

/*
 * The agent may find a PIN, or need none.  That is no leave for somebody who
 * does not have it to take off what was said by one who had.
 */
static bool
would_change_limits(const struct core *c, const struct pending *p,
    const char *serial)
{
	const struct constraints *given = grants_of(c->grants, serial);

	return !p->has_pin && given != NULL && constraints_limit(given);
}

int
core_unlocking(struct core *c, uint64_t id, const char *serial,
    struct err *e)
{
	struct pending *p = core_pending(c, id, AT_HOLDER);

	if (p == NULL || p->constraints == NULL || p->caller == &p->ghost)
		return err_set(e, ERR_CANCELLED, 0,
		    "whoever brought the PIN has gone");
	if (would_change_limits(c, p, serial))
		return err_set(e, ERR_DENIED, 0, "token %s was added with "
		    "constraints (ssh-add -t, -c, -h or -C), which nobody "
		    "changes without its PIN", serial);
	if (p->constraints->certs_only &&
	    !has_cert_for(c, p->constraints, serial))
		return err_set(e, ERR_NOTFOUND, 0, "none of the certificates "
		    "is for a key of token %s", serial);
	terms_free(p->terms);
	p->terms = NULL;
	snprintf(p->serial, sizeof(p->serial), "%s", serial);
	return grants_prepare(c->grants, serial, p->constraints, &p->terms, e);
}

void
core_locking(struct core *c, uint64_t id, const char *serial)
{
	struct pending *p = core_pending(c, id, AT_HOLDER);

	if (p != NULL)
		snprintf(p->serial, sizeof(p->serial), "%s", serial);
}

void
tokens_done(struct pending *p)
{
	if (p->terms == NULL)
		return;
	grants_set(p->core->grants, p->terms, p->constraints);
	p->terms = NULL;
}

/* --- locking tokens --- */

static enum outcome
lock_tokens(struct call *call, const char *name)
{
	const struct holder *h = &call->core->conf.holder;
	char what[WHAT_MAX] = "lock of all tokens";

	if (name != NULL)
		describe(what, "lock", name);
	if (call_keep(call, AT_HOLDER, what) == NULL)
		return FAIL;
	h->lock(h->arg, call->id, name);
	return LATER;
}

enum outcome
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

/*
 * The upstream agent first; what it says of its own keys does not count, nor
 * that it says nothing.
 */
enum outcome
on_remove_all(struct call *call)
{
	if (!wire_end(&call->in))
		return FAIL;
	if (call_has_upstream(call) && !call->progress.upstream_asked)
		return call_upstream(call, "removal of all keys",
		    UPSTREAM_MS);
	return lock_tokens(call, NULL);
}

/* --- single keys --- */

enum outcome
on_add_key(struct call *call)
{
	struct err e;

	if (call_has_upstream(call) && !call->progress.upstream_asked)
		return call_upstream(call, ADDITION, 0);
	if (call->core->others.upstream != NULL)
		(void)err_set(&e, ERR_DENIED, 0,
		    "the upstream agent did not take it");
	else
		(void)err_set(&e, ERR_UNSUPPORTED, 0, "this agent holds the "
		    "keys of tokens only; with Upstream in "
		    "hsm-ssh-agent.conf(5) another agent takes those of "
		    "files");
	return refuse(call, "add", ADDITION, &e);
}

/* A certificate goes with its file, or with the next "ssh-add -s". */
static int
hide(struct call *call, const struct ident *id, bool is_cert, struct err *e)
{
	struct core *c = call->core;
	const struct view v = { .ids = c->conf.holder.idents(
	    c->conf.holder.arg), .opt = settings_get(c->conf.settings),
	    .grants = c->grants, .bind = &call->caller->bind,
	    .now = time(NULL) };

	if (!view_shows(&v, id))
		return err_set(e, ERR_NOTFOUND, 0,
		    "the client cannot see such a key");
	if (is_cert)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "certificates cannot be removed one by one");
	return grants_hide(c->grants, id->serial, (struct span){ id->blob,
	    id->blob_n }, e);
}

enum outcome
on_remove_key(struct call *call)
{
	const struct holder *h = &call->core->conf.holder;
	struct span blob = wire_get_string(&call->in);
	const struct ident *id;
	char what[WHAT_MAX], *fingerprint = NULL;
	struct err e;
	bool is_cert;
	int r;

	if (!wire_end(&call->in))
		return FAIL;
	id = view_find(h->idents(h->arg), blob, &is_cert);
	if (id == NULL)
		fingerprint = keytext_fingerprint(blob);
	snprintf(what, sizeof(what), "removal of key %.120s", id != NULL ?
	    id->comment : fingerprint != NULL ? fingerprint : "?");
	free(fingerprint);
	if (id == NULL && call_has_upstream(call) &&
	    !call->progress.upstream_asked)
		return call_upstream(call, what, 0);
	r = id != NULL ? hide(call, id, is_cert, &e) : err_set(&e,
	    ERR_NOTFOUND, 0, "no token that is plugged in has it%s",
	    call->progress.upstream_asked ?
	    ", and the upstream agent does not remove it" : "");
	core_decide(call->core, call->caller, &(const struct decision){
	    .action = "remove", .what = what, .id = id,
	    .progress = &call->progress }, r != 0 ? &e : NULL);
	if (r != 0)
		return FAIL;
	wire_put_u8(call->out, MSG_SUCCESS);
	return ANSWER;
}

/* --- the agent as a whole --- */

enum outcome
on_lock_agent(struct call *call)
{
	struct span password = wire_get_string(&call->in);
	struct err e;

	if (!wire_end(&call->in))
		return FAIL;
	if (padlock_close(&call->core->padlock, password, &e) != 0)
		return refuse(call, "lock-agent", "lock of the agent", &e);
	return grant(call, "lock-agent", "lock of the agent");
}

static void
on_time(void *arg)
{
	struct pending *p = arg;
	struct core *c = p->core;
	const uint64_t id = p->id;

	p->timer = NULL;
	pending_drop(p);
	core_send_byte(c, id, MSG_FAILURE);
}

/* Whoever guesses waits longer each time; nobody else does. */
static enum outcome
fail_late(struct call *call, unsigned int ms)
{
	struct pending *p = call_keep(call, FOR_TIME, "");

	if (p == NULL)
		return FAIL;
	p->timer = loop_timer(call->core->conf.loop, ms, on_time, p);
	if (p->timer != NULL)
		return LATER;
	pending_drop(p);
	return FAIL;
}

enum outcome
on_unlock_agent(struct call *call)
{
	struct padlock *lock = &call->core->padlock;
	struct span password = wire_get_string(&call->in);
	struct err e;

	if (!wire_end(&call->in))
		return FAIL;
	if (padlock_open(lock, password, &e) == 0)
		return grant(call, "unlock-agent", "unlock of the agent");
	(void)refuse(call, "unlock-agent", "unlock of the agent", &e);
	return padlock_closed(lock) ? fail_late(call, padlock_delay(lock)) :
	    FAIL;
}

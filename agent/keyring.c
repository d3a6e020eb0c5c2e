/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/byname.h"
#include "agent/fleet.h"
#include "agent/keyring.h"
#include "agent/modules.h"

#define LOOK_EVERY_MS	2000	/* a list older than this is looked at, */
#define LOOK_MS		100	/* and waits for it so long */
#define PATIENCE_MS	5000	/* of a request whose token went away */
#define OPENING_MS	5000	/* until keys are listed without modules */

struct keyring {
	const struct log *log;
	struct loop	*loop;
	struct vault	*vault;
	struct core	*core;
	struct fleet	*fleet;
	struct byname	 byname;
	struct jobs	 stranded;	/* wait for their token to be back */
	struct timer	*look;		/* to give up on a look at the keys */
	struct timer	*patience;	/* to look at those that wait again */
	struct timer	*opening;	/* modules have time until */
	bool		 wanted;	/* keys were, by a client */
	size_t		 locking;	/* jobs of keyring_lock_all() */
	keyring_locked_fn *locked_fn;
	void		*locked_arg;
	bool		 known;		/* what the tokens hold */
	bool		 ready;
	bool		 unlock;	/* at start, */
	bool		 unlocking;	/* which is under way */
	keyring_ready_fn *ready_fn;
	void		*ready_arg;
	keyring_ready_fn *summary_fn;
	void		*summary_arg;
};

/* With --unlock: start on the next token that nobody has tried yet. */
static void
unlock_next(struct keyring *kr)
{
	struct job *j;

	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next) {
		if (s->state != SLOT_LOCKED || s->unlock_asked)
			continue;
		if ((j = job_new(JOB_UNLOCK, 0)) == NULL)
			return;
		s->unlock_asked = true;
		kr->unlocking = true;
		slot_submit(s, j);
		return;
	}
}

static void
check_ready(struct keyring *kr)
{
	char text[400];

	if (!fleet_settled(kr->fleet, kr->opening != NULL))
		return;
	kr->known = true;
	timer_free(kr->opening);
	kr->opening = NULL;
	if (kr->ready || kr->unlocking)
		return;
	if (kr->unlock)
		unlock_next(kr);
	if (kr->unlocking)
		return;
	kr->ready = true;
	fleet_describe(kr->fleet, text, sizeof(text));
	if (kr->ready_fn != NULL)
		kr->ready_fn(kr->ready_arg, text);
}

static void
sum_up(struct keyring *kr)
{
	char text[400];

	if (!kr->ready || kr->summary_fn == NULL)
		return;
	fleet_describe(kr->fleet, text, sizeof(text));
	kr->summary_fn(kr->summary_arg, text);
}

/*
 * The token went while it was asked to sign.  It may be back in a moment;
 * that is tried once, and never with a PIN that was typed for another.  One
 * that has hung for a minute is not waited for twice, and where a module lost
 * a PIN no person is asked for it twice.
 */
static bool
strand(struct keyring *kr, const struct slot *s, struct job *j)
{
	if (j->pin != NULL && s->place.module != NULL)
		return false;
	if ((j->r != ERR_TOKEN_GONE && j->r != ERR_NO_TOKEN) || j->again ||
	    j->abandoned || j->err.detail == ETIMEDOUT)
		return false;
	j->again = true;
	j->patience = loop_now() + PATIENCE_MS;
	secret_free(j->pin);
	j->pin = NULL;
	TAILQ_INSERT_TAIL(&kr->stranded, j, next);
	return true;
}

static void
answer_sign(struct keyring *kr, const struct job *j)
{
	core_signed(kr->core, j->request, j->r, &j->err,
	    j->r == 0 ? wire_bytes(&j->sig) : (struct span){ 0 });
}

/* A job that no client asked for. */
static void
end_own(struct keyring *kr, const struct job *j)
{
	if (j->kind == JOB_UNLOCK)
		kr->unlocking = false;
	if (j->r != 0)
		log_error(kr->log, "%s", j->err.msg);
	if (!j->for_all || --kr->locking > 0)
		return;
	kr->locked_fn(kr->locked_arg);
}

static void
on_job(void *arg, struct slot *s, struct job *j)
{
	struct keyring *kr = arg;

	switch (j->kind) {
	case JOB_OPEN:
		break;
	case JOB_CHECK:
		if (j->r != 0)
			log_debug(kr->log, "%s", j->err.msg);
		break;
	case JOB_LABEL:
		s->label_asked = false;
		break;
	case JOB_SIGN:
		if (strand(kr, s, j))
			return;
		answer_sign(kr, j);
		break;
	case JOB_UNLOCK:
	case JOB_LOCK:
		if (j->drop && s->place.module != NULL &&
		    modules_drop(fleet_modules(kr->fleet), s->place.module))
			j->in_vain = false;
		if (j->in_vain && j->r == 0 && j->kind == JOB_LOCK)
			j->r = err_set(&j->err, ERR_NOTFOUND, 0,
			    "token %s was locked already", s->serial);
		if (j->request != 0)
			core_done(kr->core, j->request, j->r, &j->err);
		else
			end_own(kr, j);
		break;
	}
	job_free(j);
}

void
keyring_set_core(struct keyring *kr, struct core *c)
{
	kr->core = kr->byname.core = c;
}

static void	 on_change(void *arg);

static void
on_opening(void *arg)
{
	struct keyring *kr = arg;

	kr->opening = NULL;
	on_change(kr);
	if (!kr->known && kr->core != NULL)
		core_idents_known(kr->core);
}

/* Modules are opened when somebody wants keys, and not before. */
static bool
holder_want(void *arg)
{
	struct keyring *kr = arg;
	const bool known = kr->known;

	if (!kr->wanted) {
		kr->wanted = true;
		kr->known = false;
		kr->opening = loop_timer(kr->loop, OPENING_MS, on_opening,
		    kr);
		if (!fleet_wake(kr->fleet)) {
			timer_free(kr->opening);
			kr->opening = NULL;
			kr->known |= known;
		}
	}
	return kr->opening != NULL && !kr->known;
}

void
keyring_on_ready(struct keyring *kr, bool unlock, keyring_ready_fn *fn,
    void *arg)
{
	kr->unlock = unlock;
	kr->ready_fn = fn;
	kr->ready_arg = arg;
	if (unlock)
		(void)holder_want(kr);
}

static const struct idents *
holder_idents(void *arg)
{
	struct keyring *kr = arg;

	return kr->known ? fleet_idents(kr->fleet) : NULL;
}

static struct slot *
slot_by_number(struct keyring *kr, size_t number)
{
	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next)
		if (s->number == number)
			return s;
	return NULL;
}

/* A copy of bytes; NULL: no memory.  Never NULL for an empty span. */
static uint8_t *
copy(struct span in)
{
	uint8_t *p = malloc(in.n + 1);

	if (p != NULL && in.n > 0)
		memcpy(p, in.p, in.n);
	return p;
}

static void
holder_sign(void *arg, const struct holder_order *o)
{
	struct keyring *kr = arg;
	struct slot *s = slot_by_number(kr, o->id->token);
	struct job *j = job_new(JOB_SIGN, o->request);
	struct err e;

	if (j != NULL) {
		j->peer = o->peer;
		j->alg = o->alg;
		j->blob_n = o->id->blob_n;
		j->blob = copy((struct span){ o->id->blob, o->id->blob_n });
		j->data_n = o->data.n;
		j->data = copy(o->data);
		snprintf(j->reason, sizeof(j->reason), "%s", o->what);
	}
	if (s == NULL || j == NULL || j->blob == NULL || j->data == NULL) {
		job_free(j);
		core_signed(kr->core, o->request, err_set(&e, ERR_NOMEM, 0,
		    "out of memory"), &e, (struct span){ 0 });
		return;
	}
	slot_submit(s, j);
}

static void
holder_unlock(void *arg, uint64_t request, const char *name,
    const struct secret *pin, unsigned int lifetime)
{
	struct keyring *kr = arg;

	byname_add(&kr->byname, &(const struct byname_order){
	    .kind = JOB_UNLOCK, .request = request, .name = name,
	    .pin = pin, .lifetime = lifetime });
}

/*
 * The request is answered by the last token's job; the others' failures
 * are logged only.  No token at all is a success: nothing is unlocked.
 */
static void
holder_lock(void *arg, uint64_t request, const char *name)
{
	struct keyring *kr = arg;
	struct slot *last = NULL;
	struct job *j;
	struct err e;

	if (name != NULL) {
		byname_add(&kr->byname, &(const struct byname_order){
		    .kind = JOB_LOCK, .request = request, .name = name });
		return;
	}
	vault_lock(kr->vault, NULL);
	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next) {
		if (!slot_is_token(s))
			continue;
		if (last != NULL && (j = job_new(JOB_LOCK, 0)) != NULL)
			slot_lock(last, j, BYNAME_LOCKED);
		last = s;
	}
	if (last == NULL)
		core_done(kr->core, request, 0, NULL);
	else if ((j = job_new(JOB_LOCK, request)) != NULL)
		slot_lock(last, j, BYNAME_LOCKED);
	else
		core_done(kr->core, request, err_set(&e, ERR_NOMEM, 0,
		    "out of memory"), &e);
}

static uint32_t
offered(const struct keyring *kr, const struct slot *s)
{
	const struct idents *ids = fleet_idents(kr->fleet);
	uint32_t n = 0;

	for (size_t i = 0; i < ids->n; i++)
		n += ids->v[i].token == s->number;
	return n;
}

static bool
shown(const struct slot *s)
{
	return s->state != SLOT_FOREIGN && s->state != SLOT_LEAVING;
}

static void
holder_status(void *arg, struct wire_w *w)
{
	struct keyring *kr = arg;
	uint32_t n = 0;

	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next)
		n += shown(s);
	wire_put_u32(w, n);
	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next) {
		if (!shown(s))
			continue;
		wire_put_cstring(w, s->place.name);
		wire_put_cstring(w, s->serial);
		wire_put_cstring(w, s->label);
		wire_put_cstring(w, slot_state_name(s));
		wire_put_u32(w, offered(kr, s));
		wire_put_cstring(w, s->trouble);
	}
}

static void	 on_patience(void *arg);

/*
 * May a key that is not there be back in a moment?  Whoever waits for it
 * is looked at again, even when nothing happens.
 */
static bool
expecting(struct keyring *kr, bool gone)
{
	fleet_nudge(kr->fleet);
	if (!fleet_expecting(kr->fleet, gone))
		return false;
	if (kr->patience == NULL)
		kr->patience = loop_timer(kr->loop, PATIENCE_MS, on_patience,
		    kr);
	return true;
}

static bool
holder_expecting(void *arg, bool gone, char *why, size_t len)
{
	struct keyring *kr = arg;

	fleet_trouble(kr->fleet, why, len);
	return expecting(kr, gone);
}

static void
on_look(void *arg)
{
	struct keyring *kr = arg;

	kr->look = NULL;
	core_idents_known(kr->core);
}

/*
 * Another program may have changed the keys, and PC/SC does not tell.  A
 * token that is busy is not waited for: its keys are looked at when they
 * are used.
 */
static bool
holder_look(void *arg)
{
	struct keyring *kr = arg;
	bool looking = false;

	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next) {
		if (!slot_is_token(s) || s->jobs > 0 ||
		    loop_now() - s->looked < LOOK_EVERY_MS)
			continue;
		slot_check(s);
		looking = true;
	}
	looking |= fleet_look(kr->fleet, NULL);
	if (looking && kr->look == NULL)
		kr->look = loop_timer(kr->loop, LOOK_MS, on_look, kr);
	return looking;
}

/* Requests whose token went: to the token that has the key, or refused. */
static void
rescue(struct keyring *kr)
{
	struct jobs todo = TAILQ_HEAD_INITIALIZER(todo);
	const struct ident *id;
	struct slot *s;
	struct job *j;

	TAILQ_CONCAT(&todo, &kr->stranded, next);
	while ((j = TAILQ_FIRST(&todo)) != NULL) {
		TAILQ_REMOVE(&todo, j, next);
		id = ident_find(fleet_idents(kr->fleet),
		    (struct span){ j->blob, j->blob_n });
		s = id != NULL && !j->abandoned ?
		    slot_by_number(kr, id->token) : NULL;
		if (s != NULL) {
			slot_submit(s, j);
		} else if (!j->abandoned && loop_now() < j->patience &&
		    expecting(kr, true)) {
			TAILQ_INSERT_TAIL(&kr->stranded, j, next);
		} else {
			answer_sign(kr, j);
			job_free(j);
		}
	}
}

static void
on_change(void *arg)
{
	struct keyring *kr = arg;

	byname_resolve(&kr->byname);
	check_ready(kr);
	sum_up(kr);
	rescue(kr);
	if (kr->known && kr->core != NULL)
		core_idents_known(kr->core);
}

static void
on_patience(void *arg)
{
	struct keyring *kr = arg;

	kr->patience = NULL;
	on_change(kr);
}

static bool
holder_cancel(void *arg, uint64_t request)
{
	struct keyring *kr = arg;
	bool dropped = false;
	struct job *j;

	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next)
		dropped |= slot_abandon(s, request);
	TAILQ_FOREACH(j, &kr->stranded, next)
		if (j->request == request)
			j->abandoned = true;
	return dropped;
}

void
keyring_lock_all(struct keyring *kr, const char *why,
    keyring_locked_fn *done, void *arg)
{
	struct job *j;

	kr->locked_fn = done;
	kr->locked_arg = arg;
	vault_lock(kr->vault, NULL);	/* tokens that are away, too */
	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next) {
		if (!slot_is_token(s) || (j = job_new(JOB_LOCK, 0)) == NULL)
			continue;
		j->for_all = true;
		kr->locking++;
		slot_lock(s, j, why);
	}
	if (kr->locking == 0)
		done(arg);
}

void
keyring_recheck(struct keyring *kr)
{
	struct job *j;

	fleet_configure(kr->fleet);
	/* Not slot_check(): one that is under way may have begun before. */
	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next)
		if (slot_is_token(s) && (j = job_new(JOB_CHECK, 0)) != NULL)
			slot_submit(s, j);
}

int
keyring_new(struct keyring **out, struct loop *l,
    const struct keyring_conf *conf, struct err *e)
{
	struct fleet_conf fc = { .loop = l, .worker = conf->worker,
	    .asker = conf->asker, .on_job = on_job, .on_change = on_change };
	struct keyring *kr;
	int r;

	if ((kr = calloc(1, sizeof(*kr))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "keyring");
	kr->log = conf->worker.log;
	kr->loop = l;
	kr->vault = conf->worker.vault;
	kr->summary_fn = conf->on_summary;
	kr->summary_arg = conf->arg;
	TAILQ_INIT(&kr->stranded);
	fc.arg = kr;
	if ((r = fleet_new(&kr->fleet, &fc, e)) != 0) {
		keyring_free(kr);
		return r;
	}
	kr->byname.fleet = kr->fleet;
	*out = kr;
	return 0;
}

void
keyring_free(struct keyring *kr)
{
	struct job *j;

	if (kr == NULL)
		return;
	fleet_free(kr->fleet);
	timer_free(kr->patience);
	timer_free(kr->opening);
	timer_free(kr->look);
	byname_clear(&kr->byname);
	while ((j = TAILQ_FIRST(&kr->stranded)) != NULL) {
		TAILQ_REMOVE(&kr->stranded, j, next);
		job_free(j);
	}
	free(kr);
}

struct holder
keyring_holder(struct keyring *kr)
{
	return (struct holder){ .arg = kr, .want = holder_want,
	    .idents = holder_idents,
	    .sign = holder_sign,
	    .cancel = holder_cancel, .look = holder_look,
	    .expecting = holder_expecting,
	    .unlock = holder_unlock,
	    .lock = holder_lock, .status = holder_status };
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/keyring.h"
#include "agent/slot.h"
#include "agent/watcher.h"

struct keyring {
	const struct log *log;
	struct pins	*pins;
	struct slot_conf slot_conf;
	struct core	*core;
	struct watcher	*watcher;
	struct watch	*watch;
	struct slot	*slots;		/* by serial number, once known */
	size_t		 last_number;
	struct idents	 idents;
	bool		 looked;	/* the watcher has reported once */
	bool		 ready;
	bool		 unlock;	/* at start, */
	bool		 unlocking;	/* which is under way */
	keyring_ready_fn *ready_fn;
	void		*ready_arg;
	char		 pcsc_trouble[320];
};

/* The identities of all tokens, after a change of any. */
static void
rebuild(struct keyring *kr)
{
	const struct token_key *k;
	size_t present = 0;
	struct err e;

	ident_clear(&kr->idents);
	for (struct slot *s = kr->slots; s != NULL; s = s->next) {
		if (!slot_is_token(s))
			continue;
		present++;
		for (size_t i = 0; i < s->keys.n; i++) {
			k = &s->keys.v[i];
			if (k->blob != NULL && ident_add(&kr->idents,
			    s->number, s->serial, k->ref, k->label, k->id,
			    (struct span){ k->blob, k->blob_n }, &e) != 0)
				log_error(kr->log, "token %s key %s: %s",
				    s->serial, k->ref, e.msg);
		}
	}
	pins_set_present(kr->pins, present);
}

/* Everything that is in the readers was looked at. */
static bool
settled(const struct keyring *kr)
{
	if (!kr->looked)
		return false;
	for (const struct slot *s = kr->slots; s != NULL; s = s->next)
		if (s->state == SLOT_OPENING)
			return false;
	return true;
}

static void
describe(const struct keyring *kr, char *text, size_t len)
{
	const char *trouble = kr->pcsc_trouble;
	size_t tokens = 0, other = 0;

	for (const struct slot *s = kr->slots; s != NULL; s = s->next) {
		tokens += slot_is_token(s);
		other += s->state == SLOT_FOREIGN;
		if (s->state != SLOT_FOREIGN && s->trouble[0] != '\0')
			trouble = s->trouble;
	}
	if (tokens > 0)
		snprintf(text, len, "%zu token%s, %zu key%s%s%.300s", tokens,
		    tokens == 1 ? "" : "s", kr->idents.n,
		    kr->idents.n == 1 ? "" : "s",
		    trouble[0] != '\0' ? "; " : "", trouble);
	else if (trouble[0] != '\0')
		snprintf(text, len, "no token: %.300s; waiting for one",
		    trouble);
	else
		snprintf(text, len, "no SmartCard-HSM found%s; waiting for one "
		    "to be plugged in", other > 0 ? " (other cards are in "
		    "the readers)" : "");
}

/* With --unlock: start on the next token that nobody has tried yet. */
static void
unlock_next(struct keyring *kr)
{
	struct job *j;

	for (struct slot *s = kr->slots; s != NULL; s = s->next) {
		if (s->state != SLOT_LOCKED || s->trouble[0] != '\0')
			continue;
		if ((j = job_new(JOB_UNLOCK, 0)) == NULL)
			return;
		kr->unlocking = true;
		slot_submit(s, j);
		return;
	}
}

static void
check_ready(struct keyring *kr)
{
	char text[400];

	if (kr->ready || kr->unlocking || !settled(kr))
		return;
	if (kr->unlock)
		unlock_next(kr);
	if (kr->unlocking)
		return;
	kr->ready = true;
	describe(kr, text, sizeof(text));
	log_debug(kr->log, "%s", text);
	if (kr->ready_fn != NULL)
		kr->ready_fn(kr->ready_arg, text);
	if (kr->core != NULL)
		core_idents_known(kr->core);
}

static void
take_out(struct keyring *kr, struct slot *s)
{
	for (struct slot **p = &kr->slots; *p != NULL; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next;
			return;
		}
	}
}

/* Slots stand in the order of serial numbers, for stable comments. */
static void
put_in(struct keyring *kr, struct slot *s)
{
	struct slot **p;

	for (p = &kr->slots; *p != NULL &&
	    strcmp((*p)->serial, s->serial) <= 0; p = &(*p)->next)
		;
	s->next = *p;
	*p = s;
}

static void
add(struct keyring *kr, const struct pcsc_reader *reader)
{
	struct slot *s;
	struct err e;

	if (slot_new(&s, &kr->slot_conf, reader, ++kr->last_number, &e) == 0)
		put_in(kr, s);
	else
		log_error(kr->log, "%s: %s", reader->name, e.msg);
}

/* The card is there but its session is not: another slot opens it anew. */
static void
open_anew(struct keyring *kr, struct slot *s)
{
	const struct pcsc_reader reader = s->reader;

	log_info(kr->log, "%s: opening the token again", reader.name);
	slot_leave(s);
	add(kr, &reader);
}

static void
answer(struct keyring *kr, struct slot *s, struct job *j)
{
	switch (j->kind) {
	case JOB_OPEN:
		take_out(kr, s);
		put_in(kr, s);
		break;
	case JOB_SIGN:
		core_signed(kr->core, j->request, j->r, &j->err,
		    j->r == 0 ? wire_bytes(&j->sig) : (struct span){ 0 });
		break;
	case JOB_UNLOCK:
	case JOB_LOCK:
		if (j->request != 0) {
			core_done(kr->core, j->request, j->r, &j->err);
			break;
		}
		if (j->kind == JOB_UNLOCK)
			kr->unlocking = false;
		if (j->r != 0)
			log_error(kr->log, "%s", j->err.msg);
		break;
	}
}

static void
on_job(void *arg, struct slot *s, struct job *j)
{
	struct keyring *kr = arg;

	if (j == NULL) {
		take_out(kr, s);
		slot_free(s);
	} else {
		answer(kr, s, j);
		if (j->kind != JOB_OPEN && j->r == ERR_TOKEN_GONE &&
		    s->state != SLOT_LEAVING)
			open_anew(kr, s);
	}
	rebuild(kr);
	check_ready(kr);
}

/* What is in the reader that a slot was made for; NULL: it is gone. */
static const struct pcsc_reader *
find_card(const struct slot *s, const struct pcsc_readers *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		if (strcmp(rs->v[i].name, s->reader.name) == 0)
			return rs->v[i].present &&
			    rs->v[i].events == s->reader.events ?
			    &rs->v[i] : NULL;
	return NULL;
}

static bool
has_slot(const struct keyring *kr, const struct pcsc_reader *r)
{
	for (const struct slot *s = kr->slots; s != NULL; s = s->next)
		if (s->state != SLOT_LEAVING &&
		    strcmp(s->reader.name, r->name) == 0)
			return true;
	return false;
}

static void
update(struct keyring *kr, struct slot *s, const struct pcsc_readers *rs)
{
	const struct pcsc_reader *now = find_card(s, rs);

	if (s->state == SLOT_LEAVING)
		return;
	if (now == NULL) {
		if (slot_is_token(s))
			log_info(kr->log, "token %s was removed", s->serial);
		slot_leave(s);
	} else if (s->state == SLOT_FAILED && !now->exclusive) {
		open_anew(kr, s);	/* whoever held it has let go */
	}
}

static void
on_readers(void *arg, short revents)
{
	struct keyring *kr = arg;
	struct pcsc_readers rs;
	struct err e = { 0 };

	(void)revents;
	if (watcher_get(kr->watcher, &rs, &e) != 0 &&
	    strcmp(kr->pcsc_trouble, e.msg) != 0)
		log_error(kr->log, "%s", e.msg);
	snprintf(kr->pcsc_trouble, sizeof(kr->pcsc_trouble), "%s", e.msg);
	kr->looked = true;
	for (struct slot *s = kr->slots; s != NULL; s = s->next)
		update(kr, s, &rs);
	for (size_t i = 0; i < rs.n; i++)
		if (rs.v[i].present && !rs.v[i].mute &&
		    !has_slot(kr, &rs.v[i]))
			add(kr, &rs.v[i]);
	rebuild(kr);
	check_ready(kr);
}

int
keyring_new(struct keyring **out, struct loop *l,
    const struct keyring_conf *conf, struct err *e)
{
	struct keyring *kr;
	int r;

	if ((kr = calloc(1, sizeof(*kr))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "keyring");
	kr->log = conf->log;
	kr->pins = conf->pins;
	kr->slot_conf = (struct slot_conf){ .loop = l, .log = conf->log,
	    .pins = conf->pins, .lifetime = conf->lifetime, .fn = on_job,
	    .arg = kr };
	if ((r = watcher_new(&kr->watcher, e)) == 0 &&
	    (kr->watch = loop_watch(l, watcher_fd(kr->watcher), POLLIN,
	    on_readers, kr)) == NULL)
		r = err_set(e, ERR_NOMEM, 0, "keyring");
	if (r != 0) {
		keyring_free(kr);
		return r;
	}
	*out = kr;
	return 0;
}

void
keyring_free(struct keyring *kr)
{
	struct slot *s;

	if (kr == NULL)
		return;
	watch_free(kr->watch);
	watcher_free(kr->watcher);
	for (s = kr->slots; s != NULL; s = s->next)
		slot_leave(s);			/* all at once, then wait */
	while ((s = kr->slots) != NULL) {
		take_out(kr, s);
		slot_free(s);
	}
	ident_clear(&kr->idents);
	free(kr);
}

void
keyring_set_core(struct keyring *kr, struct core *c)
{
	kr->core = c;
}

void
keyring_on_ready(struct keyring *kr, bool unlock, keyring_ready_fn *fn,
    void *arg)
{
	kr->unlock = unlock;
	kr->ready_fn = fn;
	kr->ready_arg = arg;
}

static const struct idents *
holder_idents(void *arg)
{
	struct keyring *kr = arg;

	return kr->ready ? &kr->idents : NULL;
}

static struct slot *
slot_by_number(struct keyring *kr, size_t number)
{
	for (struct slot *s = kr->slots; s != NULL; s = s->next)
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
holder_sign(void *arg, uint64_t request, const struct ident *id,
    enum sig_alg alg, struct span data)
{
	struct keyring *kr = arg;
	struct slot *s = slot_by_number(kr, id->token);
	struct job *j = job_new(JOB_SIGN, request);
	struct err e;

	if (j != NULL) {
		j->alg = alg;
		j->blob_n = id->blob_n;
		j->blob = copy((struct span){ id->blob, id->blob_n });
		j->data_n = data.n;
		j->data = copy(data);
	}
	if (s == NULL || j == NULL || j->blob == NULL || j->data == NULL) {
		job_free(j);
		core_signed(kr->core, request, err_set(&e, ERR_NOMEM, 0,
		    "out of memory"), &e, (struct span){ 0 });
		return;
	}
	slot_submit(s, j);
}

/*
 * The token that a client names: by serial number, label or reader, or by
 * any path, which means the only one.
 */
static struct slot *
find_slot(struct keyring *kr, const char *name, struct err *e)
{
	struct slot *found = NULL;
	size_t n = 0;

	for (struct slot *s = kr->slots; s != NULL; s = s->next) {
		if (!slot_is_token(s) || (name[0] != '/' &&
		    strcmp(name, s->serial) != 0 &&
		    strcmp(name, s->label) != 0 &&
		    strcmp(name, s->reader.name) != 0))
			continue;
		found = s;
		n++;
	}
	if (n == 1)
		return found;
	if (n == 0)
		(void)err_set(e, ERR_NO_TOKEN, 0, "no such token is plugged in");
	else
		(void)err_set(e, ERR_DENIED, 0,
		    "%zu tokens are meant; name one by its serial number", n);
	return NULL;
}

static void
holder_unlock(void *arg, uint64_t request, const char *name,
    const struct secret *pin)
{
	struct keyring *kr = arg;
	struct job *j = NULL;
	struct slot *s;
	struct err e;

	if ((s = find_slot(kr, name, &e)) == NULL) {
		core_done(kr->core, request, (int)e.code, &e);
		return;
	}
	if ((j = job_new(JOB_UNLOCK, request)) != NULL && pin != NULL &&
	    (j->pin = secret_new()) != NULL)
		secret_copy(j->pin, pin);
	if (j == NULL || (pin != NULL && j->pin == NULL)) {
		job_free(j);
		core_done(kr->core, request, err_set(&e, ERR_NOMEM, 0,
		    "out of memory"), &e);
		return;
	}
	slot_submit(s, j);
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

	if (name != NULL && (last = find_slot(kr, name, &e)) == NULL) {
		core_done(kr->core, request, (int)e.code, &e);
		return;
	}
	for (struct slot *s = kr->slots; name == NULL && s != NULL;
	    s = s->next) {
		if (!slot_is_token(s))
			continue;
		if (last != NULL && (j = job_new(JOB_LOCK, 0)) != NULL)
			slot_submit(last, j);
		last = s;
	}
	if (last == NULL)
		core_done(kr->core, request, 0, NULL);
	else if ((j = job_new(JOB_LOCK, request)) != NULL)
		slot_submit(last, j);
	else
		core_done(kr->core, request, err_set(&e, ERR_NOMEM, 0,
		    "out of memory"), &e);
}

static uint32_t
offered(const struct keyring *kr, const struct slot *s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < kr->idents.n; i++)
		n += kr->idents.v[i].token == s->number;
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

	for (struct slot *s = kr->slots; s != NULL; s = s->next)
		n += shown(s);
	wire_put_u32(w, n);
	for (struct slot *s = kr->slots; s != NULL; s = s->next) {
		if (!shown(s))
			continue;
		wire_put_cstring(w, s->reader.name);
		wire_put_cstring(w, s->serial);
		wire_put_cstring(w, s->label);
		wire_put_cstring(w, slot_state_name(s));
		wire_put_u32(w, offered(kr, s));
		wire_put_cstring(w, s->trouble);
	}
}

struct holder
keyring_holder(struct keyring *kr)
{
	return (struct holder){ .arg = kr, .idents = holder_idents,
	    .sign = holder_sign, .unlock = holder_unlock,
	    .lock = holder_lock, .status = holder_status };
}

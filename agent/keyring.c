/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/fleet.h"
#include "agent/keyring.h"

/* An unlock or lock of a token by its name. */
struct named {
	struct named	*next;
	enum job_kind	 kind;
	uint64_t	 request;
	char		*name;
	struct secret	*pin;		/* NULL: none was given */
};

struct keyring {
	const struct log *log;
	struct core	*core;
	struct fleet	*fleet;
	struct named	*named;		/* wait for labels to be read */
	bool		 ready;
	bool		 unlock;	/* at start, */
	bool		 unlocking;	/* which is under way */
	keyring_ready_fn *ready_fn;
	void		*ready_arg;
};

/* With --unlock: start on the next token that nobody has tried yet. */
static void
unlock_next(struct keyring *kr)
{
	struct job *j;

	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next) {
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

	if (kr->ready || kr->unlocking || !fleet_settled(kr->fleet))
		return;
	if (kr->unlock)
		unlock_next(kr);
	if (kr->unlocking)
		return;
	kr->ready = true;
	fleet_describe(kr->fleet, text, sizeof(text));
	if (kr->ready_fn != NULL)
		kr->ready_fn(kr->ready_arg, text);
	if (kr->core != NULL)
		core_idents_known(kr->core);
}

static void
on_job(void *arg, struct slot *s, struct job *j)
{
	struct keyring *kr = arg;

	switch (j->kind) {
	case JOB_OPEN:
		break;
	case JOB_LABEL:
		s->label_asked = false;
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

	return kr->ready ? fleet_idents(kr->fleet) : NULL;
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

	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next) {
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
		(void)err_set(e, ERR_NO_TOKEN, 0,
		    "no such token is plugged in");
	else
		(void)err_set(e, ERR_DENIED, 0,
		    "%zu tokens are meant; name one by its serial number", n);
	return NULL;
}

static void
named_free(struct named *n)
{
	free(n->name);
	secret_free(n->pin);
	free(n);
}

/* Takes n over. */
static void
carry_out(struct keyring *kr, struct named *n)
{
	struct job *j = NULL;
	struct slot *s;
	struct err e;

	if ((s = find_slot(kr, n->name, &e)) == NULL) {
		core_done(kr->core, n->request, (int)e.code, &e);
	} else if ((j = job_new(n->kind, n->request)) == NULL) {
		core_done(kr->core, n->request, err_set(&e, ERR_NOMEM, 0,
		    "out of memory"), &e);
	} else {
		j->pin = n->pin;
		n->pin = NULL;
		slot_submit(s, j);
	}
	named_free(n);
}

/* Labels are read when one is first asked for; false while they are. */
static bool
labels_known(struct keyring *kr)
{
	bool known = true;
	struct job *j;

	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next) {
		if (!slot_is_token(s) || s->label[0] != '\0' ||
		    s->trouble[0] != '\0')
			continue;
		if (!s->label_asked && (j = job_new(JOB_LABEL, 0)) != NULL) {
			s->label_asked = true;
			slot_submit(s, j);
		}
		known &= !s->label_asked;
	}
	return known;
}

/* A serial number or reader needs no label, nor does a path. */
static bool
needs_labels(const struct keyring *kr, const char *name)
{
	const struct slot *s;

	for (s = fleet_slots(kr->fleet); s != NULL; s = s->next)
		if (strcmp(name, s->serial) == 0 ||
		    strcmp(name, s->reader.name) == 0)
			return false;
	return name[0] != '/';
}

static void
resolve(struct keyring *kr)
{
	struct named **p = &kr->named, *n;

	while ((n = *p) != NULL) {
		if (needs_labels(kr, n->name) && !labels_known(kr)) {
			p = &n->next;
			continue;
		}
		*p = n->next;
		carry_out(kr, n);
	}
}

static void
add_named(struct keyring *kr, enum job_kind kind, uint64_t request,
    const char *name, const struct secret *pin)
{
	struct named *n, **end;
	struct err e;

	n = calloc(1, sizeof(*n));
	if (n != NULL && (n->name = strdup(name)) != NULL && pin != NULL &&
	    (n->pin = secret_new()) != NULL)
		secret_copy(n->pin, pin);
	if (n == NULL || n->name == NULL || (pin != NULL && n->pin == NULL)) {
		if (n != NULL)
			named_free(n);
		core_done(kr->core, request, err_set(&e, ERR_NOMEM, 0,
		    "out of memory"), &e);
		return;
	}
	n->kind = kind;
	n->request = request;
	for (end = &kr->named; *end != NULL; end = &(*end)->next)
		;
	*end = n;
	resolve(kr);
}

static void
holder_unlock(void *arg, uint64_t request, const char *name,
    const struct secret *pin)
{
	add_named(arg, JOB_UNLOCK, request, name, pin);
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
		add_named(kr, JOB_LOCK, request, name, NULL);
		return;
	}
	for (struct slot *s = fleet_slots(kr->fleet); s != NULL; s = s->next) {
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
		wire_put_cstring(w, s->reader.name);
		wire_put_cstring(w, s->serial);
		wire_put_cstring(w, s->label);
		wire_put_cstring(w, slot_state_name(s));
		wire_put_u32(w, offered(kr, s));
		wire_put_cstring(w, s->trouble);
	}
}

static void
on_change(void *arg)
{
	struct keyring *kr = arg;

	resolve(kr);
	check_ready(kr);
}

int
keyring_new(struct keyring **out, struct loop *l,
    const struct keyring_conf *conf, struct err *e)
{
	struct fleet_conf fc = { .loop = l, .log = conf->log,
	    .pins = conf->pins, .lifetime = conf->lifetime,
	    .on_job = on_job, .on_change = on_change };
	struct keyring *kr;
	int r;

	if ((kr = calloc(1, sizeof(*kr))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "keyring");
	kr->log = conf->log;
	fc.arg = kr;
	if ((r = fleet_new(&kr->fleet, &fc, e)) != 0) {
		keyring_free(kr);
		return r;
	}
	*out = kr;
	return 0;
}

void
keyring_free(struct keyring *kr)
{
	struct named *n;

	if (kr == NULL)
		return;
	fleet_free(kr->fleet);
	while ((n = kr->named) != NULL) {
		kr->named = n->next;
		named_free(n);
	}
	free(kr);
}

struct holder
keyring_holder(struct keyring *kr)
{
	return (struct holder){ .arg = kr, .idents = holder_idents,
	    .sign = holder_sign, .unlock = holder_unlock,
	    .lock = holder_lock, .status = holder_status };
}

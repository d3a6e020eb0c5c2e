/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/fleet.h"
#include "agent/modules.h"
#include "agent/watcher.h"

#define PATIENCE_MS	3000	/* with a busy token, at the end */
#define RETRY_MS	250	/* then twice as long, and so on */
#define ATTEMPTS_MAX	6
#define ATTEMPTS_QUICK	3	/* of these, one is worth waiting for */
#define NUDGE_MS	500	/* between two tries that are asked for */
#define GRACE_MS	3000	/* a plug that was loose may be back */
#define PCSC_GRACE_MS	60000	/* tokens may be back with the daemon */

struct fleet {
	struct fleet_conf conf;
	struct slot_conf slot_conf;
	struct watcher	*watcher;
	struct watch	*watch;
	struct modules	*modules;
	struct slot	*slots;		/* by serial number, once known */
	size_t		 last_number;
	struct idents	 idents;
	bool		 looked;	/* the watcher has reported once */
	bool		 awake;		/* modules are wanted */
	int64_t		 nudged;	/* last time, ms */
	struct timer	*grace;		/* something went a moment ago */
	struct timer	*pcsc_grace;	/* PINs of tokens not seen again go */
	char		 pcsc_trouble[320];
	bool		 ending;	/* nobody wants to hear of anything */
};

static void
add_idents(struct fleet *f, const struct slot *s)
{
	const struct token_key *k;
	struct err e;

	for (size_t i = 0; i < s->keys.n; i++) {
		k = &s->keys.v[i];
		if (k->blob != NULL && ident_add(&f->idents, s->number,
		    s->serial, k->ref, k->label, k->id,
		    (struct span){ k->blob, k->blob_n }, &e) != 0)
			log_error(f->conf.worker.log, "token %s key %s: %s",
			    s->serial, k->ref, e.msg);
	}
}

/*
 * The identities of all tokens, after a change of any.  A key that is in
 * several is that of the one we speak to ourselves.
 */
static void
rebuild(struct fleet *f)
{
	size_t present = 0;

	ident_clear(&f->idents);
	for (int modules = 0; modules <= 1; modules++) {
		for (struct slot *s = f->slots; s != NULL; s = s->next) {
			if (!slot_is_token(s) ||
			    (s->place.module != NULL) != modules)
				continue;
			present++;
			add_idents(f, s);
		}
	}
	pins_set_present(f->conf.worker.pins, present);
}

bool
fleet_settled(const struct fleet *f, bool modules)
{
	if (!f->looked || (modules && !modules_settled(f->modules)))
		return false;
	for (const struct slot *s = f->slots; s != NULL; s = s->next)
		if (s->state == SLOT_OPENING &&
		    (modules || s->place.module == NULL))
			return false;
	return true;
}

bool
fleet_expecting(const struct fleet *f, bool gone)
{
	if (gone && f->grace != NULL)
		return true;
	for (const struct slot *s = f->slots; s != NULL; s = s->next)
		if (s->state == SLOT_OPENING ||
		    (s->retry != NULL && (s->wanted ||
		    s->attempts < ATTEMPTS_QUICK)))
			return true;
	return false;
}

/* That there are no readers is none where all tokens are elsewhere. */
static const char *
place_trouble(const struct fleet *f)
{
	const char *trouble = modules_trouble(f->modules);

	if (!f->awake && settings_get(f->conf.worker.settings)->n_modules > 0)
		return "PKCS#11 modules are opened when keys are wanted";
	if (trouble[0] != '\0' || modules_place(f->modules, 0) != NULL)
		return trouble;
	return f->pcsc_trouble;
}

void
fleet_trouble(const struct fleet *f, char *why, size_t len)
{
	const char *trouble = place_trouble(f);

	for (const struct slot *s = f->slots; s != NULL; s = s->next)
		if (s->state == SLOT_FAILED)
			trouble = s->trouble;
	snprintf(why, len, "%s", trouble);
}

void
fleet_describe(const struct fleet *f, char *text, size_t len)
{
	const char *trouble = place_trouble(f);
	size_t tokens = 0, other = 0;

	for (const struct slot *s = f->slots; s != NULL; s = s->next) {
		tokens += slot_is_token(s);
		other += s->state == SLOT_FOREIGN;
		if (s->state != SLOT_FOREIGN && s->trouble[0] != '\0')
			trouble = s->trouble;
	}
	if (tokens > 0)
		snprintf(text, len, "%zu token%s, %zu key%s%s%.300s", tokens,
		    tokens == 1 ? "" : "s", f->idents.n,
		    f->idents.n == 1 ? "" : "s",
		    trouble[0] != '\0' ? "; " : "", trouble);
	else if (trouble[0] != '\0')
		snprintf(text, len, "no token: %.300s; waiting for one",
		    trouble);
	else
		snprintf(text, len, "no %s found%s; waiting for one to be "
		    "plugged in", modules_any(f->modules) ? "token" :
		    "SmartCard-HSM", other > 0 ? " (other cards are in the "
		    "readers)" : "");
}

static void
take_out(struct fleet *f, struct slot *s)
{
	for (struct slot **p = &f->slots; *p != NULL; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next;
			return;
		}
	}
}

/* Slots stand in the order of serial numbers, for stable comments. */
static void
put_in(struct fleet *f, struct slot *s)
{
	struct slot **p;

	for (p = &f->slots; *p != NULL &&
	    strcmp((*p)->serial, s->serial) <= 0; p = &(*p)->next)
		;
	s->next = *p;
	*p = s;
}

static void
add(struct fleet *f, const struct token_place *place, unsigned int attempts,
    const char *before)
{
	struct slot *s;
	struct err e;

	if (slot_new(&s, &f->slot_conf, place, ++f->last_number, &e) != 0) {
		log_error(f->conf.worker.log, "%s: %s", place->name, e.msg);
		return;
	}
	s->attempts = attempts;
	snprintf(s->before, sizeof(s->before), "%s", before);
	put_in(f, s);
}

/* The card is there but its session is not: another slot opens it anew. */
static void
open_anew(struct fleet *f, struct slot *s, unsigned int attempts)
{
	log_info(f->conf.worker.log, "%s: opening the token again",
	    s->place.name);
	slot_leave(s);
	add(f, &s->place, attempts, s->serial[0] != '\0' ? s->serial :
	    s->before);
}

static void
on_retry(void *arg)
{
	struct slot *s = arg;

	s->retry = NULL;
	open_anew(s->conf->arg, s, s->attempts + 1);
}

/*
 * A card that was just put in may not answer yet, and no news comes when it
 * does.  One that another program holds for itself is tried again when it
 * is wanted.
 */
static void
retry_later(struct fleet *f, struct slot *s, int why)
{
	if (s->state != SLOT_FAILED || why == ERR_DENIED ||
	    s->attempts >= ATTEMPTS_MAX)
		return;
	s->retry = loop_timer(f->conf.loop, RETRY_MS << s->attempts, on_retry,
	    s);
}

void
fleet_nudge(struct fleet *f)
{
	int64_t wait = f->nudged + NUDGE_MS - loop_now();

	for (struct slot *s = f->slots; s != NULL; s = s->next) {
		if (s->state != SLOT_FAILED || s->retry != NULL)
			continue;
		s->wanted = true;
		s->attempts = ATTEMPTS_MAX;
		s->retry = loop_timer(f->conf.loop, wait > 0 ? wait : 0,
		    on_retry, s);
	}
	if (wait <= 0)
		f->nudged = loop_now();
}

/* The slot's session is of no use any more, whatever the card is like. */
static bool
is_lost(int r)
{
	return r == ERR_TOKEN_GONE || r == ERR_NO_TOKEN;
}

static void	 sync_modules(struct fleet *f);

static void
on_job(void *arg, struct slot *s, struct job *j)
{
	struct fleet *f = arg;
	int r;

	if (f->ending) {
		job_free(j);
		return;
	}
	if (j == NULL) {
		take_out(f, s);
		slot_free(s);
	} else if (j->kind == JOB_OPEN) {
		take_out(f, s);
		put_in(f, s);		/* its serial number is known now */
		retry_later(f, s, j->r);
		job_free(j);
	} else {
		r = j->r;
		f->conf.on_job(f->conf.arg, s, j);
		if (is_lost(r) && s->state != SLOT_LEAVING)
			open_anew(f, s, 0);
	}
	sync_modules(f);
	rebuild(f);
	f->conf.on_change(f->conf.arg);
}

/* What is in the reader that a slot was made for; NULL: it is gone. */
static const struct pcsc_reader *
find_card(const struct slot *s, const struct pcsc_readers *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		if (strcmp(rs->v[i].name, s->place.reader.name) == 0)
			return rs->v[i].present &&
			    rs->v[i].events == s->place.reader.events ?
			    &rs->v[i] : NULL;
	return NULL;
}

static bool
has_slot(const struct fleet *f, const struct pcsc_reader *r)
{
	for (const struct slot *s = f->slots; s != NULL; s = s->next)
		if (s->state != SLOT_LEAVING && s->place.module == NULL &&
		    strcmp(s->place.reader.name, r->name) == 0)
			return true;
	return false;
}

static void
on_grace(void *arg)
{
	struct fleet *f = arg;

	f->grace = NULL;
	f->conf.on_change(f->conf.arg);
}

static void
start_grace(struct fleet *f)
{
	timer_free(f->grace);
	f->grace = loop_timer(f->conf.loop, GRACE_MS, on_grace, f);
}

static bool
is_present(void *arg, const char *serial)
{
	const struct fleet *f = arg;

	for (const struct slot *s = f->slots; s != NULL; s = s->next)
		if (strcmp(s->serial, serial) == 0)
			return true;
	return false;
}

/* The daemon was away; what is not back by now was pulled meanwhile. */
static void
on_pcsc_grace(void *arg)
{
	struct fleet *f = arg;

	f->pcsc_grace = NULL;
	vault_lock_absent(f->conf.worker.vault, is_present, f);
}

/*
 * The card is gone from the reader: whoever pulled it wants to be asked
 * again.  That the daemon went says nothing of the card.
 */
static void
removed(struct fleet *f, struct slot *s)
{
	const char *serial = s->serial[0] != '\0' ? s->serial : s->before;

	start_grace(f);
	if (f->pcsc_trouble[0] == '\0' || s->place.module != NULL) {
		if (slot_is_token(s))
			log_info(f->conf.worker.log, "token %s was removed",
			    serial);
		vault_lock(f->conf.worker.vault, serial);
	} else if (f->pcsc_grace == NULL) {
		f->pcsc_grace = loop_timer(f->conf.loop, PCSC_GRACE_MS,
		    on_pcsc_grace, f);
	}
	slot_leave(s);
}

static void
update(struct fleet *f, struct slot *s, const struct pcsc_readers *rs)
{
	const struct pcsc_reader *now = find_card(s, rs);

	if (s->state == SLOT_LEAVING || s->place.module != NULL)
		return;
	if (now == NULL) {
		removed(f, s);
	} else if (s->state == SLOT_FAILED && !now->exclusive) {
		open_anew(f, s, 0);	/* whoever held it has let go */
	}
}

/* --- slots of PKCS#11 modules --- */

/* The slot that was made for this place; NULL: none was. */
static struct slot *
slot_at(const struct fleet *f, const struct token_place *p)
{
	for (struct slot *s = f->slots; s != NULL; s = s->next)
		if (s->state != SLOT_LEAVING && s->place.module != NULL &&
		    strcmp(s->place.module, p->module) == 0 &&
		    s->place.slot.id == p->slot.id &&
		    strcmp(s->place.slot.serial, p->slot.serial) == 0)
			return s;
	return NULL;
}

/* Is there such a token in a reader, which we speak to ourselves? */
static bool
is_native(const struct fleet *f, const char *serial)
{
	for (const struct slot *s = f->slots; s != NULL; s = s->next)
		if (s->state != SLOT_LEAVING && s->place.module == NULL &&
		    strcmp(s->serial, serial) == 0)
			return true;
	return false;
}

/* Has another module such a token, or this one in another slot? */
static bool
is_twice(const struct fleet *f, const char *serial)
{
	for (const struct slot *s = f->slots; s != NULL; s = s->next)
		if (s->state != SLOT_LEAVING && s->place.module != NULL &&
		    strcmp(s->place.slot.serial, serial) == 0)
			return true;
	return false;
}

static bool
is_there(const struct fleet *f, const struct slot *s)
{
	const struct token_place *p;

	for (size_t i = 0; (p = modules_place(f->modules, i)) != NULL; i++)
		if (slot_at(f, p) == s)
			return true;
	return false;
}

/*
 * Open what is in the slots of modules, but for what we speak to ourselves:
 * so the readers come first.
 */
static void
sync_modules(struct fleet *f)
{
	const struct token_place *p;

	for (struct slot *s = f->slots; s != NULL; s = s->next) {
		if (s->state == SLOT_LEAVING || s->place.module == NULL)
			continue;
		if (!is_there(f, s))
			removed(f, s);
		else if (is_native(f, s->place.slot.serial))
			slot_leave(s);
	}
	if (!fleet_settled(f, false))
		return;
	for (size_t i = 0; (p = modules_place(f->modules, i)) != NULL; i++)
		if (!is_native(f, p->slot.serial) &&
		    !is_twice(f, p->slot.serial))
			add(f, p, 0, "");
}

static void
on_modules(void *arg)
{
	struct fleet *f = arg;

	sync_modules(f);
	rebuild(f);
	f->conf.on_change(f->conf.arg);
}

void
fleet_configure(struct fleet *f)
{
	const struct options *o = settings_get(f->conf.worker.settings);

	if (!f->awake)
		return;
	modules_configure(f->modules, o->modules, o->n_modules,
	    o->module_timeout);
	on_modules(f);
}

bool
fleet_wake(struct fleet *f)
{
	f->awake = true;
	fleet_configure(f);
	return modules_any(f->modules);
}

bool
fleet_look(struct fleet *f, const char *module)
{
	return modules_look(f->modules, module) ||
	    fleet_opening_slots(f, module);
}

bool
fleet_opening_slots(const struct fleet *f, const char *module)
{
	for (const struct slot *s = f->slots; s != NULL; s = s->next)
		if (s->place.module != NULL && s->state == SLOT_OPENING &&
		    (module == NULL || strcmp(s->place.module, module) == 0))
			return true;
	return false;
}

struct modules *
fleet_modules(const struct fleet *f)
{
	return f->modules;
}

static void
on_readers(void *arg, short revents)
{
	struct fleet *f = arg;
	struct token_place place;
	struct pcsc_readers rs;
	struct err e = { 0 };

	(void)revents;
	if (watcher_get(f->watcher, &rs, &e) != 0 &&
	    strcmp(f->pcsc_trouble, e.msg) != 0)
		log_error(f->conf.worker.log, "%s", e.msg);
	snprintf(f->pcsc_trouble, sizeof(f->pcsc_trouble), "%s", e.msg);
	f->looked = true;
	for (struct slot *s = f->slots; s != NULL; s = s->next)
		update(f, s, &rs);
	for (size_t i = 0; i < rs.n; i++) {
		if (!rs.v[i].present || rs.v[i].mute || has_slot(f, &rs.v[i]))
			continue;
		token_place_reader(&place, &rs.v[i]);
		add(f, &place, 0, "");
	}
	sync_modules(f);
	rebuild(f);
	f->conf.on_change(f->conf.arg);
}

int
fleet_new(struct fleet **out, const struct fleet_conf *conf, struct err *e)
{
	struct modules_conf mc = { .loop = conf->loop,
	    .log = conf->worker.log, .on_news = on_modules };
	struct fleet *f;
	int r;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "tokens");
	f->conf = *conf;
	f->slot_conf = (struct slot_conf){ .loop = conf->loop,
	    .worker = conf->worker, .asker = conf->asker,
	    .fn = on_job, .arg = f };
	mc.arg = f;
	if ((r = modules_new(&f->modules, &mc, e)) == 0 &&
	    (r = watcher_new(&f->watcher, e)) == 0 &&
	    (f->watch = loop_watch(conf->loop, watcher_fd(f->watcher),
	    POLLIN, on_readers, f)) == NULL)
		r = err_set(e, ERR_NOMEM, 0, "tokens");
	if (r != 0) {
		fleet_free(f);
		return r;
	}
	*out = f;
	return 0;
}

void
fleet_free(struct fleet *f)
{
	struct slot *s;

	if (f == NULL)
		return;
	f->ending = true;
	watch_free(f->watch);
	watcher_free(f->watcher);
	timer_free(f->grace);
	timer_free(f->pcsc_grace);
	for (s = f->slots; s != NULL; s = s->next)
		slot_leave(s);			/* all at once, then wait */
	while ((s = f->slots) != NULL) {
		take_out(f, s);
		if (worker_wait(s->worker, PATIENCE_MS))
			slot_free(s);
		else
			log_error(f->conf.worker.log, "%s: another program "
			    "keeps the token busy; leaving without logging "
			    "out", s->place.name);
	}
	modules_free(f->modules);
	ident_clear(&f->idents);
	free(f);
}

struct slot *
fleet_slots(const struct fleet *f)
{
	return f->slots;
}

const struct idents *
fleet_idents(const struct fleet *f)
{
	return &f->idents;
}

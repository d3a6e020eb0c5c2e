/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_FLEET_H
#define AGENT_FLEET_H

#include "agent/ident.h"
#include "agent/slot.h"

/*
 * All cards in all readers, and all tokens of PKCS#11 modules, as they come
 * and go: a slot for each, in the order of serial numbers, and the identities
 * that the tokens among them hold.  A token that is in a reader and a module
 * is used in the reader.  Lives in the loop's thread and never blocks.
 */
struct fleet;

struct fleet_conf {
	struct loop	*loop;
	struct worker_conf worker;
	const struct pin_asker *asker;

	/* A job of the keyring's is over, which it takes over. */
	void		 (*on_job)(void *arg, struct slot *s, struct job *j);

	/* Slots may have come or gone; also after each job. */
	void		 (*on_change)(void *arg);
	void		*arg;
};

int		 fleet_new(struct fleet **out, const struct fleet_conf *conf,
		    struct err *e) MUST_CHECK;

/* Logs out, and waits a moment for what runs.  NULL is fine. */
void		 fleet_free(struct fleet *f);

struct slot	*fleet_slots(const struct fleet *f);	/* follow ->next */
const struct idents *fleet_idents(const struct fleet *f);

/* Everything that is in the readers was looked at; and in modules, too. */
bool		 fleet_settled(const struct fleet *f, bool modules);

/*
 * A token may be there in a moment: cards are being opened or, where `gone`
 * says to think of that, one was just removed or the PC/SC daemon lost.
 */
bool		 fleet_expecting(const struct fleet *f, bool gone);

/*
 * Somebody wants a key that is not there: try once more to open the cards
 * that could not be opened.
 */
void		 fleet_nudge(struct fleet *f);

/* Modules are opened from here on; true: there are any. */
bool		 fleet_wake(struct fleet *f);

/* The settings are others: other modules, perhaps. */
void		 fleet_configure(struct fleet *f);

/*
 * Somebody lists keys, or wants one that is not there.  True: modules that do
 * not tell by themselves are asked, and on_change() may follow soon.  Only
 * `module`, by its modules_path(); NULL: all of them.
 */
bool		 fleet_look(struct fleet *f, const char *module);

/* What is in slots of this module, or of any, is being opened. */
bool		 fleet_opening_slots(const struct fleet *f,
		    const char *module);

/* Where a client may name one more; to drop one waits for the next news. */
struct modules	*fleet_modules(const struct fleet *f);

/* Why a token may be missing, or "". */
void		 fleet_trouble(const struct fleet *f, char *why, size_t len);

/* One line for a person: what was found, or what is in the way. */
void		 fleet_describe(const struct fleet *f, char *text, size_t len);

#endif

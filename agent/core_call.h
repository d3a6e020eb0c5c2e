/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CORE_CALL_H
#define AGENT_CORE_CALL_H

#include <sys/queue.h>

#include "agent/core.h"
#include "agent/grants.h"
#include "agent/padlock.h"
#include "agent/papers.h"
#include "agent/view.h"

/*
 * The inside of the core, shared by its files: core.c takes requests in and
 * sends answers, core_keys.c lists and signs, core_ca.c has an eye on what a
 * CA signs, core_record.c sees that it is in the ledger, core_tokens.c
 * unlocks and locks, core_upstream.c asks the other agent, core_extension.c
 * does the extensions, and core_decision.c tells what has come of it all.
 *
 * A request that has to wait for something is kept as a message, and looked
 * at from its beginning when that has come: whatever has changed meanwhile
 * counts.  Only what was handed to the holder of the keys is not looked at
 * again.
 */

/* What an open request waits for. */
enum stage {
	AT_HOLDER,		/* its answer */
	FOR_KEYS,		/* other keys than now, or for keys at all */
	FOR_PERSON,		/* to confirm it */
	FOR_UPSTREAM,		/* the other agent's answer */
	FOR_TIME,		/* to pass: a refusal that comes late */
	FOR_LEDGER,		/* whether it may be recorded */
	AT_LEDGER,		/* until it is on the disk */
};

/* What is known of a request beyond its message. */
struct progress {
	int64_t		 since;		/* when it came, ms */
	int64_t		 patience;	/* with keys, until; 0: none asked */
	bool		 confirmed;
	bool		 upstream_asked;
	struct span	 theirs;	/* the upstream's answer, or empty */
	bool		 recordable;	/* the ledger said so */
	struct err	 observed;	/* a CA's policy is against it, .code
					 * not 0, but only observes */
};

struct pending {
	TAILQ_ENTRY(pending) next;
	struct core	*core;
	uint64_t	 id;
	struct caller	*caller;
	enum stage	 stage;
	struct progress	 progress;	/* .theirs is empty */
	uint8_t		*msg;
	size_t		 msg_n;
	char		 what[420];	/* for the log */

	/* AT_HOLDER: what it is for */
	struct constraints *constraints; /* of an unlock; NULL: no unlock */
	bool		 has_pin;	/* it brought one */
	char		 serial[32];	/* of its token, "" until known, */
	struct terms	*terms;		/* and NULL */
	struct caller	 ghost;		/* of one that has gone */
	uint64_t	 granted;	/* grants_version() when it signed */

	struct timer	*timer;		/* FOR_TIME */
	uint8_t		*sig;		/* AT_LEDGER: of a certificate */
	size_t		 sig_n;
};

struct core {
	struct core_conf conf;
	TAILQ_HEAD(pendings, pending) pending;
	struct refusals	 refusals;
	struct core_others others;
	struct grants	*grants;
	struct padlock	 padlock;
	SLIST_HEAD(ca_notes, ca_note) ca_notes;	/* core_ca.c's */
	SLIST_HEAD(checkpoints, checkpoint) checkpoints; /* core_record.c's */
	uint64_t	 n_checkpoints;
	struct papers	 papers;
};

/* How a handler left its request. */
enum outcome {
	FAIL,			/* answer 5 */
	ANSWER,			/* answer with what is in the writer */
	LATER,			/* it is in core->pending, or was answered */
};

struct call {
	struct core	*core;
	struct caller	*caller;
	uint64_t	 id;
	struct span	 msg;
	struct wire_r	 in;		/* the rest of it, after the type */
	struct wire_w	*out;
	struct progress	 progress;
};

/* A sign request, taken apart.  Borrows from its message. */
struct signing {
	struct span	 blob, data;
	uint32_t	 flags;
	const struct ident *id;		/* NULL: no token has the key */
	bool		 is_cert;	/* the blob is a certificate of it */
	struct key_policy key;		/* of id */
	struct request	 req;
	char		 what[420];	/* for a person */
};

/* False: it is malformed. */
bool		 signing_read(struct core *c, const struct caller *who,
		    struct span msg, struct signing *s);

/*
 * An error for what would be a certificate and is none, or none of this CA,
 * and for all else that a key with a CA block is to sign.
 */
int		 core_ca_form(const struct signing *s, struct err *e)
		    MUST_CHECK;

/*
 * Whether a certificate may be signed, but for who may use the key at all,
 * and what the ledger knows.  A policy that only observes says in *observed,
 * which may be NULL, what it would refuse.
 */
int		 core_ca_permit(const struct core *c, const struct caller *who,
		    const struct signing *s, struct err *observed,
		    struct err *e) MUST_CHECK;

/* policy_use() for who asks: is it forwarded, or relayed? */
int		 core_permit_use(const struct key_policy *key,
		    const struct caller *who, const struct request *req,
		    struct err *e) MUST_CHECK;

/* The keys are others now: tell of those with blocks that contradict. */
void		 core_ca_look(struct core *c);

void		 core_ca_free(struct core *c);

/*
 * By which policy it was signed, for the ledger: who asked and approved, or
 * what a policy that observes would have refused.
 */
#define CA_NOTE_MAX	LEDGER_TEXT_MAX

void		 core_ca_note(const struct core *c, const struct signing *s,
		    const struct err *observed, char note[CA_NOTE_MAX]);

/*
 * Ask the ledger whether it could take this certificate, before a person or
 * a token is bothered: LATER, and the request is looked at again, or FAIL.
 */
enum outcome	 core_record_check(struct call *call, const struct signing *s,
		    struct err *e);

/*
 * It was signed.  If it is a certificate it goes into the ledger, *later,
 * and keys_answer() follows; for all else that is to be called now.
 */
int		 core_record(struct pending *p, struct span sig, bool *later,
		    struct err *e) MUST_CHECK;

/* True: it was a signature for the ledger, and nobody waits for it. */
bool		 core_checkpoint_signed(struct core *c, uint64_t id, int r,
		    const struct err *e, struct span sig);
void		 core_record_free(struct core *c);

/*
 * The question for consent to it, by pin_confirm_add().  ERR_LIMIT: there is
 * no room for all principals, so nobody can consent to them.
 */
int		 core_ca_question(const struct call *call,
		    const struct signing *s, char *text, struct err *e)
		    MUST_CHECK;

/* Something that was allowed or not, to be told of. */
struct decision {
	const char	*action;	/* a word: "sign", "unlock", ... */
	const char	*what;		/* the same and more for a person */
	const char	*token;		/* serial number; NULL: not known */
	const struct ident *id;		/* NULL: of no key, or of signing's */
	const struct signing *signing;	/* NULL: it is not a signature */
	const struct progress *progress;
};

/*
 * To the log and the audit log; `refused`, which is NULL if it was allowed,
 * also to the status and as a notice.
 */
void		 core_decide(struct core *c, const struct caller *who,
		    const struct decision *d, const struct err *refused);
void		 call_decide(const struct call *call, const char *action,
		    const char *what, const struct err *refused);

/* Keep the request for later; NULL: no memory, or too much is kept. */
struct pending	*call_keep(struct call *call, enum stage stage,
		    const char *what);

/* NULL: none of this request waits for that. */
struct pending	*core_pending(struct core *c, uint64_t id, enum stage stage);

/*
 * Ask the upstream agent the same thing, if there is one for this caller.
 * What it refuses is looked at again, with progress.upstream_asked.
 */
#define UPSTREAM_MS	2000	/* for what must not wait for it for ever */

bool		 call_has_upstream(const struct call *call);
enum outcome	 call_upstream(struct call *call, const char *what,
		    int timeout_ms);

void		 pending_drop(struct pending *p);

/* Look at a request again that was kept, and drop it. */
void		 pending_resume(struct pending *p);

void		 core_send_byte(struct core *c, uint64_t id,
		    enum agent_msg type);

/* The handlers of messages, for the table in core.c. */
enum outcome	 on_list(struct call *call);
enum outcome	 on_sign(struct call *call);
enum outcome	 on_add_key(struct call *call);
enum outcome	 on_remove_key(struct call *call);
enum outcome	 on_remove_all(struct call *call);
enum outcome	 on_unlock_token(struct call *call);
enum outcome	 on_unlock_constrained(struct call *call);
enum outcome	 on_lock_token(struct call *call);
enum outcome	 on_lock_agent(struct call *call);
enum outcome	 on_unlock_agent(struct call *call);
enum outcome	 on_extension(struct call *call);
enum outcome	 on_serials(struct call *call);
enum outcome	 on_approvals(struct call *call);

/* The rest of what an answered request does, before its client hears of it. */
void		 keys_decide(struct pending *p, const struct err *refused);
void		 keys_signed(struct pending *p, int r, const struct err *e,
		    struct span sig);
void		 keys_answer(struct pending *p, int r, const struct err *e,
		    struct span sig);
void		 tokens_done(struct pending *p);

#endif

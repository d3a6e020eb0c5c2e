/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_HOLDER_H
#define UNIT_HOLDER_H

#include "agent/core.h"
#include "tests/unit/hostkey.h"

#define HOLDER_SERIAL	"DENK0100000"	/* of the token with both keys */
#define HOLDER_PIN	"648219"

/* A holder of one made-up P-256 and one RSA key that records its orders. */
struct fixture {
	struct core	*core;
	struct log	 log;
	struct idents	 ids;
	struct loop	*loop;
	struct settings	*settings;
	struct confirming *confirming;
	struct caller	 me;
	bool		 known, looking, expecting;
	const char	*why;		/* a key may be missing; NULL: "" */
	uint64_t	 cancelled;
	uint64_t	 sign_request;
	enum sig_alg	 alg;
	char		 name[420];
	unsigned int	 lifetime;
	uint64_t	 unlock_request, lock_request;
	bool		 had_pin;
	size_t		 n_hidden;	/* of ids, while their token is away */

	/* The ledger: at once, unless it `waits` for holder_recorded(). */
	unsigned int	 asked[RECORD_CHECKPOINT + 1];	/* of each kind */
	struct ledger_rule rule;	/* that it was last given */
	char		 note[200];
	bool		 full, waits;	/* what is recorded is an error */
	bool		 denies;	/* what is checked is, too */
	const char	*checkpoint;	/* is due; NULL: none is */
	uint64_t	 to_record;	/* the request that waits */
	struct data	 certificate;	/* the last one */

	bool		 consents;	/* who is asked; else there is nobody */
	unsigned int	 answers;	/* of that person */

	uint8_t		 reply[4096];	/* the last one */
	size_t		 reply_n;
	unsigned int	 replies;	/* to the client `me` */
	unsigned int	 replies_other;
	struct caller	 other;
	char		 shown[200];	/* holder_list()'s */
	uint64_t	 awaited;	/* its reply stops the loop */
	bool		 order_awaited;	/* so does an order */
};

enum holder_client {
	HOLDER_ME = 1,			/* is its request number, too */
	HOLDER_OTHER,
};

/* With a configuration, NULL for none; for cmocka one that signs anything. */
void	 holder_setup(struct fixture *f, const char *conf);
void	 holder_teardown(struct fixture *f);
int	 holder_set_up_any(void **state);
int	 holder_tear_down_any(void **state);

#define HOLDER_TEST(f) \
	cmocka_unit_test_setup_teardown(f, holder_set_up_any, \
	    holder_tear_down_any)

/* One request; what the core answers at once is in f->reply. */
void	 holder_ask(struct fixture *f, struct span msg);
void	 holder_ask_as(struct fixture *f, enum holder_client who,
	    struct span msg);

/* The same from a writer, which is freed: the type of the reply, or 0. */
uint8_t	 holder_put(struct fixture *f, enum holder_client who,
	    struct wire_w *w);

/* Run the loop until this client has its reply, whose type is returned. */
uint8_t	 holder_wait(struct fixture *f, enum holder_client who);

/* Until a signature is ordered, and there is no reply before. */
void	 holder_wait_order(struct fixture *f);

/* The same for the lock of a token. */
void	 holder_wait_lock(struct fixture *f);

/* Does the status, as the other client gets it, have this in it? */
bool	 holder_told(struct fixture *f, const char *text);

/* What a client is shown, as listed() has it: "ec rsa". */
const char *holder_list(struct fixture *f, enum holder_client who);
void	 holder_ask_sign(struct fixture *f, size_t key, struct span data,
	    uint32_t flags);
void	 holder_put_sign(struct wire_w *w, struct span blob, struct span data,
	    uint32_t flags);
void	 holder_check_reply(const struct fixture *f, enum agent_msg type);

/* The signature is made; the core answers with such a message. */
void	 holder_signed(struct fixture *f, enum agent_msg type);

struct span	 holder_blob_of(const struct fixture *f, size_t key);

/* A certificate of one of the keys, by a CA that nobody knows. */
struct data	 holder_cert_of(const struct fixture *f, size_t key);

/* What the core is told to record with, and the answer that waited. */
struct recording holder_recording(struct fixture *f);
void	 holder_recorded(struct fixture *f);

/* The beginning of a message that adds the token. */
void	 holder_put_add(struct wire_w *w, enum agent_msg type);

/* Such a message, freed: it is with the holder, or well over. */
void	 holder_begin_add(struct fixture *f, enum holder_client who,
	    struct wire_w *w);
void	 holder_add(struct fixture *f, enum holder_client who,
	    struct wire_w *w);
void	 holder_add_plainly(struct fixture *f, enum holder_client who);

/* With a certificate of that key, and without plain keys. */
void	 holder_add_certs_only(struct fixture *f, enum holder_client who,
	    size_t key);

/* These return the type of the reply. */
uint8_t	 holder_remove(struct fixture *f, enum holder_client who,
	    struct span blob);

struct holder_bind {
	const struct hostkey *key;
	const struct hostkey *signer;	/* NULL: the key itself */
	struct span	 blob;		/* empty: of the key */
	struct span	 session;
	bool		 forwarding;
};

uint8_t	 holder_bind(struct fixture *f, enum holder_client who,
	    const struct holder_bind *b);

#endif

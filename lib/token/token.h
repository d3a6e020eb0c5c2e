/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_TOKEN_H
#define TOKEN_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"
#include "ssh/sig.h"
#include "ssh/wire.h"

/*
 * A place that holds private keys and signs with them.  Drivers fill in
 * token_ops; schsm.c speaks APDUs to a SmartCard-HSM.  Nothing above this
 * header knows which driver it has.
 *
 * All calls on one token come from one thread at a time, may block, and
 * return ERR_TOKEN_GONE once the token is gone: then close it.
 */
struct token;

/* One key pair.  Text fields are clean (no control bytes), never NULL. */
struct token_key {
	char		 ref[8];	/* its place on the token, e.g. "01" */
	char		 id[2 * 32 + 1];	/* PKCS#15, hex; or ref */
	char		 label[256];	/* "" when it has none */
	char		 algo[32];	/* "RSA-2048", "P-256", "AES-128" */
	char		 unusable[96];	/* why SSH cannot use it, else "" */
	uint8_t		*blob;		/* public key; NULL when unusable */
	size_t		 blob_n;
};

/*
 * The stamp is that of the token's whole content as far as keys go: lists
 * with one stamp are one list.  All zero, it tells nothing, because
 * something could not be read.
 */
#define TOKEN_STAMP_BYTES	32

struct token_keys {
	struct token_key *v;		/* in the order of the token */
	size_t		 n;
	uint8_t		 stamp[TOKEN_STAMP_BYTES];
};

enum token_pin_state {
	TOKEN_PIN_UNKNOWN,
	TOKEN_PIN_NEEDED,		/* tries left are known */
	TOKEN_PIN_VERIFIED,		/* somebody is logged in */
	TOKEN_PIN_BLOCKED,
	TOKEN_PIN_TRANSPORT,		/* must be changed before use */
	TOKEN_PIN_UNSET,		/* the token is not initialised */
};

/* Each costs a card command or two. */
enum token_info_part {
	TOKEN_INFO_PIN = 1,
	TOKEN_INFO_SO = 2,
	TOKEN_INFO_LABEL = 4,
	TOKEN_INFO_DKEK = 8,
	TOKEN_INFO_MEMORY = 16,
	TOKEN_INFO_ALL = 31,
};

/* What a token tells about itself without a PIN; -1: it does not tell. */
struct token_info {
	unsigned int	 known;		/* these parts; 0: nothing yet */
	char		 serial[32];
	char		 label[64];
	char		 model[32];	/* "SmartCard-HSM" */
	char		 firmware[16];	/* "3.5" */
	enum token_pin_state pin;
	int		 pin_tries;
	enum token_pin_state so;	/* of the SO-PIN */
	int		 so_tries;
	int		 dkek_shares;	/* -1: none, no key backup */
	int		 dkek_missing;
	char		 dkek_kcv[17];	/* hex; "" when not complete */
	long		 memory_free;	/* bytes */
};

struct token_ops {
	int	 (*begin)(struct token *t, struct err *e);
	void	 (*end)(struct token *t);
	int	 (*info)(struct token *t, unsigned int parts,
		    struct token_info *i, struct err *e);
	int	 (*pin_state)(struct token *t, enum token_pin_state *st,
		    int *tries, struct err *e);
	int	 (*list)(struct token *t, const struct token_keys *known,
		    struct token_keys *out, struct err *e);
	int	 (*login)(struct token *t, const struct secret *pin,
		    struct err *e);
	int	 (*logout)(struct token *t, struct err *e);
	int	 (*sign)(struct token *t, const struct token_key *k,
		    enum sig_alg alg, struct span data, struct wire_w *sig,
		    struct err *e);
	void	 (*close)(struct token *t);
};

struct token_manage_ops;		/* token/manage.h */

struct token {
	const struct token_ops	*ops;
	const struct token_manage_ops *manage;	/* NULL: it changes nothing */
	char			 serial[32];
	bool			 has_pad;
	bool			 tries_untold;	/* but that they are few */
	int			 pin_doubt;
	bool			 had_login;
};

/*
 * Keep other programs away from the token until token_end().  May wait for
 * them.  When the card was reset meanwhile it is selected again, and unless
 * it cannot be another one its serial number is read: another card is
 * ERR_TOKEN_GONE.  Every call below but token_sign() is made between begin
 * and end; keep it short, never prompt inside.
 */
int	 token_begin(struct token *t, struct err *e) MUST_CHECK;
void	 token_end(struct token *t);

/*
 * Read those of `parts` that are not known yet; serial, model and firmware
 * come along.  Begin with all of *i zero.
 */
int	 token_get_info(struct token *t, unsigned int parts,
	    struct token_info *i, struct err *e) MUST_CHECK;

/*
 * What a person is told of so many tries left; -1: nothing.  TOKEN_TRIES_FEW:
 * a token that tells no numbers says that some are spent.
 */
#define TOKEN_TRIES_FEW		(-2)	/* as PIN_TRIES_FEW */

int	 token_tries_told(const struct token *t, int tries);

/* Costs no try.  *tries is -1 unless the state is TOKEN_PIN_NEEDED. */
int	 token_pin_state(struct token *t, enum token_pin_state *st,
	    int *tries, struct err *e) MUST_CHECK;

/*
 * 0 when a PIN may be sent in this state without spending the last try;
 * else why not, and what helps with a token of that kind: ERR_DENIED with
 * the tries left, ERR_PIN_BLOCKED, or ERR_UNSUPPORTED.  token_login() keeps
 * to it; ask before a prompt.
 */
int	 token_takes_pin(const struct token *t, enum token_pin_state st,
	    int tries, struct err *e) MUST_CHECK;

/* The same of a token whose PIN is hsm-keyutil's to set. */
int	 token_pin_sendable(enum token_pin_state st, int tries,
	    struct err *e) MUST_CHECK;

/*
 * All keys, those that SSH cannot use included.  `known` (NULL: none) are
 * the keys as they were once: while the stamp is still the same they are
 * copied, which costs two card commands however many keys there are.
 */
int	 token_list(struct token *t, const struct token_keys *known,
	    struct token_keys *out, struct err *e) MUST_CHECK;

/* *to is overwritten, and empty when there is no memory. */
int	 token_keys_copy(struct token_keys *to, const struct token_keys *from,
	    struct err *e) MUST_CHECK;
bool	 token_keys_stamped(const struct token_keys *k);
void	 token_keys_free(struct token_keys *k);

/* Can a PIN be typed at the reader itself? */
bool	 token_has_pad(const struct token *t);

/*
 * Verify the PIN, even if somebody is logged in already.  Reads the retry
 * counter first and never spends the last try (ERR_DENIED, detail 1).
 * ERR_PIN_WRONG and ERR_DENIED carry the tries left in e->detail.
 *
 * Without a PIN (NULL) the person types it at the reader, which nothing
 * but the reader ends: ERR_CANCELLED when it gave up or was told to.
 */
int	 token_login(struct token *t, const struct secret *pin,
	    struct err *e) MUST_CHECK;

/* Was somebody logged in before the last token_login()? */
bool	 token_had_login(const struct token *t);

/*
 * After a token_login() that failed, or a token_sign() with a key that wants
 * the PIN each time: the tries there were when the PIN was
 * sent, and nothing was heard of it again.  With fewer it was wrong.  0
 * when it was not sent, or was answered; TOKEN_TRIES_UNKNOWN where the tries
 * left say nothing of it.
 */
#define TOKEN_TRIES_UNKNOWN	1000	/* more than any token has */

int	 token_pin_doubt(const struct token *t);

/* Ends the login for every program that uses the token. */
int	 token_logout(struct token *t, struct err *e) MUST_CHECK;

/*
 * Append a signature blob over data to *sig, verified with the public key
 * before; nothing is appended on failure.  ERR_PIN_NEEDED when nobody is
 * logged in; ERR_PIN_WRONG, with the tries left in e->detail, and
 * ERR_PIN_BLOCKED when the key wants the PIN each time, and that of the login
 * was not taken for it; ERR_STALE when the token no longer holds this key: list
 * again, with nothing known.
 *
 * Being one command it may be called without begin, which saves two turns
 * to the PC/SC daemon; ERR_AGAIN then: another program has the token.
 */
int	 token_sign(struct token *t, const struct token_key *k,
	    enum sig_alg alg, struct span data, struct wire_w *sig,
	    struct err *e) MUST_CHECK;

void	 token_close(struct token *t);		/* NULL is fine */

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_MANAGE_H
#define TOKEN_MANAGE_H

#include "token/token.h"

/*
 * What changes a token: the life of a key and of the token's own secrets.
 * The agent uses none of it.  A driver that cannot do something leaves its
 * function out, which is ERR_UNSUPPORTED here.
 *
 * All calls are made between token_begin() and token_end().  "Logged in"
 * means after token_login() in the same transaction.  Each call leaves a
 * token on which nothing is half-made, wherever it is cut off: a key is the
 * last thing to come and the first to go, so that a key which is there is
 * whole; what else was left is found by token_leftovers().
 */

/* Numbers of places, "01" and so on, are those of struct token_key. */
#define TOKEN_ID_MAX	32
#define TOKEN_KEY_LABEL_MAX	128	/* bytes */
#define TOKEN_LABEL_MAX		63	/* bytes of a token's label */
#define TOKEN_ALGS_MAX	16
#define TOKEN_CERT_MAX	8192	/* DER bytes of a certificate */
#define TOKEN_BLOB_MAX	4096	/* of a key wrapped by the token */

struct token_key_spec {
	const char	*type;	/* "rsa2048", "p256", "brainpoolP256r1", ... */
	const char	*label;	/* UTF-8 */
	struct span	 id;	/* PKCS#15; empty: the number of its place */
	uint32_t	 uses;	/* 0: any number of them */
	struct span	 algs;	/* the driver's numbers; empty: all */
};

/* A file that belongs to no key. */
struct token_leftover {
	char		 ref[8];	/* the place its key would have */
	char		 label[256];	/* clean; "" when it tells none */
	char		 what[64];	/* "description", "certificate" */
};

struct token_leftovers {
	struct token_leftover *v;	/* by place */
	size_t		 n;
};

struct token_setup {
	const char	*label;
	const struct secret *pin;	/* user PIN: 6 to 16 characters */
	const struct secret *so_pin;	/* 8 bytes */
	int		 tries;		/* of the user PIN */
	int		 dkek_shares;	/* -1: no DKEK; 0: a random one */
	bool		 pin_reset;	/* the SO-PIN may set a new PIN */
	bool		 last_too;	/* spend the SO-PIN's last try */
};

#define TOKEN_PIN_MIN		6
#define TOKEN_PIN_MAX		16
#define TOKEN_SO_PIN_BYTES	8

/*
 * A key as it leaves the token: its private part encrypted and
 * authenticated under the DKEK, and the files that go with it, as they are.
 */
struct token_wrapped {
	uint8_t		 blob[TOKEN_BLOB_MAX];
	size_t		 blob_n;
	uint8_t		 description[TOKEN_CERT_MAX];	/* PRKD */
	size_t		 description_n;			/* 0: none */
	uint8_t		 certificate[TOKEN_CERT_MAX];
	size_t		 certificate_n;			/* 0: none */
};

struct token_manage_ops {
	int	 (*can_generate)(struct token *t,
		    const struct token_key_spec *s, struct err *e);
	int	 (*generate)(struct token *t, const struct token_key_spec *s,
		    struct token_key *made, struct err *e);
	int	 (*remove)(struct token *t, const char *ref, struct err *e);
	int	 (*leftovers)(struct token *t, struct token_leftovers *out,
		    struct err *e);
	int	 (*set_label)(struct token *t, const char *ref,
		    const char *label, struct err *e);
	int	 (*get_certificate)(struct token *t, const char *ref,
		    uint8_t *der, size_t *n, struct err *e);
	int	 (*put_certificate)(struct token *t, const char *ref,
		    struct span der, struct err *e);
	int	 (*random)(struct token *t, uint8_t *out, size_t n,
		    struct err *e);
	int	 (*setup)(struct token *t, const struct token_setup *s,
		    struct err *e);
	int	 (*login_last)(struct token *t, const struct secret *pin,
		    struct err *e);
	int	 (*change_pin)(struct token *t, const struct secret *old,
		    const struct secret *new, bool last_too, struct err *e);
	int	 (*change_so)(struct token *t, const struct secret *old,
		    const struct secret *new, bool last_too, struct err *e);
	int	 (*unblock)(struct token *t, const struct secret *so_pin,
		    const struct secret *new, bool last_too, struct err *e);
	int	 (*import_share)(struct token *t, const struct secret *share,
		    struct err *e);
	int	 (*wrap)(struct token *t, const char *ref,
		    struct token_wrapped *out, struct err *e);
	int	 (*unwrap)(struct token *t, const struct token_wrapped *in,
		    char ref[8], struct err *e);
};

/*
 * Would such a key be made?  As far as is known without a login, so ask
 * before a prompt; the same errors as below.
 */
int	 token_can_generate(struct token *t, const struct token_key_spec *s,
	    struct err *e) MUST_CHECK;

/*
 * Make a key in the first free place, a place with leftovers included;
 * logged in.  *made is the caller's to free, as one of token_keys.  Blocks
 * for minutes (RSA-4096).  ERR_USAGE for a type, id or label that cannot
 * be; ERR_UNSUPPORTED for what this firmware cannot do; ERR_LIMIT when the
 * token is full.
 */
int	 token_generate(struct token *t, const struct token_key_spec *s,
	    struct token_key *made, struct err *e) MUST_CHECK;

/*
 * Delete a key for ever, or what was left in its place; logged in.
 * ERR_NOTFOUND when there is neither.
 */
int	 token_remove(struct token *t, const char *ref, struct err *e)
	    MUST_CHECK;

/* Files without a key; *out is the caller's to free. */
int	 token_leftovers(struct token *t, struct token_leftovers *out,
	    struct err *e) MUST_CHECK;
void	 token_leftovers_free(struct token_leftovers *l);

/*
 * Can it be a label, of this many bytes at most?  Else ERR_USAGE: it is made
 * of characters that can be seen, in UTF-8.
 */
int	 token_check_label(const char *label, size_t max, struct err *e)
	    MUST_CHECK;

/*
 * The label of a key or, with ref NULL, of the token; logged in.  All else
 * that is known of them stays, and so does the stamp of token_list().
 */
int	 token_set_label(struct token *t, const char *ref, const char *label,
	    struct err *e) MUST_CHECK;

/*
 * The X.509 certificate of a key: *n is the room, then the bytes.
 * ERR_NOTFOUND when it has none.  To put one, be logged in; it replaces
 * what tells the public key, so it has to be a certificate of that key:
 * ERR_DENIED otherwise.
 */
int	 token_get_certificate(struct token *t, const char *ref,
	    uint8_t *der, size_t *n, struct err *e) MUST_CHECK;
int	 token_put_certificate(struct token *t, const char *ref,
	    struct span der, struct err *e) MUST_CHECK;

/* n bytes of the token's random number generator; no login. */
int	 token_random(struct token *t, uint8_t *out, size_t n,
	    struct err *e) MUST_CHECK;

/*
 * Could a token be set up like this?  ERR_USAGE, with what could not.  Here
 * so_pin may be NULL: not chosen yet.
 */
int	 token_setup_check(const struct token_setup *s, struct err *e)
	    MUST_CHECK;

/*
 * Set the token up anew: all keys and certificates are destroyed, and nobody
 * is logged in.  On a token that has a SO-PIN it must be that one; so_tries
 * of token_info tells how often it may be wrong.  ERR_PIN_WRONG,
 * ERR_PIN_BLOCKED.
 */
int	 token_setup(struct token *t, const struct token_setup *s,
	    struct err *e) MUST_CHECK;

/*
 * May the PIN be sent in this state to change it, or the SO-PIN to set
 * something?  As token_pin_sendable(), but the last try is the person's to
 * spend (last_too).  The calls below keep to it; ask before a prompt.
 */
int	 token_pin_changeable(enum token_pin_state st, int tries,
	    bool last_too, struct err *e) MUST_CHECK;
int	 token_so_sendable(enum token_pin_state st, int tries, bool last_too,
	    struct err *e) MUST_CHECK;

/*
 * As token_login(), but spends the last try, too: for a person who was told
 * what that means.
 */
int	 token_login_last(struct token *t, const struct secret *pin,
	    struct err *e) MUST_CHECK;

/*
 * Set another PIN or SO-PIN, by the old one, or another PIN by the SO-PIN.
 * Each costs a try of the one that proves the right to it when that is
 * wrong: ERR_PIN_WRONG with the tries left in e->detail.  None of these
 * spends a last try unless last_too.
 */
int	 token_change_pin(struct token *t, const struct secret *old,
	    const struct secret *new, bool last_too, struct err *e) MUST_CHECK;
int	 token_change_so(struct token *t, const struct secret *old,
	    const struct secret *new, bool last_too, struct err *e) MUST_CHECK;
int	 token_unblock(struct token *t, const struct secret *so_pin,
	    const struct secret *new, bool last_too, struct err *e) MUST_CHECK;

/*
 * One DKEK share of 32 bytes; what became of it is in token_info.
 * ERR_DENIED when no share is wanted.  No login.  It is never sent twice:
 * a share put in twice takes itself out again, so after an answer that was
 * lost see token_info before the next.
 */
int	 token_import_share(struct token *t, const struct secret *share,
	    struct err *e) MUST_CHECK;

/*
 * Take a copy of a key out, and put one in, in a free place: *ref is set.
 * Both logged in; ERR_UNSUPPORTED when the token has no DKEK, ERR_DENIED
 * when the blob is under another DKEK or altered.
 */
int	 token_wrap(struct token *t, const char *ref,
	    struct token_wrapped *out, struct err *e) MUST_CHECK;
int	 token_unwrap(struct token *t, const struct token_wrapped *in,
	    char ref[8], struct err *e) MUST_CHECK;

/*
 * The key in it by the files that go with it, in no place yet: *k is the
 * caller's to free, as one of token_keys.
 */
int	 token_wrapped_key(const struct token_wrapped *w,
	    struct token_key *k, struct err *e) MUST_CHECK;

/*
 * Give it another label (NULL: none other) and id (empty: none other).
 * ERR_USAGE for a label that cannot be, ERR_UNSUPPORTED when it has no
 * description to write them in.
 */
int	 token_wrapped_rename(struct token_wrapped *w, const char *label,
	    struct span id, struct err *e) MUST_CHECK;

#endif

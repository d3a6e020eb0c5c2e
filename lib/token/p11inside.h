/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_P11INSIDE_H
#define TOKEN_P11INSIDE_H

#include <p11-kit/pkcs11.h>

#include "token/p11.h"

/*
 * What the files of the PKCS#11 driver share: p11.c has modules, slots and
 * the login, p11keys.c the keys, p11sign.c what is done with them, and
 * p11manage.c what makes them and takes them away, and p11own.c what of the
 * objects on a token is a key's.
 */
#define P11_ATTR_MAX	2100		/* bytes of one: RSA-16384 */
#define P11_ID_MAX	32
#define P11_OBJECTS_MAX	32		/* of one class and name */

#define P11_SAME_ID_MAX	8		/* keys of one type and id */

/*
 * The private keys that may be that of the key which signed last: to find
 * them takes a module longer than some take to sign.  They are found anew
 * after each login and each change, and when they are not there any more.
 */
struct p11_used {
	struct token_keys key;		/* one, or none */
	CK_OBJECT_HANDLE o[P11_SAME_ID_MAX];
	bool		 wants_pin[P11_SAME_ID_MAX];	/* each time */
	size_t		 n;
};

struct p11_token {
	struct token	 t;		/* first */
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID	 slot;
	CK_SESSION_HANDLE session;
	bool		 logged_in;
	struct secret	*pin;		/* of the login, for one signature */
	struct secret	*rejected;	/* for a signature, after a login */
	struct sig_verifier *verifier;	/* of the key used last */
	struct p11_used	 used;
};

/* An attribute as it was read; empty when there is none. */
struct p11_attr {
	uint8_t		 bytes[P11_ATTR_MAX];
	size_t		 n;
};

static inline struct p11_token *
p11_of(struct token *t)
{
	return (struct p11_token *)t;
}

static inline struct span
p11_attr_bytes(const struct p11_attr *a)
{
	return (struct span){ a->bytes, a->n };
}

/* PKCS#11 knows no const; what is given by this is only read. */
static inline void *
p11_unconst(const void *p)
{
	return (void *)(uintptr_t)p;
}

/* What PKCS#11 returned, as an error of ours. */
int	 p11_failed(struct err *e, CK_RV rv, const char *what);

/* C_Login; without a PIN (NULL) at the reader itself. */
CK_RV	 p11_log_in_as(struct p11_token *p, CK_USER_TYPE who,
	    const struct secret *pin);

/* Does that return leave open whether the PIN was looked at, and is right? */
bool	 p11_in_doubt(CK_RV rv);

/*
 * As token_sign(), but that a signature is checked here only where several
 * keys may have made it: token/modtoken.h checks each, outside of this process.
 */
int	 p11_sign(struct token *t, const struct token_key *k,
	    enum sig_alg alg, struct span data, struct wire_w *sig,
	    struct err *e) MUST_CHECK;

/* The handles of private keys may not be theirs any more. */
void	 p11_sign_forget(struct p11_token *p);

/*
 * Is this private key that of k, as a signature by it shows?  ERR_DENIED,
 * ERR_FORMAT: it is another's.  ERR_UNSUPPORTED, ERR_PIN_NEEDED: it does not
 * sign, or not without another PIN, so nobody knows.
 */
int	 p11_sign_proves(struct p11_token *p, const struct token_key *k,
	    CK_OBJECT_HANDLE o, struct err *e) MUST_CHECK;

/* Does the key want the PIN before each signature? */
bool	 p11_keys_wants_pin(struct p11_token *p, CK_OBJECT_HANDLE o);

extern const struct token_manage_ops p11_manage_ops;

/* The objects that match, *n_found at most. */
int	 p11_find(struct p11_token *p, CK_ATTRIBUTE *match, size_t n,
	    CK_OBJECT_HANDLE *found, size_t *n_found, struct err *e)
	    MUST_CHECK;

/*
 * The blob of the public key in an object, appended to *w; k->algo is what
 * is known of it, if only that.
 */
int	 p11_keys_put(struct p11_token *p, CK_OBJECT_HANDLE o,
	    CK_OBJECT_CLASS class, struct token_key *k, struct wire_w *w,
	    struct err *e) MUST_CHECK;

/* What all objects of a key have: its id or, where it has none, the label. */
CK_ATTRIBUTE p11_keys_name(const struct token_key *k,
	    uint8_t id[static P11_ID_MAX]);
bool	 p11_keys_is_labelled(struct p11_token *p, CK_OBJECT_HANDLE o,
	    const char *label);
bool	 p11_keys_has_id(struct p11_token *p, CK_OBJECT_HANDLE o);
CK_KEY_TYPE p11_keys_type(enum key_type t);

/*
 * All objects of key k of `all`, the private one first, and no other's; when
 * logged in.  An id or a label proves nothing: the public key tells, and for
 * a private key a signature.  ERR_DENIED when it cannot be told which those
 * are, ERR_STALE when there are none.
 */
struct p11_objects {
	CK_OBJECT_HANDLE v[3 * P11_OBJECTS_MAX];
	size_t		 n, n_public, n_certificates;
};

int	 p11_own_objects(struct p11_token *p, const struct token_keys *all,
	    const struct token_key *k, struct p11_objects *out, struct err *e)
	    MUST_CHECK;

/* As token_list(). */
int	 p11_keys_list(struct token *t, const struct token_keys *known,
	    struct token_keys *out, struct err *e) MUST_CHECK;

/*
 * The private keys that may be that of k, *n at most, and one at least: the
 * likeliest first.  ERR_PIN_NEEDED when they may be hidden without a login.
 */
int	 p11_keys_private(struct p11_token *p, const struct token_key *k,
	    enum key_type kind, CK_OBJECT_HANDLE *o, size_t *n, struct err *e)
	    MUST_CHECK;

#endif

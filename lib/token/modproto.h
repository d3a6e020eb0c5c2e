/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_MODPROTO_H
#define TOKEN_MODPROTO_H

#include "token/p11.h"
#include "token/token.h"

/*
 * What a program of ours asks of hsm-ssh-agent-module, the process in which
 * a PKCS#11 module runs, and what that answers, as messages: a call of
 * token/token.h or token/p11.h each.  Both sides take the other's bytes for
 * hostile: a module may have written over anything in its process.
 *
 * A PIN is in no message; it follows one that says so (token/modchan.h).
 */
enum mod_kind {
	MOD_SLOTS = 1,
	MOD_WAIT,
	MOD_OPEN,
	MOD_BEGIN,
	MOD_END,
	MOD_INFO,
	MOD_PIN_STATE,
	MOD_LIST,
	MOD_LOGIN,
	MOD_LOGOUT,
	MOD_SIGN,
	MOD_GENERATE,
	MOD_REMOVE,
	MOD_SET_LABEL,
};

#define MODPROTO_MAX		(4 * 1024 * 1024)	/* bytes of a message */
#define MODPROTO_SLOTS_MAX	256
#define MODPROTO_KEYS_MAX	2000	/* OpenSSH's clients take 2048 */

/* What is not of its kind is empty; all spans and texts are lent. */
struct mod_request {
	enum mod_kind	 kind;
	uint64_t	 slot;		/* OPEN */
	uint32_t	 parts;		/* INFO */
	struct span	 stamp;		/* LIST: of the keys that are known */
	bool		 pin;		/* LOGIN: one follows */
	struct span	 ref, id, label;	/* of a key, or to be */
	bool		 named;		/* SET_LABEL: a key; else the token */
	struct span	 type;		/* GENERATE */
	struct span	 blob;		/* SIGN: the public key */
	enum sig_alg	 alg;
	struct span	 data;
};

/* What the calls of token/manage.h are that a token has. */
enum mod_can {
	MOD_CAN_GENERATE = 1,
	MOD_CAN_REMOVE = 2,
	MOD_CAN_SET_LABEL = 4,
};

struct mod_answer {
	enum mod_kind	 kind;
	int		 r;
	struct err	 err;		/* when r is not 0 */

	/* How the token is afterwards, when there is one. */
	char		 serial[32];
	bool		 has_pad, had_login;
	int		 pin_doubt;
	uint32_t	 can;

	/* When r is 0. */
	struct p11_slots slots;		/* SLOTS */
	struct token_info info;		/* INFO */
	enum token_pin_state pin;	/* PIN_STATE */
	int		 tries;
	bool		 same;		/* LIST: as those that are known */
	struct token_keys keys;		/* LIST; GENERATE: the one made */
	struct span	 sig;		/* SIGN; lent */
};

void	 mod_request_put(const struct mod_request *q, struct wire_w *out);
void	 mod_answer_put(const struct mod_answer *a, struct wire_w *out);

/* False: it is none. */
bool	 mod_request_parse(struct span in, struct mod_request *q);

/*
 * False: it is none, and *a is empty.  All text in it is clean, and all
 * public keys are such as SSH has.
 */
bool	 mod_answer_parse(struct span in, struct mod_answer *a);
void	 mod_answer_free(struct mod_answer *a);	/* but not *a itself */

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_AGENTS_H
#define KEYUTIL_AGENTS_H

#include <stdbool.h>

#include "base/secret.h"
#include "ssh/agentstatus.h"
#include "ssh/identities.h"

/*
 * Finding the running hsm-ssh-agent: at SSH_AUTH_SOCK, else where it
 * listens by default.  That there is none is an answer, not an error.
 */
struct agent {
	bool			 found;
	bool			 in_use;	/* SSH_AUTH_SOCK leads to it */
	char			*socket;	/* NULL unless found */
	struct agentstatus	 status;	/* borrows from answer */
	struct wire_w		 answer;
	char			 note[400];	/* why not found, or "" */
};

int	 agents_find(struct agent *a, struct err *e) MUST_CHECK;

/* Does it have keys of some token?  So there is one, in whatever place. */
bool	 agents_has_keys(const struct agent *a);

/*
 * Where an agent of any make may listen: at SSH_AUTH_SOCK, and where the
 * running hsm-ssh-agent does, if that is elsewhere.
 */
struct agents_sockets {
	char		*v[2];
	size_t		 n;
};

int	 agents_sockets(struct agents_sockets *s, struct err *e) MUST_CHECK;
void	 agents_sockets_free(struct agents_sockets *s);

/* The same at this socket and at no other. */
int	 agents_find_at(struct agent *a, const char *path, struct err *e)
	    MUST_CHECK;
void	 agents_free(struct agent *a);

/* A message to the agent at a socket: 0 when it says that it did it. */
int	 agents_tell(const char *socket, struct span message, struct err *e)
	    MUST_CHECK;

/*
 * Tell the agent at a socket to log out of a token, or of all (an empty
 * name), and to forget the PIN; or to log in with a PIN.  0 when it did.
 * ERR_DENIED when it did not: agents_explain_at() then says why.
 */
int	 agents_tell_lock(const char *socket, struct span name,
	    struct err *e) MUST_CHECK;
int	 agents_tell_unlock(const char *socket, const char *name,
	    const struct secret *pin, struct err *e) MUST_CHECK;

/*
 * Why it said no to us: its last refusal, if that is ours; else *e stays.
 * Returns e->code.
 */
int	 agents_explain(const struct agentstatus *s, struct err *e);

/* The same once the agent at this socket is asked for its status. */
int	 agents_explain_at(const char *socket, struct err *e);

/*
 * Begin with the keys that the agent lists; *ids borrows from *answer, which
 * is to be freed in any case.  ERR_NOTFOUND: nobody listens there.
 */
int	 agents_list(const char *socket, struct wire_w *answer,
	    struct identities *ids, struct err *e) MUST_CHECK;

/*
 * The same of an agent of any make, for those who go on without it: false
 * when nobody listens or it lists no keys, and a warning where it is in
 * trouble.
 */
bool	 agents_lists(const char *socket, struct wire_w *answer,
	    struct identities *ids);

/* Is this the comment of a key that is listed, or its fingerprint? */
bool	 agents_key_is(struct span blob, struct span comment,
	    const char *name);

/* A request for a signature, and the one in its answer; false: it has none. */
void	 agents_put_sign(struct wire_w *w, struct span key,
	    struct span message);
bool	 agents_get_signature(struct span answer, struct span *sig);

/*
 * The PIN of this token is about to change: the running agent, if it holds
 * the token, forgets the one it has, or would spend a try on it.  Trouble is
 * told on stderr.
 */
void	 agents_forget_pin(const char *serial);

#endif

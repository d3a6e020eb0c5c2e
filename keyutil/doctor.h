/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_DOCTOR_H
#define KEYUTIL_DOCTOR_H

#include "keyutil/agents.h"
#include "keyutil/host.h"
#include "keyutil/sshconf.h"
#include "keyutil/tokens.h"

/*
 * What may be wrong between ssh and a key on a token, and the command that
 * mends it.  First all facts are gathered, and then each check of a table
 * looks at them and says one thing or several.  Nothing is changed, no PIN
 * is asked for, no try spent; a token that does not answer is not waited for.
 */
enum doctor_result {
	DOCTOR_SKIP,		/* cannot be told, or is of no matter */
	DOCTOR_PASS,
	DOCTOR_WARN,
	DOCTOR_FAIL,
};

struct doctor_finding {
	const char	*check;		/* a word */
	enum doctor_result result;
	char		 text[512];	/* a sentence, without a full stop */
	char		 fix[512];	/* or "" */
};

/* What PC/SC and the tokens say, read by a thread of its own. */
struct doctor_cards {
	bool		 late;		/* nothing is known: no answer yet */
	int		 rc;		/* of reaching pcscd, ... */
	struct err	 why;		/* ... and its error */
	struct pcsc_readers readers;
	struct tokens	 tokens;	/* with keys and leftovers */
	bool		 absent;	/* the one that was named */
};

struct doctor {
	const char	*root;		/* see host.h */
	const char	*pcscd_socket;	/* where pcscd should listen */
	bool		 socket_named;	/* ... because somebody said so */
	struct host	 host;
	struct host_usb	 usb[HOST_USB_MAX];
	size_t		 n_usb;
	bool		 usb_listed;
	const char	*token;		/* look at this one; NULL: at all */
	struct doctor_cards *cards;
	struct agent	 agent;
	int		 ssh_rc;	/* of sshconf_ask() */
	struct sshconf	 ssh;
	bool		 ssh_uses_us;	/* by IdentityAgent or without */

	const char	*check;		/* the one that looks now */
	struct doctor_finding *v;
	size_t		 n;
	bool		 bad;		/* no memory */
};

typedef void doctor_check_fn(struct doctor *d);

/*
 * Read all that the checks look at, of one token or (NULL) of all; ssh's
 * settings are those for `host`.
 */
int	 doctor_gather(struct doctor *d, const char *token, const char *host,
	    struct err *e) MUST_CHECK;

/* Let each check of the table look; ERR_NOMEM. */
int	 doctor_examine(struct doctor *d, struct err *e) MUST_CHECK;
void	 doctor_free(struct doctor *d);

/* For the checks: a finding, and the command that mends what it is about. */
void	 doctor_say(struct doctor *d, enum doctor_result r,
	    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void	 doctor_fix(struct doctor *d, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* A word as a shell reads it, quoted where it has to be. */
struct doctor_word {
	char		 s[256];
};

struct doctor_word doctor_quote(const char *s);

/* A file in the user's home, "" when that is not known. */
struct doctor_word doctor_home(const char *name);

/* Is there a token that answers? */
bool	 doctor_has_token(const struct doctor *d);

/* The command that starts pcscd here, and the one that starts it anew. */
const char *doctor_start_pcscd(const struct doctor *d);
const char *doctor_restart_pcscd(const struct doctor *d);

/* doctor_agent.c: ours, and whether ssh asks it; after ssh was asked. */
int	 doctor_find_agent(struct doctor *d, struct err *e) MUST_CHECK;

/* doctor_cards.c: never NULL but for want of memory. */
struct doctor_cards *doctor_read_cards(const char *token);
void	 doctor_cards_free(struct doctor_cards *c);

/* The checks, by the file that has them. */
doctor_check_fn	 doctor_system, doctor_usb;		/* _host.c */
doctor_check_fn	 doctor_pcscd, doctor_reader, doctor_card,
		 doctor_holders;			/* _pcsc.c */
doctor_check_fn	 doctor_firmware, doctor_pin, doctor_so_pin, doctor_backup,
		 doctor_keys, doctor_leftovers;		/* _token.c */
doctor_check_fn	 doctor_agent, doctor_agent_socket,
		 doctor_agent_tokens;			/* _agent.c */
doctor_check_fn	 doctor_ssh, doctor_identity_agent, doctor_identities_only,
		 doctor_pkcs11_provider, doctor_pubkey,
		 doctor_algorithms, doctor_libssh2;	/* _ssh.c */

#endif

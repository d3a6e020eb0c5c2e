/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/uses.h"
#include "base/err.h"
#include "base/log.h"
#include "ca/blocks.h"
#include "pin/source.h"

/*
 * What the command line and the configuration file ask for.  The command
 * line wins; see hsm-ssh-agent(1) and hsm-ssh-agent.conf(5), which a test
 * holds against the tables in options.c.
 */
enum login_scope {
	LOGIN_SCOPE_SESSION,		/* log in once, stay logged in */
	LOGIN_SCOPE_TRANSACTION,	/* log in, sign, log out */
};

enum pin_cache {
	PIN_CACHE_SESSION,		/* while the login on the card lasts */
	PIN_CACHE_MEMORY,		/* keep the PIN, log in again with it */
	PIN_CACHE_NEVER,		/* ask at each signature */
};

/* What may be said of one token, or of all. */
struct token_options {
	char	*name;			/* serial number or label; or NULL */
	struct pin_source source;	/* .value NULL: none */
	int	 scope;			/* enum login_scope; -1: not said */
	int	 cache;			/* enum pin_cache; -1: not said */
};

/* What may be said of one key, or of all. */
struct key_options {
	char	*name;			/* label, id or fingerprint; or NULL */
	struct uses use, forwarded, relayed;
	bool	 use_said, forwarded_said, relayed_said;
	int	 confirm;		/* ask a person; -1: not said */
	int	 offer;			/* list it; -1: not said */
	char	**hosts;		/* OfferTo: fingerprints; none: all */
	size_t	 n_hosts;
};

/* The same, of one key, once everything that was said is taken together. */
struct key_policy {
	const struct uses *use, *forwarded;
	const struct uses *relayed;	/* NULL: as `use` */
	bool	 confirm, offer;
	const struct key_options *hosts;	/* of OfferTo, or NULL */
	const struct ca_policy *ca;	/* NULL: it has no CA block */
	bool	 contradicted;		/* it has, and a Key block of another
					 * name that says another Use */
};

struct token_policy {
	enum login_scope scope;
	enum pin_cache	 cache;
};

enum shell_kind {
	SHELL_GUESS,
	SHELL_SH,
	SHELL_CSH,
};

struct options {
	char		*socket;	/* NULL: the default one */
	char		*cygwin;	/* CygwinSocket, or NULL */
	char		*config;	/* NULL: the default ones, if there */
	char		*file;		/* that was read; NULL: none is there */
	char		*token;		/* the global PIN is for it, or NULL */
	char		*pinentry;	/* program, "none", or NULL */
	char		*notify;	/* program that shows refusals */
	int		 pin_fd;	/* -1: none */
	char		*providers;	/* -P, or NULL */
	unsigned int	 lifetime;	/* of an unlock, s; 0: no end */
	bool		 lifetime_set;
	unsigned int	 idle;		/* lock after, s; 0: never */
	unsigned int	 pin_timeout;	/* of a prompt, s; 0: none */
	bool		 lock_on_suspend;
	bool		 lock_on_screen_lock;
	bool		 renew;		/* RenewCertificates */
	enum shell_kind	 shell;
	enum log_level	 log_level;
	bool		 foreground;	/* -d or -D */
	bool		 debug;		/* -d */
	bool		 kill_agent;
	bool		 unlock;
	bool		 allow_sha1;
	bool		 check;		/* -T */
	bool		 help, version;
	char		**command;	/* argv of COMMAND, or NULL */
	struct token_options all;
	struct token_options *tokens;
	size_t		 n_tokens;
	struct key_options all_keys;
	struct key_options *keys;
	size_t		 n_keys;
	struct ca_blocks ca;		/* whose keys do nothing else */
	struct key_options *ca_keys;	/* as for any key, of ca.cas[i]; .name
					 * is NULL, .use is never said */
	enum section {
		SECTION_TOP,
		SECTION_TOKEN,
		SECTION_KEY,
		SECTION_CA,
		SECTION_PROFILE,
	}		 section;	/* that the last line stood in */
	char		**certificates;	/* places; none: ~/.ssh */
	size_t		 n_certificates;
	bool		 no_certificates;
	char		*audit;		/* path or "journal"; NULL: none */
	char		*upstream;	/* socket of another agent, or NULL */
	char		**modules;	/* paths of PKCS#11 modules */
	size_t		 n_modules;
	unsigned int	 module_timeout;	/* s */
};

/*
 * The command line, which may be read more than once, and then the
 * configuration file.  Free *o in any case.  ERR_USAGE: what is written
 * there is wrong.
 */
int	 options_args(struct options *o, int argc, char **argv,
	    struct err *e) MUST_CHECK;
int	 options_load(struct options *o, struct err *e) MUST_CHECK;
void	 options_free(struct options *o);

/* What holds when nothing else is said. */
void	 options_default(struct options *o);

/*
 * The Token block for a token, or NULL.  A block that names a serial
 * number wins over one that names a label; `label` may be "".
 */
const struct token_options *options_block(const struct options *o,
	    const char *serial, const char *label);
struct token_policy	 options_policy(const struct options *o,
	    const char *serial, const char *label);

/*
 * What holds for a key: the CA block that names its fingerprint, else its id,
 * else its label; what that leaves open the first Key block that does; and
 * what that leaves open is said for all keys.
 */
struct key_policy options_key_policy(const struct options *o,
	    const char *fingerprint, const char *id, const char *label);

/* Could a label decide which block, or PIN, is for this token? */
bool	 options_name_labels(const struct options *o, const char *serial);

extern const char options_usage[];

#endif
